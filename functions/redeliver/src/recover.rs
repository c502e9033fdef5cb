//! Recovery: an endpoint that failed is probed with one letter at a time, and gets all of its letters
//! back once it answers.

use adapters::{
    Unavailable,
    table::{LetterList, WriteOutcome},
};
use domain::{
    delivery::AttemptRound,
    endpoint::Endpoint,
    id::EndpointId,
    letter::{Letter, LetterState, LetterSubject},
    task::{self, Task, TaskKind},
};
use tracing::info;

use crate::{Redeliver, walk::LetterAct};

impl Redeliver {
    /// A step of the recovery of an endpoint that answers.
    pub(crate) async fn return_step(
        &self,
        mut task: Task,
        id: EndpointId,
        hops: u8,
    ) -> Result<(), Unavailable> {
        let (list, waits) = (LetterList::WaitingAt(&id), LetterState::Waiting);
        let meant = |letter: &Letter| letter.state == waits;
        if self.walk(&mut task, list, LetterAct::PutBack, &meant).await? {
            return self.go_on(task, hops).await;
        }
        info!(endpoint = %id, redriven = task.redriven, "an endpoint's letters are on their way");
        // Letters may have been parked behind the place of this walk: the task looks for them from the
        // beginning, and probes again if there are any.
        task.cursor = None;
        task.cadence = None;
        task.kind = TaskKind::Recover { endpoint: id, answering: false, probes: 0 };
        let now = self.context.clock.now();
        self.put_down(&task, Some(now.plus(task::INDEX_SETTLES)))
            .await
            .map(WriteOutcome::either_way)
    }

    /// A step of the recovery of an endpoint that is not known to answer, after so many probes.
    pub(crate) async fn probe_step(
        &self,
        mut task: Task,
        id: EndpointId,
        probes: u32,
    ) -> Result<(), Unavailable> {
        let table = &self.context.table;
        let now = self.context.clock.now();
        let Some(letter) = self.oldest_waiting(&id).await? else {
            if let Some(again) = task.looks_again_at(now) {
                return self.put_down(&task, Some(again)).await.map(WriteOutcome::either_way);
            }
            if let Some(application) = &task.of {
                // Refused: a letter was parked just now, and has touched the task or will.
                table.forget_counts(application, &id).await?.either_way();
            }
            return self.remove(task).await;
        };
        task.looked_again = false;
        let again = now.plus(task::probe_interval(probes + 1));
        let disabled = match self.endpoint_of(&letter).await? {
            Some(endpoint) => endpoint.disabled.is_some(),
            // An endpoint that is gone will not answer; its letters end when they are tried.
            None => return self.context.note_answering(&task).await,
        };
        // The next probe is due before this one is sent: a crash in between costs a wait.
        task.kind = TaskKind::Recover { endpoint: id, answering: false, probes: probes + 1 };
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

    async fn endpoint_of(&self, letter: &Letter) -> Result<Option<Endpoint>, Unavailable> {
        match &letter.what {
            LetterSubject::Delivery { application, scope, endpoint, .. } => {
                self.context.table.endpoint_of(application, scope, endpoint).await
            }
            LetterSubject::Message { .. } => Ok(None),
        }
    }
}
