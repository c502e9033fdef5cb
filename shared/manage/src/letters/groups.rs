//! Dead letters in groups: how many died at which endpoint, and of what.

use std::collections::BTreeMap;

use adapters::table::{LetterList, Table};
use domain::{
    id::{ApplicationId, EndpointId},
    letter::{Letter, LetterFilter, LetterSubject},
    retry::ErrorClass,
    time::Timestamp,
};

use super::{MAX_COUNTED, PAGE, each, is_visible};
use crate::{ControlPlane, Principal, Refusal, page::Effort};

/// Most groups of one answer.
pub const MAX_GROUPS: usize = 500;

/// The letters to one endpoint that died of one cause; messages that could not be processed are groups of
/// their own, without an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterGroup {
    /// The application of the endpoint.
    pub application: Option<ApplicationId>,
    /// The endpoint that the letters are for; `None` for messages.
    pub endpoint: Option<EndpointId>,
    /// The URL of the endpoint when the newest of the letters died.
    pub url: Option<String>,
    /// The class of the last failure.
    pub class: ErrorClass,
    /// The number of letters in the group.
    pub count: u64,
    /// The time at which the oldest was parked.
    pub oldest: Timestamp,
    /// The time at which the newest was parked.
    pub newest: Timestamp,
    /// The time at which the first of them goes; `None` if none of them has such a time.
    pub expires: Option<Timestamp>,
}

/// The groups of the letters that match a filter.
#[derive(Clone, Debug)]
pub struct LetterGroups {
    /// At most [`MAX_GROUPS`], the largest first.
    pub groups: Vec<LetterGroup>,
    /// Whether every letter was looked at and every group is there.
    pub complete: bool,
    /// The number of letters that were looked at.
    pub scanned: usize,
}

/// The groups of the letters that a filter matches. One request reads as many letters as one of the list:
/// for a second, or 20,000; the newest ones are grouped then.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn groups(
    control: &ControlPlane,
    principal: &Principal,
    filter: &LetterFilter,
) -> Result<LetterGroups, Refusal> {
    let mut groups: BTreeMap<(Option<EndpointId>, ErrorClass), LetterGroup> = BTreeMap::new();
    let mut effort = Effort::of(MAX_COUNTED);
    let from = filter.until.map(Table::place_before);
    let stopped = each(control, LetterList::of(filter), from, PAGE, Some(&mut effort), |letter| {
        if is_visible(principal, letter) && filter.matches(letter) {
            let key = (letter.endpoint().cloned(), letter.error_class);
            groups.entry(key).or_insert_with(|| begun(letter)).add(letter);
        }
        // Letters come newest first.
        filter.since.is_none_or(|since| since <= letter.created_at)
    })
    .await?;
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.count, group.newest)));
    let complete = stopped.is_none() && groups.len() <= MAX_GROUPS;
    groups.truncate(MAX_GROUPS);
    Ok(LetterGroups { groups, complete, scanned: effort.scanned() })
}

/// The empty group of a letter.
fn begun(letter: &Letter) -> LetterGroup {
    let (application, url) = match &letter.what {
        LetterSubject::Delivery { application, url, .. } => {
            (Some(application.clone()), Some(url.clone()))
        }
        LetterSubject::Message { .. } => (None, None),
    };
    LetterGroup {
        application,
        endpoint: letter.endpoint().cloned(),
        url,
        class: letter.error_class,
        count: 0,
        oldest: letter.created_at,
        newest: letter.created_at,
        expires: None,
    }
}

impl LetterGroup {
    fn add(&mut self, letter: &Letter) {
        self.count += 1;
        self.oldest = self.oldest.min(letter.created_at);
        self.newest = self.newest.max(letter.created_at);
        self.expires = match (self.expires, letter.expires_at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}
