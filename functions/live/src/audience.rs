//! Subscribers that may still hear of a topic. The right behind a connection is looked at again every five
//! minutes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use adapters::{
    Unavailable,
    table::{StoredConnection, Table},
};
use domain::{
    key,
    live::{connection, grant::Grant, subscription::LiveSubscription, topic::Topic},
    time::Timestamp,
};

use crate::remember;

/// The connections whose right this instance has looked at.
#[derive(Debug)]
pub(crate) struct Audience {
    table: Table,
    /// The time until which a connection may hear without another look.
    admitted: Mutex<HashMap<String, Timestamp>>,
}

/// The subscribers of a topic, by what is to become of them.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Subscriptions whose right still holds.
    pub(crate) admitted: Vec<LiveSubscription>,
    /// Those whose right has ended.
    pub(crate) revoked: Vec<LiveSubscription>,
    /// Those whose connection has ended.
    pub(crate) gone: Vec<LiveSubscription>,
}

impl Audience {
    pub(crate) fn new(table: Table) -> Self {
        Self { table, admitted: Mutex::default() }
    }

    fn admitted(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the key of this id was not revoked.
    async fn has_key(&self, id: &str) -> Result<bool, Unavailable> {
        Ok(id == key::ADMIN_ID || self.table.key(id).await?.is_some())
    }

    /// Whether the right of a connection has not ended: its key was not revoked, and its portal not ended.
    pub(crate) async fn holds(&self, grant: &Grant, now: Timestamp) -> Result<bool, Unavailable> {
        Ok(self.has_key(&grant.key).await? && self.has_portal(grant, now).await?)
    }

    /// Whether a portal was not ended. Others have none that could be.
    async fn has_portal(&self, grant: &Grant, now: Timestamp) -> Result<bool, Unavailable> {
        match (&grant.portal, &grant.application) {
            (None, _) => Ok(true),
            (Some(mark), Some(application)) => {
                Ok(!self.table.portal_endings(application).await?.has_ended(mark, now))
            }
            // A portal is of one application.
            (Some(_), None) => Ok(false),
        }
    }

    /// Whether a connection may still ask for something.
    pub(crate) async fn may_go_on(
        &self,
        stored: &StoredConnection,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let connection = &stored.connection;
        if connection.ends_at() <= now {
            return Ok(false);
        }
        if self.admitted().get(&connection.id).is_some_and(|until| now < *until) {
            return Ok(true);
        }
        let holds = self.holds(&connection.grant, now).await?;
        if holds {
            self.admit(stored, now);
        }
        Ok(holds)
    }

    fn admit(&self, stored: &StoredConnection, now: Timestamp) {
        let until = now.plus(connection::RECHECK).min(stored.connection.ends_at());
        remember(&mut self.admitted(), stored.connection.id.clone(), until);
    }

    /// Forgets a connection that has ended.
    pub(crate) fn forget(&self, connection: &str) {
        self.admitted().remove(connection);
    }

    /// Judges the subscribers of a topic. Connections that were not looked at lately are read.
    pub(crate) async fn judge(
        &self,
        topic: &Topic,
        subscriptions: Vec<LiveSubscription>,
        now: Timestamp,
    ) -> Result<Judged, Unavailable> {
        let known: Vec<bool> = {
            let admitted = self.admitted();
            let lately = |it: &LiveSubscription| admitted.get(&it.connection).copied();
            subscriptions.iter().map(|it| lately(it).is_some_and(|until| now < until)).collect()
        };
        let mut judged = Judged::default();
        let mut unknown = Vec::new();
        for (subscription, known) in subscriptions.into_iter().zip(known) {
            if known { judged.admitted.push(subscription) } else { unknown.push(subscription) }
        }
        if unknown.is_empty() {
            return Ok(judged);
        }
        let ids = unknown.iter().map(|it| it.connection.as_str());
        let read = self.table.connections(ids).await?;
        let connections: HashMap<&str, &StoredConnection> =
            read.iter().map(|stored| (stored.connection.id.as_str(), stored)).collect();
        let mut keys: BTreeMap<&str, bool> = BTreeMap::new();
        for stored in connections.values() {
            let key = stored.connection.grant.key.as_str();
            if !keys.contains_key(key) {
                keys.insert(key, self.has_key(key).await?);
            }
        }
        for subscription in unknown {
            let Some(stored) = connections.get(subscription.connection.as_str()) else {
                judged.gone.push(subscription);
                continue;
            };
            let connection = &stored.connection;
            let holds = now < connection.ends_at()
                && connection.grant.admits(topic, now)
                && keys.get(connection.grant.key.as_str()).is_some_and(|there| *there)
                && self.has_portal(&connection.grant, now).await?;
            if holds {
                self.admit(stored, now);
                judged.admitted.push(subscription);
            } else {
                judged.revoked.push(subscription);
            }
        }
        Ok(judged)
    }
}
