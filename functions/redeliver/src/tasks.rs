//! Tasks: long work that goes step by step, spread over time.
//!
//! A worker takes a lease before it does a step, and leaves a task alone that another worker holds. A
//! step of a task that goes on rings for the next ones itself; the sweep rings if no step was done for a
//! minute.

use std::time::Duration;

use adapters::{
    Unavailable,
    table::{LetterList, Table, WriteOutcome},
};
use domain::{
    id::TaskId,
    letter::{Letter, LetterFilter, LetterState},
    task::{Cadence, Task, TaskKind},
    time::Timestamp,
};
use tracing::{info, warn};

use crate::{Redeliver, walk::LetterAct};

impl Redeliver {
    /// Does one step of a task, if the bell of so many `hops` asks for one.
    pub(crate) async fn task(&self, id: &TaskId, hops: u8) -> Result<(), Unavailable> {
        let now = self.context.clock.now();
        let task = self.context.table.task(id).await?;
        let Some(task) = task.filter(|task| task.hears(hops, now)) else { return Ok(()) };
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
            TaskKind::Redrive { filter } => self.redrive_step(task, filter, hops).await,
            TaskKind::Discard { filter } => self.discard_step(task, filter, hops).await,
            TaskKind::Replay(replay) => self.replay_step(task, replay, hops).await,
            TaskKind::Purge { application } => self.purge_step(task, application, hops).await,
            TaskKind::Resend { rounds } => self.resend_step(task, rounds, hops).await,
            TaskKind::Recover { endpoint, answering: true, .. } => {
                self.return_step(task, endpoint, hops).await
            }
            TaskKind::Recover { endpoint, answering: false, probes } => {
                self.probe_step(task, endpoint, probes).await
            }
        }
    }

    async fn redrive_step(
        &self,
        mut task: Task,
        filter: LetterFilter,
        hops: u8,
    ) -> Result<(), Unavailable> {
        let filter = ended_at_request(filter, &task);
        // The list is that of what waits; a filter for another state matches nothing.
        let waiting = LetterFilter { state: Some(LetterState::Waiting), ..filter.clone() };
        // A letter that this task put back once is not put back by its last look.
        let created = task.created_at;
        let meant = |letter: &Letter| {
            letter.state == LetterState::Waiting
                && filter.matches(letter)
                && !letter.was_put_back_since(created)
        };
        match self.walk(&mut task, LetterList::of(&waiting), LetterAct::PutBack, &meant).await? {
            true => self.go_on(task, hops).await,
            false => self.end_walk(task, "a redrive is finished").await,
        }
    }

    /// Throws away letters that were there when somebody asked.
    async fn discard_step(
        &self,
        mut task: Task,
        filter: LetterFilter,
        hops: u8,
    ) -> Result<(), Unavailable> {
        let filter = ended_at_request(filter, &task);
        let list = LetterList::of(&filter);
        let meant = |letter: &Letter| filter.matches(letter);
        match self.walk(&mut task, list, LetterAct::Discard, &meant).await? {
            true => self.go_on(task, hops).await,
            false => self.end_walk(task, "letters are thrown away").await,
        }
    }

    /// Writes a task whose walk goes on, and rings for its next steps unless their bells are on their way.
    pub(crate) async fn go_on(&self, mut task: Task, hops: u8) -> Result<(), Unavailable> {
        let now = self.context.clock.now();
        let cadence = task.cadence.get_or_insert(Cadence::begun(now));
        let bells = cadence.fan(hops, now);
        let (due, hops) = (cadence.due(now), cadence.hops);
        if self.put_down(&task, Some(due)).await? == WriteOutcome::Refused {
            // It was cancelled, or it is due and the step is done again.
            return Ok(());
        }
        if let Err(error) = self.dead_letters.task_later(&task.id, hops, &bells).await {
            warn!(%error, task = %task.id, "the next steps of a task were not rung for; the sweep will");
        }
        Ok(())
    }

    /// Writes a task whose walk has ended.
    pub(crate) async fn end_walk(
        &self,
        mut task: Task,
        ended: &'static str,
    ) -> Result<(), Unavailable> {
        info!(task = %task.id, done = task.redriven, again = task.finished_at.is_some(), "{ended}");
        let due = task.end_walk(self.context.clock.now());
        self.put_down(&task, due).await.map(WriteOutcome::either_way)
    }

    /// Writes a task whose step is over. If it was changed meanwhile, it stays due, and a later step finds
    /// what is left.
    pub(crate) async fn put_down(
        &self,
        task: &Task,
        due: Option<Timestamp>,
    ) -> Result<WriteOutcome, Unavailable> {
        let written = self.context.table.update_task(task, due).await?;
        if written == WriteOutcome::Done {
            self.context.note_task(task);
        }
        Ok(written)
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
}

/// The filter of a task without the letters of what died after the task was asked for.
fn ended_at_request(filter: LetterFilter, task: &Task) -> LetterFilter {
    let asked = task.created_at.plus(Duration::from_millis(1));
    LetterFilter { until: Some(filter.until.map_or(asked, |until| until.min(asked))), ..filter }
}
