//! What travels on the queues. The table is the truth: a message on the outbox is only a doorbell,
//! and a message on the inbox is an accepted request that the table does not know yet.

mod body;
mod malformed;
mod trust;

use serde::{Deserialize, Serialize};

pub use self::{
    body::{OpenedBody, StoredBody},
    malformed::MalformedMessage,
    trust::Trust,
};
use crate::{
    id::{BatchId, DeliveryId, EventId, TaskId},
    source::SourceOptions,
    time::Timestamp,
};

/// An accepted request on its way to `process`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The source it came from.
    pub source: String,
    /// That source's profile at the time.
    pub profile: String,
    /// That source's options at the time.
    #[serde(default)]
    pub options: SourceOptions,
    /// The application that hears of it.
    pub application: String,
    /// The idempotency key.
    pub key: String,
    /// The event it is.
    pub event: EventId,
    /// Names this arrival: the same request sent twice arrives twice under one event.
    pub arrival: String,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The type header, where the profile has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Why it is believed.
    #[serde(default)]
    pub trust: Trust,
    /// The raw body.
    pub body: StoredBody,
}

/// "Look at this": on the outbox a delivery that may be due, on the dead-letter queue a delivery
/// that died, a task that is due or content whose time is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Doorbell {
    /// A delivery.
    Delivery {
        /// Its event.
        event: EventId,
        /// The delivery.
        delivery: DeliveryId,
        /// How many bells this one follows from, each rung by whoever heard the one before.
        #[serde(default, skip_serializing_if = "is_none")]
        hops: u8,
    },
    /// A task.
    Task {
        /// The task.
        task: TaskId,
    },
    /// A batch whose jobs are to be counted.
    Batch {
        /// The batch.
        batch: BatchId,
    },
    /// An event whose content is to be removed, if its time is over.
    Content {
        /// The event.
        content: EventId,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(hops: &u8) -> bool {
    *hops == 0
}

macro_rules! message {
    ($name:ident) => {
        impl $name {
            /// Reads a message body.
            pub fn parse(text: &str) -> Result<Self, MalformedMessage> {
                serde_json::from_str(text).map_err(|error| MalformedMessage(error.to_string()))
            }

            /// The message body.
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
}
