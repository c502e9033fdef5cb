//! The walk of a task over letters: those that it is meant for are put back or thrown away, each at its
//! own time.
//!
//! A page is worked through before the next is read, so that a step holds one page in memory. A step that
//! is repeated after a crash puts nothing back twice, because a letter goes back only while it waits.

use std::time::Duration;

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    table::{LetterList, Table, WriteOutcome},
};
use domain::{delivery::AttemptRound, id::EndpointId, letter::Letter, task::Task, time::Timestamp};
use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::Redeliver;

/// Letters worked on at the same time. A letter takes about 40 ms: two reads, a transaction and a
/// doorbell, of which none waits for another letter. So 800 letters go in a second; 500 may be asked for.
const AT_ONCE: usize = 32;
/// Letters read at a time.
const PAGE: usize = 250;
/// Tries to throw a letter away while other workers change it.
const TRIES: u32 = 5;
/// The time for which a step goes on reading. The function has twice as long.
const PATIENCE: Duration = Duration::from_secs(25);

/// The act of a walk on the letters that it is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LetterAct {
    /// Puts them back at their times.
    PutBack,
    /// Throws them away. Thrown away once is gone.
    Discard,
}

impl Redeliver {
    /// Gives times to the chosen letters of a list as far as a step reaches, and does with them what the
    /// task is there for. Returns whether there may be more.
    pub(crate) async fn walk(
        &self,
        task: &mut Task,
        list: LetterList<'_>,
        act: LetterAct,
        meant: &(dyn Fn(&Letter) -> bool + Sync),
    ) -> Result<bool, Unavailable> {
        let (now, until) = (self.context.clock.now(), Instant::now() + PATIENCE);
        let (mut places, mut more) = (task.places(now), true);
        while more && !places.are_taken() && Instant::now() < until {
            let place = Self::place(task);
            let page = self.context.table.letters_in(list, place.as_deref(), PAGE, true).await?;
            let (mut chosen, mut passed) = (Vec::new(), 0);
            for letter in &page.items {
                if meant(letter) {
                    let Some(at) = places.take() else { break };
                    chosen.push((letter.clone(), at));
                }
                passed += 1;
            }
            let whole = passed == page.items.len();
            more = page.next.is_some() || !whole;
            let last = page.items[..passed].last().map(Table::letter_cursor);
            // A page may end behind its last letter, if others have left the list since.
            task.cursor = page.next.filter(|_| whole).or(last).or(task.cursor.take());
            task.scanned += passed as u64;
            task.matched += chosen.len() as u64;
            task.redriven += self.work_through(chosen, act).await?;
        }
        task.keep_place(&places, now);
        Ok(more)
    }

    /// The number of letters with which something was done.
    async fn work_through(
        &self,
        letters: Vec<(Letter, Timestamp)>,
        act: LetterAct,
    ) -> Result<u64, Unavailable> {
        let work = |(letter, at): (Letter, Timestamp)| async move {
            match act {
                LetterAct::PutBack => {
                    self.context.redrive(&self.inbox, &letter, AttemptRound::Policy, at).await
                }
                LetterAct::Discard => self.discard(&letter).await,
            }
        };
        // Collected, or the stream is tied to a lifetime the runtime cannot name.
        let works: Vec<_> = letters.into_iter().map(work).collect();
        let mut results = stream::iter(works).buffer_unordered(AT_ONCE);
        let mut count = 0;
        while let Some(written) = results.next().await {
            count += u64::from(written? == WriteOutcome::Done);
        }
        Ok(count)
    }

    /// Throws a letter away, whatever happens to it at the same time. `Refused` if it is gone.
    pub(crate) async fn discard(&self, letter: &Letter) -> Result<WriteOutcome, Unavailable> {
        let table = &self.context.table;
        let read = || table.letter(&letter.id);
        contested::rewrite(TRIES, Some(letter.clone()), read, |latest| async {
            let Some(latest) = latest else {
                return Ok(TryOutcome::Settled(WriteOutcome::Refused));
            };
            let written = table.delete_letter(&latest, self.context.clock.now()).await?;
            if written == WriteOutcome::Done {
                self.context.note_deleted(&latest);
            }
            Ok::<_, Unavailable>(written.settles(WriteOutcome::Done))
        })
        .await
    }

    /// The letter that has waited longest for an endpoint, as the last writes left the list. Letters whose
    /// time is over are thrown away on the way.
    pub(crate) async fn oldest_waiting(
        &self,
        endpoint: &EndpointId,
    ) -> Result<Option<Letter>, Unavailable> {
        let (list, mut size) = (LetterList::WaitingAt(endpoint), 1);
        loop {
            let page = self.context.table.letters_in(list, None, size, true).await?;
            let now = self.context.clock.now();
            let is_over = |letter: &Letter| letter.expires_at.is_some_and(|at| at <= now);
            let waits = page.items.iter().find(|letter| !is_over(letter)).cloned();
            let over: Vec<_> = page.items.into_iter().filter(is_over).map(|it| (it, now)).collect();
            let none = over.is_empty() && page.next.is_none();
            self.work_through(over, LetterAct::Discard).await?;
            if waits.is_some() || none {
                return Ok(waits);
            }
            size = PAGE;
        }
    }
}
