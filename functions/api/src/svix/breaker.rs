//! When calls to an endpoint stop for a while, as it is given and shown.

use domain::endpoint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::error::Error;

/// When calls to an endpoint stop for a while.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Breaker {
    /// Failures in a row.
    #[schema(minimum = 1, maximum = 100)]
    threshold: u16,
    /// How long.
    #[schema(minimum = 1, maximum = 900)]
    recovery_seconds: u16,
}

impl From<endpoint::CircuitBreaker> for Breaker {
    fn from(kept: endpoint::CircuitBreaker) -> Self {
        Self { threshold: kept.threshold, recovery_seconds: kept.recovery_seconds }
    }
}

impl Breaker {
    /// Within bounds.
    pub(super) fn checked(self) -> Result<endpoint::CircuitBreaker, Error> {
        let Self { threshold, recovery_seconds } = self;
        if !(1..=100).contains(&threshold) || !(1..=900).contains(&recovery_seconds) {
            let why = "has a threshold of 1 to 100 and recoverySeconds of 1 to 900";
            return Err(Error::field("breaker", why));
        }
        Ok(endpoint::CircuitBreaker { threshold, recovery_seconds })
    }
}
