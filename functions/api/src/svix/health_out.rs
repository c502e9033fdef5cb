//! How an endpoint fares, as we show it beside what its owner said of it.

use std::collections::HashMap;

use domain::{
    endpoint::Endpoint,
    health::{Circuit, Health},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint_in::EndpointOut;
use crate::web::error::Error;
use manage::ControlPlane;

/// How an endpoint fares.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HealthOut {
    /// `closed`: it is called; `open`: it is not; `half_open`: one request asks whether it answers.
    circuit: &'static str,
    /// When it is asked again, unless the circuit is closed.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Failures in a row that count against the circuit.
    failures: u32,
    /// When the first attempt failed since one succeeded.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// Attempts since then.
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

/// An endpoint with how it fares.
pub(super) async fn shown(
    control: &ControlPlane,
    endpoint: Endpoint,
) -> Result<EndpointOut, Error> {
    let health = control.table().health(&endpoint.id).await?.unwrap_or_default();
    Ok(EndpointOut::faring(endpoint, &health))
}

/// How each of these endpoints fares.
pub(super) async fn of_all(
    control: &ControlPlane,
    endpoints: &[Endpoint],
) -> Result<HashMap<String, Health>, Error> {
    let known = control.table().healths(endpoints.iter().map(|endpoint| &endpoint.id)).await?;
    Ok(known.into_iter().collect())
}
