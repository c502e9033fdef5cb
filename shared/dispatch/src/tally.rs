//! Counting the jobs of a batch, and announcing what follows.
//!
//! Several may count at once: each step takes markers away and changes the batch on the condition
//! that both are as they were read, so one of them gets through. Who is refused may leave, because
//! whoever got through looks again afterwards, and all that is left undone is due.

use std::time::Duration;

use adapters::{
    Unavailable, random,
    table::{RecordOutcome, WriteOutcome},
};
use domain::{
    batch::{self, Batch, BatchMarker, BatchNews},
    event::Event,
    id::{ApplicationId, BatchId},
    profile::fingerprint,
};
use tracing::info;

use crate::{announce::Announcement, context::Context};

/// Steps that one call makes at the most; what is left is due.
const MAX_STEPS: usize = 400;
/// How long one call goes on; what is left is due.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often in a row it is refused before it leaves the counting to whoever was faster.
const MAX_REFUSALS: usize = 4;
/// Announcements made between two looks at the batch.
const AT_ONCE: usize = 16;

impl Context {
    /// Counts until nothing is left to count, then announces until nothing is left to announce.
    pub async fn count_batch(&self, id: &BatchId) -> Result<(), Unavailable> {
        let clock = &self.clock;
        let began = clock.now();
        let mut refusals = 0;
        for _ in 0..MAX_STEPS {
            match self.count_step(id).await? {
                Step::Idle => return Ok(()),
                Step::Done => refusals = 0,
                Step::Refused if refusals == MAX_REFUSALS => return Ok(()),
                Step::Refused => {
                    refusals += 1;
                    tokio::time::sleep(Duration::from_millis(40).mul_f64(random::dice())).await;
                }
            }
            if PATIENCE < clock.now().since(began) {
                break;
            }
        }
        info!(batch = %id, "a batch is not counted to its end; the sweep will have it go on");
        Ok(())
    }

    async fn count_step(&self, id: &BatchId) -> Result<Step, Unavailable> {
        let table = &self.table;
        let (marked, known) = tokio::try_join!(table.markers(id), table.batch(id))?;
        let now = self.clock.now();
        if let Some(first) = marked.first() {
            let BatchMarker { application, external_id, .. } = &first.marker;
            let batch = known.unwrap_or_else(|| Batch::unknown(application, external_id, now));
            let markers: Vec<BatchMarker> =
                marked.iter().map(|marked| marked.marker.clone()).collect();
            let counted = batch.counted(&markers, now);
            return Ok(table.count_markers(&counted, &marked).await?.into());
        }
        let Some(batch) = known else { return Ok(Step::Idle) };
        if batch.closing {
            return Ok(table.put_batch(&batch.sealed(now), None).await?.into());
        }
        let news: Vec<BatchNews> = batch.news().take(AT_ONCE).collect();
        if news.is_empty() {
            return Ok(Step::Idle);
        }
        for news in &news {
            self.announce_news(&batch, *news).await?;
        }
        Ok(table.put_batch(&batch.told(&news, now), None).await?.into())
    }

    /// Announces something once: its event has the same id whoever makes it.
    async fn announce_news(&self, batch: &Batch, news: BatchNews) -> Result<(), Unavailable> {
        let table = &self.table;
        let now = self.clock.now();
        let application = ApplicationId::named(&batch.application);
        let mut endpoints = table.endpoints(&application).await?;
        endpoints.extend(table.webhooks_of_batch(batch).await?);
        let payload = batch::notice(batch, news, now);
        let id = news.event(&batch.id);
        // Two may announce it with different counts: each has its own object.
        let key = format!("events/{}/payload-{}", id.bare(), fingerprint(&payload));
        let kind = news.event_type();
        let event = Event {
            payload: self.bucket.carry(&key, &payload).await?,
            batch_id: Some(batch.external_id.clone()),
            ..Event::by_relay(id, application, kind, &payload, now)
        };
        let announcement = Announcement {
            event: &event,
            payload: &payload,
            endpoints: &endpoints,
            job: None,
            marker: None,
        };
        if self.announce(&announcement).await? == RecordOutcome::Contested {
            self.heal(&event).await?;
        }
        Ok(())
    }
}

/// What came of one step.
enum Step {
    /// There was nothing to do.
    Idle,
    /// It was made.
    Done,
    /// Somebody else was faster.
    Refused,
}

impl From<WriteOutcome> for Step {
    fn from(written: WriteOutcome) -> Self {
        match written {
            WriteOutcome::Done => Self::Done,
            WriteOutcome::Refused => Self::Refused,
        }
    }
}
