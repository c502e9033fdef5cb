//! Receipt handles: the queue, the message id and a random part, in base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

use super::error::SqsError;

/// Makes a receipt handle. Two handles of one message differ.
pub(crate) fn make(queue: &str, message_id: &str) -> String {
    STANDARD.encode(format!("{queue}/{message_id}/{}", Uuid::new_v4()))
}

/// The message id in a receipt handle of `queue`.
///
/// # Errors
/// `ReceiptHandleIsInvalid` if the text is no receipt handle or belongs to another queue.
pub(crate) fn message_id(queue: &str, handle: &str) -> Result<String, SqsError> {
    let bytes = STANDARD.decode(handle).map_err(|_| SqsError::receipt_handle())?;
    let text = String::from_utf8(bytes).map_err(|_| SqsError::receipt_handle())?;
    match text.split('/').collect::<Vec<_>>()[..] {
        [of, message_id, _] if of == queue => Ok(message_id.to_owned()),
        _ => Err(SqsError::receipt_handle()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_handle_names_its_message_to_its_queue_only(
            queue in "[A-Za-z0-9_-]{1,80}",
            other in "[A-Za-z0-9_-]{1,80}",
            id in "[a-f0-9-]{36}",
        ) {
            let handle = make(&queue, &id);
            prop_assert_eq!(message_id(&queue, &handle), Ok(id.clone()));
            prop_assert_eq!(message_id(&other, &handle).is_ok(), other == queue);
            prop_assert_ne!(make(&queue, &id), handle);
        }

        #[test]
        fn any_other_text_is_no_handle(text in any::<String>()) {
            prop_assert!(message_id("queue", &text).is_err());
        }
    }
}
