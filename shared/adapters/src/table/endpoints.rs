//! Endpoints.

use domain::{
    endpoint::{Endpoint, EndpointScope},
    id::{ApplicationId, EndpointId},
    time::Timestamp,
};

use super::{
    EventRecording, Table, WriteOutcome,
    row::{self, Condition, Row, Write, n, s},
};
use crate::Unavailable;

fn partition(application: &ApplicationId) -> String {
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

fn uid_key(uid: &str) -> String {
    format!("EPUID#{uid}")
}

impl Table {
    /// Keeps a new endpoint; `Refused` if its id or uid is taken.
    pub async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<WriteOutcome, Unavailable> {
        self.create_endpoint_telling(endpoint, &[]).await
    }

    /// The same together with what is told of it. A transaction holds 100 items: at most one event
    /// to every other endpoint.
    pub async fn create_endpoint_telling(
        &self,
        endpoint: &Endpoint,
        telling: &[EventRecording<'_>],
    ) -> Result<WriteOutcome, Unavailable> {
        let mut writes = vec![Write::Put(endpoint_row(endpoint), Condition::absent())];
        if let Some(uid) = &endpoint.uid {
            writes.push(Write::Put(uid_row(endpoint, uid), Condition::absent()));
        }
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

    /// Replaces an endpoint as it was read; `Refused` if somebody changed it since, or if its new
    /// uid is taken. `endpoint.version` is the one that was read; it is counted up here.
    pub async fn update_endpoint(
        &self,
        old: &Endpoint,
        new: &Endpoint,
    ) -> Result<WriteOutcome, Unavailable> {
        self.update_endpoint_telling(old, new, &[]).await
    }

    /// The same together with what is told of it.
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
        // Whoever enables it, or moves it, says that things are different now.
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

    /// Removes an endpoint. Its pending deliveries end as cancelled when they are next rung for.
    pub async fn delete_endpoint(&self, endpoint: &Endpoint) -> Result<WriteOutcome, Unavailable> {
        self.delete_endpoint_telling(endpoint, &[]).await
    }

    /// The same together with what is told of it.
    pub async fn delete_endpoint_telling(
        &self,
        endpoint: &Endpoint,
        telling: &[EventRecording<'_>],
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = key(&endpoint.application, &endpoint.scope, &endpoint.id);
        let mut writes =
            vec![Write::Delete(pk, sk, Condition::default()), Self::forget_health(&endpoint.id)];
        if let Some(uid) = &endpoint.uid {
            writes.push(Write::Delete(
                partition(&endpoint.application),
                uid_key(uid),
                Condition::default(),
            ));
        }
        writes.extend(telling.iter().flat_map(|recording| self.recording_writes(recording)));
        self.transact(writes).await
    }

    /// The endpoint of this id.
    pub async fn endpoint(
        &self,
        application: &ApplicationId,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, Unavailable> {
        self.endpoint_of(application, &EndpointScope::Application, id).await
    }

    /// The endpoint of this id that hears of something else than an application.
    pub async fn endpoint_of(
        &self,
        application: &ApplicationId,
        scope: &EndpointScope,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, Unavailable> {
        let (pk, sk) = key(application, scope, id);
        self.entity(&pk, &sk).await
    }

    /// The endpoint with this uid.
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

    /// Every endpoint of an application, by id.
    pub async fn endpoints(
        &self,
        application: &ApplicationId,
    ) -> Result<Vec<Endpoint>, Unavailable> {
        self.partition(&partition(application), "EP#").await?.iter().map(row::document).collect()
    }
}

fn endpoint_row(endpoint: &Endpoint) -> Row {
    let (pk, sk) = key(&endpoint.application, &endpoint.scope, &endpoint.id);
    Row::new(pk, sk, endpoint).with("version", n(endpoint.version))
}

fn uid_row(endpoint: &Endpoint, uid: &str) -> Row {
    Row::new(partition(&endpoint.application), uid_key(uid), &endpoint.id).with("uid", s(uid))
}
