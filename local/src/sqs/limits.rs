//! The limits of SQS, checked by pure functions. The numbers are those of the SQS developer guide.

use std::{collections::HashSet, ops::RangeInclusive};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    error::SqsError,
    request::{BatchEntry, MessageAttribute, MessageAttributes, SendMessage},
};

/// Maximum size of a message including its attributes, and of a batch, in bytes.
pub(crate) const MAX_BYTES: usize = 1_048_576;
/// Delay of a message, in seconds.
pub(crate) const DELAY: RangeInclusive<i64> = 0..=900;
/// Visibility timeout, in seconds: at most twelve hours.
pub(crate) const VISIBILITY: RangeInclusive<i64> = 0..=43_200;
/// Wait time of a receive, in seconds.
pub(crate) const WAIT: RangeInclusive<i64> = 0..=20;
/// Maximum number of entries in a batch, attributes on a message, and messages per receive.
const MAX_ENTRIES: usize = 10;

/// Returns `value` unchanged if it is `None` or within `range`.
///
/// # Errors
/// `InvalidParameterValue` that names the parameter and the range.
pub(crate) fn within(
    value: Option<i64>,
    range: &RangeInclusive<i64>,
    parameter: &str,
) -> Result<Option<i64>, SqsError> {
    match value {
        Some(value) if !range.contains(&value) => {
            let reason =
                format!("Must be >= {} and <= {}, if provided.", range.start(), range.end());
            Err(SqsError::invalid_value(value, parameter, &reason))
        }
        value => Ok(value),
    }
}

/// The number of messages that a receive may return; 1 if the request does not say.
///
/// # Errors
/// `InvalidParameterValue` if the number is not between 1 and 10.
pub(crate) fn messages_per_receive(wanted: Option<i64>) -> Result<usize, SqsError> {
    let wanted = wanted.unwrap_or(1);
    usize::try_from(wanted).ok().filter(|count| (1..=MAX_ENTRIES).contains(count)).ok_or_else(
        || {
            SqsError::invalid_value(
                wanted,
                "MaxNumberOfMessages",
                "Must be between 1 and 10, if provided.",
            )
        },
    )
}

/// Validates one message: body, delay, attributes and size.
///
/// # Errors
/// The error that SQS returns for the first violated limit.
pub(crate) fn check_message(draft: &SendMessage, max_bytes: usize) -> Result<(), SqsError> {
    if draft.message_body.is_empty() {
        let message = "The request must contain the parameter MessageBody.";
        return Err(SqsError::common("MissingParameter", message));
    }
    if !draft.message_body.chars().all(allowed) {
        let message = "Invalid characters found in the message body.";
        return Err(SqsError::unprefixed("InvalidMessageContents", message));
    }
    within(draft.delay_seconds, &DELAY, "DelaySeconds")?;
    if draft.message_attributes.len() > MAX_ENTRIES {
        let message = "Number of message attributes exceeds the allowed maximum [10].";
        return Err(SqsError::common("InvalidParameterValue", message));
    }
    for (name, attribute) in &draft.message_attributes {
        check_attribute_type(name, attribute)?;
    }
    if size(draft) > max_bytes {
        let message = format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {max_bytes} bytes."
        );
        return Err(SqsError::common("InvalidParameterValue", message));
    }
    Ok(())
}

/// Whether SQS allows the character in a body: the characters of XML 1.0.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn check_attribute_type(name: &str, attribute: &MessageAttribute) -> Result<(), SqsError> {
    let kind = attribute.data_type.split('.').next().unwrap_or_default();
    let given = match kind {
        "String" | "Number" => attribute.string_value.as_deref(),
        "Binary" => attribute.binary_value.as_deref(),
        _ => {
            let message =
                format!("The message attribute '{name}' has an invalid message attribute type.");
            return Err(SqsError::common("InvalidParameterValue", message));
        }
    };
    if given.is_none_or(str::is_empty) {
        let message =
            format!("The message attribute '{name}' must contain a non-empty value of its type.");
        return Err(SqsError::common("InvalidParameterValue", message));
    }
    Ok(())
}

/// The size of a message that counts towards [`MAX_BYTES`].
fn size(draft: &SendMessage) -> usize {
    draft.message_body.len() + attributes_size(&draft.message_attributes)
}

fn attributes_size(attributes: &MessageAttributes) -> usize {
    let value = |attribute: &MessageAttribute| {
        let text = attribute.string_value.as_ref().map_or(0, String::len);
        let binary = attribute.binary_value.as_ref().map_or(0, |value| decoded(value).len());
        text + binary
    };
    attributes.iter().map(|(name, a)| name.len() + a.data_type.len() + value(a)).sum()
}

/// The bytes of a binary value. Text that is not base64 counts as its own bytes.
pub(crate) fn decoded(value: &str) -> Vec<u8> {
    STANDARD.decode(value).unwrap_or_else(|_| value.into())
}

/// Validates the number and the ids of a batch's entries.
///
/// # Errors
/// The error that SQS returns for an empty batch, too many entries, or an invalid or repeated id.
pub(crate) fn check_batch<T>(entries: &[BatchEntry<T>]) -> Result<(), SqsError> {
    if entries.is_empty() {
        let message = "There should be at least one entry in the request.";
        return Err(SqsError::simple_queue_service("EmptyBatchRequest", message));
    }
    if entries.len() > MAX_ENTRIES {
        let message = format!(
            "Maximum number of entries per request are {MAX_ENTRIES}. You have sent {}.",
            entries.len()
        );
        return Err(SqsError::simple_queue_service("TooManyEntriesInBatchRequest", message));
    }
    let mut seen = HashSet::new();
    for BatchEntry { id, .. } in entries {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > 80 || !id.chars().all(plain) {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and \
                           underscores. It can be at most 80 letters long.";
            return Err(SqsError::simple_queue_service("InvalidBatchEntryId", message));
        }
        if !seen.insert(id) {
            let message = format!("Id {id} repeated.");
            return Err(SqsError::simple_queue_service("BatchEntryIdsNotDistinct", message));
        }
    }
    Ok(())
}

/// Validates the total size of a batch of messages.
///
/// # Errors
/// `BatchRequestTooLong` if the messages have more than [`MAX_BYTES`] together.
pub(crate) fn check_batch_length(entries: &[BatchEntry<SendMessage>]) -> Result<(), SqsError> {
    let total: usize = entries.iter().map(|entry| size(&entry.action)).sum();
    if total > MAX_BYTES {
        let message = format!(
            "Batch requests cannot be longer than {MAX_BYTES} bytes. You have sent {total} bytes."
        );
        return Err(SqsError::simple_queue_service("BatchRequestTooLong", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(body: &str) -> SendMessage {
        SendMessage { message_body: body.to_owned(), ..SendMessage::default() }
    }

    #[test]
    fn attributes_count_towards_the_length() {
        let mut draft = draft("four");
        let value = MessageAttribute {
            data_type: "Binary".to_owned(),
            string_value: None,
            binary_value: Some(STANDARD.encode("12345")),
        };
        draft.message_attributes.insert("name".to_owned(), value);
        assert_eq!(size(&draft), 4 + 4 + 6 + 5);
        assert!(check_message(&draft, 19).is_ok());
        assert!(check_message(&draft, 18).is_err());
    }

    #[test]
    fn control_characters_are_refused() {
        assert!(check_message(&draft("tab\tand\r\nlines \u{1f980}"), MAX_BYTES).is_ok());
        for body in ["\u{0}", "\u{b}", "\u{ffff}"] {
            assert!(check_message(&draft(body), MAX_BYTES).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_delay_of_fifteen_minutes_is_the_longest() {
        for (seconds, fine) in [(-1, false), (0, true), (900, true), (901, false)] {
            let draft = SendMessage { delay_seconds: Some(seconds), ..draft("x") };
            assert_eq!(check_message(&draft, MAX_BYTES).is_ok(), fine, "{seconds}");
        }
    }
}
