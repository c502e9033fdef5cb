//! The Lambda function behind a WebSocket API.

use std::{fmt::Display, pin::Pin, sync::Arc, time::Duration};

use serde_json::Value;

/// The longest time that API Gateway waits for an integration.
const PATIENCE: Duration = Duration::from_secs(29);

type Invocation = Pin<Box<dyn Future<Output = Result<Value, String>> + Send>>;

/// A function that takes events and answers them.
#[derive(Clone)]
pub(super) struct Integration(Arc<dyn Fn(Value) -> Invocation + Send + Sync>);

/// The reason why an event has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The integration failed or panicked.
    Error,
    /// The integration did not answer within [`PATIENCE`]. It goes on, as on AWS.
    TimedOut,
}

impl Failure {
    /// The message that API Gateway gives to the client.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Failure::Error => "Internal server error",
            Failure::TimedOut => "Endpoint request timed out",
        }
    }
}

impl Integration {
    pub(super) fn new<F, R, E>(function: F) -> Integration
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, E>> + Send + 'static,
        E: Display,
    {
        Integration(Arc::new(move |event| {
            let answer = function(event);
            Box::pin(async move { answer.await.map_err(|error| error.to_string()) })
        }))
    }

    /// Gives the function an event and waits for its answer.
    ///
    /// # Errors
    /// [`Failure`] if there is none, which is logged.
    pub(super) async fn call(&self, event: Value) -> Result<Value, Failure> {
        let route = event["requestContext"]["routeKey"].as_str().unwrap_or_default().to_owned();
        // A task of its own: a panic is an error of this event, and nobody who goes away ends it.
        let function = Arc::clone(&self.0);
        let invocation = tokio::spawn(async move { function(event).await });
        let (failure, error) = match tokio::time::timeout(PATIENCE, invocation).await {
            Ok(Ok(Ok(answer))) => return Ok(answer),
            Ok(Ok(Err(error))) => (Failure::Error, error),
            Ok(Err(panic)) => (Failure::Error, panic.to_string()),
            Err(late) => (Failure::TimedOut, late.to_string()),
        };
        tracing::warn!(error, route, "the integration of the WebSocket API did not answer");
        Err(failure)
    }
}
