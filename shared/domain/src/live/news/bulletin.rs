//! Bulletins: the news of one topic that travel together.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LinesNews, LiveMessage, News};
use crate::{live::topic::Topic, time::Timestamp};

/// Largest message of a bulletin, in bytes. A message with a single piece of news may be larger if its
/// ids are that long.
pub const MAX_BULLETIN: usize = 32 * 1024;
/// The age from which news that may be dropped are replaced by a gap: clients list faster than they
/// would catch up.
pub const OUTDATED: Duration = Duration::from_secs(5);

/// The news of one topic that travel together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bulletin {
    /// The topic, which names the application.
    pub topic: Topic,
    /// The time of the oldest news.
    pub at: Timestamp,
    /// Whether news before these were dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
    /// The changes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<News>,
}

impl Bulletin {
    /// A bulletin without news, begun at `now`.
    pub const fn new(topic: Topic, now: Timestamp) -> Self {
        Self { topic, at: now, gap: false, news: Vec::new() }
    }

    /// Whether there is nothing to tell.
    pub const fn is_empty(&self) -> bool {
        !self.gap && self.news.is_empty()
    }

    /// Whether the bulletin holds news that may not be dropped.
    pub fn is_pressing(&self) -> bool {
        self.news.iter().any(|news| !news.may_be_dropped())
    }

    /// Adds news. They replace news of the same thing, and lines of one stream that follow on others
    /// become one range with these. Lines that fill a hole are a range of their own, because those
    /// behind the hole may have been told already.
    pub fn add(&mut self, news: News) {
        let Some(index) = self.news.iter().rposition(|known| same(known, &news)) else {
            self.news.push(news);
            return;
        };
        if let (News::Lines(known), News::Lines(lines)) = (&self.news[index], &news)
            && lines.from <= known.to
        {
            self.news.push(news);
            return;
        }
        let known = self.news.remove(index);
        self.news.push(later(known, news));
    }

    /// Adds the news of a later bulletin of the same topic.
    pub fn merge(&mut self, other: Self) {
        self.at = self.at.min(other.at);
        self.gap |= other.gap;
        other.news.into_iter().for_each(|news| self.add(news));
    }

    /// Drops what may be dropped, for a gap.
    pub fn drop_for_gap(&mut self) {
        let before = self.news.len();
        self.news.retain(|news| !news.may_be_dropped());
        self.gap |= self.news.len() < before;
    }

    /// Drops what may be dropped if the bulletin is older than [`OUTDATED`].
    pub fn grow_old(&mut self, now: Timestamp) {
        if OUTDATED < now.since(self.at) {
            self.drop_for_gap();
        }
    }

    /// The message to send now, and the bulletin that is left for the next one. What does not fit into
    /// [`MAX_BULLETIN`] is dropped for a gap, or waits if it may not be dropped.
    pub fn into_message(mut self) -> (LiveMessage, Option<Self>) {
        let whole = LiveMessage::Bulletin(self.clone());
        if whole.print().len() <= MAX_BULLETIN {
            return (whole, None);
        }
        self.drop_for_gap();
        let empty = LiveMessage::Bulletin(Self { news: Vec::new(), ..self.clone() });
        let mut room = MAX_BULLETIN.saturating_sub(empty.print().len() + r#","news":[]"#.len());
        let fits = self.news.iter().take_while(|news| {
            let size = serde_json::to_string(news).map_or(0, |text| text.len() + 1);
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        });
        let rest = self.news.split_off(fits.count().max(1).min(self.news.len()));
        let left = Self { gap: false, news: rest, ..self.clone() };
        (LiveMessage::Bulletin(self), (!left.is_empty()).then_some(left))
    }
}

/// Whether two pieces of news are about the same thing.
fn same(one: &News, other: &News) -> bool {
    match (one, other) {
        (News::Event(one), News::Event(other)) => one.id == other.id,
        (News::Delivery(one), News::Delivery(other)) => one.id == other.id,
        (News::Job(one), News::Job(other)) => one.id == other.id,
        (News::Batch(one), News::Batch(other)) => one.id == other.id,
        (News::Letter(one), News::Letter(other)) => one.id == other.id,
        (News::Task(one), News::Task(other)) => one.id == other.id,
        (News::Lines(one), News::Lines(other)) => {
            one.job == other.job && one.stream == other.stream
        }
        _ => false,
    }
}

/// Of two pieces of news about the same thing the one that stands. Workers that change a thing one
/// after the other may tell of it in another order, and a job that has ended is not told of as running.
fn later(known: News, news: News) -> News {
    match (known, news) {
        (News::Job(known), News::Job(news)) => {
            let ended = known.status.is_terminal() && !news.status.is_terminal();
            let newer = !ended && known.version <= news.version;
            News::Job(if newer { news } else { known })
        }
        (News::Batch(known), News::Batch(news)) => {
            News::Batch(if known.version <= news.version { news } else { known })
        }
        (News::Lines(known), News::Lines(news)) => {
            News::Lines(LinesNews { from: known.from, ..news })
        }
        (_, news) => news,
    }
}
