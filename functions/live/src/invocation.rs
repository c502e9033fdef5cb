//! The kinds of events that the function is invoked with.

use aws_lambda_events::{apigw::ApiGatewayWebsocketProxyRequest, sqs::SqsEvent};
use serde::Deserialize;
use serde_json::Value;

/// An event, by its kind.
#[derive(Debug)]
pub enum Invocation {
    /// An event of the WebSocket API.
    Socket(Box<ApiGatewayWebsocketProxyRequest>),
    /// Messages of the queue of live updates.
    Messages(SqsEvent),
    /// The data of a subscription filter of CloudWatch Logs, in base64.
    Lines(String),
}

#[derive(Deserialize)]
struct Subscribed {
    awslogs: SubscribedData,
}

#[derive(Deserialize)]
struct SubscribedData {
    data: String,
}

impl Invocation {
    /// Reads the event with which Lambda invokes the function.
    ///
    /// # Errors
    /// If the event is of another kind, or has not the form that its kind has.
    pub fn read(event: Value) -> Result<Self, serde_json::Error> {
        if event.get("awslogs").is_some() {
            return serde_json::from_value(event)
                .map(|Subscribed { awslogs }| Self::Lines(awslogs.data));
        }
        if event.get("Records").is_some() {
            return serde_json::from_value(event).map(Self::Messages);
        }
        serde_json::from_value(event).map(|request| Self::Socket(Box::new(request)))
    }
}
