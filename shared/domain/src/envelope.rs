//! Messages on the queues: accepted requests on the inbox, doorbells on the other queues.
//!
//! The table is the truth. A doorbell only says that an item is to be looked at; an envelope is an
//! accepted request that the table does not know yet.

mod body;
mod malformed;
mod trust;

use serde::{Deserialize, Serialize};

pub use self::{
    body::{OpenedBody, StoredBody, object_part},
    malformed::MalformedMessage,
    trust::Trust,
};
use crate::{
    id::{ApplicationId, BatchId, DeliveryId, EndpointId, EventId, SourceId, TaskId, Tenure},
    listener::HandedAnswer,
    request::RequestRecord,
    source::{Source, SourceOptions},
    time::Timestamp,
};

/// An accepted request on its way to `process`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The identity of the source that sent the request.
    pub source_id: SourceId,
    /// The name of that source.
    pub source: String,
    /// The name of the source's profile when the request arrived.
    pub profile: String,
    /// The source's options when the request arrived.
    #[serde(default)]
    pub options: SourceOptions,
    /// The application whose endpoints receive the event.
    pub application: ApplicationId,
    /// The mark of the source's secrets when one of them vouched for the request; `None` if a token
    /// of one job did, or the relay itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// The idempotency key: requests with one key are one event.
    pub key: String,
    /// The id of the event, derived from tenure and key.
    pub event: EventId,
    /// A random name of this arrival. A request that is sent twice arrives twice under one event.
    pub arrival: String,
    /// The time at which the request arrived.
    pub received_at: Timestamp,
    /// The value of the sender's header for event types, if the profile has such a header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Whether the request said that its body is a form.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub form: bool,
    /// The reason why the request is believed.
    #[serde(default)]
    pub trust: Trust,
    /// The request as it came; `None` if the relay or an operator made the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RequestRecord>>,
    /// The body as it came, if it came in a `Content-Encoding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoded: Option<StoredBody>,
    /// The body, unpacked and otherwise unchanged.
    pub body: StoredBody,
}

/// A message that says only "look at this item". On the outbox: a delivery that may be due. On the
/// inbox: a batch, or an event whose deliveries are created in pages. On the dead-letter queue: a delivery that died, a task or a gate that is due, content
/// whose time is over, or a listener that nobody used. An answer of a listener is the exception: it says
/// how a call went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Doorbell {
    /// A delivery to be attempted or, on the dead-letter queue, to be parked.
    Delivery {
        /// The event that is delivered.
        event: EventId,
        /// The delivery to look at.
        delivery: DeliveryId,
        /// The number of bells that this one follows from, each rung by the worker that received
        /// the one before.
        #[serde(default, skip_serializing_if = "is_none")]
        hops: u8,
    },
    /// A task of which a step is due.
    Task {
        /// The task to look at.
        task: TaskId,
        /// The number of fans of bells that this one follows from, each sent by a step that a bell of
        /// the one before began.
        #[serde(default, skip_serializing_if = "is_none")]
        hops: u8,
    },
    /// A gate that is to be looked after.
    Gate {
        /// The endpoint of the gate.
        gate: EndpointId,
        /// The number of fans of bells that this one follows from, as of a task.
        #[serde(default, skip_serializing_if = "is_none")]
        hops: u8,
    },
    /// A batch whose jobs are to be counted.
    Batch {
        /// The batch whose markers are to be counted.
        batch: BatchId,
    },
    /// An event of which further deliveries are to be created.
    FanOut {
        /// The event of the fan-out to look at.
        fan: EventId,
        /// The number of bells that this one follows from, each rung by the worker that received
        /// the one before.
        #[serde(default, skip_serializing_if = "is_none")]
        hops: u8,
    },
    /// An event whose content is to be removed, if the time for that has come.
    Content {
        /// The event to look at.
        content: EventId,
    },
    /// A listener that is to be removed, if nobody has used it since.
    Listener {
        /// The application that the listener belongs to.
        application: ApplicationId,
        /// The name of the listener.
        listener: String,
    },
    /// The answer of a listener to a delivery that was handed to it.
    Answer {
        /// The answer. The claim that it names may have ended.
        answer: Box<HandedAnswer>,
    },
}

impl Envelope {
    /// The source in the application that it belonged to when it accepted the request.
    pub fn tenure(&self) -> Tenure {
        Tenure { source: self.source_id.clone(), application: self.application.clone() }
    }

    /// The request as one of another tenure, under the same idempotency key.
    pub fn within(&self, tenure: Tenure) -> Self {
        let event = Source::event_id(&tenure, &self.key);
        let Tenure { source: source_id, application } = tenure;
        Self { source_id, application, event, ..self.clone() }
    }
}

/// A message of the inbox.
#[derive(Clone, Debug, PartialEq)]
pub enum InboxMessage {
    /// A request of a source that `ingest` accepted.
    Request(Box<Envelope>),
    /// A batch whose jobs are to be counted.
    Batch(BatchId),
    /// An event of which further deliveries are to be created.
    FanOut {
        /// The event of which deliveries are missing.
        event: EventId,
        /// The number of bells that this one follows from.
        hops: u8,
    },
}

impl InboxMessage {
    /// Reads the body of a message of the inbox once: the name of its first field tells the kinds
    /// apart, so a request of a megabyte is not read a second time to find that it rings for nothing.
    ///
    /// # Errors
    /// If the text is not JSON, or of neither kind.
    pub fn parse(text: &str) -> Result<Self, MalformedMessage> {
        if ![r#"{"batch":"#, r#"{"fan":"#].iter().any(|bell| text.starts_with(bell)) {
            return Envelope::parse(text).map(|envelope| Self::Request(Box::new(envelope)));
        }
        match Doorbell::parse(text)? {
            Doorbell::Batch { batch } => Ok(Self::Batch(batch)),
            Doorbell::FanOut { fan: event, hops } => Ok(Self::FanOut { event, hops }),
            _ => Err(MalformedMessage("a doorbell for something else".to_owned())),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(hops: &u8) -> bool {
    *hops == 0
}

impl Envelope {
    /// The reason why the message with this body can never be recorded, as a text for people; `None` if
    /// nothing is known that forbids it.
    pub fn unrecordable(&self, body: &[u8]) -> Option<String> {
        let Some(profile) = self.options.profile(&self.profile) else {
            return Some(format!("profile {:?} is unknown", self.profile));
        };
        let report = profile.read(&profile.readable(body, self.form)).recordable();
        report.err().map(|why| format!("it can never be recorded: {why}"))
    }
}

macro_rules! message {
    ($name:ident) => {
        impl $name {
            /// Reads the body of a message.
            ///
            /// # Errors
            /// If the text is not JSON, or not of this kind.
            pub fn parse(text: &str) -> Result<Self, MalformedMessage> {
                serde_json::from_str(text).map_err(|error| MalformedMessage(error.to_string()))
            }

            /// The body of a message, as JSON.
            pub fn print(&self) -> String {
                serde_json::to_string(self).expect("plain data serialises")
            }
        }
    };
}
message!(Envelope);
message!(Doorbell);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doorbell_prints_and_parses_and_garbage_does_not() {
        let event = EventId::derive(&["e"]);
        let delivery = DeliveryId::derive(&["d"]);
        for hops in [0, 1, 11] {
            let (event, delivery) = (event.clone(), delivery.clone());
            let bell = Doorbell::Delivery { event, delivery, hops };
            assert_eq!(Doorbell::parse(&bell.print()).expect("ours"), bell);
            assert_eq!(bell.print().contains("hops"), hops != 0);
        }
        assert!(Doorbell::parse("garbage").is_err());
        assert!(Envelope::parse("{}").is_err());
    }

    #[test]
    fn a_message_of_the_inbox_is_told_by_its_first_field() {
        let batch = BatchId::derive(&["b"]);
        let bell = Doorbell::Batch { batch: batch.clone() }.print();
        assert_eq!(InboxMessage::parse(&bell).expect("ours"), InboxMessage::Batch(batch));
        let event = EventId::derive(&["e"]);
        let fan = Doorbell::FanOut { fan: event.clone(), hops: 1 }.print();
        assert_eq!(
            InboxMessage::parse(&fan).expect("ours"),
            InboxMessage::FanOut { event, hops: 1 }
        );
        let tenure = Tenure::sample();
        let envelope = Envelope {
            source_id: tenure.source,
            source: "modal".to_owned(),
            profile: "modal".to_owned(),
            options: SourceOptions::default(),
            application: tenure.application,
            proof: None,
            key: "key".to_owned(),
            event: EventId::derive(&["e"]),
            arrival: "arrival".to_owned(),
            received_at: Timestamp(1),
            event_type: None,
            form: false,
            trust: Trust::Signed,
            request: None,
            encoded: None,
            body: StoredBody::Text(r#"{"batch":"btch_1"}"#.to_owned()),
        };
        let request = InboxMessage::Request(Box::new(envelope.clone()));
        assert_eq!(InboxMessage::parse(&envelope.print()).expect("ours"), request);
        let task = Doorbell::Task { task: TaskId::derive(&["t"]), hops: 0 }.print();
        for not_ours in [task.as_str(), "{}", "", r#"{"batch":1}"#, r#"{"batch":"btch_1","x""#] {
            assert!(InboxMessage::parse(not_ours).is_err(), "{not_ours}");
        }
    }
}
