//! The number of letters, by the counters of those that wait or by counting a list.

use adapters::{Unavailable, table::LetterList};
use domain::letter::{LetterFilter, LetterState};

use super::{MAX_COUNTED, PAGE, application, each};
use crate::{ControlPlane, Principal, Refusal};

/// Most messages that one request reads to count those that wait.
const MAX_WAITING: usize = 1000;

/// The number of waiting letters that the caller sees, and whether all were counted: of messages that
/// could not be processed, at most 1000 are.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub(crate) async fn waiting(
    control: &ControlPlane,
    principal: &Principal,
) -> Result<(u64, bool), Refusal> {
    let table = control.table();
    let counts = table.count_waiting_letters(principal.application.as_ref());
    let messages = async {
        match principal.application {
            Some(_) => Ok::<_, Unavailable>((0, true)),
            None => {
                let list = LetterList::WaitingMessages;
                let page = table.letters_in(list, None, MAX_WAITING, false).await?;
                Ok((page.items.len() as u64, page.next.is_none()))
            }
        }
    };
    let (counts, (messages, complete)) = tokio::try_join!(counts, messages)?;
    Ok((counts.values().sum::<u64>() + messages, complete))
}

/// The number of letters on a list, from its counters if it has some; `None` if there are too many to
/// count for one request. `filter` is the filter whose list this is.
pub(super) async fn counted(
    control: &ControlPlane,
    list: LetterList<'_>,
    filter: &LetterFilter,
) -> Result<Option<u64>, Refusal> {
    let (table, most) = (control.table(), MAX_COUNTED as u64);
    Ok(match list {
        LetterList::All | LetterList::WaitingMessages => table.count_letters(None, most).await?,
        LetterList::Of(application) => table.count_letters(Some(application), most).await?,
        LetterList::WaitingOf(application) => {
            Some(table.count_waiting_letters(Some(application)).await?.values().sum())
        }
        LetterList::WaitingAt(endpoint) => {
            let first = table.letters_in(list, None, 1, true).await?.items;
            let of = filter.application.as_ref().or(first.first().and_then(application));
            Some(match of {
                Some(application) => table.count_waiting_at(application, endpoint).await?,
                None => 0,
            })
        }
    })
}

/// Number of waiting letters that a redrive with this filter would put back.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn count_waiting(control: &ControlPlane, filter: &LetterFilter) -> Result<u64, Refusal> {
    if filter.state.is_some_and(|state| state != LetterState::Waiting) {
        return Ok(0);
    }
    count(control, &LetterFilter { state: Some(LetterState::Waiting), ..filter.clone() }).await
}

/// Number of letters that match a filter, in whatever state.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn count_all(control: &ControlPlane, filter: &LetterFilter) -> Result<u64, Refusal> {
    count(control, filter).await
}

async fn count(control: &ControlPlane, filter: &LetterFilter) -> Result<u64, Refusal> {
    let list = LetterList::of(filter);
    if list.is_all_of(filter)
        && let Some(counted) = counted(control, list, filter).await?
    {
        return Ok(counted);
    }
    let mut matched = 0;
    each(control, list, None, PAGE, None, |letter| {
        matched += u64::from(filter.matches(letter));
        true
    })
    .await?;
    Ok(matched)
}
