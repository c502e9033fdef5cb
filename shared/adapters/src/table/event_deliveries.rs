//! Deliveries of one event: some of them by id, one by its endpoint, or a page.

use domain::{
    delivery::Delivery,
    id::{DeliveryId, EndpointId, EventId},
};

use super::{
    Page, Table,
    delivery_item::{PREFIX, event_partition, key},
    row::{self, s},
};
use crate::Unavailable;

impl Table {
    /// Those of these deliveries of an event that are there, in no order.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or a delivery is not what this version writes.
    pub async fn deliveries_named(
        &self,
        event: &EventId,
        ids: impl IntoIterator<Item = &DeliveryId>,
    ) -> Result<Vec<Delivery>, Unavailable> {
        let keys: Vec<_> = ids.into_iter().map(|id| key(event, id)).collect();
        self.items(keys).await?.iter().map(row::document).collect()
    }

    /// The delivery of an event to an endpoint: the one of generation 0. Sending an event again goes on with
    /// that delivery.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn delivery_to(
        &self,
        event: &EventId,
        endpoint: &EndpointId,
    ) -> Result<Option<Delivery>, Unavailable> {
        self.delivery(event, &DeliveryId::of(event, endpoint, 0)).await
    }

    /// A page of an event's deliveries, by id: those behind `after`, `limit` at most and fewer if they are
    /// large, read with one query. `next` is the id behind which the rest begins, if there may be one.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or a delivery is not what this version writes.
    pub async fn deliveries_page(
        &self,
        event: &EventId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Delivery>, Unavailable> {
        // Ids are letters, digits, `-` and `_`: `!` comes before all of them, `~` behind.
        let from = after.map_or_else(|| PREFIX.to_owned(), |after| format!("{PREFIX}{after}!"));
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(event_partition(event)))
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":to", s(format!("{PREFIX}~")))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(1000))
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading deliveries", &error))?;
        let more = query.last_evaluated_key.is_some();
        let items: Vec<Delivery> =
            query.items().iter().map(row::document).collect::<Result<_, _>>()?;
        let next = items.last().filter(|_| more).map(|last| last.id.to_string());
        Ok(Page { items, next })
    }
}
