//! Events: recorded once, together with all that follows from them.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    envelope::StoredBody,
    event::Event,
    id::{ApplicationId, EventId, JobId, Tenure},
    job::Job,
    request::RequestRecord,
    source::FormerTenure,
    time::Timestamp,
};
use futures::future::try_join;

use super::{
    Item, Page, ReadMode, Table, WriteOutcome,
    delivery_item::{self, event_key as key, event_partition},
    jobs,
    recording::{EventRecording, RecordOutcome},
    requests,
    row::{self, Condition, Row, Write, list_at, n, s},
    sources,
};
use crate::Unavailable;

/// What the table knows of an event and its job.
#[derive(Debug, Default)]
pub struct EventContext {
    /// The event, if it was recorded.
    pub event: Option<Event>,
    /// The job, if there is one.
    pub job: Option<Job>,
    /// The endpoints that hear of that job alone.
    pub webhooks: Vec<Endpoint>,
    /// The tenure of the event's source, if that has ended.
    pub former: Option<FormerTenure>,
    /// Of the events whose reports the job remembers, those that are recorded.
    pub recorded: Vec<EventId>,
}

/// Other bytes that came under the key of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConflict {
    /// The body, or its place in the bucket.
    pub body: StoredBody,
    /// The media type of the body, as the sender named it.
    pub content_type: Option<String>,
    /// The time at which the request arrived.
    pub at: Timestamp,
}

/// Sort keys of conflicts begin so.
const CONFLICT: &str = "CONFLICT#";

impl Table {
    /// Records an event, its job's new state and its deliveries, all or nothing.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An event that is recorded already, or a job that has changed, is no error but
    /// `Contested`.
    pub async fn record(
        &self,
        recording: &EventRecording<'_>,
    ) -> Result<RecordOutcome, Unavailable> {
        Ok(match self.transact(self.recording_writes(recording)).await? {
            WriteOutcome::Done => RecordOutcome::New,
            WriteOutcome::Refused => RecordOutcome::Contested,
        })
    }

    /// Records an event alone; `Refused` if it is recorded already.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn record_event(
        &self,
        event: &Event,
        request: Option<&RequestRecord>,
    ) -> Result<WriteOutcome, Unavailable> {
        self.put(self.event_row(event, request), Some(Condition::absent())).await
    }

    /// The item of an event, with the request that it came with.
    fn event_row(&self, event: &Event, request: Option<&RequestRecord>) -> Row {
        let (pk, sk) = key(&event.id);
        let row = Row::new(pk, sk, event)
            .listed(event_list(&event.application), event.created_at, event.id.bare())
            .due(event.id.bare(), event.asked.content_until)
            .expires(Some(self.expiry(event.created_at)));
        match request.map(requests::attribute) {
            Some((name, record)) => row.with(name, record),
            None => row,
        }
    }

    /// The writes that record an event.
    pub(super) fn recording_writes(&self, recording: &EventRecording<'_>) -> Vec<Write> {
        let event = recording.event;
        let mut writes =
            vec![Write::Put(self.event_row(event, recording.request), Condition::absent())];
        writes.extend(self.fan_out_write(recording));
        writes.extend(self.new_deliveries(recording.deliveries, recording.endpoints));
        writes.extend(recording.deliveries.iter().flat_map(|it| self.place_writes(it)));
        writes.extend(recording.job.into_iter().flat_map(|job| self.job_writes(job)));
        let callee = recording.callee;
        writes.extend(callee.map(|callee| self.scoped_endpoint(callee, event.created_at)));
        let marker = recording.marker;
        writes.extend(marker.into_iter().flat_map(|it| self.marker_writes(it, event.created_at)));
        writes
    }

    /// The writes that begin deliveries.
    pub(super) fn new_deliveries(
        &self,
        deliveries: &[Delivery],
        endpoints: &[Endpoint],
    ) -> Vec<Write> {
        let write = |delivery: &Delivery| {
            let endpoint = endpoints.iter().find(|e| e.id == delivery.endpoint);
            let lease = Delivery::lease(&endpoint.map(|e| e.policy.clone()).unwrap_or_default());
            let due = Delivery::due(delivery.created_at, delivery.next_at);
            Write::Put(self.delivery_row(delivery, lease, Some(due)), Condition::absent())
        };
        deliveries.iter().map(write).collect()
    }

    /// The event of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn event(&self, id: &EventId) -> Result<Option<Event>, Unavailable> {
        let (pk, sk) = key(id);
        self.item(&pk, &sk).await?.map(|item| from_item(&item)).transpose()
    }

    /// The event, the job it may be about, and the end of their tenure if it has ended, at once; then that
    /// job's own endpoints, and the events whose reports it remembers, if it has any. The job names the
    /// endpoints, so one that is registered meanwhile changes the job, and what is recorded on the
    /// condition that it did not is refused. Event and job are read in this mode; nothing is written on the
    /// condition that a tenure has not ended, so that its end is always as the last write left it.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn known(
        &self,
        id: &EventId,
        job: Option<&JobId>,
        tenure: &Tenure,
        mode: ReadMode,
    ) -> Result<EventContext, Unavailable> {
        let mut known = EventContext::default();
        let keys = [Some(key(id)), job.map(jobs::key)].into_iter().flatten().collect();
        let (pk, sk) = sources::tenure_key(tenure);
        let (items, former) =
            try_join(self.items_as(keys, &[], mode), self.entity(&pk, &sk)).await?;
        known.former = former;
        for item in items {
            match row::text(&item, "sk") {
                Some("JOB") => known.job = Some(row::document(&item)?),
                _ => known.event = Some(from_item(&item)?),
            }
        }
        let Some(job) = &known.job else { return Ok(known) };
        let unrecorded = job.unrecorded.iter().map(|report| &report.event);
        let unrecorded = unrecorded.filter(|event| *event != id).map(key);
        for item in self.items(jobs::webhook_keys(job).chain(unrecorded).collect()).await? {
            match row::text(&item, "sk") {
                Some("EVT") => known.recorded.push(from_item(&item)?.id),
                _ => known.webhooks.push(row::document(&item)?),
            }
        }
        Ok(known)
    }

    /// Several events at once, in no order; those that are gone are left out.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn events_of(&self, ids: &[EventId]) -> Result<Vec<Event>, Unavailable> {
        self.items(ids.iter().map(key).collect()).await?.iter().map(from_item).collect()
    }

    /// Every delivery of an event.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or a delivery is not what this version writes.
    pub async fn deliveries_of(&self, id: &EventId) -> Result<Vec<Delivery>, Unavailable> {
        let items = self.partition(&event_partition(id), delivery_item::PREFIX).await?;
        items.iter().map(row::document).collect()
    }

    /// The events of an application, newest first.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn events(
        &self,
        application: &ApplicationId,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<Event>, Unavailable> {
        let list = event_list(application);
        self.page_of(&list, cursor, limit, oldest_first, from_item).await
    }

    /// The place in a list by time just before everything from this moment on.
    pub fn place_before(at: Timestamp) -> String {
        format!("{:013}", at.0.min(9_999_999_999_999))
    }

    /// Where an event stands in its application's list, for going on behind it.
    pub fn event_cursor(event: &Event) -> String {
        list_at(event.created_at, event.id.bare())
    }

    /// Counts another arrival of an event that is known.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the event is gone.
    pub async fn count_duplicate(&self, id: &EventId) -> Result<(), Unavailable> {
        self.count(id, "duplicates").await
    }

    /// Counts a webhook that told what asking the platform had told before.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the event is gone.
    pub async fn count_webhook(&self, id: &EventId) -> Result<(), Unavailable> {
        self.count(id, "webhooks").await
    }

    /// Counts other bytes that came under the key of an event, which has enough of them.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the event is gone.
    pub async fn count_conflict(&self, id: &EventId) -> Result<(), Unavailable> {
        self.count(id, "conflicts").await
    }

    /// Keeps other bytes that came under the key of a known event, and counts them once.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An event that is gone, or bytes that are kept already, are no error: nothing is
    /// written then.
    pub async fn keep_conflict(
        &self,
        id: &EventId,
        fingerprint: &str,
        conflict: &StoredConflict,
    ) -> Result<(), Unavailable> {
        let at = conflict.at;
        let mut row =
            Row::new(event_partition(id), format!("{CONFLICT}{fingerprint}"), &conflict.body)
                .with("received_at", n(at.0))
                .expires(Some(self.expiry(at)));
        if let Some(content_type) = &conflict.content_type {
            row = row.with("content_type", s(content_type));
        }
        let (pk, sk) = key(id);
        let count = Condition::new("attribute_exists(pk)").value(":one", n(1));
        // Together, so that a crash in between cannot keep without counting.
        self.transact(vec![
            Write::Put(row, Condition::absent()),
            Write::Update(pk, sk, "ADD conflicts :one", count),
        ])
        .await
        .map(WriteOutcome::either_way)
    }

    /// The other bytes that came under an event's key, as far as they are kept, in no order.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn conflicts(&self, id: &EventId) -> Result<Vec<StoredConflict>, Unavailable> {
        let items = self.partition(&event_partition(id), CONFLICT).await?;
        let read = |item: &Item| {
            let at = Timestamp(row::number(item, "received_at").unwrap_or(0));
            let content_type = row::text(item, "content_type").map(str::to_owned);
            Ok(StoredConflict { body: row::document(item)?, content_type, at })
        };
        items.iter().map(read).collect()
    }

    /// Removes the other bytes that came under an event's key; that they came stays counted. The
    /// keys of those that lie in the bucket.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes. Some of them may be removed by then; a
    /// second call removes the rest.
    pub async fn forget_conflicts(&self, id: &EventId) -> Result<Vec<String>, Unavailable> {
        let mut claims = Vec::new();
        for item in self.partition(&event_partition(id), CONFLICT).await? {
            if let StoredBody::Claim(key) = row::document(&item)? {
                claims.push(key);
            }
            let sk = row::text(&item, "sk").unwrap_or_default();
            self.delete(&event_partition(id), sk).await?.either_way();
        }
        Ok(claims)
    }

    /// Writes an event's document anew, beside its counters; `Refused` if it is gone.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn rewrite_event(&self, event: &Event) -> Result<WriteOutcome, Unavailable> {
        self.set_event(event, "SET doc = :doc").await
    }

    /// The same, with nothing that is still to happen to its content.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn settle_event(&self, event: &Event) -> Result<WriteOutcome, Unavailable> {
        self.set_event(event, "SET doc = :doc REMOVE due_shard, due_at, rings").await
    }

    async fn set_event(
        &self,
        event: &Event,
        expression: &'static str,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = key(&event.id);
        let there = Condition::new("attribute_exists(pk)").value(":doc", row::doc(event));
        self.update(&pk, &sk, expression, there).await
    }

    async fn count(&self, id: &EventId, what: &str) -> Result<(), Unavailable> {
        let (pk, sk) = key(id);
        self.client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("ADD #what :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#what", what)
            .expression_attribute_values(":one", n(1))
            .send()
            .await
            .map_err(|error| Unavailable::aws("counting", &error))?;
        Ok(())
    }
}

fn event_list(application: &ApplicationId) -> String {
    format!("EVTS#{application}")
}

/// The counters lie beside the document, which never changes.
pub(super) fn from_item(item: &Item) -> Result<Event, Unavailable> {
    let mut event: Event = row::document(item)?;
    event.duplicates = row::number(item, "duplicates").unwrap_or(0);
    event.conflicts = row::number(item, "conflicts").unwrap_or(0);
    event.webhooks = row::number(item, "webhooks").unwrap_or(0);
    Ok(event)
}
