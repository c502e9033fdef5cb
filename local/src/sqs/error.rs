//! The errors of SQS as its JSON protocol writes them: `__type` in the body, and the code of the older
//! query protocol in the header `x-amzn-query-error`. SDKs report the latter.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// The error of a request or of one entry of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqsError {
    /// The value of `__type`.
    shape: String,
    /// The error code of the query protocol.
    code: String,
    message: String,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Sender,
    Receiver,
}

impl SqsError {
    fn sender(shape: String, code: String, message: String) -> SqsError {
        SqsError { shape, code, message, fault: Fault::Sender }
    }

    /// An error whose code has the prefix `AWS.SimpleQueueService`, such as `EmptyBatchRequest`.
    pub(crate) fn simple_queue_service(name: &str, message: impl Into<String>) -> SqsError {
        let code = format!("AWS.SimpleQueueService.{name}");
        SqsError::sender(format!("com.amazonaws.sqs#{name}"), code, message.into())
    }

    /// An error whose code is its name without a prefix, such as `InvalidMessageContents`.
    pub(crate) fn unprefixed(name: &str, message: impl Into<String>) -> SqsError {
        SqsError::sender(format!("com.amazonaws.sqs#{name}"), name.to_owned(), message.into())
    }

    /// An error common to AWS services, such as `InvalidParameterValue` or `MissingParameter`.
    pub(crate) fn common(code: &str, message: impl Into<String>) -> SqsError {
        let shape = format!("com.amazon.coral.service#{code}Exception");
        SqsError::sender(shape, code.to_owned(), message.into())
    }

    /// The error for a value that the parameter does not allow.
    pub(crate) fn invalid_value(
        value: impl std::fmt::Display,
        parameter: &str,
        reason: &str,
    ) -> SqsError {
        let message =
            format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
        SqsError::common("InvalidParameterValue", message)
    }

    /// The error for a value that the queue's attribute does not allow. `more` follows as it is.
    pub(crate) fn attribute_value(attribute: &str, more: &str) -> SqsError {
        let message = format!("Invalid value for the parameter {attribute}.{more}");
        SqsError::unprefixed("InvalidAttributeValue", message)
    }

    /// The error for a queue name that does not exist.
    pub(crate) fn no_such_queue() -> SqsError {
        SqsError::sender(
            "com.amazonaws.sqs#QueueDoesNotExist".to_owned(),
            "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
            "The specified queue does not exist.".to_owned(),
        )
    }

    /// The error for creating a queue that exists with other attributes.
    pub(crate) fn queue_exists() -> SqsError {
        SqsError::sender(
            "com.amazonaws.sqs#QueueNameExists".to_owned(),
            "QueueAlreadyExists".to_owned(),
            "A queue already exists with the same name and a different value for an attribute."
                .to_owned(),
        )
    }

    /// The error for a receipt handle that does not belong to the queue.
    pub(crate) fn receipt_handle() -> SqsError {
        SqsError::unprefixed("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    }

    /// The error for a receipt handle of a FIFO queue after its visibility timeout.
    pub(crate) fn receipt_expired(handle: &str) -> SqsError {
        SqsError::invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")
    }

    /// An internal failure. `cause` is logged and not sent.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> SqsError {
        tracing::error!(%cause, "the local SQS could not process a request");
        SqsError {
            shape: "com.amazon.coral.service#InternalFailure".to_owned(),
            code: "InternalFailure".to_owned(),
            message: "The request processing has failed.".to_owned(),
            fault: Fault::Receiver,
        }
    }

    /// This error as the failed entry `id` of a batch.
    pub(crate) fn entry(&self, id: &str) -> Value {
        json!({
            "Id": id,
            "Code": self.code,
            "Message": self.message,
            "SenderFault": self.fault == Fault::Sender,
        })
    }
}

impl std::fmt::Display for SqsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl From<rusqlite::Error> for SqsError {
    fn from(error: rusqlite::Error) -> SqsError {
        SqsError::internal(&error)
    }
}

impl IntoResponse for SqsError {
    fn into_response(self) -> Response {
        let (status, fault) = match self.fault {
            Fault::Sender => (StatusCode::BAD_REQUEST, "Sender"),
            Fault::Receiver => (StatusCode::INTERNAL_SERVER_ERROR, "Receiver"),
        };
        let query_error = [("x-amzn-query-error", format!("{};{fault}", self.code))];
        let body = Json(json!({ "__type": self.shape, "message": self.message }));
        (status, query_error, body).into_response()
    }
}
