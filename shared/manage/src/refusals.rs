//! Requests of senders that were refused: how often, why, and the newest of them.

use std::collections::BTreeMap;

use adapters::table::{RefusalPart, StoredRefusals};
use domain::{
    figures::{Hour, Minute},
    id::{ApplicationId, SourceId},
    refusals::{KEPT, MAX_SAMPLES, RefusalReason, RefusalSample},
    source::Source,
    time::Timestamp,
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{ControlPlane, Principal, Refusal, applications, figures::MAX_APPLICATIONS, sources};

/// Items that one request reads, of all applications together, and of one at the most and at the least.
const MAX_ITEMS: usize = 2000;
const ITEMS_OF_ONE: (usize, usize) = (20, 500);
/// Applications that are read at the same time.
const AT_ONCE: usize = 8;
/// Time before `until` at which the list begins if the request names none.
const DEFAULT_WINDOW: std::time::Duration = std::time::Duration::from_secs(3600);
/// Times within which the last refusal of a source is looked for, one after another.
const LAST_WINDOWS: [std::time::Duration; 3] =
    [DEFAULT_WINDOW, std::time::Duration::from_secs(86_400), KEPT];

/// Choice of the refusals that are listed.
#[derive(Clone, Debug, Default)]
pub struct RefusalFilter {
    /// From this time on; the default is an hour before `until`.
    pub since: Option<Timestamp>,
    /// Before this time; the default is now.
    pub until: Option<Timestamp>,
    /// The only reason that is listed.
    pub reason: Option<RefusalReason>,
    /// The most samples that are listed.
    pub limit: usize,
}

/// Refused requests of one source within a minute, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalCount {
    /// The minute in which the requests were refused.
    pub minute: Minute,
    /// The name of the source; `None` for all names that no source has.
    pub source: Option<String>,
    /// The reason of the refusals.
    pub reason: RefusalReason,
    /// The number of refused requests.
    pub count: u64,
}

/// A list of refused requests, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusalList {
    /// The number of refusals by minute, source and reason.
    pub counts: Vec<RefusalCount>,
    /// The newest of each source.
    pub samples: Vec<RefusalSample>,
    /// The time from which on all were counted, if earlier ones were left out because there are too many.
    pub counted_from: Option<Timestamp>,
}

/// Refused requests of all sources that the caller sees, and for a caller that sees everything also those
/// of names that no source has.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the application does not exist or the caller may not see it;
/// [`Refusal::Invalid`] of `since` if it is after `until`, and of `application` if none is named and the
/// caller sees too many.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    application: Option<&str>,
    filter: RefusalFilter,
) -> Result<RefusalList, Refusal> {
    let mut places: Vec<Option<ApplicationId>> = match (application, &principal.application) {
        (Some(name), _) => {
            applications::must_see(control, principal, name).await?;
            let known = applications::resolve(control, name).await?;
            principal.must_see(&known.id)?;
            vec![Some(known.id)]
        }
        (None, Some(own)) => vec![Some(own.clone())],
        (None, None) => {
            let all = applications::first(control, principal, MAX_APPLICATIONS + 1).await?;
            let all = all.into_iter();
            all.map(|one| Some(one.id)).chain([None]).collect()
        }
    };
    places.dedup();
    if MAX_APPLICATIONS + 1 < places.len() {
        let why = format!("must be named, because there are more than {MAX_APPLICATIONS}");
        return Err(Refusal::field("application", why));
    }
    read(control, places, None, filter).await
}

/// Refused requests of one source.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such source, or the caller may not see it; [`Refusal::Invalid`] of
/// `since` if it is after `until`.
pub async fn of_source(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    filter: RefusalFilter,
) -> Result<RefusalList, Refusal> {
    let source = sources::find(control, principal, name).await?;
    read(control, vec![Some(source.application)], Some(source.id), filter).await
}

/// The time of a source's last refused request within a week, and the reason in a sentence if a sample of the
/// request is kept. A shorter time is looked at first, because a source that is attacked has many refusals.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub(crate) async fn last(
    control: &ControlPlane,
    source: &Source,
) -> Result<Option<(Timestamp, Option<String>)>, Refusal> {
    for window in LAST_WINDOWS {
        let since = Some(before(control.now(), window));
        let filter = RefusalFilter { since, limit: 1, ..RefusalFilter::default() };
        let places = vec![Some(source.application.clone())];
        let mut list = read(control, places, Some(source.id.clone()), filter).await?;
        if let Some(sample) = list.samples.pop() {
            return Ok(Some((sample.at, Some(sample.sentence))));
        }
        if let Some(count) = list.counts.first() {
            return Ok(Some((count.minute.start(), None)));
        }
    }
    Ok(None)
}

async fn read(
    control: &ControlPlane,
    places: Vec<Option<ApplicationId>>,
    source: Option<SourceId>,
    filter: RefusalFilter,
) -> Result<RefusalList, Refusal> {
    let now = control.now();
    // The end is exclusive, and what was refused in this millisecond counts.
    let until = filter.until.unwrap_or(Timestamp(now.0 + 1));
    let since = filter.since.unwrap_or(before(until, DEFAULT_WINDOW));
    if until < since {
        return Err(Refusal::field("since", "is after `until`"));
    }
    let first = Hour::of(since.max(before(now, KEPT)));
    let last = Hour::of(Timestamp(until.0.saturating_sub(1))).min(Hour::of(now));
    let (table, (least, most)) = (control.table(), ITEMS_OF_ONE);
    let most = (MAX_ITEMS / places.len().max(1)).clamp(least, most);
    let parts = places
        .into_iter()
        .map(|place| async move { table.refusals(place.as_ref(), first, last, most).await });
    let parts: Vec<RefusalPart> =
        stream::iter(parts).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut collected = Collected::default();
    for part in parts {
        let cut = part.cut_at.map(|hour| hour.next().start());
        collected.counted_from = collected.counted_from.max(cut);
        for item in part.items {
            let of = item.source.as_ref().map(|(id, _)| id);
            if source.is_none() || of == source.as_ref() {
                collected.add(item, &filter, since, until);
            }
        }
    }
    Ok(collected.list(filter.limit))
}

/// The instant so long before another.
fn before(at: Timestamp, by: std::time::Duration) -> Timestamp {
    Timestamp(at.0.saturating_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
}

/// The key of one count: a minute, a source with its name, and a reason.
type CountKey = (Minute, Option<(SourceId, String)>, RefusalReason);

/// Refusals as they were read: the items of one source and minute are added up, and a sample that several
/// items hold counts once.
#[derive(Default)]
struct Collected {
    counts: BTreeMap<CountKey, u64>,
    samples: BTreeMap<Option<SourceId>, Vec<RefusalSample>>,
    counted_from: Option<Timestamp>,
}

impl Collected {
    fn add(
        &mut self,
        item: StoredRefusals,
        filter: &RefusalFilter,
        since: Timestamp,
        until: Timestamp,
    ) {
        let wanted = |reason| filter.reason.is_none_or(|only| only == reason);
        for (minute, reason, count) in item.counts {
            let within = Minute::of(since) <= minute && minute.start() < until;
            if within && wanted(reason) {
                *self.counts.entry((minute, item.source.clone(), reason)).or_default() += count;
            }
        }
        let samples = self.samples.entry(item.source.map(|(id, _)| id)).or_default();
        for sample in item.samples {
            let within = since <= sample.at && sample.at < until;
            if within && wanted(sample.reason) && !samples.contains(&sample) {
                samples.push(sample);
            }
        }
    }

    fn list(self, limit: usize) -> RefusalList {
        let counts = self.counts.into_iter().rev();
        let counts = counts.map(|((minute, source, reason), count)| RefusalCount {
            minute,
            source: source.map(|(_, name)| name),
            reason,
            count,
        });
        let mut samples = Vec::new();
        for mut of_source in self.samples.into_values() {
            of_source.sort_by_key(|sample| std::cmp::Reverse(sample.at));
            samples.extend(of_source.into_iter().take(MAX_SAMPLES));
        }
        samples.sort_by_key(|sample| std::cmp::Reverse(sample.at));
        samples.truncate(limit);
        RefusalList { counts: counts.collect(), samples, counted_from: self.counted_from }
    }
}
