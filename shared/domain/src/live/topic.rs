//! Topics: what a connection can subscribe to. A topic belongs to one application, and its text says
//! to which, so that a subscription can be judged without a read.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::id::{self, ApplicationId, BatchId, EndpointId, JobId, MAX_EXTERNAL_ID};

/// A topic. Nobody hears what has no topic: there is no "everyone".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// The application that the topic belongs to.
    pub application: ApplicationId,
    /// The subject within the application.
    pub subject: Subject,
}

/// The subject of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// All events of the application, and the states of their deliveries.
    Events,
    /// One job: its log and its states.
    Job(JobId),
    /// The jobs of one project, as senders call it.
    Project(String),
    /// One batch: its counts, and the progress of its jobs.
    Batch(BatchId),
    /// All dead letters of the application.
    Letters,
    /// All tasks of the application; with [`ApplicationId::every`], all tasks of the relay.
    Tasks,
    /// The deliveries that wait for one endpoint of kind listener.
    Listener(EndpointId),
}

/// A text that is no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a topic: a topic is events:<application>, letters:<application>, tasks:<application>, \
     job:<application>:<id>, project:<application>:<id>, batch:<application>:<id> or \
     listener:<application>:<id>"
)]
pub struct InvalidTopic;

/// Longest [`Topic::key`], in bytes: the longest `MessageGroupId` that SQS takes.
pub const MAX_KEY: usize = 128;

impl Topic {
    /// The topic of all events of an application.
    pub const fn events(application: ApplicationId) -> Self {
        Self { application, subject: Subject::Events }
    }

    /// The topic of a job.
    pub const fn job(application: ApplicationId, job: JobId) -> Self {
        Self { application, subject: Subject::Job(job) }
    }

    /// The topic of a project, as senders call it.
    pub const fn project(application: ApplicationId, project: String) -> Self {
        Self { application, subject: Subject::Project(project) }
    }

    /// The topic of a batch.
    pub const fn batch(application: ApplicationId, batch: BatchId) -> Self {
        Self { application, subject: Subject::Batch(batch) }
    }

    /// The topic of all dead letters of an application.
    pub const fn letters(application: ApplicationId) -> Self {
        Self { application, subject: Subject::Letters }
    }

    /// The topic of all tasks of an application.
    pub const fn tasks(application: ApplicationId) -> Self {
        Self { application, subject: Subject::Tasks }
    }

    /// The topic of a listener.
    pub const fn listener(application: ApplicationId, endpoint: EndpointId) -> Self {
        Self { application, subject: Subject::Listener(endpoint) }
    }

    /// The topic's name in keys of the table and as the group of queue messages: at most
    /// [`MAX_KEY`] bytes of printable ASCII without `#`. It is the topic's text, or its kind and a
    /// hash where the text does not fit, as for projects with long names.
    pub fn key(&self) -> String {
        let text = self.to_string();
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if text.len() <= MAX_KEY && text.bytes().all(plain) {
            return text;
        }
        // No text of a topic has this form: an application's id follows every kind.
        format!("{}:{}", self.subject.kind(), id::digest(&[&text]))
    }
}

impl Subject {
    /// The word that a topic's text begins with.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Job(_) => "job",
            Self::Project(_) => "project",
            Self::Batch(_) => "batch",
            Self::Letters => "letters",
            Self::Tasks => "tasks",
            Self::Listener(_) => "listener",
        }
    }

    /// The id in the topic's text; `None` for the subjects of which an application has one.
    fn id(&self) -> Option<&str> {
        match self {
            Self::Events | Self::Letters | Self::Tasks => None,
            Self::Job(job) => Some(job.as_str()),
            Self::Project(project) => Some(project),
            Self::Batch(batch) => Some(batch.as_str()),
            Self::Listener(endpoint) => Some(endpoint.as_str()),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.subject.kind(), self.application)?;
        match self.subject.id() {
            Some(id) => write!(f, ":{id}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        let mut parts = text.splitn(3, ':');
        let (kind, application, id) = (parts.next(), parts.next(), parts.next());
        let application = ApplicationId::parse(application.unwrap_or_default());
        let application = application.map_err(|_| InvalidTopic)?;
        let subject = match (kind.unwrap_or_default(), id) {
            ("events", None) => Subject::Events,
            ("letters", None) => Subject::Letters,
            ("tasks", None) => Subject::Tasks,
            ("job", Some(id)) => Subject::Job(JobId::parse(id).map_err(|_| InvalidTopic)?),
            ("batch", Some(id)) => Subject::Batch(BatchId::parse(id).map_err(|_| InvalidTopic)?),
            ("listener", Some(id)) => {
                Subject::Listener(EndpointId::parse(id).map_err(|_| InvalidTopic)?)
            }
            ("project", Some(id)) if (1..=MAX_EXTERNAL_ID).contains(&id.len()) => {
                Subject::Project(id.to_owned())
            }
            _ => return Err(InvalidTopic),
        };
        Ok(Self { application, subject })
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> ApplicationId {
        ApplicationId::named("acme")
    }

    #[test]
    fn a_topic_prints_and_parses_and_names_its_application() {
        for topic in [
            Topic::events(acme()),
            Topic::letters(acme()),
            Topic::tasks(acme()),
            Topic::job(acme(), JobId::derive(&["j"])),
            Topic::batch(acme(), BatchId::derive(&["b"])),
            Topic::listener(acme(), EndpointId::derive(&["e"])),
            Topic::project(acme(), "p".to_owned()),
            Topic::project(acme(), "a:b #c\u{0}é".to_owned()),
            Topic::project(acme(), "p".repeat(MAX_EXTERNAL_ID)),
        ] {
            let text = topic.to_string();
            assert_eq!(text.parse(), Ok(topic.clone()), "{text}");
            assert_eq!(topic.application, acme());
            let json = serde_json::to_string(&topic).expect("JSON");
            assert_eq!(serde_json::from_str::<Topic>(&json).expect("a topic"), topic);
        }
    }

    #[test]
    fn what_is_no_topic_is_refused() {
        let app = acme();
        for text in [
            "".to_owned(),
            ":".to_owned(),
            "everyone".to_owned(),
            "events".to_owned(),
            "events:".to_owned(),
            "events:acme".to_owned(),
            format!("events:{app}:x"),
            format!("tasks:{app}:x"),
            format!("Events:{app}"),
            format!("job:{app}"),
            format!("job:{app}:"),
            format!("job:{app}:modal-7"),
            format!("job:{app}:job_a.b"),
            format!("batch:{app}:job_1"),
            format!("project:{app}:"),
            format!("project:{app}:{}", "p".repeat(MAX_EXTERNAL_ID + 1)),
            format!("project::{app}:x"),
        ] {
            assert_eq!(text.parse::<Topic>(), Err(InvalidTopic), "{text}");
        }
    }

    #[test]
    fn the_key_of_a_topic_fits_a_queue_and_is_its_own() {
        let odd = ["p", "a b", "a#b", "é", "\u{0}", &"p".repeat(60), &"p".repeat(100)];
        let mut keys: Vec<_> =
            odd.iter().map(|id| Topic::project(acme(), (*id).to_owned()).key()).collect();
        assert_eq!(keys[0], format!("project:{}:p", acme()));
        let long = ApplicationId::parse(&format!("app_{}", "a".repeat(80))).expect("an id");
        let batch = BatchId::parse(&format!("batch_{}", "b".repeat(80))).expect("an id");
        keys.push(Topic::batch(long, batch).key());
        for key in &keys {
            assert!(key.len() <= MAX_KEY, "{key}");
            assert!(key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{key}");
        }
        // Another topic whose text is the key of the first is not to be made by a sender.
        let hashed = keys.last().expect("a key");
        assert!(hashed.parse::<Topic>().is_err(), "{hashed}");
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), odd.len() + 1);
    }
}
