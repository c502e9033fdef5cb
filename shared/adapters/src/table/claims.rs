//! Claims: a delivery is taken under a token and a lease, and only that token concludes it.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use domain::{
    delivery::{Delivery, DeliveryState},
    id::{DeliveryId, EventId},
    time::Timestamp,
};

use super::{
    Item, Table,
    delivery_item::key,
    row::{self, Condition, n, s},
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
    /// When others may take it.
    pub until: Timestamp,
}

impl ClaimedDelivery {
    /// What tells this attempt from every other.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The condition that nobody has claimed the delivery since.
    pub(super) fn ours(&self) -> Condition {
        Condition::new("claim = :token").value(":token", s(&self.token))
    }
}

impl Table {
    /// Takes a delivery for one attempt, under a lease that ends by itself if the worker dies.
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
        let doing = "claiming a delivery";
        let (pk, sk) = key(event, id);
        let claimed = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression(
                "SET claim = :token, lease_until = :now + lease_ms, due_at = :now + lease_ms",
            )
            .condition_expression(
                "#state = :pending AND next_at <= :now \
                 AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":token", s(token))
            .expression_attribute_values(":now", n(now.0))
            .expression_attribute_values(":pending", s(DeliveryState::Pending.word()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let item = match claimed {
            Ok(updated) => updated.attributes.unwrap_or_default(),
            Err(SdkError::ServiceError(error)) => match error.into_err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => {
                    let Some(item) = failed.item else { return Ok(ClaimOutcome::Unknown) };
                    // The SDK asks again when an answer is lost: the claim may be our own.
                    if row::text(&item, "claim") != Some(token) {
                        return not_taken(&item, now);
                    }
                    item
                }
                error => return Err(Unavailable::aws(doing, &error)),
            },
            Err(error) => return Err(Unavailable::aws(doing, &error)),
        };
        let until = Timestamp(row::number(&item, "lease_until").unwrap_or(now.0));
        let delivery = row::document(&item)?;
        Ok(ClaimOutcome::Taken(Box::new(ClaimedDelivery {
            delivery,
            token: token.to_owned(),
            until,
        })))
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
        let delivery = row::document(&item)?;
        Ok(Some(ClaimedDelivery { delivery, token: token.to_owned(), until }))
    }
}

fn not_taken(item: &Item, now: Timestamp) -> Result<ClaimOutcome, Unavailable> {
    if row::text(item, "state") != Some(DeliveryState::Pending.word()) {
        return Ok(ClaimOutcome::Finished(Box::new(row::document(item)?)));
    }
    let next_at = Timestamp(row::number(item, "next_at").unwrap_or(0));
    Ok(if now < next_at { ClaimOutcome::Early(next_at) } else { ClaimOutcome::Busy })
}
