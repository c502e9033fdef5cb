//! Waiting letters by endpoint and by application, and how many there are.
//!
//! A letter that waits has an *entry* in its endpoint's list, and counts one in a counter of the
//! endpoint. Every step that parks, puts back, resolves or removes a letter changes both in the
//! transaction that changes the letter, on the condition that the letter is as it was read. So the entry
//! is there exactly while the letter waits, and the counters cannot drift. A waiting letter of a delivery
//! has no time to live: the recovery of its endpoint removes it when its time is over.
//!
//! The list is spread over [`LISTS`] partitions, by the letter's id, and the counter over [`COUNTERS`]
//! items, by turns: transactions that meet at one item cancel each other.

use std::{
    collections::HashMap,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use domain::{
    id::{self, ApplicationId, EndpointId, LetterId},
    letter::{Letter, LetterFilter, LetterState, LetterSubject},
};
use futures::future::try_join_all;

use super::{
    Item, Page, Table, WriteOutcome, letters,
    row::{self, Condition, Row, Write, list_at, n, text},
};
use crate::{Unavailable, random};

/// Partitions of an endpoint's list. An entry is two write units when the letter is parked and two when it
/// goes, and a partition takes 1,000 in a second: 1,000 letters in a second are parked and put back.
const LISTS: u32 = 4;
/// Counters of an endpoint. A process takes them by turns, so that its transactions do not meet.
const COUNTERS: u32 = 16;
/// The owner of the entries of messages, which have no endpoint and are not counted.
const MESSAGES: &str = "messages";

/// Which letters are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterList<'a> {
    /// Every letter.
    All,
    /// The letters of an application, in whatever state.
    Of(&'a ApplicationId),
    /// The letters of an application that wait.
    WaitingOf(&'a ApplicationId),
    /// The letters to an endpoint that wait, as the last writes left them.
    WaitingAt(&'a EndpointId),
    /// The messages that wait, as the last writes left them.
    WaitingMessages,
}

/// The counter of the next change, counted on from a number by chance.
static TURN: LazyLock<AtomicU32> =
    LazyLock::new(|| AtomicU32::new(u32::from(random::bytes::<1>()[0])));

fn list_number(id: &LetterId) -> u32 {
    let digest = id::digest(&[id.as_str()]);
    u32::from_str_radix(&digest[..2], 16).unwrap_or(0) % LISTS
}

fn partition(owner: &str, list: u32) -> String {
    format!("PARKED#{owner}#{list}")
}

fn listed(application: &ApplicationId, list: u32) -> String {
    format!("PARKED#{application}#{list}")
}

fn counters(counter: u32) -> String {
    format!("PARKEDCOUNT#{counter}")
}

fn counter_of(application: &ApplicationId, endpoint: &EndpointId) -> String {
    format!("{application}#{endpoint}")
}

/// The key of a letter's entry.
fn entry_key(letter: &Letter) -> (String, String) {
    let owner = letter.endpoint().map_or(MESSAGES, EndpointId::as_str);
    (partition(owner, list_number(&letter.id)), list_at(letter.created_at, letter.id.as_str()))
}

fn entry(letter: &Letter) -> Row {
    let (pk, sk) = entry_key(letter);
    let row = Row::new(pk, sk, &letter.id);
    match &letter.what {
        LetterSubject::Delivery { application, .. } => {
            let list = listed(application, list_number(&letter.id));
            row.listed(list, letter.created_at, letter.id.as_str())
        }
        LetterSubject::Message { .. } => row.expires(letter.expires_at.map(|at| at.secs())),
    }
}

/// The writes that go with a change of a letter, which was in state `was`, to the state that it has now;
/// `None` stands for a letter that is not there.
pub(super) fn writes(
    letter: &Letter,
    was: Option<LetterState>,
    is: Option<LetterState>,
) -> Vec<Write> {
    let waits = |state| state == Some(LetterState::Waiting);
    let (pk, sk) = entry_key(letter);
    let (entry, by) = match (waits(was), waits(is)) {
        (false, true) => (Write::Put(entry(letter), Condition::default()), 1),
        (true, false) => (Write::Delete(pk, sk, Condition::default()), -1),
        _ => return Vec::new(),
    };
    let mut writes = vec![entry];
    if let LetterSubject::Delivery { application, endpoint, .. } = &letter.what {
        let turn = TURN.fetch_add(1, Ordering::Relaxed) % COUNTERS;
        let add = Condition::default().value(":by", n(by));
        let (pk, sk) = (counters(turn), counter_of(application, endpoint));
        writes.push(Write::Update(pk, sk, "ADD letters :by", add));
    }
    writes
}

impl<'a> LetterList<'a> {
    /// The shortest list on which every letter is that a filter matches.
    pub fn of(filter: &'a LetterFilter) -> Self {
        let waits = filter.state == Some(LetterState::Waiting);
        match (&filter.endpoint, &filter.application) {
            (Some(endpoint), _) if waits => Self::WaitingAt(endpoint),
            (_, Some(application)) if waits => Self::WaitingOf(application),
            (_, Some(application)) => Self::Of(application),
            (_, None) => Self::All,
        }
    }

    /// Whether a filter matches every letter on this list, which is that of the filter. An endpoint
    /// belongs to one application.
    pub fn is_all_of(self, filter: &LetterFilter) -> bool {
        let chosen = LetterFilter {
            endpoint: filter.endpoint.clone().filter(|_| matches!(self, Self::WaitingAt(_))),
            application: filter.application.clone(),
            state: filter.state.filter(|_| matches!(self, Self::WaitingAt(_) | Self::WaitingOf(_))),
            ..LetterFilter::default()
        };
        *filter == chosen
    }
}

impl Table {
    /// A page of a list of letters, by the time at which they were parked first: what lies behind `cursor`,
    /// newest first unless `oldest_first`. A letter that has left the list since, or is gone, is left out,
    /// so that a page may be short and not the last.
    ///
    /// # Errors
    /// Fails if DynamoDB does. A letter that cannot be read is logged and left out.
    pub async fn letters_in(
        &self,
        list: LetterList<'_>,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<Letter>, Unavailable> {
        let page = match list {
            LetterList::All => return self.letters(cursor, limit, oldest_first).await,
            LetterList::Of(application) => {
                let list = letters::list_of(application);
                vec![self.page_of(&list, cursor, limit, oldest_first, listed_place).await?]
            }
            LetterList::WaitingOf(application) => {
                let lists: Vec<_> = (0..LISTS).map(|number| listed(application, number)).collect();
                let pages = lists
                    .iter()
                    .map(|list| self.page_of(list, cursor, limit, oldest_first, listed_place));
                try_join_all(pages).await?
            }
            LetterList::WaitingAt(endpoint) => {
                self.entries(endpoint.as_str(), cursor, limit, oldest_first).await?
            }
            LetterList::WaitingMessages => {
                self.entries(MESSAGES, cursor, limit, oldest_first).await?
            }
        };
        let Page { items: places, next } = merged(page, limit, oldest_first);
        let ids: Vec<_> = places.iter().filter_map(|place| id_of(place)).collect();
        let mut found: HashMap<String, Letter> = HashMap::new();
        for item in self.items(ids.iter().map(letters::key).collect()).await? {
            found.extend(
                row::readable(&[item], row::document)
                    .into_iter()
                    .map(|letter: Letter| (letter.id.to_string(), letter)),
            );
        }
        let items = ids.iter().filter_map(|id| found.remove(id.as_str())).collect();
        Ok(Page { items, next })
    }

    async fn entries(
        &self,
        owner: &str,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Vec<Page<String>>, Unavailable> {
        let partitions: Vec<_> = (0..LISTS).map(|list| partition(owner, list)).collect();
        let pages = partitions
            .iter()
            .map(|pk| self.page_by_key(pk, cursor, limit, !oldest_first, entered_place));
        try_join_all(pages).await
    }

    /// The number of letters to an endpoint that wait.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn count_waiting_at(
        &self,
        application: &ApplicationId,
        endpoint: &EndpointId,
    ) -> Result<u64, Unavailable> {
        let counted = self.counts(application, endpoint).await?;
        let sum: i64 = counted.iter().map(counted_in).sum();
        Ok(u64::try_from(sum).unwrap_or(0))
    }

    async fn counts(
        &self,
        application: &ApplicationId,
        endpoint: &EndpointId,
    ) -> Result<Vec<Item>, Unavailable> {
        let sk = counter_of(application, endpoint);
        self.items((0..COUNTERS).map(|counter| (counters(counter), sk.clone())).collect()).await
    }

    /// The number of letters that wait, by endpoint, of one application or of all; messages are not
    /// counted. It reads the counters of each endpoint that has had letters since its last recovery ended.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn count_waiting_letters(
        &self,
        application: Option<&ApplicationId>,
    ) -> Result<HashMap<EndpointId, u64>, Unavailable> {
        let prefix = application.map_or_else(String::new, |application| format!("{application}#"));
        let partitions: Vec<_> = (0..COUNTERS).map(counters).collect();
        let read = partitions.iter().map(|pk| self.partition(pk, &prefix));
        let mut sums: HashMap<EndpointId, i64> = HashMap::new();
        for item in try_join_all(read).await?.iter().flatten() {
            let endpoint = text(item, "sk").and_then(|sk| sk.split_once('#'));
            if let Some(Ok(id)) = endpoint.map(|(_, id)| EndpointId::parse(id)) {
                *sums.entry(id).or_default() += counted_in(item);
            }
        }
        let count = |(id, sum)| Some((id, u64::try_from(sum).ok().filter(|sum| *sum != 0)?));
        Ok(sums.into_iter().filter_map(count).collect())
    }

    /// Removes the counters of an endpoint to which no letter waits. `Refused` if one does, or a counter
    /// changes at the same time.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn forget_counts(
        &self,
        application: &ApplicationId,
        endpoint: &EndpointId,
    ) -> Result<WriteOutcome, Unavailable> {
        let counted = self.counts(application, endpoint).await?;
        if counted.iter().map(counted_in).sum::<i64>() != 0 {
            return Ok(WriteOutcome::Refused);
        }
        let remove = |item: &Item| {
            let key = |name| text(item, name).unwrap_or_default().to_owned();
            let as_read = Condition::new("letters = :read").value(":read", n(counted_in(item)));
            Write::Delete(key("pk"), key("sk"), as_read)
        };
        match counted.is_empty() {
            true => Ok(WriteOutcome::Done),
            false => self.transact(counted.iter().map(remove).collect()).await,
        }
    }
}

fn entered_place(item: &Item) -> Result<String, Unavailable> {
    Ok(text(item, "sk").unwrap_or_default().to_owned())
}

fn listed_place(item: &Item) -> Result<String, Unavailable> {
    Ok(text(item, "list_at").unwrap_or_default().to_owned())
}

/// A counter is negative if letters were put back under it that others had been counted under.
fn counted_in(item: &Item) -> i64 {
    item.get("letters").and_then(|it| it.as_n().ok()?.parse().ok()).unwrap_or(0)
}

/// The letter that has this place in a list by time.
fn id_of(place: &str) -> Option<LetterId> {
    let (_, id) = place.split_once('-')?;
    LetterId::parse(id).ok()
}

/// The first page of lists that are read side by side.
fn merged(pages: Vec<Page<String>>, limit: usize, oldest_first: bool) -> Page<String> {
    let more = pages.iter().any(|page| page.next.is_some());
    let mut items: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
    items.sort_unstable();
    if !oldest_first {
        items.reverse();
    }
    let more = more || limit < items.len();
    items.truncate(limit);
    let next = items.last().cloned().filter(|_| more);
    Page { items, next }
}
