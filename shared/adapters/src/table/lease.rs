//! The lease of the sweep, and how the last round went. The schedule calls at least once, so two rounds can
//! be called for at the same time; the lease lets one of them run.
//!
//! Beside the lease stand `round_at` and `took_ms` of the last round that ended, and `watch`, what that round
//! remembers for the next. They are set by the write that gives the lease back.

use std::time::Duration;

use domain::{time::Timestamp, trouble::Watch};
use tracing::warn;

use super::{
    Table, WriteOutcome,
    row::{self, Condition, n, s},
};
use crate::Unavailable;

const PK: &str = "SWEEP";
const SK: &str = "LEASE";

/// A round of the sweep that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepRound {
    /// The time at which it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

impl SweepRound {
    fn values(self, condition: Condition) -> Condition {
        condition.value(":at", n(self.at.0)).value(":took", n(self.took.as_millis()))
    }
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
        let free = "attribute_not_exists(lease_until) OR lease_until <= :now OR holder = :holder";
        let free = Condition::new(free)
            .value(":now", n(now.0))
            .value(":holder", s(holder))
            .value(":until", n(until.0));
        self.update(PK, SK, "SET holder = :holder, lease_until = :until", free).await
    }

    /// Gives the lease back, notes the round and keeps what it remembers, if it says anything; `Refused` if
    /// another has the lease by now.
    ///
    /// # Errors
    /// Fails if DynamoDB does; the lease then ends by itself.
    pub async fn release_sweep(
        &self,
        holder: &str,
        round: SweepRound,
        watch: Option<&Watch>,
    ) -> Result<WriteOutcome, Unavailable> {
        let own = Condition::new("holder = :holder").value(":holder", s(holder));
        let own = round.values(own.value(":zero", n(0)));
        let set = "SET lease_until = :zero, round_at = :at, took_ms = :took";
        let Some(watch) = watch else { return self.update(PK, SK, set, own).await };
        let text = serde_json::to_string(watch)
            .map_err(|error| Unavailable::new("keeping what the sweep saw", error))?;
        let set = "SET lease_until = :zero, round_at = :at, took_ms = :took, watch = :watch";
        self.update(PK, SK, set, own.value(":watch", s(text))).await
    }

    /// What the last round of the sweep remembers. Nothing, if no round has said anything or this version
    /// cannot read it.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn sweep_watch(&self) -> Result<Watch, Unavailable> {
        let item = self.item(PK, SK).await?;
        let text = item.as_ref().and_then(|item| item.get("watch")?.as_s().ok());
        let watch = text.map(|text| serde_json::from_str(text)).transpose();
        Ok(watch
            .inspect_err(|error| warn!(%error, "what the sweep saw before cannot be read"))
            .unwrap_or_default()
            .unwrap_or_default())
    }

    /// Notes a round that needed no lease.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn note_sweep(&self, round: SweepRound) -> Result<(), Unavailable> {
        let values = round.values(Condition::default());
        let set = "SET round_at = :at, took_ms = :took";
        self.update(PK, SK, set, values).await.map(WriteOutcome::either_way)
    }

    /// The last round of the sweep that ended; `None` if none has.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn last_sweep(&self) -> Result<Option<SweepRound>, Unavailable> {
        let Some(item) = self.item(PK, SK).await? else { return Ok(None) };
        let at = row::number(&item, "round_at").map(Timestamp);
        let took = Duration::from_millis(row::number(&item, "took_ms").unwrap_or_default());
        Ok(at.map(|at| SweepRound { at, took }))
    }
}
