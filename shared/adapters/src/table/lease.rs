//! The lease of the sweep. The schedule calls at least once, so two rounds can be called for at the same
//! time; the lease lets one of them run.

use domain::time::Timestamp;

use super::{
    Table, WriteOutcome,
    row::{Condition, Row, n, s},
};
use crate::Unavailable;

const PK: &str = "SWEEP";
const SK: &str = "LEASE";

fn lease(holder: &str, until: Timestamp) -> Row {
    Row::new(PK, SK, &holder).with("holder", s(holder)).with("lease_until", n(until.0))
}

impl Table {
    /// Takes the lease; `Refused` if another has it at `now`.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn lease_sweep(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        // A client that repeats the write because its answer was lost finds its own lease.
        let free = "attribute_not_exists(pk) OR lease_until <= :now OR holder = :holder";
        let free = Condition::new(free).value(":now", n(now.0)).value(":holder", s(holder));
        self.put(lease(holder, until), Some(free)).await
    }

    /// Gives the lease back; `Refused` if another has it by now.
    ///
    /// # Errors
    /// Fails if DynamoDB does; the lease then ends by itself.
    pub async fn release_sweep(&self, holder: &str) -> Result<WriteOutcome, Unavailable> {
        let own = Condition::new("holder = :holder").value(":holder", s(holder));
        self.put(lease(holder, Timestamp(0)), Some(own)).await
    }
}
