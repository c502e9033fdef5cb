//! The circuit breaker of an endpoint as the Svix contract takes and shows it.

use domain::endpoint::CircuitBreaker;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits of the circuit breaker of an endpoint.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Breaker {
    /// Failures in a row after which calls stop.
    #[schema(minimum = 1, maximum = 100)]
    threshold: u16,
    /// Seconds until the first call again.
    #[schema(minimum = 1, maximum = 900)]
    recovery_seconds: u16,
}

impl From<CircuitBreaker> for Breaker {
    fn from(CircuitBreaker { threshold, recovery_seconds }: CircuitBreaker) -> Self {
        Self { threshold, recovery_seconds }
    }
}

impl From<Breaker> for CircuitBreaker {
    fn from(Breaker { threshold, recovery_seconds }: Breaker) -> Self {
        Self { threshold, recovery_seconds }
    }
}
