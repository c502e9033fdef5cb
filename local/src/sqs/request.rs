//! Requests as the JSON protocol spells them. Numbers and lengths are judged in `limits`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A message's attributes by name.
pub(crate) type MessageAttributes = BTreeMap<String, MessageAttribute>;

/// A typed message attribute; `binary_value` stays in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MessageAttribute {
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

/// What is sent: a `SendMessage`, or an entry of a `SendMessageBatch`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SendMessage {
    pub(crate) message_body: String,
    pub(crate) delay_seconds: Option<i64>,
    pub(crate) message_attributes: MessageAttributes,
    pub(crate) message_system_attributes: MessageAttributes,
    pub(crate) message_group_id: Option<String>,
    pub(crate) message_deduplication_id: Option<String>,
}

/// `ReceiveMessage`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ReceiveMessage {
    pub(crate) max_number_of_messages: Option<i64>,
    pub(crate) visibility_timeout: Option<i64>,
    pub(crate) wait_time_seconds: Option<i64>,
    pub(crate) attribute_names: Vec<String>,
    pub(crate) message_system_attribute_names: Vec<String>,
    pub(crate) message_attribute_names: Vec<String>,
}

/// `DeleteMessage`, or an entry of its batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteMessage {
    pub(crate) receipt_handle: String,
}

/// `ChangeMessageVisibility`, or an entry of its batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeMessageVisibility {
    pub(crate) receipt_handle: String,
    pub(crate) visibility_timeout: i64,
}

/// An action on a queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueRequest<T> {
    queue_url: String,
    #[serde(flatten)]
    pub(crate) action: T,
}

impl<T> QueueRequest<T> {
    /// The queue's name: the URL's last segment, whatever host and port it was given under.
    pub(crate) fn queue(&self) -> String {
        self.queue_url.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// The entries of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchRequest<T> {
    #[serde(default = "Vec::new")]
    pub(crate) entries: Vec<BatchEntry<T>>,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchEntry<T> {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) action: T,
}

/// An action that needs only the queue's URL.
#[derive(Debug, Deserialize)]
pub(crate) struct QueueOnly {}

/// `GetQueueUrl`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetQueueUrl {
    pub(crate) queue_name: String,
}

/// `CreateQueue`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateQueue {
    pub(crate) queue_name: String,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}

/// `SetQueueAttributes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetQueueAttributes {
    pub(crate) attributes: BTreeMap<String, String>,
}

/// `GetQueueAttributes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetQueueAttributes {
    #[serde(default)]
    pub(crate) attribute_names: Vec<String>,
}

/// `ListQueues`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListQueues {
    #[serde(default)]
    pub(crate) queue_name_prefix: String,
}
