//! Counting the jobs of a batch, and announcing what follows.
//!
//! Several workers may count at once: each step takes markers away and changes the batch on the
//! condition that both are as they were read, so that one worker gets through. A worker that is refused
//! may leave, because the one that got through looks again afterwards, and what is left undone is due.

use std::time::Duration;

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    table::{RecordOutcome, WriteOutcome},
};
use domain::{
    batch::{self, Batch, BatchMarker, BatchNews},
    event::Event,
    id::BatchId,
    profile::fingerprint,
};
use tracing::info;

use crate::{announce::Announcement, context::Context};

/// Steps that one call makes at the most; what is left is due.
const MAX_STEPS: usize = 400;
/// How long one call goes on; what is left is due.
const PATIENCE: Duration = Duration::from_secs(15);
/// Tries of one step, before the counting is left to the worker that was faster each time.
const TRIES: u32 = 5;
/// Announcements made between two looks at the batch.
const AT_ONCE: usize = 16;

impl Context {
    /// Counts the jobs of a batch until none is left to count, then announces what follows, for 15
    /// s at most. What is left over is due.
    ///
    /// # Errors
    /// Fails if AWS does.
    pub async fn count_batch(&self, id: &BatchId) -> Result<(), Unavailable> {
        let clock = &self.clock;
        let began = clock.now();
        for _ in 0..MAX_STEPS {
            let step = contested::write_or(TRIES, Step::Idle, || self.count_step(id)).await?;
            if step == Step::Idle {
                return Ok(());
            }
            if PATIENCE < clock.now().since(began) {
                break;
            }
        }
        info!(batch = %id, "a batch is not counted to its end; the sweep will have it go on");
        Ok(())
    }

    async fn count_step(&self, id: &BatchId) -> Result<TryOutcome<Step>, Unavailable> {
        let table = &self.table;
        let (marked, known) = tokio::try_join!(table.markers(id), table.batch(id))?;
        let now = self.clock.now();
        if let Some(first) = marked.first() {
            let BatchMarker { application, external_id, .. } = &first.marker;
            let batch =
                known.unwrap_or_else(|| Batch::unknown(application.clone(), external_id, now));
            let markers: Vec<BatchMarker> =
                marked.iter().map(|marked| marked.marker.clone()).collect();
            let counted = batch.counted(&markers, now);
            let written = table.count_markers(&counted, &marked).await?;
            return Ok(self.noted(&counted, written).settles(Step::Done));
        }
        let Some(batch) = known else { return Ok(TryOutcome::Settled(Step::Idle)) };
        if batch.closing {
            let sealed = batch.sealed(now);
            let written = table.put_batch(&sealed, None).await?;
            return Ok(self.noted(&sealed, written).settles(Step::Done));
        }
        let news: Vec<BatchNews> = batch.news().take(AT_ONCE).collect();
        if news.is_empty() {
            return Ok(TryOutcome::Settled(Step::Idle));
        }
        for news in &news {
            self.announce_news(&batch, *news).await?;
        }
        Ok(table.put_batch(&batch.told(&news, now), None).await?.settles(Step::Done))
    }

    /// Notes for watchers that a batch was written, if it was.
    fn noted(&self, batch: &Batch, written: WriteOutcome) -> WriteOutcome {
        if written == WriteOutcome::Done {
            self.note_batch(batch);
        }
        written
    }

    /// Announces something once: its event has the same id whoever makes it.
    async fn announce_news(&self, batch: &Batch, news: BatchNews) -> Result<(), Unavailable> {
        let table = &self.table;
        let now = self.clock.now();
        let application = batch.application.clone();
        let hearers = self.hearers(&application).await?;
        let mut endpoints = hearers.endpoints.clone();
        endpoints.extend(table.webhooks_of_batch(batch).await?);
        let payload = batch::notice(batch, news, now);
        let id = news.event(&batch.id);
        // Two may announce it with different counts: each has its own object.
        let key = format!("events/{}/payload-{}", id.bare(), fingerprint(&payload));
        let kind = news.event_type();
        let event = Event {
            payload: self.bucket.carry(&key, &payload).await?,
            batch_id: Some(batch.external_id.clone()),
            in_pages: hearers.in_pages,
            ..Event::by_relay(id, application, kind, &payload, now)
        };
        let announcement = Announcement {
            event: &event,
            payload: &payload,
            endpoints: &endpoints,
            job: None,
            marker: None,
            request: None,
        };
        if self.announce(&announcement).await? == RecordOutcome::Contested {
            self.heal(&event).await?;
        }
        Ok(())
    }
}

/// A step of counting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There was nothing to do, or another worker does it.
    Idle,
    /// The step was made.
    Done,
}
