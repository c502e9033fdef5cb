//! Contested writes: read, decide, write on the condition that nothing changed since, and try again
//! after a pause if something did.
//!
//! ```ignore
//! contested::write(TRIES, || async {
//!     let old = table.endpoint(&application, &id).await?.ok_or(Refusal::NotFound)?;
//!     let new = decide(&old)?;
//!     Ok(table.update_endpoint(&old, &new).await?.settles(new))
//! })
//! .await
//! ```
//!
//! Each try reads anew, so that its decision rests on what its condition names.

use std::{future::ready, time::Duration};

use crate::{
    Unavailable, random,
    table::{RecordOutcome, WriteOutcome},
};

/// The pause after the first refused try; each further one is twice as long. A write to DynamoDB takes
/// about 5 ms, so the other writer has normally finished by then.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The number of times that the pause doubles, up to 320 ms.
const DOUBLINGS: u32 = 5;

/// The outcome of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum TryOutcome<T> {
    /// The write took place, or the try found that none is needed.
    Settled(T),
    /// The condition of the write did not hold: another writer was faster.
    Refused,
}

impl WriteOutcome {
    /// The outcome of a try that leads to this value if its write took place.
    pub fn settles<T>(self, value: T) -> TryOutcome<T> {
        match self {
            Self::Done => TryOutcome::Settled(value),
            Self::Refused => TryOutcome::Refused,
        }
    }
}

impl RecordOutcome {
    /// The outcome of a try that leads to this value if its event was recorded.
    pub fn settles<T>(self, value: T) -> TryOutcome<T> {
        match self {
            Self::New => TryOutcome::Settled(value),
            Self::Contested => TryOutcome::Refused,
        }
    }
}

/// Every try was refused, because others changed the same items each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("others changed the same items during each of {tries} tries")]
pub struct Contested {
    /// The number of tries that were made.
    pub tries: u32,
}

impl From<Contested> for Unavailable {
    fn from(contested: Contested) -> Self {
        Self::new("writing to the table", contested)
    }
}

/// Tries a write until it is settled, `tries` times at the most.
///
/// # Errors
/// The first error of a try, or [`Contested`] if every try was refused.
pub async fn write<T, E, F>(tries: u32, attempt: impl FnMut() -> F) -> Result<T, E>
where
    E: From<Contested>,
    F: Future<Output = Result<TryOutcome<T>, E>>,
{
    match settled(tries, attempt).await? {
        Some(value) => Ok(value),
        None => Err(Contested { tries }.into()),
    }
}

/// Tries a write until it is settled, `tries` times at the most, and gives `otherwise` if every try was
/// refused. For writes that may be left to whoever was faster.
///
/// # Errors
/// The first error of a try.
pub async fn write_or<T, E, F>(tries: u32, otherwise: T, attempt: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<TryOutcome<T>, E>>,
{
    Ok(settled(tries, attempt).await?.unwrap_or(otherwise))
}

/// Tries a write that begins with an item which has been read already, and reads it anew before each
/// further try.
///
/// # Errors
/// The first error of a read or a try, or [`Contested`] if every try was refused.
pub async fn rewrite<I, T, E, R, F>(
    tries: u32,
    known: I,
    read: impl FnMut() -> R,
    attempt: impl FnMut(I) -> F,
) -> Result<T, E>
where
    E: From<Contested>,
    R: Future<Output = Result<I, E>>,
    F: Future<Output = Result<TryOutcome<T>, E>>,
{
    match rewritten(tries, known, read, attempt).await? {
        Some(value) => Ok(value),
        None => Err(Contested { tries }.into()),
    }
}

/// Tries a write as [`rewrite`] does, and gives `otherwise` if every try was refused.
///
/// # Errors
/// The first error of a read or a try.
pub async fn rewrite_or<I, T, E, R, F>(
    tries: u32,
    otherwise: T,
    known: I,
    read: impl FnMut() -> R,
    attempt: impl FnMut(I) -> F,
) -> Result<T, E>
where
    R: Future<Output = Result<I, E>>,
    F: Future<Output = Result<TryOutcome<T>, E>>,
{
    Ok(rewritten(tries, known, read, attempt).await?.unwrap_or(otherwise))
}

async fn settled<T, E, F>(tries: u32, mut attempt: impl FnMut() -> F) -> Result<Option<T>, E>
where
    F: Future<Output = Result<TryOutcome<T>, E>>,
{
    rewritten(tries, (), || ready(Ok(())), |()| attempt()).await
}

async fn rewritten<I, T, E, R, F>(
    tries: u32,
    known: I,
    mut read: impl FnMut() -> R,
    mut attempt: impl FnMut(I) -> F,
) -> Result<Option<T>, E>
where
    R: Future<Output = Result<I, E>>,
    F: Future<Output = Result<TryOutcome<T>, E>>,
{
    let mut item = known;
    for refusals in 0..tries {
        // On the heap: a try holds whole entities, and its future would lie in that of every caller.
        if let TryOutcome::Settled(value) = Box::pin(attempt(item)).await? {
            return Ok(Some(value));
        }
        if refusals + 1 == tries {
            break;
        }
        tokio::time::sleep(pause(refusals, random::dice())).await;
        item = read().await?;
    }
    Ok(None)
}

/// The pause after the first refusal and so many further ones, spread by a number in 0..1 over half to one and a half of
/// its length, so that writers which collided do not collide again.
pub fn pause(refusals: u32, dice: f64) -> Duration {
    (FIRST_PAUSE * (1 << refusals.min(DOUBLINGS))).mul_f64(0.5 + dice)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Failure {
        Contested(u32),
        Broken,
    }

    impl From<Contested> for Failure {
        fn from(contested: Contested) -> Self {
            Self::Contested(contested.tries)
        }
    }

    /// Tries a write that is refused so many times; the result, and how many tries were made.
    async fn refused(times: u32, tries: u32) -> (Result<&'static str, Failure>, u32) {
        let made = Cell::new(0);
        let result = write(tries, || async {
            made.set(made.get() + 1);
            let outcome =
                if made.get() <= times { WriteOutcome::Refused } else { WriteOutcome::Done };
            Ok(outcome.settles("written"))
        })
        .await;
        (result, made.get())
    }

    #[tokio::test]
    async fn a_write_is_tried_until_it_is_settled_and_no_more_often_than_allowed() {
        assert_eq!(refused(0, 3).await, (Ok("written"), 1));
        assert_eq!(refused(2, 3).await, (Ok("written"), 3));
        assert_eq!(refused(3, 3).await, (Err(Failure::Contested(3)), 3));
        let always = || async { Ok::<_, Failure>(TryOutcome::Refused) };
        assert_eq!(write_or(2, "left to another", always).await, Ok("left to another"));
    }

    #[tokio::test]
    async fn an_item_that_was_read_already_is_read_anew_before_each_further_try() {
        let (reads, seen) = (Cell::new(0), Cell::new(String::new()));
        let read = || async {
            reads.set(reads.get() + 1);
            Ok::<_, Failure>(format!("read {}", reads.get()))
        };
        let seen = &seen;
        let refused = |item: String| async move {
            seen.set(seen.take() + &item + ", ");
            Ok(TryOutcome::Refused)
        };
        let result = rewrite_or(3, "given up", "known".to_owned(), read, refused).await;
        assert_eq!((result, reads.get()), (Ok("given up"), 2));
        assert_eq!(seen.take(), "known, read 1, read 2, ");
        let result: Result<&str, _> = rewrite(2, "known".to_owned(), read, refused).await;
        assert_eq!((result, reads.get()), (Err(Failure::Contested(2)), 3));
        assert_eq!(seen.take(), "known, read 3, ");
    }

    #[tokio::test]
    async fn an_error_ends_the_tries() {
        let made = Cell::new(0);
        let result: Result<(), Failure> = write(3, || async {
            made.set(made.get() + 1);
            Err(Failure::Broken)
        })
        .await;
        assert_eq!((result, made.get()), (Err(Failure::Broken), 1));
    }

    #[test]
    fn the_pause_doubles_up_to_a_third_of_a_second_and_is_spread() {
        let millis = |refusals, dice| pause(refusals, dice).as_millis();
        assert_eq!([0, 1, 2, 5, 6, 40].map(|n| millis(n, 0.5)), [10, 20, 40, 320, 320, 320]);
        assert_eq!((millis(0, 0.0), millis(1, 1.0)), (5, 30));
    }
}
