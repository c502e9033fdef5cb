//! API keys.

use domain::{key::ApiKey, time::Timestamp};

use super::{
    Page, Table, WriteOutcome,
    row::{self, Condition, Row, list_at},
};
use crate::Unavailable;

const KEYS: &str = "KEYS";

impl Table {
    /// Writes a new API key; `Refused` if its id is taken. Nothing of a key changes but the time of its use.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_key(&self, key: &ApiKey) -> Result<WriteOutcome, Unavailable> {
        let row = Row::new(KEYS, &key.id, key).listed(KEYS, key.created_at, &key.id);
        self.put(row, Some(Condition::absent())).await
    }

    /// API keys, oldest first.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn keys_page(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<ApiKey>, Unavailable> {
        self.page(KEYS, cursor, limit, true).await
    }

    /// Where a key stands in the list, for going on behind it.
    pub fn key_cursor(key: &ApiKey) -> String {
        list_at(key.created_at, &key.id)
    }

    /// The API key of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn key(&self, id: &str) -> Result<Option<ApiKey>, Unavailable> {
        self.entity(KEYS, id).await
    }

    /// Every API key, by id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, Unavailable> {
        Ok(row::readable(&self.partition(KEYS, "").await?, row::document))
    }

    /// Notes that a key was used, on the condition that it is as it was read; `Refused` if it was removed, or
    /// another request has noted a use.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn note_key_use(
        &self,
        read: &ApiKey,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let used = ApiKey { last_used_at: Some(now), ..read.clone() };
        let still = Condition::new("doc = :read")
            .value(":read", row::doc(read))
            .value(":used", row::doc(&used));
        self.update(KEYS, &read.id, "SET doc = :used", still).await
    }

    /// Removes an API key; `Refused` if there is none of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn delete_key(&self, id: &str) -> Result<WriteOutcome, Unavailable> {
        self.delete(KEYS, id).await
    }
}
