//! Actions: what a client asks for. Both protocols have the same ones.
//!
//! Reading is strict: an unknown action is refused with the known ones, an unknown field with the name
//! that is nearest to it, and every id has a bound. What is refused is answered; the connection
//! stays.

mod listening;

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};
use serde_json::{Map, Value};

pub use self::listening::{CallError, Conclusion, Listen};
use super::refusal::{LiveRefusal, RefusalCode};
use crate::{
    id::MAX_EXTERNAL_ID,
    log::{MAX_STREAM, MAX_STREAMS, Seq},
    reading::{self, Fault},
    spelling::nearest,
};

/// Largest message of a client, in bytes: API Gateway takes no larger one.
pub const MAX_MESSAGE: usize = 128 * 1024;
/// Most topics that one connection hears.
pub const MAX_SUBSCRIPTIONS: usize = 100;
/// Longest name of an application, a source or an event type, in bytes.
pub const MAX_NAME: usize = 256;

/// A request of a client.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(tag = "action", rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Action {
    /// The log lines and states of a job.
    SubscribeLogs(LogsWanted),
    /// No more of a job.
    UnsubscribeLogs(JobNamed),
    /// The states of the jobs of a project.
    SubscribeProject(ProjectNamed),
    /// The counts of a batch, and the progress of its jobs.
    JoinBatch(BatchNamed),
    /// The events of an application and their deliveries.
    SubscribeEvents(EventsWanted),
    /// The dead letters of an application.
    SubscribeLetters(LettersWanted),
    /// The tasks of an application, or of the whole relay.
    SubscribeTasks(TasksWanted),
    /// The deliveries of a listener, from now on to this connection alone.
    Listen(Listen),
    /// How the call of a delivery went.
    Concluded(Conclusion),
    /// A sign of life.
    Ping,
}

/// The fields of `subscribe_logs`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct LogsWanted {
    /// The job: the relay's id, the sender's or the platform's.
    #[serde(deserialize_with = "id")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::id"))]
    pub job_id: String,
    /// The source of the job, needed where jobs of several sources bear the id.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub source: Option<String>,
    /// The project of the job. It is not looked at: clients of another system send it.
    #[serde(default, deserialize_with = "id_or_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::unread_id"))]
    pub project_id: Option<String>,
    /// The number of the last line that the client has, by stream. Lines up to it are not sent again.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(extend(
            "maxProperties" = MAX_STREAMS,
            "propertyNames" = { "maxLength": MAX_STREAM }
        ))
    )]
    pub after: BTreeMap<String, Seq>,
}

/// The fields of `unsubscribe_logs`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct JobNamed {
    /// The job, as it was named when it was subscribed to.
    #[serde(deserialize_with = "id")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::id"))]
    pub job_id: String,
    /// The source of the job, needed where jobs of several sources bear the id.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub source: Option<String>,
    /// The project of the job. It is not looked at.
    #[serde(default, deserialize_with = "id_or_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::unread_id"))]
    pub project_id: Option<String>,
}

/// The fields of `subscribe_project`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct ProjectNamed {
    /// The project, as senders call it.
    #[serde(deserialize_with = "id")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::id"))]
    pub project_id: String,
    /// The application, needed by those who see several.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub application: Option<String>,
}

/// The fields of `join_batch`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct BatchNamed {
    /// The batch: the relay's id, or the senders'.
    #[serde(deserialize_with = "id")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::id"))]
    pub batch_id: String,
    /// The application, needed by those who see several.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub application: Option<String>,
}

/// The fields of `subscribe_events`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct EventsWanted {
    /// The application, needed by those who see several.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub application: Option<String>,
    /// The events that the client wants; all of them if it names nothing.
    #[serde(default)]
    pub filter: EventFilter,
}

/// The events that a client wants: those that fit every field which is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct EventFilter {
    /// The name of the source.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub source: Option<String>,
    /// An event type, or a family such as `job.*`.
    #[serde(default, rename = "type")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub event_type: Option<String>,
    /// The job, by the relay's id or the sender's.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_EXTERNAL_ID)))]
    pub job: Option<String>,
    /// The batch, as senders call it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_EXTERNAL_ID)))]
    pub batch: Option<String>,
}

/// The fields of `subscribe_letters`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct LettersWanted {
    /// The application, needed by those who see several.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub application: Option<String>,
}

/// The fields of `subscribe_tasks`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct TasksWanted {
    /// The application. Those who see all applications and name none hear of every task.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub application: Option<String>,
}

/// An id, which clients write as text or as a number.
struct Id;

impl de::Visitor<'_> for Id {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id, as text or as a whole number")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(Id)
}

fn id_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Some(String);
    impl<'de> Deserialize<'de> for Some {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            id(deserializer).map(Self)
        }
    }
    Ok(Option::<Some>::deserialize(deserializer)?.map(|Some(id)| id))
}

/// The fields of `ping`.
#[derive(Deserialize)]
struct Nothing {}

/// The names of all actions.
pub const ACTIONS: [&str; 10] = [
    "subscribe_logs",
    "unsubscribe_logs",
    "subscribe_project",
    "join_batch",
    "subscribe_events",
    "subscribe_letters",
    "subscribe_tasks",
    "listen",
    "concluded",
    "ping",
];

impl Action {
    /// Reads a message of the JSON protocol.
    ///
    /// # Errors
    /// If the message is too large, is no JSON object with an action, or the action is refused.
    pub fn parse(message: &str) -> Result<Self, LiveRefusal> {
        if MAX_MESSAGE < message.len() {
            let why = format!("the message is larger than {MAX_MESSAGE} bytes");
            return Err(LiveRefusal::new(RefusalCode::TooLarge, why));
        }
        let unreadable = |why: String| LiveRefusal::new(RefusalCode::Unreadable, why);
        let mut fields: Map<String, Value> = match serde_json::from_str(message) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(unreadable("the message is not a JSON object".to_owned())),
            Err(error) => return Err(unreadable(format!("the message is not JSON: {error}"))),
        };
        match fields.remove("action") {
            Some(Value::String(name)) => Self::read(&name, fields),
            Some(_) => Err(LiveRefusal::new(RefusalCode::Invalid, "action: is not text")),
            None => Err(LiveRefusal::new(RefusalCode::Invalid, "action: is missing")),
        }
    }

    /// Reads an action of this name with these fields.
    ///
    /// # Errors
    /// If the action is unknown, a field is unknown or missing, or a value passes its bound.
    pub fn read(name: &str, fields: Map<String, Value>) -> Result<Self, LiveRefusal> {
        let Some(known) = ACTIONS.into_iter().find(|known| *known == name) else {
            return Err(unknown(name));
        };
        let invalid =
            |fault: Fault| LiveRefusal::new(RefusalCode::Invalid, fault.to_string()).of(known);
        let action = match known {
            "subscribe_logs" => typed(fields).map(Self::SubscribeLogs),
            "unsubscribe_logs" => typed(fields).map(Self::UnsubscribeLogs),
            "subscribe_project" => typed(fields).map(Self::SubscribeProject),
            "join_batch" => typed(fields).map(Self::JoinBatch),
            "subscribe_events" => typed(fields).map(Self::SubscribeEvents),
            "subscribe_letters" => typed(fields).map(Self::SubscribeLetters),
            "subscribe_tasks" => typed(fields).map(Self::SubscribeTasks),
            "listen" => typed(fields).map(Self::Listen),
            "concluded" => typed(fields).map(Self::Concluded),
            _ => typed(fields).map(|Nothing {}| Self::Ping),
        };
        let action = action.map_err(invalid)?;
        match action.beyond() {
            None => Ok(action),
            Some(why) => Err(LiveRefusal::new(RefusalCode::Invalid, why).of(known)),
        }
    }

    /// The name of the action.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SubscribeLogs(_) => "subscribe_logs",
            Self::UnsubscribeLogs(_) => "unsubscribe_logs",
            Self::SubscribeProject(_) => "subscribe_project",
            Self::JoinBatch(_) => "join_batch",
            Self::SubscribeEvents(_) => "subscribe_events",
            Self::SubscribeLetters(_) => "subscribe_letters",
            Self::SubscribeTasks(_) => "subscribe_tasks",
            Self::Listen(_) => "listen",
            Self::Concluded(_) => "concluded",
            Self::Ping => "ping",
        }
    }

    /// The first value that passes its bound, in words. A `project_id` that is not looked at has none.
    fn beyond(&self) -> Option<String> {
        let (id, name) = (MAX_EXTERNAL_ID, MAX_NAME);
        match self {
            Self::SubscribeLogs(LogsWanted { job_id, source, after, .. }) => {
                let stream = after.keys().find(|stream| MAX_STREAM < stream.len());
                first([
                    bound("job_id", Some(job_id), id),
                    bound("source", source.as_ref(), name),
                    (MAX_STREAMS < after.len())
                        .then(|| format!("after: names at most {MAX_STREAMS} streams")),
                    stream.map(|_| format!("after: a stream has at most {MAX_STREAM} bytes")),
                ])
            }
            Self::UnsubscribeLogs(JobNamed { job_id, source, .. }) => {
                first([bound("job_id", Some(job_id), id), bound("source", source.as_ref(), name)])
            }
            Self::SubscribeProject(ProjectNamed { project_id, application }) => first([
                bound("project_id", Some(project_id), id),
                bound("application", application.as_ref(), name),
            ]),
            Self::JoinBatch(BatchNamed { batch_id, application }) => first([
                bound("batch_id", Some(batch_id), id),
                bound("application", application.as_ref(), name),
            ]),
            Self::SubscribeEvents(EventsWanted { application, filter }) => first([
                bound("application", application.as_ref(), name),
                bound("filter.source", filter.source.as_ref(), name),
                bound("filter.type", filter.event_type.as_ref(), name),
                bound("filter.job", filter.job.as_ref(), id),
                bound("filter.batch", filter.batch.as_ref(), id),
            ]),
            Self::SubscribeLetters(LettersWanted { application })
            | Self::SubscribeTasks(TasksWanted { application }) => {
                bound("application", application.as_ref(), name)
            }
            Self::Listen(listen) => listen.beyond(),
            Self::Concluded(conclusion) => conclusion.beyond(),
            Self::Ping => None,
        }
    }
}

fn first<const N: usize>(faults: [Option<String>; N]) -> Option<String> {
    faults.into_iter().flatten().next()
}

/// The reason why a text is refused that is not 1 to `most` bytes; `None` if it fits.
fn bound(field: &str, text: Option<&String>, most: usize) -> Option<String> {
    let fits = text.is_none_or(|text| (1..=most).contains(&text.len()));
    (!fits).then(|| format!("{field}: is 1 to {most} bytes"))
}

/// The fields as a declared type, which knows all of them.
fn typed<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Fault> {
    reading::read_value(&Value::Object(fields))?.known()
}

/// The refusal of an action that there is not. Its name is repeated only if a known one is near to it:
/// it may be a secret in the wrong place.
fn unknown(name: &str) -> LiveRefusal {
    let nearest = nearest(name, &ACTIONS);
    let hint = nearest.map(|nearest| format!("did you mean `{nearest}`? ")).unwrap_or_default();
    let why = format!("the action is not known; {hint}known are {}", ACTIONS.join(", "));
    LiveRefusal::new(RefusalCode::UnknownAction, why)
}

#[cfg(test)]
mod tests;
