//! The present state of a job or a batch, for a client that has subscribed to it.
//!
//! This is a message of the topic's group, so that no news of the topic are told in between: what
//! they were about is in the table, and read here.

use std::{collections::BTreeMap, time::Duration};

use adapters::Unavailable;
use domain::{
    id::{BatchId, JobId},
    job::Job,
    live::{
        frames,
        message::LineEntry,
        news::{BatchNews, JobNews},
        subscription::{CaughtUp, LiveSubscription},
        topic::{Subject, Topic},
    },
    log::{LogEntry, LogLine, LogPosition, PROMISED, Seq, StreamName},
};

use crate::Live;

/// The time after which everybody who tells knows that somebody watches.
const KNOWN: Duration = Duration::from_millis(2200);
/// Most lines that are read at once for a client that had others before.
const PAGE: usize = 1000;
/// Most lines that a client is sent that had others before. One that lags further has the newest.
const MOST: usize = 50_000;

impl Live {
    /// Pushes how the subject of a topic stands to one subscriber.
    pub(crate) async fn catch_up(
        &self,
        topic: &Topic,
        connection: &str,
    ) -> Result<(), Unavailable> {
        let Some(subscription) = self.table.subscription(topic, connection).await? else {
            return Ok(());
        };
        match &topic.subject {
            Subject::Job(job) => self.catch_up_job(topic, job, subscription).await,
            Subject::Batch(batch) => self.catch_up_batch(batch, &subscription).await,
            _ => Ok(()),
        }
    }

    async fn catch_up_batch(
        &self,
        batch: &BatchId,
        subscription: &LiveSubscription,
    ) -> Result<(), Unavailable> {
        let Some(batch) = self.table.batch(batch).await? else { return Ok(()) };
        let status = frames::batch_message(&BatchNews::of(&batch), subscription.name.as_ref());
        self.send(&subscription.connection, &[status.frame(subscription.protocol)]).await
    }

    async fn catch_up_job(
        &self,
        topic: &Topic,
        job: &JobId,
        mut subscription: LiveSubscription,
    ) -> Result<(), Unavailable> {
        if subscription.caught_up.is_some() {
            // The message came twice.
            return Ok(());
        }
        self.draw_lines(job).await?;
        let looked_at = self.clock.now();
        let mut sent = self.send_state(job, &mut subscription, CaughtUp::default()).await?;
        // Who began to watch the application just now is not known to those who tell before this.
        let since = self.watch(&topic.application).await?;
        let wait = since.plus(KNOWN).since(looked_at);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
            sent = self.send_state(job, &mut subscription, sent).await?;
        }
        subscription.caught_up = Some(sent);
        let now = self.clock.now();
        self.table.caught_up(topic, &subscription, now).await?.either_way();
        Ok(())
    }

    /// Sends the lines that were kept since what was sent before, and the end of the job.
    async fn send_state(
        &self,
        id: &JobId,
        to: &mut LiveSubscription,
        before: CaughtUp,
    ) -> Result<CaughtUp, Unavailable> {
        let now = self.clock.now();
        let Some(job) = self.table.job(id).await? else {
            return Ok(CaughtUp { at: now, ..before });
        };
        let first = before == CaughtUp::default();
        let known = if first { to.after.clone() } else { before.through.clone() };
        let lines = match first && known.is_empty() {
            true => self.newest(&job).await?,
            false => self.behind(&job, &known).await?,
        };
        let mut through = known;
        for line in &lines {
            let last = through.entry(line.stream.clone()).or_insert(Seq::Number(0));
            *last = line.seq.clone().max(last.clone());
        }
        let entries: Vec<LineEntry> = lines.iter().map(LineEntry::from).collect();
        let mut frames = self.line_frames(id, &entries, to, entries.len());
        let ended = job.status.is_terminal();
        if ended && !before.ended {
            frames.push(self.end_of(&job, to).await?);
        }
        self.send(&to.connection, &frames).await?;
        Ok(CaughtUp { at: now, through, ended: ended || before.ended })
    }

    async fn newest(&self, job: &Job) -> Result<Vec<LogLine>, Unavailable> {
        let promised = usize::try_from(PROMISED).unwrap_or(PAGE);
        Ok(lines(self.logs.newest(job, promised).await?.entries))
    }

    /// The lines behind those that a client has, by stream; of streams that it does not name, all.
    pub(crate) async fn behind(
        &self,
        job: &Job,
        known: &BTreeMap<StreamName, Seq>,
    ) -> Result<Vec<LogLine>, Unavailable> {
        let mut position = LogPosition::default();
        for (stream, seq) in known {
            position.0.push(self.logs.position_in(job, stream, seq).await?);
        }
        let mut all = Vec::new();
        loop {
            let page = self.logs.behind(job, Some(position), PAGE).await?;
            all.extend(lines(page.entries));
            if !page.more || MOST <= all.len() {
                return Ok(all);
            }
            position = page.position;
        }
    }

    /// The frame that tells the end of a job.
    async fn end_of(&self, job: &Job, to: &LiveSubscription) -> Result<String, Unavailable> {
        let news = JobNews::of(job, job.status, job.result_event.as_ref());
        let said = match &news.event {
            Some(event) => self.said_in(event).await?,
            None => frames::JobSaid::default(),
        };
        Ok(frames::job_message(&news, to.name.as_ref(), said).frame(to.protocol))
    }
}

fn lines(entries: Vec<LogEntry>) -> Vec<LogLine> {
    let line = |entry| match entry {
        LogEntry::Line(line) => Some(line),
        LogEntry::Missing { .. } => None,
    };
    entries.into_iter().filter_map(line).collect()
}
