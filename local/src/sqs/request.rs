//! The requests of the JSON protocol, one type per action of SQS. `limits` checks numbers and lengths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The attributes of a message, by name.
pub(crate) type MessageAttributes = BTreeMap<String, MessageAttribute>;

/// A typed attribute of a message. `binary_value` is base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MessageAttribute {
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

/// Parameters of `SendMessage`, or of one entry of `SendMessageBatch`.
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

/// Parameters of `ReceiveMessage`.
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

/// Parameters of `DeleteMessage`, or of one entry of `DeleteMessageBatch`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteMessage {
    pub(crate) receipt_handle: String,
}

/// Parameters of `ChangeMessageVisibility`, or of one entry of `ChangeMessageVisibilityBatch`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeMessageVisibility {
    pub(crate) receipt_handle: String,
    pub(crate) visibility_timeout: i64,
}

/// A request about one queue: the URL of the queue and the parameters of the action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueRequest<T> {
    queue_url: String,
    #[serde(flatten)]
    pub(crate) action: T,
}

impl<T> QueueRequest<T> {
    /// The name of the queue: the last segment of its URL. Host and port are ignored.
    pub(crate) fn queue(&self) -> String {
        self.queue_url.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// The entries of a batch request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchRequest<T> {
    #[serde(default = "Vec::new")]
    pub(crate) entries: Vec<BatchEntry<T>>,
}

/// One entry of a batch request: its id and the parameters of the action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchEntry<T> {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) action: T,
}

/// No parameters: `PurgeQueue` and `DeleteQueue` need only the URL of the queue.
#[derive(Debug, Deserialize)]
pub(crate) struct QueueOnly {}

/// Parameters of `GetQueueUrl`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetQueueUrl {
    pub(crate) queue_name: String,
}

/// Parameters of `CreateQueue`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateQueue {
    pub(crate) queue_name: String,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Parameters of `SetQueueAttributes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetQueueAttributes {
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Parameters of `GetQueueAttributes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetQueueAttributes {
    #[serde(default)]
    pub(crate) attribute_names: Vec<String>,
}

/// Parameters of `ListQueues`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListQueues {
    #[serde(default)]
    pub(crate) queue_name_prefix: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn a_queue_is_found_under_every_host_and_port(
            queue in "[A-Za-z0-9_-]{1,80}",
            host in "[a-z0-9.-]{1,20}(:[0-9]{1,5})?",
        ) {
            let body = json!({ "QueueUrl": format!("http://{host}/000000000000/{queue}") });
            let request: QueueRequest<QueueOnly> = serde_json::from_value(body).expect("a request");
            prop_assert_eq!(request.queue(), queue);
        }

        #[test]
        fn message_attributes_are_read_as_they_were_written(
            name in any::<String>(),
            data_type in any::<String>(),
            string_value in any::<Option<String>>(),
            binary_value in any::<Option<String>>(),
        ) {
            let attribute = MessageAttribute { data_type, string_value, binary_value };
            let attributes = MessageAttributes::from([(name, attribute)]);
            let text = serde_json::to_string(&attributes).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<MessageAttributes>(&text).expect("read"), attributes);
        }
    }
}
