//! The step about a job that needs no question to its platform.

use adapters::{
    Unavailable,
    metrics::{self, NAMESPACE, Unit},
    table::{RecordOutcome, Table, WriteOutcome},
};
use dispatch::announce::Announcement;
use domain::{
    job::Job,
    poll::{self, PollStep},
};
use tracing::warn;

use crate::{Sweep, SweepCounts, source::PolledSource};

impl Sweep {
    /// Sees to a job that is not asked for: it has ended, or timed out, or its time has not come.
    pub(crate) async fn settle(
        &self,
        asked: &PolledSource<'_>,
        job: Job,
    ) -> Result<SweepCounts, Unavailable> {
        let now = self.context().clock.now();
        match asked.watch.step(&job, now) {
            PollStep::Reckon => self.reckon(asked, &job).await,
            PollStep::GiveUp => {
                // The mark first, as everywhere.
                let marked = poll::postponed(&job, Some(now.plus(asked.watch.interval())));
                if self.context().table.keep_job(&marked).await? == WriteOutcome::Refused {
                    // It moved: it may have ended just now.
                    return Ok(SweepCounts::default());
                }
                self.tell(asked.source, poll::timed_out(&asked.profile, &job)).await?;
                Ok(SweepCounts { told: 1, ..SweepCounts::default() })
            }
            PollStep::Wait(at) => {
                self.context().table.keep_job(&poll::postponed(&job, at)).await?.either_way();
                Ok(SweepCounts::default())
            }
            // It became a question while it waited; the next round asks.
            PollStep::Ask => Ok(SweepCounts::default()),
        }
    }

    /// A job whose source is gone is not looked at again.
    pub(crate) async fn forget(&self, job: Job) -> Result<SweepCounts, Unavailable> {
        self.context().table.keep_job(&poll::postponed(&job, None)).await?.either_way();
        Ok(SweepCounts::default())
    }

    /// A job ended and it was not a webhook that told so: whether one has by now, and if not, that it
    /// was missed. The event and the job's mark are one step, so it is counted once.
    async fn reckon(
        &self,
        asked: &PolledSource<'_>,
        job: &Job,
    ) -> Result<SweepCounts, Unavailable> {
        let heard = webhooks(&self.context().table, job).await?;
        if !asked.watch.missed(job, heard) {
            self.context().table.keep_job(&poll::postponed(job, None)).await?.either_way();
            return Ok(SweepCounts::default());
        }
        let now = self.context().clock.now();
        let (mut event, payload) = poll::missed_event(job, now);
        let hearers = self.context().hearers(&job.application).await?;
        event.in_pages = hearers.in_pages;
        let counted = poll::missed(job);
        let announcement = Announcement {
            event: &event,
            payload: &payload,
            job: Some(&counted),
            marker: None,
            request: None,
            endpoints: &hearers.endpoints,
        };
        if self.context().announce(&announcement).await? == RecordOutcome::Contested {
            // The job moved: it is due still, or somebody else counted it.
            return Ok(SweepCounts::default());
        }
        warn!(source = job.source, job = %job.id, "no webhook told how a job ended");
        let properties = [("source", job.source.as_str()), ("status", job.status.word())];
        metrics::emit(NAMESPACE, now, &[("completion_missed", Unit::Count, 1.0)], &properties);
        Ok(SweepCounts { missed: 1, ..SweepCounts::default() })
    }
}

/// The number of times that a webhook reported a job's end after the platform had been asked for it.
async fn webhooks(table: &Table, job: &Job) -> Result<u64, Unavailable> {
    let Some(id) = &job.result_event else { return Ok(0) };
    Ok(table.event(id).await?.map_or(0, |event| event.webhooks))
}
