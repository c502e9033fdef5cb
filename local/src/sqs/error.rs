//! SQS's errors, in the form its JSON protocol gives them: a `__type` in the body, and the code of the
//! older query protocol in a header, which is the one that SDKs report.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// A request, or an entry of a batch, that SQS does not carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqsError {
    /// The `__type`.
    shape: String,
    /// The query protocol's code.
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

    /// An error whose code carries SQS's old prefix, such as `EmptyBatchRequest`.
    pub(crate) fn simple_queue_service(name: &str, message: impl Into<String>) -> SqsError {
        let code = format!("AWS.SimpleQueueService.{name}");
        SqsError::sender(format!("com.amazonaws.sqs#{name}"), code, message.into())
    }

    /// An error whose code is its name, such as `InvalidMessageContents`.
    pub(crate) fn unprefixed(name: &str, message: impl Into<String>) -> SqsError {
        SqsError::sender(format!("com.amazonaws.sqs#{name}"), name.to_owned(), message.into())
    }

    /// An error of the framework under SQS: `InvalidParameterValue`, `MissingParameter`.
    pub(crate) fn common(code: &str, message: impl Into<String>) -> SqsError {
        let shape = format!("com.amazon.coral.service#{code}Exception");
        SqsError::sender(shape, code.to_owned(), message.into())
    }

    /// A value outside what the parameter may be.
    pub(crate) fn invalid_value(
        value: impl std::fmt::Display,
        parameter: &str,
        reason: &str,
    ) -> SqsError {
        let message =
            format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
        SqsError::common("InvalidParameterValue", message)
    }

    /// No queue of that name.
    pub(crate) fn no_such_queue() -> SqsError {
        SqsError::sender(
            "com.amazonaws.sqs#QueueDoesNotExist".to_owned(),
            "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
            "The specified queue does not exist.".to_owned(),
        )
    }

    /// A queue of that name, with other attributes.
    pub(crate) fn queue_exists() -> SqsError {
        SqsError::sender(
            "com.amazonaws.sqs#QueueNameExists".to_owned(),
            "QueueAlreadyExists".to_owned(),
            "A queue already exists with the same name and a different value for an attribute."
                .to_owned(),
        )
    }

    /// A receipt handle that this queue never gave.
    pub(crate) fn receipt_handle() -> SqsError {
        SqsError::unprefixed("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    }

    /// Our own failure; the cause is for the log.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> SqsError {
        tracing::error!(%cause, "SQS failed");
        SqsError {
            shape: "com.amazon.coral.service#InternalFailure".to_owned(),
            code: "InternalFailure".to_owned(),
            message: "The request processing has failed.".to_owned(),
            fault: Fault::Receiver,
        }
    }

    /// The failed entry of a batch.
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
