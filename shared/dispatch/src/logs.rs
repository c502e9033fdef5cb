//! Logs of jobs: keeping the lines that come, dropping the oldest, reading them in one order.
//!
//! `ingest` keeps lines that a source signed, and `api` those that come with a key or with the job's
//! own token. Each batch is one conditional write, so a batch that comes twice, or again after a crash,
//! is kept once.

mod page;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use adapters::{
    Unavailable,
    clock::Clock,
    contested::{self, TryOutcome},
    table::{BatchOutcome, BatchPlace, Table, WriteOutcome},
};
use domain::{
    id::JobId,
    live::news::{LinesNews, News},
    log::{self, LineRate, LogBatch, LogOwner, RETRY_AFTER, RateStep},
    time::Timestamp,
};
use tracing::warn;

pub use self::page::LogPage;
use crate::teller::Teller;

/// Lines of a job that a process keeps before it looks whether the oldest are to go: a tenth of what
/// is kept.
const LOOK_EVERY: u64 = log::MAX_KEPT / 10;
/// Jobs whose lines a process counts.
const MAX_JOBS: usize = 1000;
/// Tries to drop lines while another process does.
const TRIES: u32 = 4;

/// Keeps and reads the logs of jobs.
#[derive(Debug)]
pub struct Logs {
    table: Table,
    rate: Mutex<LineRate>,
    /// Lines that this process has kept of each job since it looked for old ones.
    kept: Mutex<HashMap<JobId, u64>>,
    teller: Teller,
}

/// Outcome of lines that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum KeepOutcome {
    /// The lines are kept.
    Kept,
    /// The lines were kept before.
    Known,
    /// Other lines were kept under these numbers. They stay, and the conflict is counted.
    Conflict,
    /// The job logs more lines than it may. The sender may come again after so many seconds.
    TooMany(u64),
}

impl Logs {
    /// The logs in a table.
    pub fn new(table: Table) -> Self {
        let (rate, kept) = Default::default();
        Self { table, rate, kept, teller: Teller::default() }
    }

    /// Sets who tells watchers of lines that were kept. The lines are noted; who calls
    /// [`keep`](Self::keep) tells them at the end of its invocation.
    #[must_use]
    pub fn told_by(self, teller: Teller) -> Self {
        Self { teller, ..self }
    }

    /// Tells watchers of the lines that were kept since the last time, if somebody watches. Where a
    /// [`Context`](crate::context::Context) shares the teller, its `tell_watchers` does the same.
    pub async fn tell_watchers(&self, clock: &Clock) {
        self.teller.tell(&self.table, clock).await;
    }

    /// Keeps a batch of a job's lines until a time, see [`log::expiry`].
    ///
    /// # Errors
    /// Fails if DynamoDB does. Then the sender is to send the same batch again.
    pub async fn keep(
        &self,
        owner: &LogOwner,
        batch: &LogBatch,
        until: Timestamp,
    ) -> Result<KeepOutcome, Unavailable> {
        let job = &owner.job;
        if !self.may_log(job, batch).await? {
            return Ok(KeepOutcome::TooMany(RETRY_AFTER));
        }
        match self.table.keep_lines(job, batch, until).await? {
            BatchOutcome::New => {
                let lines = || News::Lines(LinesNews::of(job, batch));
                self.teller.note(&owner.application, batch.received_at, lines);
                self.count(job, batch, until).await;
                Ok(KeepOutcome::Kept)
            }
            BatchOutcome::Known => Ok(KeepOutcome::Known),
            BatchOutcome::Conflict => {
                warn!(%job, stream = %batch.stream, first = %batch.first, "other lines are there");
                self.table.count_log_conflict(job, until).await?;
                Ok(KeepOutcome::Conflict)
            }
        }
    }

    /// Whether the job may log so many lines now.
    async fn may_log(&self, job: &JobId, batch: &LogBatch) -> Result<bool, Unavailable> {
        let (lines, now) = (batch.lines.len(), batch.received_at);
        let take =
            || self.rate.lock().unwrap_or_else(PoisonError::into_inner).take(job, lines, now);
        while let RateStep::Draw { second, most } = take() {
            if self.table.draw_lines(job, second, most).await? == WriteOutcome::Refused {
                warn!(%job, "more lines in a second than a job may log");
                return Ok(false);
            }
            self.rate.lock().unwrap_or_else(PoisonError::into_inner).drew(job, second);
        }
        Ok(true)
    }

    /// Counts lines that were kept, and drops the oldest of the job once in a while. A failure is
    /// logged: the lines are kept, and the next look drops what this one has not.
    async fn count(&self, job: &JobId, batch: &LogBatch, until: Timestamp) {
        let many = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if MAX_JOBS <= kept.len() && !kept.contains_key(job) {
                kept.clear();
            }
            let count = kept.entry(job.clone()).or_default();
            *count += batch.lines.len() as u64;
            let many = LOOK_EVERY <= *count;
            if many {
                *count = 0;
            }
            many
        };
        if many && let Err(error) = self.drop_oldest(job, until).await {
            warn!(%job, %error, "the oldest lines of a log stay for now");
        }
    }

    /// Drops the batches of a job that are too many, the oldest first, and counts their lines.
    ///
    /// # Errors
    /// Fails if DynamoDB does. Each transaction removes batches and counts them, so that what was
    /// dropped before the failure is counted.
    pub async fn drop_oldest(&self, job: &JobId, until: Timestamp) -> Result<(), Unavailable> {
        contested::write_or(TRIES, (), || async {
            let places = self.table.log_places(job).await?;
            let sizes: Vec<_> = places.iter().map(|place| place.size).collect();
            let mut gone: &[BatchPlace] = &places[..log::surplus(&sizes)];
            if gone.is_empty() {
                return Ok(TryOutcome::Settled(()));
            }
            let mut loss = self.table.log_loss(job).await?;
            while !gone.is_empty() {
                let Some(next) = self.table.drop_lines(job, &loss, gone, until).await? else {
                    return Ok(TryOutcome::Refused);
                };
                gone = &gone[gone.len().min(Table::MAX_DROPPED)..];
                loss = next;
            }
            Ok(TryOutcome::Settled(()))
        })
        .await
    }
}
