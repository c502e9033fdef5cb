//! Event types: few, and the same for all applications.

use domain::event_type::EventType;

use super::{
    Page, Table, WriteOutcome,
    row::{self, Condition, Row, Write, n},
};
use crate::Unavailable;

const TYPES: &str = "TYPES";

impl Table {
    /// Writes an event type over the one that was read (version 0: there was none); `Refused` if it
    /// was changed since. The version is counted up here.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_event_type(&self, kind: &EventType) -> Result<WriteOutcome, Unavailable> {
        let mut next = kind.clone();
        next.version += 1;
        let row = Row::new(TYPES, &next.name, &next).with("version", n(next.version));
        self.put(row, Some(Condition::version(kind.version))).await
    }

    /// The event type of this name.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn event_type(&self, name: &str) -> Result<Option<EventType>, Unavailable> {
        self.entity(TYPES, name).await
    }

    /// Every event type, by name.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn event_types(&self) -> Result<Vec<EventType>, Unavailable> {
        Ok(row::readable(&self.partition(TYPES, "").await?, row::document))
    }

    /// Event types by name, against that order if `backwards`: those behind the name `after`.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn event_types_page(
        &self,
        after: Option<&str>,
        limit: usize,
        backwards: bool,
    ) -> Result<Page<EventType>, Unavailable> {
        self.page_by_key(TYPES, after, limit, backwards, row::document).await
    }

    /// Removes an event type as it was read; `Refused` if it was changed since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn delete_event_type(&self, kind: &EventType) -> Result<WriteOutcome, Unavailable> {
        let condition = Condition::version(kind.version);
        self.transact(vec![Write::Delete(TYPES.to_owned(), kind.name.clone(), condition)]).await
    }
}
