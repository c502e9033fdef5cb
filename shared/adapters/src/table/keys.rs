//! API keys.

use domain::key::ApiKey;

use super::{
    Table, WriteOutcome,
    row::{self, Condition, Row},
};
use crate::Unavailable;

const KEYS: &str = "KEYS";

impl Table {
    /// Keeps a new key.
    pub async fn put_key(&self, key: &ApiKey) -> Result<WriteOutcome, Unavailable> {
        self.put(Row::new(KEYS, &key.id, key), Some(Condition::absent())).await
    }

    /// The key of this id.
    pub async fn key(&self, id: &str) -> Result<Option<ApiKey>, Unavailable> {
        self.entity(KEYS, id).await
    }

    /// Every key.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, Unavailable> {
        self.partition(KEYS, "").await?.iter().map(row::document).collect()
    }

    /// Removes a key; `Refused` if there was none.
    pub async fn delete_key(&self, id: &str) -> Result<WriteOutcome, Unavailable> {
        self.delete(KEYS, id).await
    }
}
