//! The parts that every use case works with, put together once by `main`.

use std::time::Duration;

use adapters::{
    bells::{Bells, Inbox},
    bucket::Bucket,
    queue::Queue,
    table::Table,
    vault::Vault,
};
use dispatch::{announce::Announcer, attempt::Attempts, redrive::Redrive};
use domain::{address::Rule, secret::Secret, time::Timestamp};

/// Time limit of the function that delivers, unless the template says otherwise. An endpoint's
/// timeout of 300 s at most fits into it.
const DELIVER_TIMEOUT: Duration = Duration::from_secs(360);

/// The relay as its use cases see it: storage, queues, secrets, outbound calls and the clock.
pub struct ControlPlane {
    attempts: Attempts,
    announcer: Announcer,
    redrive: Redrive,
    inbox: Inbox,
    public_url: String,
    admin_key: Secret,
    deliver_timeout: Duration,
}

impl ControlPlane {
    /// Puts a control plane together. `attempts` holds every part but the inbox and the
    /// administrator's key, which is given with or without its prefix `rk_admin_`; `public_url` is
    /// the base URL of the whole relay.
    pub fn new(attempts: Attempts, inbox: Queue, admin_key: Secret, public_url: String) -> Self {
        let Attempts { table, bucket, bells, clock, .. } = attempts.clone();
        Self {
            announcer: Announcer {
                table: table.clone(),
                outbox: bells.outbox.clone(),
                clock: clock.clone(),
            },
            inbox: Inbox(inbox.clone()),
            redrive: Redrive { table, bucket, outbox: bells.outbox, inbox, clock },
            attempts,
            admin_key,
            public_url,
            deliver_timeout: DELIVER_TIMEOUT,
        }
    }

    /// Sets the time limit of the function that delivers.
    #[must_use]
    pub fn delivering_within(self, deliver_timeout: Duration) -> Self {
        Self { deliver_timeout, ..self }
    }

    /// DynamoDB table with every entity.
    pub fn table(&self) -> &Table {
        &self.attempts.table
    }

    /// S3 bucket with bodies too large for an item.
    pub fn bucket(&self) -> &Bucket {
        &self.attempts.bucket
    }

    /// Seals and opens secrets.
    pub fn vault(&self) -> &Vault {
        &self.attempts.vault
    }

    /// Present time of the wall clock.
    pub fn now(&self) -> Timestamp {
        self.attempts.clock.now()
    }

    /// Addresses that endpoints may have.
    pub fn rule(&self) -> &Rule {
        self.attempts.caller.rule()
    }

    /// Attempts a delivery while a caller waits.
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Records events with their deliveries.
    pub fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// Puts dead letters back.
    pub fn redrive(&self) -> &Redrive {
        &self.redrive
    }

    /// Queue of accepted requests and of batches to be counted.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Queues on which deliveries and tasks are rung for.
    pub fn bells(&self) -> &Bells {
        &self.attempts.bells
    }

    /// Base URL of the whole relay, without a slash at its end.
    pub fn public_url(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }

    /// The deployed administrator's key.
    pub(crate) fn admin_key(&self) -> &Secret {
        &self.admin_key
    }

    /// Time limit of the function that delivers; no timeout of an endpoint may be longer.
    pub fn deliver_timeout(&self) -> Duration {
        self.deliver_timeout
    }
}
