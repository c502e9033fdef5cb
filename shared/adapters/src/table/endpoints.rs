//! Endpoints.

use std::collections::BTreeMap;

use domain::{
    endpoint::{Endpoint, EndpointScope},
    id::{ApplicationId, EndpointId},
    time::Timestamp,
};

use super::{
    EventRecording, Table, WriteOutcome,
    endpoint_pages::{count_write, endpoint_list},
    row::{self, Condition, Row, Write, n, s},
};
use crate::Unavailable;

pub(super) fn partition(application: &ApplicationId) -> String {
    format!("APP#{application}")
}

/// Where an endpoint lies: with what it hears of, so that the endpoints of an application can be
/// read without those of its thousands of jobs.
pub(super) fn key(
    application: &ApplicationId,
    scope: &EndpointScope,
    id: &EndpointId,
) -> (String, String) {
    let partition = match scope {
        EndpointScope::Application => partition(application),
        EndpointScope::Job(job) => format!("JOB#{job}"),
        EndpointScope::Batch(batch) => format!("BATCH#{batch}"),
    };
    (partition, format!("EP#{id}"))
}

fn deleted_key(application: &ApplicationId, id: &EndpointId) -> (String, String) {
    (partition(application), format!("EPGONE#{id}"))
}

fn uid_key(uid: &str) -> String {
    format!("EPUID#{uid}")
}

impl Table {
    /// Writes a new endpoint; `Refused` if its id or uid is taken, or its application has no room for it
    /// ([`MAX_ENDPOINTS`](domain::endpoint::MAX_ENDPOINTS)).
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<WriteOutcome, Unavailable> {
        self.create_endpoint_telling(endpoint, &[]).await
    }

    /// Writes a new endpoint together with the operational events about it. A transaction holds 100
    /// items, four of which are the endpoint's.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn create_endpoint_telling(
        &self,
        endpoint: &Endpoint,
        telling: &[EventRecording<'_>],
    ) -> Result<WriteOutcome, Unavailable> {
        let mut writes = create_writes(endpoint);
        writes.extend(telling.iter().flat_map(|recording| self.recording_writes(recording)));
        self.transact(writes).await
    }

    /// The write that keeps the endpoint of a job or a batch, as it follows from the one that was
    /// read (version 1: there was none). It stays four times as long as events do: longer than its
    /// job and all deliveries.
    pub(super) fn scoped_endpoint(&self, endpoint: &Endpoint, now: Timestamp) -> Write {
        let expires = now.plus(self.retention * 4).secs();
        let row = endpoint_row(endpoint).expires(Some(expires));
        Write::Put(row, Condition::version(endpoint.version - 1))
    }

    /// Writes an endpoint over the one that was read; `Refused` if that was changed since, the new uid is
    /// taken, or the application has as many that want order as it may. The version is counted up here.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn update_endpoint(
        &self,
        old: &Endpoint,
        new: &Endpoint,
    ) -> Result<WriteOutcome, Unavailable> {
        self.update_endpoint_telling(old, new, &[]).await
    }

    /// Writes an endpoint over the one that was read, together with the operational events about it.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn update_endpoint_telling(
        &self,
        old: &Endpoint,
        new: &Endpoint,
        telling: &[EventRecording<'_>],
    ) -> Result<WriteOutcome, Unavailable> {
        let mut new = new.clone();
        new.version = old.version + 1;
        let condition = Condition::new("version = :read").value(":read", n(old.version));
        let mut writes = vec![Write::Put(endpoint_row(&new), condition)];
        writes.extend(count_write(Some(old), Some(&new)));
        // The health says nothing about an endpoint that is enabled or moved by its owner.
        if (old.disabled.is_some() && new.disabled.is_none()) || old.url != new.url {
            writes.push(Self::forget_health(&old.id));
        }
        if old.uid != new.uid {
            if let Some(uid) = &old.uid {
                writes.push(Write::Delete(
                    partition(&old.application),
                    uid_key(uid),
                    Condition::default(),
                ));
            }
            if let Some(uid) = &new.uid {
                writes.push(Write::Put(uid_row(&new, uid), Condition::absent()));
            }
        }
        writes.extend(telling.iter().flat_map(|recording| self.recording_writes(recording)));
        self.transact(writes).await
    }

    /// Removes an endpoint of an application that was deleted, as it was read; `Refused` if it was changed
    /// or removed since. Its pending deliveries end as cancelled when they are next rung for. The numbers of
    /// the application's endpoints, which nobody asks for any more, stay as they are, so that many endpoints
    /// can be removed at once.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn delete_endpoint(&self, endpoint: &Endpoint) -> Result<WriteOutcome, Unavailable> {
        self.transact(Self::delete_writes(endpoint)).await
    }

    /// Removes an endpoint as it was read, together with the operational events about it. The fields
    /// that are shown beside the messages that went to it are kept for as long as these are; its
    /// secrets and headers are not.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn delete_endpoint_telling(
        &self,
        endpoint: &Endpoint,
        telling: &[EventRecording<'_>],
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let mut writes = self.endpoint_removal(endpoint, now);
        writes.extend(telling.iter().flat_map(|recording| self.recording_writes(recording)));
        self.transact(writes).await
    }

    /// The writes that remove an endpoint as it was read, and keep what is shown of it afterwards.
    pub(super) fn endpoint_removal(&self, endpoint: &Endpoint, now: Timestamp) -> Vec<Write> {
        let mut writes = Self::delete_writes(endpoint);
        writes.extend(count_write(Some(endpoint), None));
        let kept = Endpoint {
            secrets: Vec::new(),
            headers: BTreeMap::new(),
            metadata: BTreeMap::new(),
            filter: None,
            ..endpoint.clone()
        };
        let (pk, sk) = deleted_key(&endpoint.application, &endpoint.id);
        let row = Row::new(pk, sk, &kept).expires(Some(self.expiry(now)));
        writes.push(Write::Put(row, Condition::default()));
        writes
    }

    fn delete_writes(endpoint: &Endpoint) -> Vec<Write> {
        let (pk, sk) = key(&endpoint.application, &endpoint.scope, &endpoint.id);
        let as_read = Condition::new("version = :read").value(":read", n(endpoint.version));
        let mut writes = vec![Write::Delete(pk, sk, as_read), Self::forget_health(&endpoint.id)];
        if let Some(uid) = &endpoint.uid {
            writes.push(Write::Delete(
                partition(&endpoint.application),
                uid_key(uid),
                Condition::default(),
            ));
        }
        writes
    }

    /// The fields that are kept of a deleted endpoint of an application, without secrets and headers.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn deleted_endpoint(
        &self,
        application: &ApplicationId,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, Unavailable> {
        let (pk, sk) = deleted_key(application, id);
        self.entity(&pk, &sk).await
    }

    /// The endpoint of this id that hears of its application.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn endpoint(
        &self,
        application: &ApplicationId,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, Unavailable> {
        self.endpoint_of(application, &EndpointScope::Application, id).await
    }

    /// The endpoint of this id that hears of an application, a job or a batch.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn endpoint_of(
        &self,
        application: &ApplicationId,
        scope: &EndpointScope,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, Unavailable> {
        let (pk, sk) = key(application, scope, id);
        self.entity(&pk, &sk).await
    }

    /// The endpoint of this id in whichever of these applications it is; those of jobs and batches are
    /// not among them.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn endpoint_in_any(
        &self,
        applications: impl IntoIterator<Item = &ApplicationId>,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, Unavailable> {
        let scope = EndpointScope::Application;
        let keys = applications.into_iter().map(|application| key(application, &scope, id));
        let items = self.items(keys.collect()).await?;
        items.first().map(row::document).transpose()
    }

    /// The endpoint of an application with this uid.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn endpoint_by_uid(
        &self,
        application: &ApplicationId,
        uid: &str,
    ) -> Result<Option<Endpoint>, Unavailable> {
        let id: Option<EndpointId> = self.entity(&partition(application), &uid_key(uid)).await?;
        match id {
            Some(id) => self.endpoint(application, &id).await,
            None => Ok(None),
        }
    }

    /// Every endpoint of an application, by id. Webhooks of jobs and batches are not among them.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn endpoints(
        &self,
        application: &ApplicationId,
    ) -> Result<Vec<Endpoint>, Unavailable> {
        self.partition(&partition(application), "EP#").await?.iter().map(row::document).collect()
    }
}

/// The writes of a new endpoint. One of them is refused if its id or uid is taken, or its application has
/// no room for it.
pub(super) fn create_writes(endpoint: &Endpoint) -> Vec<Write> {
    let mut writes = vec![Write::Put(endpoint_row(endpoint), Condition::absent())];
    if let Some(uid) = &endpoint.uid {
        writes.push(Write::Put(uid_row(endpoint, uid), Condition::absent()));
    }
    writes.extend(count_write(None, Some(endpoint)));
    writes
}

fn endpoint_row(endpoint: &Endpoint) -> Row {
    let Endpoint { application, scope, id, created_at, .. } = endpoint;
    let (pk, sk) = key(application, scope, id);
    let row = Row::new(pk, sk, endpoint).with("version", n(endpoint.version));
    match scope {
        EndpointScope::Application => {
            row.listed(endpoint_list(application), *created_at, id.as_str())
        }
        EndpointScope::Job(_) | EndpointScope::Batch(_) => row,
    }
}

fn uid_row(endpoint: &Endpoint, uid: &str) -> Row {
    Row::new(partition(&endpoint.application), uid_key(uid), &endpoint.id).with("uid", s(uid))
}
