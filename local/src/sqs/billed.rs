//! The requests of SQS as AWS bills them: each part of 64 KB that a request carries is one.

use serde_json::Value;

use crate::ledger::Book;

/// The bytes that one billed request carries at the most.
const PART: usize = 65_536;

/// Counts a request and its answer, which is `None` if it was refused.
pub(super) fn count(book: &Book, action: &str, request: &[u8], answer: Option<&Value>) {
    if !book.is_kept() {
        return;
    }
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let carried = match (action, answer) {
        ("SendMessage", _) => bytes(&request),
        ("SendMessageBatch", _) => all(&request["Entries"]),
        ("ReceiveMessage", Some(answer)) => all(&answer["Messages"]),
        _ => 0,
    };
    let url = request["QueueUrl"].as_str().unwrap_or_default();
    let queue = url.rsplit('/').next().unwrap_or_default().to_owned();
    let requests = u64::try_from(carried.div_ceil(PART).max(1)).unwrap_or(u64::MAX);
    book.write(|ledger| {
        *ledger.queues.entry((queue, action.to_owned())).or_default() += requests;
    });
}

fn all(messages: &Value) -> usize {
    messages.as_array().into_iter().flatten().map(bytes).sum()
}

/// The bytes of a message: its body, and its attributes with their names and types.
fn bytes(message: &Value) -> usize {
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
    let attributes = attributes.map(|(name, value)| {
        name.len()
            + text(&value["DataType"])
            + text(&value["StringValue"])
            + text(&value["BinaryValue"])
    });
    text(&message["MessageBody"]) + text(&message["Body"]) + attributes.sum::<usize>()
}
