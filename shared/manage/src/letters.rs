//! Dead letters: what could not be delivered or processed, looked at, put back and thrown away.

mod counts;
mod groups;
mod retry;

use adapters::{
    random,
    table::{LetterList, Table, WriteOutcome},
};
use domain::{
    delivery::Delivery,
    id::{ApplicationId, LetterId, TaskId},
    letter::{Letter, LetterFilter, LetterQueue, LetterSubject},
    task::{DEFAULT_RATE, MAX_RATE, Task},
};
use tracing::info;

use self::counts::counted;
pub(crate) use self::counts::waiting;
pub use self::{
    counts::{count_all, count_waiting},
    groups::{LetterGroup, LetterGroups, MAX_GROUPS, groups},
    retry::{LetterRetry, retry},
};
use crate::{ControlPlane, Principal, Refusal, Walk, applications, page::Effort, tasks, walk};

/// Letters that are read at a time.
const PAGE: usize = 500;
/// Most letters that one request of the list reads: about twenty reads of a megabyte.
const MAX_COUNTED: usize = 20_000;

/// The application that a letter belongs to; a message that could not be read belongs to none.
const fn application(letter: &Letter) -> Option<&ApplicationId> {
    match &letter.what {
        LetterSubject::Delivery { application, .. } => Some(application),
        LetterSubject::Message { .. } => None,
    }
}

/// Whether the caller sees a letter: one of its application, or any for a caller that sees all.
pub(crate) fn is_visible(principal: &Principal, letter: &Letter) -> bool {
    match application(letter) {
        Some(application) => principal.sees(application),
        None => principal.application.is_none(),
    }
}

/// The letter of this number or id.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such letter or the caller may not see it.
pub async fn find(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<Letter, Refusal> {
    let found = match (LetterId::parse(name), name.parse()) {
        (Ok(id), _) => control.table().letter(&id).await?,
        (Err(_), Ok(number)) => control.table().letter_by_number(number).await?,
        (Err(_), Err(_)) => None,
    };
    found.filter(|letter| is_visible(principal, letter)).ok_or(Refusal::NotFound)
}

/// The filter that a caller means: letters of the application that is named, or of the caller's own.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the caller may not see the application, or the name cannot be one.
pub async fn scoped(
    control: &ControlPlane,
    principal: &Principal,
    filter: LetterFilter,
    application: Option<&str>,
) -> Result<LetterFilter, Refusal> {
    let application = match application {
        None => principal.application.clone(),
        Some(name) => {
            let id = applications::id_of(control.table(), name).await?;
            principal.must_see(&id)?;
            Some(id)
        }
    };
    Ok(LetterFilter { application, ..filter })
}

/// A part of the letters.
#[derive(Debug)]
pub struct LetterPage {
    /// The letters of the page, newest first.
    pub letters: Vec<Letter>,
    /// Whether there are more letters behind these, or there may be.
    pub has_more: bool,
    /// Number of letters that match; not counted behind a cursor, nor where there are too many to count
    /// for one request.
    pub total: Option<u64>,
    /// Cursor after which the list goes on.
    pub next: Option<String>,
    /// Letters that were looked at; `None` if every letter is listed.
    pub scanned: Option<usize>,
}

/// Letters that match a filter, newest first, behind a cursor or an offset. One request reads for a
/// second or `MAX_COUNTED` letters; if it has not reached the offset by then, its part is empty and
/// has a cursor.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    filter: &LetterFilter,
    cursor: Option<String>,
    offset: usize,
    limit: usize,
) -> Result<LetterPage, Refusal> {
    let list = LetterList::of(filter);
    let plain = list.is_all_of(filter);
    let everything = plain && cursor.is_none();
    let counts = !everything && cursor.is_none();
    let mut letters: Vec<Letter> = Vec::new();
    let mut seen = 0usize;
    let mut take = |letter: &Letter| {
        if offset <= seen && letters.len() < limit {
            letters.push(letter.clone());
        }
        seen += 1;
        // The table counts all letters faster, and behind a cursor the number is not asked for.
        counts || seen <= offset.saturating_add(limit)
    };
    let shown = |letter: &Letter| is_visible(principal, letter) && filter.matches(letter);
    // Counted first: a letter that is parked meanwhile is listed and belongs to the total.
    let counted = match everything {
        true => counted(control, list, filter).await?,
        false => counts.then_some(0),
    };
    let mut effort = Effort::of(MAX_COUNTED);
    let within = |letter: &Letter| filter.since.is_none_or(|since| since <= letter.created_at);
    let from = cursor.or_else(|| filter.until.map(Table::place_before));
    // Without a filter, the letters of this part are read and no more.
    let size = if plain { offset.saturating_add(limit + 1).min(PAGE) } else { PAGE };
    let stopped = each(control, list, from, size, Some(&mut effort), |letter| {
        within(letter) && (!shown(letter) || take(letter))
    })
    .await?;
    let total = counted.map(|counted| counted.max(seen as u64)).filter(|_| stopped.is_none());
    let beyond = offset.saturating_add(limit) < seen;
    let last = letters.last().map(Table::letter_cursor).filter(|_| letters.len() == limit);
    let next = match (beyond, stopped) {
        (true, _) => last,
        (false, stopped) => stopped.map(|stopped| last.unwrap_or(stopped)),
    };
    let unfiltered = *filter == LetterFilter::default();
    let scanned = (!unfiltered).then(|| effort.scanned());
    Ok(LetterPage { letters, has_more: next.is_some(), total, next, scanned })
}

/// Letters for an export: at most `limit` that match, from a bounded number of reads.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn export(
    control: &ControlPlane,
    principal: &Principal,
    filter: &LetterFilter,
    cursor: Option<String>,
    limit: usize,
) -> Result<Walk<Letter>, Refusal> {
    let keep = |letter: &Letter| is_visible(principal, letter) && filter.matches(letter);
    let list = LetterList::of(filter);
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().letters_in(list, cursor.as_deref(), limit, false).await
    };
    let from = cursor.or_else(|| filter.until.map(Table::place_before));
    let within = |letter: &Letter| filter.since.is_none_or(|since| since <= letter.created_at);
    Ok(walk(from, limit, fetch, within, keep, Table::letter_cursor).await?)
}

/// Shows every letter of a list behind a cursor, newest first and `size` of them with a read, until `show` answers false. Returns the cursor at
/// which reading stopped because the effort was spent; `None` if it did not.
async fn each(
    control: &ControlPlane,
    list: LetterList<'_>,
    mut cursor: Option<String>,
    size: usize,
    mut effort: Option<&mut Effort>,
    mut show: impl FnMut(&Letter) -> bool,
) -> Result<Option<String>, Refusal> {
    loop {
        let page = control.table().letters_in(list, cursor.as_deref(), size, false).await?;
        if let Some(effort) = &mut effort {
            // A page whose letters have all left the list since was read, too.
            effort.scan(page.items.len().max(1));
        }
        if !page.items.iter().all(&mut show) {
            return Ok(None);
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(None);
        }
        if effort.as_ref().is_some_and(|effort| effort.is_spent()) {
            return Ok(cursor);
        }
    }
}

/// A letter with everything that is kept about it.
#[derive(Debug)]
pub struct LetterDetail {
    /// The letter that was asked for.
    pub letter: Letter,
    /// Payload of its event; `None` for a message, or if the event is gone.
    pub payload: Option<Vec<u8>>,
    /// Delivery of the letter, with the attempts; `None` for a message, or if the event is gone.
    pub delivery: Option<Delivery>,
    /// Queue and bytes of a message that could not be read or processed.
    pub message: Option<(LetterQueue, Vec<u8>)>,
}

/// Everything that is kept about a letter.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table or the bucket cannot be read.
pub async fn detail(control: &ControlPlane, letter: Letter) -> Result<LetterDetail, Refusal> {
    let mut detail = LetterDetail { letter, payload: None, delivery: None, message: None };
    match &detail.letter.what {
        LetterSubject::Delivery { event, delivery, .. } => {
            if let Some(event) = control.table().event(event).await? {
                detail.payload = Some(control.bucket().open(event.payload).await?);
            }
            detail.delivery = control.table().delivery(event, delivery).await?;
        }
        LetterSubject::Message { queue, body, .. } => {
            let bytes = control.bucket().open(body.clone()).await?;
            detail.message = Some((*queue, bytes));
        }
    }
    Ok(detail)
}

/// Throws a letter away and returns it.
///
/// # Errors
///
/// [`Refusal::NotFound`] as [`find`], [`Refusal::Conflict`] if the letter changed at the same time.
pub async fn delete(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<Letter, Refusal> {
    let letter = find(control, principal, name).await?;
    match control.table().delete_letter(&letter, control.now()).await? {
        WriteOutcome::Done => {
            control.context().note_deleted(&letter);
            Ok(letter)
        }
        WriteOutcome::Refused => Err(changed()),
    }
}

fn changed() -> Refusal {
    Refusal::Conflict("it changed at the same time, please try again".to_owned())
}

/// Starts a task that puts back every waiting letter that a filter matches, at `rate` letters per
/// second, 1 to [`MAX_RATE`]; [`DEFAULT_RATE`] if `None`.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a rate out of bounds.
pub async fn redrive(
    control: &ControlPlane,
    principal: &Principal,
    filter: LetterFilter,
    rate: Option<i64>,
) -> Result<Task, Refusal> {
    let rate = checked_rate(rate)?.unwrap_or(DEFAULT_RATE);
    let mut task = Task::redrive(TaskId::random(random::bytes()), filter, rate, control.now());
    task.by_portal = principal.is_portal();
    tasks::start(control, &task).await?;
    Ok(task)
}

/// Checks a rate in letters or messages per second.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a rate outside of 1 to [`MAX_RATE`].
pub fn checked_rate(rate: Option<i64>) -> Result<Option<u32>, Refusal> {
    let fits = |rate: i64| u32::try_from(rate).ok().filter(|rate| (1..=MAX_RATE).contains(rate));
    let why = || Refusal::field("rate", format!("is 1 to {MAX_RATE}"));
    rate.map(|rate| fits(rate).ok_or_else(why)).transpose()
}

/// Requires a filter that chooses something of what the caller sees, unless `all` is true.
///
/// # Errors
///
/// [`Refusal::Invalid`] for an empty filter without `all`: letters that are thrown away are gone, and
/// those that are put back are sent.
pub fn must_choose(principal: &Principal, filter: &LetterFilter, all: bool) -> Result<(), Refusal> {
    let empty =
        LetterFilter { application: principal.application.clone(), ..LetterFilter::default() };
    match *filter == empty && !all {
        false => Ok(()),
        true => Err(Refusal::field("filter", "is empty; `all` says that all letters are meant")),
    }
}

/// Starts a task that throws away every letter that a filter matches.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the task cannot be recorded.
pub async fn discard(
    control: &ControlPlane,
    principal: &Principal,
    filter: LetterFilter,
) -> Result<Task, Refusal> {
    let task = Task::discard(TaskId::random(random::bytes()), filter, control.now());
    tasks::start(control, &task).await?;
    info!(audit = true, key = %principal, task = %task.id, "letters are to be thrown away");
    Ok(task)
}
