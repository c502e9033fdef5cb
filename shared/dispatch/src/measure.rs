//! The metrics of deliveries, by the names that Hokusai's guide gives them.

use adapters::metrics::{self, NAMESPACE, Unit};
use domain::{
    delivery::Delivery, health::Circuit, id::EndpointId, retry::RetryVerdict, time::Timestamp,
};

/// Counts what came of an attempt: a delivery that arrived or is spent, or one more retry.
pub(crate) fn attempted(delivery: &Delivery, verdict: &RetryVerdict, at: Timestamp) {
    let name = match verdict {
        RetryVerdict::Delivered => "webhook_publish_success",
        RetryVerdict::Retry(_) => "webhook_retry_count",
        RetryVerdict::Dead | RetryVerdict::Gone => "webhook_publish_failure",
    };
    let attempt = (delivery.tried()).to_string();
    let properties = [
        ("endpoint", delivery.endpoint.as_str()),
        ("delivery", delivery.id.as_str()),
        ("attempt", attempt.as_str()),
    ];
    metrics::emit(NAMESPACE, at, &[(name, Unit::Count, 1.0)], &properties);
}

/// Says how an endpoint's circuit stands, when that changed: 0 closed, 1 open, 2 half open.
pub(crate) fn circuit(endpoint: &EndpointId, circuit: &Circuit, at: Timestamp) {
    let state = [("webhook_circuit_breaker_state", Unit::None, f64::from(circuit.number()))];
    let properties = [("endpoint", endpoint.as_str()), ("circuit", circuit.word())];
    metrics::emit(NAMESPACE, at, &state, &properties);
}
