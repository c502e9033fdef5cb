//! Lines of a job's log, from the table to those who hear the job.

use std::collections::{BTreeMap, BTreeSet};

use adapters::{Unavailable, table::LogRange};
use domain::{
    id::JobId,
    live::{
        frames::log_frames,
        message::LineEntry,
        news::{Bulletin, LinesNews, News},
        subscription::LiveSubscription,
    },
    log::{LogLine, Seq, StreamName},
    time::Timestamp,
};

use crate::{Live, remember};

/// A line, and the time at which it was kept.
#[derive(Debug)]
pub(crate) struct KeptLine {
    pub(crate) line: LogLine,
    pub(crate) kept_at: Timestamp,
}

/// The number of the last line, by stream.
pub(crate) type Marks = BTreeMap<StreamName, Seq>;

impl Live {
    /// The lines that a bulletin tells of, in its order, and before them those behind the lines that
    /// were told last: the message about these was lost. At the end of the job, every line that was not
    /// told. `told` is how far the lines were told, before and afterwards.
    pub(crate) async fn lines(
        &self,
        bulletin: &Bulletin,
        told: &mut Marks,
        to: &[LiveSubscription],
    ) -> Result<Vec<KeptLine>, Unavailable> {
        let mut all = Vec::new();
        for news in &bulletin.news {
            match news {
                News::Lines(lines) => {
                    let floor = floor(&lines.stream, told, to);
                    all.extend(self.lines_of(lines, floor.as_ref()).await?);
                    let last = told.entry(lines.stream.clone()).or_insert(Seq::Number(0));
                    *last = lines.to.clone().max(last.clone());
                }
                News::Job(news) if news.status.is_terminal() => {
                    let Some(job) = self.table.job(&news.id).await? else { continue };
                    let heard = to.iter().filter_map(|it| it.caught_up.as_ref());
                    let streams = heard.flat_map(|caught_up| caught_up.through.keys());
                    let streams: BTreeSet<_> = streams.chain(told.keys()).cloned().collect();
                    let known = streams
                        .into_iter()
                        .filter_map(|stream| floor(&stream, told, to).map(|floor| (stream, floor)));
                    for line in self.behind(&job, &known.collect()).await? {
                        told.insert(line.stream.clone(), line.seq.clone());
                        // Of a line that a subscriber was sent it is not known here when it came.
                        all.push(KeptLine { line, kept_at: Timestamp::default() });
                    }
                }
                _ => (),
            }
        }
        Ok(all)
    }

    async fn lines_of(
        &self,
        news: &LinesNews,
        floor: Option<&Seq>,
    ) -> Result<Vec<KeptLine>, Unavailable> {
        let LinesNews { job, stream, from, to } = news;
        let (range, behind) = match floor {
            // They fill a hole, or follow on what was told.
            Some(floor) if from <= floor || floor.plus(1) == *from => {
                (LogRange::within(stream, from, to), None)
            }
            Some(floor) => {
                let last = self.table.log_batch_at(job, stream, floor).await?;
                let first = last.map_or_else(|| floor.clone(), |batch| batch.first);
                (LogRange::within(stream, &first, to), Some(floor))
            }
            None => (LogRange::up_to(stream, to), Some(&Seq::Number(0))),
        };
        let part = self.table.log_part(job, &range, false, usize::MAX).await?;
        let is_told = |seq: &Seq| match behind {
            Some(behind) => behind < seq && seq <= to,
            None => from <= seq && seq <= to,
        };
        let mut lines: Vec<KeptLine> = Vec::new();
        for batch in part.batches {
            let kept_at = batch.received_at;
            let told = batch.lines.into_iter().filter(|line| is_told(&line.seq));
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
            let rates = &mut self.state().rates;
            let mut rate = rates.get(&to.connection).copied().unwrap_or_default();
            let singly = rate.take(lines.len().min(share), self.clock.now());
            remember(rates, to.connection.clone(), rate);
            singly
        };
        let name = to.name.as_deref().unwrap_or(job.as_str());
        log_frames(to.protocol, name, lines, singly)
    }
}

/// The number up to which everybody has the lines of a stream: they were told, or sent to each when it
/// subscribed. `None` if somebody may have none.
fn floor(stream: &StreamName, told: &Marks, to: &[LiveSubscription]) -> Option<Seq> {
    let sent = to.iter().map(|it| it.caught_up.as_ref()?.through.get(stream));
    let sent = sent.min_by(|one, other| one.cmp(other)).flatten();
    told.get(stream).max(sent).cloned()
}
