//! How endpoints fare, and when calls to those with a rate may go. Nothing lies here about an endpoint
//! that answers and has no rate.

use aws_sdk_dynamodb::{
    error::SdkError,
    types::{AttributeValue, ReturnValue},
};
use domain::{health::Health, id::EndpointId, time::Timestamp};

use super::{
    Item, Table, WriteOutcome,
    row::{self, Condition, Row, Write, n},
};
use crate::{
    Unavailable,
    contested::{self, TryOutcome},
};

/// Tries to take a place. Each is refused only if other workers change the row both before and after
/// it begins to stand still.
const TRIES: u32 = 16;

pub(super) const HEALTH: &str = "HEALTH";
const PACE: &str = "PACE";

pub(super) fn key(endpoint: &EndpointId) -> (String, String) {
    (format!("HEALTH#{endpoint}"), HEALTH.to_owned())
}

impl Table {
    /// The health of an endpoint; `None` if nothing is on record, as for an endpoint that answers.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn health(&self, endpoint: &EndpointId) -> Result<Option<Health>, Unavailable> {
        let (pk, sk) = key(endpoint);
        self.entity(&pk, &sk).await
    }

    /// The health of several endpoints by endpoint id, in no order; endpoints without a record are
    /// left out.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn healths(
        &self,
        endpoints: impl IntoIterator<Item = &EndpointId>,
    ) -> Result<Vec<(String, Health)>, Unavailable> {
        let keys: Vec<_> = endpoints.into_iter().map(key).collect();
        let with_owner = |item: &Item| {
            let owner = row::text(item, "pk").unwrap_or_default().trim_start_matches("HEALTH#");
            Ok((owner.to_owned(), row::document(item)?))
        };
        self.items(keys).await?.iter().map(with_owner).collect()
    }

    /// Writes the health of an endpoint over version `read` (0: there was none); `Refused` if it
    /// was changed since. The item expires when it was not written for as long as events are kept.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn keep_health(
        &self,
        endpoint: &EndpointId,
        read: u64,
        next: &Health,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        // Above every version that was ever there: an item that was removed and made again is not
        // taken for the one that somebody read before.
        let health = Health { version: now.0.max(read + 1), ..next.clone() };
        let (pk, sk) = key(endpoint);
        let row = Row::new(pk, sk, &health)
            .with("version", n(health.version))
            .expires(Some(self.expiry(now)));
        self.put(row, Some(Condition::version(read))).await
    }

    /// The write that forgets how an endpoint fared.
    pub(super) fn forget_health(endpoint: &EndpointId) -> Write {
        let (pk, sk) = key(endpoint);
        Write::Delete(pk, sk, Condition::default())
    }

    /// Reserves the next place in a row of calls at `per_second`, shared by all workers; returns
    /// the time of the place. A place that is not used is lost.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or other workers take a place during every try.
    pub async fn reserve(
        &self,
        name: &str,
        per_second: u16,
        now: Timestamp,
    ) -> Result<Timestamp, Unavailable> {
        let doing = "reserving a place";
        // Microseconds: a thousand calls a second are less than a millisecond apart.
        let (now_us, step) = (now.0 * 1000, 1_000_000 / u64::from(per_second.max(1)));
        contested::write(TRIES, || async {
            for (expression, condition) in [
                ("SET tat = tat + :step, expires_at = :gone", "tat >= :now"),
                (
                    "SET tat = :now + :step, expires_at = :gone",
                    "attribute_not_exists(tat) OR tat < :now",
                ),
            ] {
                let updated = self
                    .client
                    .update_item()
                    .table_name(&self.name)
                    .key("pk", AttributeValue::S(format!("PACE#{name}")))
                    .key("sk", AttributeValue::S(PACE.to_owned()))
                    .update_expression(expression)
                    .condition_expression(condition)
                    .expression_attribute_values(":now", n(now_us))
                    .expression_attribute_values(":step", n(step))
                    .expression_attribute_values(":gone", n(self.expiry(now)))
                    .return_values(ReturnValue::UpdatedNew)
                    .send()
                    .await;
                match updated {
                    Ok(updated) => {
                        let attributes = updated.attributes.unwrap_or_default();
                        let tat = row::number(&attributes, "tat")
                            .ok_or_else(|| Unavailable::new(doing, "the row has no end"))?;
                        return Ok(TryOutcome::Settled(Timestamp((tat - step).div_ceil(1000))));
                    }
                    Err(SdkError::ServiceError(error))
                        if error.err().is_conditional_check_failed_exception() => {}
                    Err(error) => return Err(Unavailable::aws(doing, &error)),
                }
            }
            Ok(TryOutcome::Refused)
        })
        .await
    }
}
