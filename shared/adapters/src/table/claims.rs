//! Claims: a delivery is taken under a token and a lease, and only that token concludes it.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use domain::{
    delivery::{Delivery, DeliveryState, GRACE},
    id::{DeliveryId, EventId},
    time::Timestamp,
};

use super::{
    Item, Table, WriteOutcome,
    delivery_item::key,
    row::{self, Condition, Key, LAYOUT, n, s},
};
use crate::Unavailable;

/// What came of trying to take a delivery.
#[derive(Debug)]
#[must_use]
pub enum ClaimOutcome {
    /// It is ours until the lease ends.
    Taken(Box<ClaimedDelivery>),
    /// Another worker holds it.
    Busy,
    /// Its time has not come.
    Early(Timestamp),
    /// It has ended.
    Finished(Box<Delivery>),
    /// There is no such delivery.
    Unknown,
}

/// A delivery that is ours. Correctness does not rest on the lease: concluding is conditional on
/// the token, and whoever claims after the lease replaces it.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// Ours alone.
    token: String,
    /// Whether the sweep rings for it, too.
    is_due: bool,
    /// When others may take it.
    pub until: Timestamp,
}

impl ClaimedDelivery {
    fn of(item: &Item, token: &str, until: Timestamp) -> Result<Self, Unavailable> {
        let (delivery, is_due) = (row::document(item)?, item.contains_key("due_at"));
        Ok(Self { delivery, token: token.to_owned(), is_due, until })
    }

    /// Whether it was due when it was claimed: the sweep rings for it whatever becomes of its bells.
    pub const fn is_due(&self) -> bool {
        self.is_due
    }

    /// What tells this attempt from every other.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The condition that nobody has claimed the delivery since.
    pub(super) fn ours(&self) -> Condition {
        Condition::new("claim = :token").value(":token", s(&self.token))
    }

    /// The condition that nobody has claimed the delivery since, nor made it due.
    pub(super) fn ours_and_not_due(&self) -> Condition {
        Condition::new("claim = :token AND attribute_not_exists(due_at)")
            .value(":token", s(&self.token))
    }
}

/// What a claim does to the time at which the sweep rings for the delivery.
#[derive(Clone, Copy)]
enum DueTime {
    /// The time stays, or stays away while the delivery's bell stands for it. The claim is refused if the
    /// time is later than [`SOON`] from now.
    Stays,
    /// The time becomes the end of the claim.
    LeaseEnd,
}

/// Longest time after a claim at which the delivery may be due without being made due earlier. It is twice
/// [`GRACE`], so that a worker whose clock is a little behind claims with one write too.
const SOON: Duration = Duration::from_secs(2 * GRACE.as_secs());

impl Table {
    /// Takes a delivery for one attempt, under a lease that ends by itself if the worker dies.
    ///
    /// A claim writes the item alone: when the delivery is due stays as it is, unless that is later than
    /// `SOON` from now. So the sweep finds the delivery of a worker that died soon enough, and passes over
    /// one that a worker holds. A delivery that was never put off has no such time: its bell stands for it
    /// until the bell is deleted. Because the caller deletes the bell of a delivery that it could not take, that
    /// delivery becomes due here.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn claim(
        &self,
        event: &EventId,
        id: &DeliveryId,
        token: &str,
        now: Timestamp,
    ) -> Result<ClaimOutcome, Unavailable> {
        let key = key(event, id);
        let mut item = self.try_claim(&key, token, now, DueTime::Stays).await?;
        if is_free(&item, now) {
            item = self.try_claim(&key, token, now, DueTime::LeaseEnd).await?;
        }
        if item.is_empty() {
            return Ok(ClaimOutcome::Unknown);
        }
        // The SDK asks again when an answer is lost: a claim that was refused may be our own.
        if row::text(&item, "claim") != Some(token) {
            let outcome = not_taken(&item, now)?;
            let is_over = matches!(outcome, ClaimOutcome::Finished(_));
            if !is_over && !item.contains_key("due_at") {
                self.leave_due(event, id).await?;
            }
            return Ok(outcome);
        }
        let until = Timestamp(row::number(&item, "lease_until").unwrap_or(now.0));
        let claimed = ClaimedDelivery::of(&item, token, until)?;
        Ok(ClaimOutcome::Taken(Box::new(claimed)))
    }

    /// The delivery as the claim left it, or as it was found if it could not be claimed; empty if there is
    /// none.
    async fn try_claim(
        &self,
        (pk, sk): &Key,
        token: &str,
        now: Timestamp,
        due: DueTime,
    ) -> Result<Item, Unavailable> {
        let doing = "claiming a delivery";
        let free = "#state = :pending AND next_at <= :now \
                    AND (attribute_not_exists(lease_until) OR lease_until <= :now) \
                    AND (attribute_not_exists(#layout) OR #layout <= :layout)";
        let claim = "SET claim = :token, lease_until = :now + lease_ms";
        let update = self.client.update_item().table_name(&self.name);
        let update = match due {
            DueTime::Stays => update
                .update_expression(claim)
                .condition_expression(format!(
                    "{free} AND (attribute_not_exists(due_at) OR due_at <= :soon)"
                ))
                .expression_attribute_values(":soon", n(now.plus(SOON).0)),
            DueTime::LeaseEnd => update
                .update_expression(format!("{claim}, due_at = :now + lease_ms"))
                .condition_expression(free),
        };
        let claimed = update
            .key("pk", s(pk))
            .key("sk", s(sk))
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#layout", "layout")
            .expression_attribute_values(":layout", n(LAYOUT))
            .expression_attribute_values(":token", s(token))
            .expression_attribute_values(":now", n(now.0))
            .expression_attribute_values(":pending", s(DeliveryState::Pending.word()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match claimed {
            Ok(updated) => Ok(updated.attributes.unwrap_or_default()),
            Err(SdkError::ServiceError(error)) => match error.into_err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => {
                    Ok(failed.item.unwrap_or_default())
                }
                error => Err(Unavailable::aws(doing, &error)),
            },
            Err(error) => Err(Unavailable::aws(doing, &error)),
        }
    }

    /// Makes a pending delivery due that is not: at the end of the claim that a worker has on it, or at the
    /// time of its next attempt. Whoever deletes a bell without having concluded its delivery calls this
    /// first.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn leave_due(&self, event: &EventId, id: &DeliveryId) -> Result<(), Unavailable> {
        let (pk, sk) = key(event, id);
        let idle = Condition::new("#state = :pending AND attribute_not_exists(due_at)")
            .name("#state", "state")
            .value(":pending", s(DeliveryState::Pending.word()))
            .value(":shard", s(row::shard(id.as_str())));
        let due = "SET due_shard = :shard, due_at = if_not_exists(lease_until, next_at)";
        self.update(&pk, &sk, due, idle).await.map(WriteOutcome::either_way)
    }

    /// The delivery of a claim that was handed on; `None` if that claim no longer holds.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn claimed(
        &self,
        event: &EventId,
        id: &DeliveryId,
        token: &str,
    ) -> Result<Option<ClaimedDelivery>, Unavailable> {
        let (pk, sk) = key(event, id);
        let Some(item) = self.item(&pk, &sk).await? else { return Ok(None) };
        let pending = row::text(&item, "state") == Some(DeliveryState::Pending.word());
        if !pending || row::text(&item, "claim") != Some(token) {
            return Ok(None);
        }
        let until = Timestamp(row::number(&item, "lease_until").unwrap_or(0));
        ClaimedDelivery::of(&item, token, until).map(Some)
    }
}

/// Whether a delivery can be claimed.
fn is_free(item: &Item, now: Timestamp) -> bool {
    let comes = |name| row::number(item, name).is_none_or(|at| at <= now.0);
    row::text(item, "state") == Some(DeliveryState::Pending.word())
        && comes("next_at")
        && comes("lease_until")
}

fn not_taken(item: &Item, now: Timestamp) -> Result<ClaimOutcome, Unavailable> {
    if row::is_newer(item) {
        // The sweep puts it off until a version comes that can read it.
        row::log_unreadable(
            item,
            &Unavailable::new("claiming a delivery", "it has a newer layout"),
        );
        return Ok(ClaimOutcome::Busy);
    }
    if row::text(item, "state") != Some(DeliveryState::Pending.word()) {
        return Ok(ClaimOutcome::Finished(Box::new(row::document(item)?)));
    }
    let next_at = Timestamp(row::number(item, "next_at").unwrap_or(0));
    Ok(if now < next_at { ClaimOutcome::Early(next_at) } else { ClaimOutcome::Busy })
}
