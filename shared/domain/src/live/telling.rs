//! Telling `live` of changes: which topics they belong to, and how often one instance tells.
//!
//! A group of a FIFO queue takes 300 messages a second from all instances together. So an instance
//! tells of a topic [`SENDS`] times a second at the most, and merges what comes in between.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use super::{
    news::{Bulletin, LiveMessage, News},
    topic::Topic,
};
use crate::{
    id::{ApplicationId, BatchId},
    time::Timestamp,
};

/// Messages about one topic that an instance sends within a second.
pub const SENDS: usize = 5;
/// The second within which [`SENDS`] messages go.
const WINDOW: Duration = Duration::from_secs(1);
/// The time for which an instance goes by what it read about who is watched.
pub const REMEMBERED: Duration = Duration::from_secs(2);

/// The news of one instance that are still to be told.
#[derive(Debug, Default)]
pub struct Telling {
    waiting: BTreeMap<Topic, Bulletin>,
    /// The beginning of the second in which a topic was last told of, and how often.
    sent: HashMap<Topic, (Timestamp, usize)>,
}

/// The applications that somebody watches, as an instance last read them.
#[derive(Debug, Default)]
pub struct Watched {
    read_at: Option<Timestamp>,
    until: HashMap<ApplicationId, Timestamp>,
}

impl News {
    /// The topics of an application that the news belong to.
    pub fn topics(&self, application: &ApplicationId) -> Vec<Topic> {
        let of = || application.clone();
        match self {
            Self::Event(_) | Self::Delivery(_) | Self::Refusal(_) => vec![Topic::events(of())],
            Self::Letter(_) => vec![Topic::letters(of())],
            Self::Task(_) => vec![Topic::tasks(of())],
            Self::Batch(batch) => vec![Topic::batch(of(), batch.id.clone())],
            Self::Lines(lines) => vec![Topic::job(of(), lines.job.clone())],
            Self::Job(job) => {
                let batch = job.batch_id.as_ref().map(|batch| BatchId::of(application, batch));
                let mut topics = vec![Topic::job(of(), job.id.clone())];
                topics.extend(job.project_id.clone().map(|id| Topic::project(of(), id)));
                topics.extend(batch.map(|batch| Topic::batch(of(), batch)));
                topics
            }
        }
    }
}

impl Telling {
    /// Notes news of an application for each of their topics.
    pub fn note(&mut self, application: &ApplicationId, news: &News, now: Timestamp) {
        for topic in news.topics(application) {
            let begin = || Bulletin::new(topic.clone(), now);
            self.waiting.entry(topic.clone()).or_insert_with(begin).add(news.clone());
        }
    }

    /// The messages that go now, one per topic at the most. What the rate holds back stays, and so does
    /// what does not fit into a message.
    pub fn take(&mut self, now: Timestamp) -> Vec<LiveMessage> {
        self.sent.retain(|_, (began, _)| now < began.plus(WINDOW));
        let mut messages = Vec::new();
        for (topic, mut bulletin) in std::mem::take(&mut self.waiting) {
            bulletin.grow_old(now);
            let (_, count) = self.sent.entry(topic.clone()).or_insert((now, 0));
            if SENDS <= *count {
                self.waiting.insert(topic, bulletin);
                continue;
            }
            *count += 1;
            let (message, left) = bulletin.into_message();
            messages.push(message);
            self.waiting.extend(left.map(|left| (topic, left)));
        }
        messages
    }

    /// The time until the next message that should not wait for other news; `None` if everything that
    /// waits may wait, and be dropped in the end.
    pub fn pressing(&self, now: Timestamp) -> Option<Duration> {
        let pressing = self.waiting.values().filter(|bulletin| bulletin.is_pressing());
        let waits = pressing.map(|bulletin| match self.sent.get(&bulletin.topic) {
            Some((began, count)) if SENDS <= *count => began.plus(WINDOW).since(now),
            _ => Duration::ZERO,
        });
        waits.min()
    }
}

impl Watched {
    /// Whether the caller is to read who is watched. Until it has, others go by what was read before.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        let old = self.is_old(now);
        if old {
            self.read_at = Some(now);
        }
        old
    }

    /// Whether what was read is too old to go by.
    pub fn is_old(&self, now: Timestamp) -> bool {
        self.read_at.is_none_or(|read| read.plus(REMEMBERED) <= now)
    }

    /// Takes over what was read: who is watched, and until when.
    pub fn learn(&mut self, until: HashMap<ApplicationId, Timestamp>, now: Timestamp) {
        *self = Self { read_at: Some(now), until };
    }

    /// The applications that are watched at `now`.
    pub fn at(&self, now: Timestamp) -> HashSet<&ApplicationId> {
        let watched = self.until.iter().filter(|(_, until)| now < **until);
        watched.map(|(application, _)| application).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Event,
        id::{EventId, Tenure},
        job::{Job, JobStatus},
        live::news::{EventNews, JobNews, MAX_BULLETIN},
    };

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn acme() -> ApplicationId {
        ApplicationId::named("acme")
    }

    const fn at(millis: u64) -> Timestamp {
        Timestamp(NOW.0 + millis)
    }

    fn event(name: &str) -> News {
        let event = Event::by_relay(EventId::derive(&[name]), acme(), "a.b", b"{}", NOW);
        News::Event(EventNews::of(&event))
    }

    fn ended(name: &str) -> News {
        let mut job = Job::unknown(Tenure::sample(), "modal", name, NOW);
        (job.project_id, job.batch_id) = (Some("p".to_owned()), Some("b".to_owned()));
        News::Job(JobNews::of(&job, JobStatus::Succeeded, None))
    }

    fn news(message: &LiveMessage) -> usize {
        match message {
            LiveMessage::Bulletin(bulletin) => bulletin.news.len(),
            _ => 0,
        }
    }

    #[test]
    fn news_of_one_topic_are_one_message_and_each_topic_of_a_job_gets_its_own() {
        let mut telling = Telling::default();
        assert!(telling.take(NOW).is_empty());
        for name in ["a", "b", "c"] {
            telling.note(&acme(), &event(name), NOW);
            telling.note(&ApplicationId::named("other"), &event(name), NOW);
        }
        telling.note(&acme(), &ended("j"), NOW);
        let messages = telling.take(NOW);
        let mut groups: Vec<_> =
            messages.iter().map(|message| (message.group(), news(message))).collect();
        groups.sort();
        let kinds = groups
            .iter()
            .map(|(group, count)| (group.split(':').next().expect("a kind").to_owned(), *count));
        let expected = [("batch", 1), ("events", 3), ("events", 3), ("job", 1), ("project", 1)];
        let expected = expected.map(|(kind, count)| (kind.to_owned(), count));
        assert_eq!(kinds.collect::<Vec<_>>(), expected);
        assert!(telling.take(NOW).is_empty(), "each once");
    }

    #[test]
    fn an_instance_tells_of_a_topic_five_times_a_second_and_merges_the_rest() {
        let mut telling = Telling::default();
        let (mut messages, mut told) = (0, 0);
        for number in 0..1000 {
            telling.note(&acme(), &event(&number.to_string()), at(number));
            let taken = telling.take(at(number));
            messages += taken.len();
            told += taken.iter().map(news).sum::<usize>();
        }
        assert_eq!((messages, told), (5, 5));
        assert_eq!(telling.pressing(at(1000)), None, "events wait for the next invocation");
        let taken = telling.take(at(1000));
        let [LiveMessage::Bulletin(rest)] = &taken[..] else { panic!("one message") };
        assert!(rest.gap && rest.news.is_empty(), "995 events do not fit into one message");
    }

    #[test]
    fn an_end_is_told_as_soon_as_the_rate_allows() {
        let mut telling = Telling::default();
        for number in 0..6 {
            telling.note(&acme(), &ended(&number.to_string()), at(number));
            telling.take(at(number));
        }
        // Each job has a topic of its own; their project has one, which was told of five times.
        assert_eq!(telling.pressing(at(5)), Some(Duration::from_millis(995)));
        assert!(telling.take(at(999)).is_empty());
        assert_eq!(telling.pressing(at(1000)), Some(Duration::ZERO));
        assert_eq!(telling.take(at(1000)).len(), 2, "of the project and the batch");
        assert_eq!(telling.pressing(at(1000)), None);
    }

    #[test]
    fn many_ends_go_in_several_messages_each_once() {
        let mut telling = Telling::default();
        for number in 0..1000 {
            telling.note(&acme(), &ended(&number.to_string()), NOW);
        }
        let project = Topic::project(acme(), "p".to_owned()).key();
        let (mut told, mut now) = (0, NOW);
        while let Some(wait) = telling.pressing(now) {
            now = now.plus(wait);
            for message in telling.take(now) {
                assert!(message.print().len() <= MAX_BULLETIN);
                told += if message.group() == project { news(&message) } else { 0 };
            }
        }
        assert_eq!(told, 1000);
        assert!(now < at(5000), "{now:?}");
    }

    #[test]
    fn who_is_watched_is_read_every_two_seconds_and_ends_by_itself() {
        let mut watched = Watched::default();
        assert!(watched.is_old(NOW) && watched.at(NOW).is_empty());
        assert!(watched.begin(NOW) && !watched.begin(NOW), "one reads");
        watched.learn(HashMap::from([(acme(), at(1500))]), NOW);
        assert!(!watched.is_old(at(1999)) && watched.is_old(at(2000)));
        assert!(watched.at(at(1499)).contains(&acme()) && watched.at(at(1500)).is_empty());
        watched.learn(HashMap::new(), at(2000));
        assert!(!watched.is_old(at(2000)) && watched.at(at(2000)).is_empty());
    }
}
