//! The parts that every use case works with, put together once by `main`.

use std::time::Duration;

use adapters::{
    bells::DeadLetters, bucket::Bucket, inbox::Inbox, queue::Queue, table::Table, vault::Vault,
};
use dispatch::{
    context::{CallContext, Context},
    logs::Logs,
};
use domain::{
    address::Rule, dashboard::Dashboard, key::AdminKey, live::url::LiveUrl,
    origins::AllowedOrigins, time::Timestamp,
};

use crate::{
    health::HealthCheck,
    key_uses::KeyUses,
    queue_names::{NamedQueue, QUEUE_NAMES},
    traffic::memory::TrafficMemory,
};

/// Time limit of the function that delivers, unless the template says otherwise. An endpoint's
/// timeout of 300 s at most fits into it.
const DELIVER_TIMEOUT: Duration = Duration::from_secs(360);

/// The relay as its use cases see it: storage, queues, secrets, outbound calls and the clock.
pub struct ControlPlane {
    calls: CallContext,
    inbox: Inbox,
    logs: Logs,
    public_url: String,
    admin_key: AdminKey,
    health: HealthCheck,
    deliver_timeout: Duration,
    strict_event_types: bool,
    live_url: Option<LiveUrl>,
    allowed_origins: AllowedOrigins,
    queues: Vec<NamedQueue>,
    key_uses: KeyUses,
    traffic: TrafficMemory,
    dashboard: Dashboard,
}

impl ControlPlane {
    /// Puts a control plane together. `public_url` is the base URL of the whole relay.
    pub fn new(calls: CallContext, inbox: Inbox, admin_key: AdminKey, public_url: String) -> Self {
        let mut calls = calls;
        calls.context.fan_outs = Some(inbox.clone());
        let logs = Logs::new(calls.context.table.clone()).told_by(calls.context.teller.clone());
        Self {
            calls,
            inbox,
            logs,
            public_url,
            admin_key,
            health: HealthCheck::new(),
            deliver_timeout: DELIVER_TIMEOUT,
            strict_event_types: false,
            live_url: None,
            allowed_origins: AllowedOrigins::default(),
            queues: Vec::new(),
            key_uses: KeyUses::default(),
            traffic: TrafficMemory::default(),
            dashboard: Dashboard::default(),
        }
    }

    /// Sets the time limit of the function that delivers.
    #[must_use]
    pub fn delivering_within(self, deliver_timeout: Duration) -> Self {
        Self { deliver_timeout, ..self }
    }

    /// Sets whether endpoints that name an event type which does not exist are refused.
    #[must_use]
    pub fn strict_about_event_types(self, strict_event_types: bool) -> Self {
        Self { strict_event_types, ..self }
    }

    /// Sets the URL at which clients open live connections. Without one, tickets and tokens are given
    /// without a URL.
    #[must_use]
    pub fn with_live_url(self, live_url: Option<LiveUrl>) -> Self {
        Self { live_url, ..self }
    }

    /// Sets the origins of pages that may use the API from a browser.
    #[must_use]
    pub fn with_allowed_origins(self, allowed_origins: AllowedOrigins) -> Self {
        Self { allowed_origins, ..self }
    }

    /// Sets the queues that are asked how much they hold: inbox, outbox and their dead-letter queue; live updates
    /// and theirs.
    #[must_use]
    pub fn showing_queues(self, queues: [Queue; 5]) -> Self {
        Self { queues: QUEUE_NAMES.into_iter().zip(queues).collect(), ..self }
    }

    /// Sets whether the relay serves its own pages, and who may frame them.
    #[must_use]
    pub fn with_dashboard(self, dashboard: Dashboard) -> Self {
        Self { dashboard, ..self }
    }

    /// DynamoDB table with every entity.
    pub fn table(&self) -> &Table {
        &self.calls.context.table
    }

    /// S3 bucket with bodies too large for an item.
    pub fn bucket(&self) -> &Bucket {
        &self.calls.context.bucket
    }

    /// The vault that encrypts and decrypts secrets.
    pub fn vault(&self) -> &Vault {
        &self.calls.vault
    }

    /// Present time of the wall clock.
    pub fn now(&self) -> Timestamp {
        self.calls.context.clock.now()
    }

    /// Addresses that endpoints may have.
    pub fn rule(&self) -> &Rule {
        self.calls.caller.rule()
    }

    /// Storage, the outbox and the clock: announces events and redrives dead letters.
    pub fn context(&self) -> &Context {
        &self.calls.context
    }

    /// Attempts deliveries, and calls other servers.
    pub fn calls(&self) -> &CallContext {
        &self.calls
    }

    /// Queue of accepted requests and of batches to be counted.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The store of jobs' logs.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Queue on which tasks are rung for.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.calls.dead_letters
    }

    /// Base URL of the whole relay, without a slash at its end.
    pub fn public_url(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }

    /// URL at which clients open live connections, if the relay knows it.
    pub fn live_url(&self) -> Option<&LiveUrl> {
        self.live_url.as_ref()
    }

    /// Origins of pages that may use the API from a browser.
    pub fn allowed_origins(&self) -> &AllowedOrigins {
        &self.allowed_origins
    }

    /// Whether the relay serves its own pages, and who may frame them.
    pub fn dashboard(&self) -> &Dashboard {
        &self.dashboard
    }

    /// The key of the administrator, as the stack was deployed with it.
    pub(crate) fn admin_key(&self) -> &AdminKey {
        &self.admin_key
    }

    /// Whether endpoints that name an event type which does not exist are refused.
    pub(crate) fn is_strict_about_event_types(&self) -> bool {
        self.strict_event_types
    }

    /// The health check of the table and the bucket, which remembers its last outcome.
    pub(crate) fn health(&self) -> &HealthCheck {
        &self.health
    }

    /// The queues that are asked how much they hold.
    pub(crate) fn queues(&self) -> &[NamedQueue] {
        &self.queues
    }

    /// The uses of keys that this process has noted.
    pub(crate) fn key_uses(&self) -> &KeyUses {
        &self.key_uses
    }

    /// The traffic of sources that this process remembers.
    pub(crate) fn traffic(&self) -> &TrafficMemory {
        &self.traffic
    }

    /// Time limit of the function that delivers; no timeout of an endpoint may be longer.
    pub fn deliver_timeout(&self) -> Duration {
        self.deliver_timeout
    }
}
