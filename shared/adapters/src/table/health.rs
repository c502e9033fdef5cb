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
    /// How an endpoint fares; nothing is known of one that fares well.
    pub async fn health(&self, endpoint: &EndpointId) -> Result<Option<Health>, Unavailable> {
        let (pk, sk) = key(endpoint);
        self.entity(&pk, &sk).await
    }

    /// How several endpoints fare, in no order; those of which nothing is known are left out.
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

    /// Replaces how an endpoint fares as it was read (`version` 0: there was nothing); `Refused` if
    /// somebody changed it since. It is forgotten when nothing has been heard for as long as events
    /// are kept.
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

    /// Takes the next place in the row of those who call at a rate per second, across all workers:
    /// when it may call. A place that nobody uses is lost.
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
