//! What is kept under idempotency keys. Every write is conditional on the token that was read, so
//! of several who want a key one gets it, and whoever comes late changes nothing.

use domain::idempotency::IdempotencyRecord;

use super::{
    Table, WriteOutcome,
    row::{Condition, Row, Write, s},
};
use crate::Unavailable;

const SK: &str = "IDEM";

fn partition(digest: &str) -> String {
    format!("IDEM#{digest}")
}

fn held_by(token: Option<&str>) -> Condition {
    match token {
        None => Condition::absent(),
        Some(token) => Condition::new("holder = :holder").value(":holder", s(token)),
    }
}

impl Table {
    /// The record of an idempotency key.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn kept(&self, digest: &str) -> Result<Option<IdempotencyRecord>, Unavailable> {
        self.entity(&partition(digest), SK).await
    }

    /// Writes the record of a key over that of `holder`, or as the first one; `Refused` if another
    /// request holds the key.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn keep(
        &self,
        digest: &str,
        kept: &IdempotencyRecord,
        holder: Option<&str>,
    ) -> Result<WriteOutcome, Unavailable> {
        let row = Row::new(partition(digest), SK, kept)
            .with("holder", s(&kept.token))
            .expires(Some(kept.until.secs()));
        self.put(row, Some(held_by(holder))).await
    }

    /// Frees a key; `Refused` if `holder` does not hold it.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn free_key(&self, digest: &str, holder: &str) -> Result<WriteOutcome, Unavailable> {
        let write = Write::Delete(partition(digest), SK.to_owned(), held_by(Some(holder)));
        self.transact(vec![write]).await
    }
}
