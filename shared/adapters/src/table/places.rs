//! Places of calls under way to endpoints that do not answer quickly, counted across all workers.
//! Nothing lies here about endpoints that do.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::time::Timestamp;

use super::{
    Table, WriteOutcome, conditional,
    row::{self, Condition, Row, n, s},
};
use crate::{Unavailable, random};

/// How often a place is tried for, should other workers take the chosen ones.
const ROUNDS: usize = 4;

/// A place that is taken until it is left, or until its lease ends.
#[derive(Debug)]
pub struct CallPlace {
    key: (String, String),
    token: String,
}

impl Table {
    /// Takes one of the `cap` places of an endpoint or application until `until`; `None` if all are
    /// taken.
    ///
    /// # Errors
    /// Fails if the table cannot be read or written.
    pub async fn take_place(
        &self,
        owner: &str,
        cap: u16,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<CallPlace>, Unavailable> {
        let (pk, token) = (format!("CALLS#{owner}"), random::token());
        for _ in 0..ROUNDS {
            let taken: Vec<_> = self.partition(&pk, "").await?;
            let taken = taken
                .iter()
                .filter(|item| row::number(item, "lease_until").is_some_and(|until| now.0 < until));
            let taken: Vec<_> = taken.filter_map(|item| row::text(item, "sk")).collect();
            let free = (0..cap).map(|place| place.to_string());
            let free: Vec<_> = free.filter(|place| !taken.contains(&place.as_str())).collect();
            if free.is_empty() {
                return Ok(None);
            }
            // By chance, so that workers at the same moment seldom choose the same.
            let index = (random::dice() * free.len() as f64) as usize;
            let key = (pk.clone(), free[index.min(free.len() - 1)].clone());
            let row = Row::new(key.0.clone(), key.1.clone(), &until)
                .with("claim", s(token.clone()))
                .with("lease_until", n(until.0))
                .expires(Some(self.expiry(now)));
            let unclaimed =
                Condition::new("attribute_not_exists(pk) OR lease_until <= :now OR claim = :token")
                    .value(":now", n(now.0))
                    .value(":token", s(token.clone()));
            if self.put(row, Some(unclaimed)).await? == WriteOutcome::Done {
                return Ok(Some(CallPlace { key, token }));
            }
        }
        Ok(None)
    }

    /// Leaves a place, unless its lease has ended and another call has it.
    ///
    /// # Errors
    /// Fails if the table cannot be written; the place is free when its lease ends.
    pub async fn leave_place(&self, place: &CallPlace) -> Result<(), Unavailable> {
        let left = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(place.key.0.clone()))
            .key("sk", AttributeValue::S(place.key.1.clone()))
            .condition_expression("claim = :token")
            .expression_attribute_values(":token", s(place.token.clone()))
            .send()
            .await;
        conditional("leaving a place", left).map(drop)
    }
}
