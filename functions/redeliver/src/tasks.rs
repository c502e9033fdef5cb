//! Tasks: letters that go back step by step, spread over time.
//!
//! A worker takes a lease before it does a step, and leaves a task alone that another worker holds. A
//! step that is repeated after a crash puts nothing back twice, because a letter goes back only while
//! it waits.

use std::time::Duration;

use adapters::{
    Unavailable,
    table::{Table, WriteOutcome},
};
use domain::{
    delivery::AttemptRound,
    endpoint::Endpoint,
    id::{EndpointId, TaskId},
    letter::{Letter, LetterFilter, LetterState, LetterSubject},
    task::{self, Task, TaskKind},
    time::Timestamp,
};
use futures::{StreamExt, stream};
use tracing::info;

use crate::Redeliver;

/// Letters put back at the same time.
const AT_ONCE: usize = 16;
/// Letters read at a time.
const PAGE: usize = 250;
/// Pages one step looks through at the most, so that a step ends even if nothing matches.
const MAX_PAGES: usize = 40;
/// Pages of letters thrown away in one step.
const MAX_DISCARDED: usize = 8;

impl Redeliver {
    /// Does one step of a task.
    pub(crate) async fn task(&self, id: &TaskId) -> Result<(), Unavailable> {
        let now = self.context.clock.now();
        let task = self.context.table.task(id).await?;
        let Some(task) = task.filter(|task| task.may_step(now)) else { return Ok(()) };
        // Of two workers that find the task free one does the step. If its process dies, the task is
        // due when the lease ends.
        let mut task = task.leased(now);
        if self.context.table.update_task(&task, task.lease_until).await? == WriteOutcome::Refused {
            return Ok(());
        }
        task.version += 1;
        // Every write of the step ends the lease.
        task.lease_until = None;
        match task.kind.clone() {
            TaskKind::Redrive { filter } => self.redrive_step(task, filter).await,
            TaskKind::Discard { filter } => self.discard_step(task, filter).await,
            TaskKind::Replay(replay) => self.replay_step(task, replay).await,
            TaskKind::Purge { application } => self.purge_step(task, application).await,
            TaskKind::Resend { rounds } => self.resend_step(task, rounds).await,
            TaskKind::Recover { endpoint, answering, probes } => {
                self.recover_step(task, endpoint, answering, probes).await
            }
        }
    }

    async fn redrive_step(&self, mut task: Task, filter: LetterFilter) -> Result<(), Unavailable> {
        let filter = ended_at_request(filter, &task);
        // A letter that this task put back once is not put back by its last look.
        let created = task.created_at;
        let meant = |letter: &Letter| filter.matches(letter) && !letter.was_put_back_since(created);
        let more = self.step(&mut task, &meant).await?;
        let now = self.context.clock.now();
        self.end_step(task, more.then(|| now.plus(task::STEP)), "a redrive is finished").await
    }

    /// Writes a task after a step: it goes on at `next`, or its walk has ended.
    pub(crate) async fn end_step(
        &self,
        mut task: Task,
        next: Option<Timestamp>,
        ended: &'static str,
    ) -> Result<(), Unavailable> {
        let due = next.or_else(|| {
            info!(task = %task.id, done = task.redriven, again = task.finished_at.is_some(), "{ended}");
            task.end_walk(self.context.clock.now())
        });
        self.put_down(&task, due).await
    }

    /// Writes a task whose step is over. If it was changed meanwhile, it stays due, and a later step finds
    /// what is left.
    pub(crate) async fn put_down(
        &self,
        task: &Task,
        due: Option<Timestamp>,
    ) -> Result<(), Unavailable> {
        if self.context.table.update_task(task, due).await? == WriteOutcome::Done {
            self.context.note_task(task);
        }
        Ok(())
    }

    /// Removes a task that has nothing left to do. If it was changed meanwhile, it goes on.
    pub(crate) async fn remove(&self, mut task: Task) -> Result<(), Unavailable> {
        if self.context.table.end_task(&task).await? == WriteOutcome::Done {
            task.finished_at = Some(self.context.clock.now());
            self.context.note_task(&task);
        }
        Ok(())
    }

    /// The place in the list of letters or messages at which a step begins.
    pub(crate) fn place(task: &Task) -> Option<String> {
        task.cursor.clone().or_else(|| task.last_look_from().map(Table::place_before))
    }

    /// Throws away letters that were there when somebody asked. Thrown away once is gone.
    async fn discard_step(&self, mut task: Task, filter: LetterFilter) -> Result<(), Unavailable> {
        let filter = ended_at_request(filter, &task);
        let (table, mut more) = (&self.context.table, true);
        for _ in 0..MAX_DISCARDED {
            let page = table.letters(Self::place(&task).as_deref(), PAGE, true).await?;
            task.scanned += page.items.len() as u64;
            let now = self.context.clock.now();
            task.cursor = page.items.last().map(Table::letter_cursor).or(task.cursor.take());
            let meant = page.items.into_iter().filter(|letter| filter.matches(letter));
            let delete = |letter: Letter| async move {
                let written = table.delete_letter(&letter, now).await?;
                if written == WriteOutcome::Done {
                    self.context.note_deleted(&letter);
                }
                Ok::<_, Unavailable>(written)
            };
            let mut deleted = stream::iter(meant).map(delete).buffer_unordered(AT_ONCE);
            while let Some(written) = deleted.next().await {
                task.matched += 1;
                task.redriven += u64::from(written? == WriteOutcome::Done);
            }
            more = page.next.is_some();
            if !more {
                break;
            }
        }
        let now = self.context.clock.now();
        self.end_step(task, more.then_some(now), "letters are thrown away").await
    }

    async fn recover_step(
        &self,
        mut task: Task,
        id: EndpointId,
        answering: bool,
        probes: u32,
    ) -> Result<(), Unavailable> {
        let table = &self.context.table;
        let filter = LetterFilter { endpoint: Some(id.clone()), ..LetterFilter::default() };
        let now = self.context.clock.now();
        if answering {
            let more = self.step(&mut task, &|letter: &Letter| filter.matches(letter)).await?;
            if !more {
                info!(endpoint = %id, redriven = task.redriven, "an endpoint's letters are on their way");
                // Letters may have been parked behind the place of this walk: the task looks for them
                // from the beginning, and probes again if there are any.
                task.cursor = None;
                task.kind = TaskKind::Recover { endpoint: id, answering: false, probes: 0 };
            }
            return self.put_down(&task, Some(now.plus(task::STEP))).await;
        }
        let Some(letter) = self.oldest_waiting(&filter).await? else {
            return match task.looks_again_at(now) {
                Some(again) => self.put_down(&task, Some(again)).await,
                None => self.remove(task).await,
            };
        };
        task.looked_again = false;
        let again = now.plus(task::probe_interval(probes + 1));
        let disabled = match self.endpoint_of(&letter).await? {
            Some(endpoint) => endpoint.disabled.is_some(),
            // An endpoint that is gone will not answer; its letters end when they are tried.
            None => return self.context.note_answering(&task).await,
        };
        // The next probe is due before this one is sent: a crash in between costs a wait.
        task.kind = TaskKind::Recover { endpoint: id, answering, probes: probes + 1 };
        let marked = table.update_task(&task, Some(again)).await?;
        if marked == WriteOutcome::Done {
            self.context.note_task(&task);
        }
        if marked == WriteOutcome::Done && !disabled {
            // Refused: somebody else put it back, which is as good a probe.
            let probe = self.context.redrive(&self.inbox, &letter, AttemptRound::Once, now);
            probe.await?.either_way();
        }
        Ok(())
    }

    /// Puts back as many of the chosen letters as a step holds, spread over the step; whether there may
    /// be more.
    pub(crate) async fn step(
        &self,
        task: &mut Task,
        meant: &(dyn Fn(&Letter) -> bool + Sync),
    ) -> Result<bool, Unavailable> {
        let mut chosen: Vec<Letter> = Vec::new();
        let mut more = true;
        for _ in 0..MAX_PAGES {
            let room = task.step_size() - chosen.len();
            let place = Self::place(task);
            let page = self.context.table.letters(place.as_deref(), PAGE, true).await?;
            task.scanned += page.items.len() as u64;
            let waiting = |letter: &&Letter| letter.state == LetterState::Waiting && meant(letter);
            let matching: Vec<&Letter> = page.items.iter().filter(waiting).collect();
            if room < matching.len() {
                let taken = &matching[..room];
                task.cursor =
                    taken.last().map(|letter| Table::letter_cursor(letter)).or(task.cursor.take());
                chosen.extend(taken.iter().map(|letter| (*letter).clone()));
                break;
            }
            chosen.extend(matching.into_iter().cloned());
            let last = page.items.last().map(Table::letter_cursor);
            task.cursor = last.or(task.cursor.take());
            more = page.next.is_some();
            if !more {
                break;
            }
        }
        task.matched += chosen.len() as u64;
        task.redriven += self.put_back(&chosen, task.rate).await?;
        Ok(more)
    }

    async fn put_back(&self, letters: &[Letter], rate: u32) -> Result<u64, Unavailable> {
        let now = self.context.clock.now();
        let at = |index: usize| -> Timestamp {
            let millis = index as u64 * 1000 / u64::from(rate.max(1));
            now.plus(Duration::from_millis(millis))
        };
        let put = |(index, letter): (usize, Letter)| async move {
            self.context.redrive(&self.inbox, &letter, AttemptRound::Policy, at(index)).await
        };
        // Owned letters: borrowed ones would tie the stream to a lifetime the runtime cannot name.
        let letters: Vec<(usize, Letter)> = letters.iter().cloned().enumerate().collect();
        let mut results = stream::iter(letters).map(put).buffer_unordered(AT_ONCE);
        let mut count = 0;
        while let Some(redriven) = results.next().await {
            count += u64::from(redriven? == WriteOutcome::Done);
        }
        Ok(count)
    }

    async fn oldest_waiting(&self, filter: &LetterFilter) -> Result<Option<Letter>, Unavailable> {
        let mut cursor = None;
        loop {
            let page = self.context.table.letters(cursor.as_deref(), PAGE, true).await?;
            let found = page
                .items
                .into_iter()
                .find(|letter| letter.state == LetterState::Waiting && filter.matches(letter));
            if found.is_some() || page.next.is_none() {
                return Ok(found);
            }
            cursor = page.next;
        }
    }

    async fn endpoint_of(&self, letter: &Letter) -> Result<Option<Endpoint>, Unavailable> {
        match &letter.what {
            LetterSubject::Delivery { application, scope, endpoint, .. } => {
                self.context.table.endpoint_of(application, scope, endpoint).await
            }
            LetterSubject::Message { .. } => Ok(None),
        }
    }
}

/// The filter of a task without the letters of what died after the task was asked for.
fn ended_at_request(filter: LetterFilter, task: &Task) -> LetterFilter {
    let asked = task.created_at.plus(Duration::from_millis(1));
    LetterFilter { until: Some(filter.until.map_or(asked, |until| until.min(asked))), ..filter }
}
