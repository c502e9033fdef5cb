//! Lines of a job's log, from the table to those who hear the job.

use adapters::{Unavailable, table::LogRange};
use domain::{
    id::JobId,
    live::{
        frames::log_frames,
        message::LineEntry,
        news::{Bulletin, LinesNews, News},
        subscription::LiveSubscription,
    },
    log::LogLine,
    time::Timestamp,
};

use crate::{Live, REMEMBERED};

/// A line, and the time at which it was kept.
#[derive(Debug)]
pub(crate) struct KeptLine {
    pub(crate) line: LogLine,
    pub(crate) kept_at: Timestamp,
}

impl Live {
    /// The lines that a bulletin tells of, in its order.
    pub(crate) async fn lines(&self, bulletin: &Bulletin) -> Result<Vec<KeptLine>, Unavailable> {
        let mut all = Vec::new();
        for news in &bulletin.news {
            if let News::Lines(lines) = news {
                all.extend(self.lines_of(lines).await?);
            }
        }
        Ok(all)
    }

    async fn lines_of(&self, news: &LinesNews) -> Result<Vec<KeptLine>, Unavailable> {
        let LinesNews { job, stream, from, to } = news;
        let range = LogRange::within(stream, from, to);
        let part = self.table.log_part(job, &range, false, usize::MAX).await?;
        let mut lines: Vec<KeptLine> = Vec::new();
        for batch in part.batches {
            let kept_at = batch.received_at;
            let told = batch.lines.into_iter().filter(|line| (from..=to).contains(&&line.seq));
            lines.extend(told.map(|line| KeptLine { line, kept_at }));
        }
        // Batches may overlap: the first of two lines with one number stands.
        lines.sort_by(|one, other| one.line.seq.cmp(&other.line.seq));
        lines.dedup_by(|one, other| one.line.seq == other.line.seq);
        Ok(lines)
    }

    /// The frames of these lines for one subscriber, without those that it was sent when it subscribed.
    /// `share` is the number of pushes per second that the subscriber may have.
    pub(crate) fn frames_of_lines(
        &self,
        job: &JobId,
        lines: &[KeptLine],
        to: &LiveSubscription,
        share: usize,
    ) -> Vec<String> {
        let sent = |it: &KeptLine| {
            to.caught_up.as_ref().is_some_and(|caught_up| caught_up.includes(&it.line, it.kept_at))
        };
        let new: Vec<LineEntry> =
            lines.iter().filter(|it| !sent(it)).map(|it| LineEntry::from(&it.line)).collect();
        self.line_frames(job, &new, to, share)
    }

    /// The frames of entries for one subscriber.
    pub(crate) fn line_frames(
        &self,
        job: &JobId,
        lines: &[LineEntry],
        to: &LiveSubscription,
        share: usize,
    ) -> Vec<String> {
        let singly = {
            let mut state = self.state();
            if REMEMBERED <= state.rates.len() {
                state.rates.clear();
            }
            let rate = state.rates.entry(to.connection.clone()).or_default();
            rate.take(lines.len().min(share), self.clock.now())
        };
        let name = to.name.as_deref().unwrap_or(job.as_str());
        log_frames(to.protocol, name, lines, singly)
    }
}
