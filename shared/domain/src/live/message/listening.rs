//! Data of the messages to listeners.

use serde::Serialize;

/// Data of `listening`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListenerState {
    /// The listener, as the client named it.
    pub listener: String,
    /// The id of the listener's endpoint.
    pub endpoint_id: String,
    /// The number of deliveries that waited and now come: 100 at most.
    pub waiting: usize,
    /// Whether more deliveries wait. They come when the client sends `listen` again.
    pub more: bool,
}

/// Data of `confirmed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeliveryName {
    /// The id of the delivery.
    pub delivery: String,
}

/// Data of `taken_over`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListenerName {
    /// The listener, as the client named it.
    pub listener: String,
}
