//! Messages to clients. Both protocols carry the same ones: JSON as an object whose `event` is the
//! name, Socket.IO as an event of that name with the other fields.

mod listening;
mod lists;

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::listening::{DeliveryName, ListenerName, ListenerState};
pub use self::lists::{DeliveryEntry, EventEntry, LetterEntry, LineEntry, RefusalEntry, TaskEntry};
use super::{protocol::Protocol, refusal::LiveRefusal, socket_io, topic::Topic};
use crate::listener::HandedDelivery;

macro_rules! messages {
    ($($(#[$doc:meta])* $kind:ident($data:ty) = $name:literal,)*) => {
        /// A message to a client.
        #[derive(Clone, Debug, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "event")]
        pub enum LiveEvent {
            $($(#[$doc])* #[serde(rename = $name)] $kind($data),)*
        }

        /// The names of all messages.
        pub const EVENTS: &[&str] = &[$($name),*];

        impl LiveEvent {
            /// The name of the message.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $name,)*
                }
            }

            /// The message as one frame of a protocol.
            pub fn frame(&self, protocol: Protocol) -> String {
                match (protocol, self) {
                    (Protocol::Json, message) => {
                        serde_json::to_string(message).expect("plain data serialises")
                    }
                    $((Protocol::SocketIo, Self::$kind(data)) => socket_io::event($name, data),)*
                }
            }
        }
    };
}

messages! {
    /// The connection is open. Only the JSON protocol has this message: Socket.IO has an opening packet
    /// of its own.
    Hello(Hello) = "hello",
    /// The client hears a job, or the events, dead letters or tasks of an application.
    Subscribed(Subscribed) = "subscribed",
    /// The client hears a job no more.
    Unsubscribed(JobName) = "unsubscribed",
    /// The client hears a project.
    SubscribedProject(ProjectName) = "subscribed_project",
    /// The client hears a batch.
    JoinedBatch(BatchName) = "joined_batch",
    /// Lines of a job's log. Only the JSON protocol has this message.
    LogLines(LogLines) = "log_lines",
    /// One line of a job's log, or several joined. Only Socket.IO has this message.
    LogLine(LineText) = "log_line",
    /// Events were recorded.
    Events(EventList) = "events",
    /// Deliveries were attempted, or ended.
    Deliveries(DeliveryList) = "deliveries",
    /// Dead letters were parked, put back or settled.
    Letters(LetterList) = "letters",
    /// Tasks were started, did a step, or ended.
    Tasks(TaskList) = "tasks",
    /// Requests of senders were refused. Whoever hears the events of an application hears of its sources.
    Refusals(RefusalList) = "refusals",
    /// A job started or progressed.
    JobProgress(JobProgress) = "job_progress",
    /// A job ended with success.
    JobCompleted(JobCompleted) = "job_completed",
    /// A job ended without success.
    JobFailed(JobFailed) = "job_failed",
    /// The counts of a batch changed, or it ended.
    BatchStatus(BatchStatus) = "batch_status",
    /// Some messages of a topic were dropped. The client lists over HTTP what it shows.
    Gap(Gap) = "gap",
    /// The connection hears a listener: deliveries come, those that waited first.
    Listening(ListenerState) = "listening",
    /// A delivery to the listener. The client makes the request and answers with `concluded`.
    Delivery(HandedDelivery) = "delivery",
    /// The relay has the answer to a delivery.
    Confirmed(DeliveryName) = "confirmed",
    /// Another connection hears the listener from now on.
    TakenOver(ListenerName) = "taken_over",
    /// The answer to `ping`.
    Pong(Pong) = "pong",
    /// An action was refused, or the connection is about to be closed.
    Error(LiveRefusal) = "error",
}

/// Data of `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hello {
    /// The id of the connection, for questions to whoever runs the relay.
    pub session: String,
    /// The time at which the connection ends, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub expires_at: String,
}

/// Data of `subscribed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Subscribed {
    /// The action that was carried out.
    pub action: String,
    /// The job, as the client named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The application, of the actions that are about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Whether the connection heard the topic already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SubscriptionStatus>,
    /// Where the job runs.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub job_type: Option<JobType>,
    /// A notice to the client in words, such as that the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Whether a connection heard a topic already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// The connection hears the topic from now on.
    Started,
    /// The connection heard the topic already.
    AlreadyActive,
}

/// Where a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobType {
    /// On a platform.
    Modal,
    /// On a machine of the caller: its id begins with `local-`.
    Local,
}

impl JobType {
    /// The type of the job that its sender calls so.
    pub fn of(external_id: &str) -> Self {
        if external_id.starts_with("local-") { Self::Local } else { Self::Modal }
    }
}

/// Data of `unsubscribed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobName {
    /// The job, as the client named it.
    pub job_id: String,
}

/// Data of `subscribed_project`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProjectName {
    /// The project, as the client named it.
    pub project_id: String,
}

/// Data of `joined_batch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchName {
    /// The batch, as the client named it.
    pub batch_id: String,
}

/// Data of `log_lines`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogLines {
    /// The job, as the client named it.
    pub job_id: String,
    /// The lines, in order.
    pub lines: Vec<LineEntry>,
}

/// Data of `log_line`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineText {
    /// The job, as the client named it.
    pub job_id: String,
    /// The line; if there are several, joined with `\n`.
    pub message: String,
    /// The time of the first line, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub timestamp: String,
    /// The number of lines, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<usize>,
}

/// Data of `events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventList {
    /// The events, oldest first.
    pub events: Vec<EventEntry>,
}

/// Data of `deliveries`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeliveryList {
    /// The deliveries, as they are now.
    pub deliveries: Vec<DeliveryEntry>,
}

/// Data of `letters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LetterList {
    /// The letters, as they are now.
    pub letters: Vec<LetterEntry>,
}

/// Data of `tasks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskList {
    /// The tasks, as they are now.
    pub tasks: Vec<TaskEntry>,
}

/// Data of `refusals`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefusalList {
    /// The newest refused requests since the last message, oldest first.
    pub refusals: Vec<RefusalEntry>,
}

/// Data of `job_progress`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobProgress {
    /// The relay's id of the job.
    pub id: String,
    /// The job, as the client or else its sender calls it.
    pub job_id: String,
    /// The project, as senders call it.
    pub project_id: Option<String>,
    /// The batch, as senders call it.
    pub batch_id: Option<String>,
    /// Per cent that are done, 0 to 100, if the sender said so.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 100.0)))]
    pub progress: Option<f64>,
    /// The state in the API: `pending` or `running`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::open_status"))]
    pub status: String,
    /// The words of the sender about the state.
    pub message: Option<String>,
    /// The time of the change, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub timestamp: String,
}

/// Data of `job_completed`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobCompleted {
    /// The relay's id of the job.
    pub id: String,
    /// The job, as the client or else its sender calls it.
    pub job_id: String,
    /// The project, as senders call it.
    pub project_id: Option<String>,
    /// The batch, as senders call it.
    pub batch_id: Option<String>,
    /// Always `completed`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "completed")))]
    pub status: String,
    /// The result as its sender wrote it; `null` if there is none or it is large. Then `GET
    /// /v1/jobs/{id}/result` has it.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub result: Option<Box<RawValue>>,
}

/// Data of `job_failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobFailed {
    /// The relay's id of the job.
    pub id: String,
    /// The job, as the client or else its sender calls it.
    pub job_id: String,
    /// The project, as senders call it.
    pub project_id: Option<String>,
    /// The batch, as senders call it.
    pub batch_id: Option<String>,
    /// The end in the API: `failed`, `timed_out` or `cancelled`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::failed_status"))]
    pub status: String,
    /// The error in words.
    pub error: Option<String>,
}

/// Data of `batch_status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchStatus {
    /// The relay's id of the batch.
    pub id: String,
    /// The batch, as the client or else its senders call it.
    pub batch_id: String,
    /// The state in the API: `in_progress`, `completed` or `failed`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["in_progress", "completed", "failed"])))]
    pub status: String,
    /// Jobs that have ended.
    pub completed_jobs: u64,
    /// Jobs that the batch has, as far as is known.
    pub total_jobs: u64,
    /// The time of the change, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub timestamp: String,
}

/// Data of `gap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// The topic of which messages were dropped.
    pub topic: Topic,
}

/// Data of `pong`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pong {}

#[cfg(test)]
mod tests;
