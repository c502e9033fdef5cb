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
    table::{BatchOutcome, BatchPlace, LogRange, Table, WriteOutcome},
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
        if !self.may_log(&owner.job, batch).await? {
            return Ok(KeepOutcome::TooMany(RETRY_AFTER));
        }
        self.keep_at_any_rate(owner, batch, until).await
    }

    /// Keeps the lines of a batch of CloudWatch that no batch has yet, however lines were put into
    /// batches before: CloudWatch puts events together in one way when it brings them, and in another
    /// when it is asked. Of two workers that keep the same line at the same moment both may, and
    /// readers show one.
    ///
    /// # Errors
    /// Fails if DynamoDB does. Then the same batch is to be given again.
    pub async fn keep_new(
        &self,
        owner: &LogOwner,
        batch: LogBatch,
        until: Timestamp,
    ) -> Result<KeepOutcome, Unavailable> {
        let mut outcome = KeepOutcome::Known;
        for rest in self.new_lines(&owner.job, batch).await? {
            outcome = self.keep(owner, &rest, until).await?;
            if matches!(outcome, KeepOutcome::TooMany(_)) {
                break;
            }
        }
        Ok(outcome)
    }

    /// Keeps the lines of a batch that were read from CloudWatch, as [`keep_new`](Self::keep_new)
    /// does. They count against no rate: who reads them bounds how many there are.
    ///
    /// # Errors
    /// Fails if DynamoDB does. Then the same batch is to be given again.
    pub async fn keep_earlier(
        &self,
        owner: &LogOwner,
        batch: LogBatch,
        until: Timestamp,
    ) -> Result<(), Unavailable> {
        for rest in self.new_lines(&owner.job, batch).await? {
            // In conflict is only a worker that keeps the same lines at this moment.
            let _ = self.keep_at_any_rate(owner, &rest, until).await?;
        }
        Ok(())
    }

    /// The lines of a batch that no batch has yet.
    async fn new_lines(&self, job: &JobId, batch: LogBatch) -> Result<Vec<LogBatch>, Unavailable> {
        let before = self.table.log_batch_at(job, &batch.stream, &batch.first).await?;
        let begin = before.as_ref().map_or(&batch.first, |before| &before.first);
        let range = LogRange::within(&batch.stream, begin, batch.last());
        let kept = self.table.log_part(job, &range, false, usize::MAX).await?.batches;
        Ok(batch.without(&kept))
    }

    async fn keep_at_any_rate(
        &self,
        owner: &LogOwner,
        batch: &LogBatch,
        until: Timestamp,
    ) -> Result<KeepOutcome, Unavailable> {
        let job = &owner.job;
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
