//! Messages of the inbox that could be read but not processed go back by themselves: what stopped them
//! was a fault of AWS, or a version of the relay that did not know them.

use adapters::{
    Unavailable,
    table::{LetterList, WriteOutcome},
};
use domain::{
    letter::{Letter, LetterState},
    task::{self, Task},
};
use tracing::info;

use crate::{Redeliver, walk::LetterAct};

impl Redeliver {
    /// Puts back the letters that wait, as many as a step reaches. The task ends once none waits and no
    /// message was parked meanwhile.
    pub(crate) async fn resend_step(
        &self,
        mut task: Task,
        rounds: u32,
        hops: u8,
    ) -> Result<(), Unavailable> {
        let (before, now) = (task.matched, self.context.clock.now());
        let meant =
            |letter: &Letter| letter.state == LetterState::Waiting && letter.goes_back_by_itself();
        if self.walk(&mut task, LetterList::WaitingMessages, LetterAct::PutBack, &meant).await? {
            return self.go_on(task, hops).await;
        }
        // The next look begins at the oldest letter.
        task.cursor = None;
        task.cadence = None;
        if task.matched == before {
            if let Some(again) = task.looks_again_at(now) {
                return self.put_down(&task, Some(again)).await.map(WriteOutcome::either_way);
            }
            info!(redriven = task.redriven, "no message that could be read is parked any more");
            return self.remove(task).await;
        }
        task.looked_again = false;
        task.resent(rounds + 1);
        let again = now.plus(task::probe_interval(rounds + 1));
        self.put_down(&task, Some(again)).await.map(WriteOutcome::either_way)
    }
}
