//! The health of an endpoint as it is shown beside the owner's settings.

use domain::health::{Circuit, Health};
use serde::Serialize;
use utoipa::ToSchema;

/// Health of an endpoint.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HealthOut {
    /// `closed`: it is called; `open`: it is not; `half_open`: one request asks whether it answers.
    circuit: &'static str,
    /// Time of the next probe, unless the circuit is closed.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Failures in a row that count against the circuit.
    failures: u32,
    /// Time of the first failed attempt since the last success.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// Number of attempts that failed since then.
    failed_attempts: u32,
    /// Half the way to being disabled is over.
    warned: bool,
}

impl From<&Health> for HealthOut {
    fn from(health: &Health) -> Self {
        let until = match &health.circuit {
            Circuit::Closed => None,
            Circuit::Open { until } | Circuit::HalfOpen { until, .. } => Some(until.rfc3339()),
        };
        Self {
            circuit: health.circuit.word(),
            until,
            failures: health.failures,
            failing_since: health.failing_since.map(domain::time::Timestamp::rfc3339),
            failed_attempts: health.attempts,
            warned: health.warned,
        }
    }
}
