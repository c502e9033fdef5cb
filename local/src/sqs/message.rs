//! Messages between the protocol and the store: a request becomes a row, a row becomes an answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    digest,
    error::SqsError,
    fifo::{self, Deduplication},
    limits,
    queue::{self, SqsQueue},
    request::{MessageAttributes, ReceiveMessage, SendMessage},
};

/// A message to be stored.
#[derive(Debug)]
pub(crate) struct NewMessage {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) attributes: String,
    pub(crate) group_id: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) delay_ms: i64,
    /// The deduplication of a message to a FIFO queue.
    pub(crate) deduplication: Option<Deduplication>,
    /// The place in a FIFO queue, from the moment at which the message was sent.
    pub(crate) sequence: Option<i64>,
}

/// A message as `ReceiveMessage` answers it.
#[derive(Debug)]
pub(crate) struct ReceivedMessage {
    pub(crate) message_id: String,
    pub(crate) receipt: String,
    pub(crate) body: String,
    pub(crate) attributes: String,
    pub(crate) group_id: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) sent_at: i64,
    pub(crate) receives: i64,
    pub(crate) first_received: i64,
    pub(crate) source: Option<String>,
    pub(crate) sequence: Option<i64>,
    pub(crate) deduplication_id: Option<String>,
}

/// Validates a message. Returns the row to store and the answer to send once the row is stored, to which
/// [`name`] adds what the store knows.
pub(crate) fn prepare(
    draft: SendMessage,
    queue: &SqsQueue,
) -> Result<(NewMessage, Value), SqsError> {
    let max_bytes =
        usize::try_from(queue.number("MaximumMessageSize")).unwrap_or(limits::MAX_BYTES);
    limits::check_message(&draft, max_bytes)?;
    let deduplication = Deduplication::of(&draft, queue)?;
    let mut answer = json!({ "MD5OfMessageBody": digest::of_body(&draft.message_body) });
    for (name, attributes) in [
        ("MD5OfMessageAttributes", &draft.message_attributes),
        ("MD5OfMessageSystemAttributes", &draft.message_system_attributes),
    ] {
        if let Some(sum) = digest::of_attributes(attributes) {
            answer[name] = sum.into();
        }
    }
    let trace = draft.message_system_attributes.get("AWSTraceHeader");
    // A FIFO queue takes no delay but 0, which means the queue's.
    let delay = draft.delay_seconds.filter(|_| deduplication.is_none());
    let message = NewMessage {
        message_id: uuid::Uuid::new_v4().to_string(),
        body: draft.message_body,
        attributes: serde_json::to_string(&draft.message_attributes)
            .map_err(|e| SqsError::internal(&e))?,
        group_id: draft.message_group_id,
        trace: trace.and_then(|trace| trace.string_value.clone()),
        delay_ms: delay.unwrap_or_else(|| queue.number("DelaySeconds")) * 1000,
        deduplication,
        sequence: None,
    };
    Ok((message, answer))
}

/// Adds the message's id and, in a FIFO queue, its sequence number to the answer to its sender.
pub(crate) fn name(message: &NewMessage, answer: &mut Value) {
    answer["MessageId"] = message.message_id.as_str().into();
    if let Some(place) = message.sequence {
        answer["SequenceNumber"] = fifo::sequence_number(place).into();
    }
}

/// The answer to `ReceiveMessage`: each message with the attributes that the request names.
pub(crate) fn render(
    messages: &[ReceivedMessage],
    request: &ReceiveMessage,
) -> Result<Value, SqsError> {
    let mut system_names = request.attribute_names.clone();
    system_names.extend_from_slice(&request.message_system_attribute_names);
    let rendered: Vec<Value> = messages
        .iter()
        .map(|message| {
            let mut attributes: MessageAttributes =
                serde_json::from_str(&message.attributes).map_err(|e| SqsError::internal(&e))?;
            attributes.retain(|name, _| asked_for(name, &request.message_attribute_names));
            let mut system = system_attributes(message);
            system.retain(|name, _| asked_for(name, &system_names));
            let mut rendered = json!({
                "MessageId": message.message_id,
                "ReceiptHandle": message.receipt,
                "Body": message.body,
                "MD5OfBody": digest::of_body(&message.body),
            });
            if !system.is_empty() {
                rendered["Attributes"] = json!(system);
            }
            if let Some(sum) = digest::of_attributes(&attributes) {
                rendered["MD5OfMessageAttributes"] = sum.into();
                rendered["MessageAttributes"] = json!(attributes);
            }
            Ok(rendered)
        })
        .collect::<Result<_, SqsError>>()?;
    Ok(if rendered.is_empty() { json!({}) } else { json!({ "Messages": rendered }) })
}

fn system_attributes(message: &ReceivedMessage) -> BTreeMap<&'static str, String> {
    let mut attributes = BTreeMap::from([
        ("SenderId", queue::ACCOUNT.to_owned()),
        ("SentTimestamp", message.sent_at.to_string()),
        ("ApproximateReceiveCount", message.receives.to_string()),
        ("ApproximateFirstReceiveTimestamp", message.first_received.to_string()),
    ]);
    let source = message.source.as_deref().map(queue::arn);
    let sequence = message.sequence.map(fifo::sequence_number);
    for (name, value) in [
        ("MessageGroupId", &message.group_id),
        ("MessageDeduplicationId", &message.deduplication_id),
        ("SequenceNumber", &sequence),
        ("AWSTraceHeader", &message.trace),
        ("DeadLetterQueueSourceArn", &source),
    ] {
        attributes.extend(value.clone().map(|value| (name, value)));
    }
    attributes
}

/// Whether a list of attribute names selects `name`: by the name itself, by `All`, or by a prefix
/// followed by `.*`.
pub(crate) fn asked_for(name: &str, wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| match wanted.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => wanted == "All" || wanted == name,
    })
}
