//! Live updates over WebSocket: accepts connections, does what their clients ask for, and pushes what
//! changed.
//!
//! Four kinds of events come here: those of the WebSocket API, messages of the FIFO queue whose groups
//! are topics, lines of CloudWatch Logs, and changes of alarms (see `alarm`). A push is a hint, and the table is the truth: what
//! cannot be pushed is found by listing.

pub mod alarm;
mod audience;
mod call;
mod catch_up;
mod cloudwatch;
mod drawn;
mod invocation;
mod lines;
mod listening;
mod push;
mod said;
mod subscribe;
mod upgrade;
mod work;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use adapters::{
    Unavailable, bells::Outbox, bucket::Bucket, clock::Clock, cloudwatch::LogService,
    live_queue::LiveQueue, pusher::Pusher, table::Table, vault::Vault,
};
use dispatch::{logs::Logs, teller::Teller};
use domain::{
    id::ApplicationId,
    live::{frames::LineRate, push_budget::PushBudget},
    log::groups::LogGroups,
    time::Timestamp,
};
use serde_json::{Value, json};

pub use self::invocation::Invocation;
use self::{audience::Audience, push::Pushes};

/// The time after which the mark of a watched application is renewed: half of the time for which it
/// holds.
const RENEW: Duration = Duration::from_secs(300);
/// Applications, or connections, that one instance remembers something about.
const REMEMBERED: usize = 10_000;

/// The parts of which live updates are put together.
#[derive(Debug)]
pub struct LiveParts {
    /// DynamoDB table with connections, subscriptions and everything that is pushed.
    pub table: Table,
    /// S3 bucket with the bodies that are too large for an item.
    pub bucket: Bucket,
    /// Queue that `deliver` reads: it concludes what listeners answered.
    pub outbox: Outbox,
    /// FIFO queue that this function reads, and sends its own messages to.
    pub queue: LiveQueue,
    /// Pushes frames to connections.
    pub pusher: Pusher,
    /// The vault that opens tokens.
    pub vault: Vault,
    /// Clock by which leases and tokens end.
    pub clock: Clock,
    /// Pushes that all instances together may make.
    pub budget: PushBudget,
    /// The log groups of CloudWatch whose lines become logs of jobs. `None` where there is no
    /// CloudWatch: lines that come all the same are dropped.
    pub cloudwatch: Option<CloudWatch>,
}

/// The log groups of CloudWatch, and a client that sets filters on them and reads them.
#[derive(Debug)]
pub struct CloudWatch {
    groups: LogGroups,
    service: LogService,
    /// The ARN of this function, once it was invoked.
    function: OnceLock<String>,
}

impl CloudWatch {
    /// The groups of a list, in this service. `None` if the list is empty: then no client is made.
    pub fn of(groups: LogGroups, service: impl FnOnce() -> LogService) -> Option<Self> {
        let some = !groups.is_empty();
        some.then(|| Self { groups, service: service(), function: OnceLock::new() })
    }
}

/// Live updates of one instance.
#[derive(Debug)]
pub struct Live {
    table: Table,
    bucket: Bucket,
    outbox: Outbox,
    queue: LiveQueue,
    vault: Vault,
    clock: Clock,
    pushes: Pushes,
    audience: Audience,
    logs: Logs,
    cloudwatch: Option<CloudWatch>,
    state: Mutex<State>,
}

/// The memory of one instance. Losing it costs reads and nothing else.
#[derive(Debug, Default)]
struct State {
    /// The time at which an application was last marked as watched, and that since which it is.
    marked: HashMap<ApplicationId, (Timestamp, Timestamp)>,
    /// The lines that connections of Socket.IO got one by one.
    rates: HashMap<String, LineRate>,
    /// The time until which CloudWatch is not asked about a group, because it refused or failed; under
    /// the empty name about none.
    quiet: HashMap<String, Timestamp>,
}

impl Live {
    /// The function with its parts put together.
    pub fn new(parts: LiveParts) -> Self {
        let LiveParts { table, bucket, outbox, queue, pusher, vault, clock, budget, cloudwatch } =
            parts;
        Self {
            pushes: Pushes::new(pusher, table.clone(), clock.clone(), budget),
            audience: Audience::new(table.clone()),
            logs: Logs::new(table.clone()).told_by(Teller::new(queue.clone())),
            cloudwatch,
            state: Mutex::default(),
            table,
            bucket,
            outbox,
            queue,
            vault,
            clock,
        }
    }

    /// Tells this instance by which ARN the function is invoked: the destination of subscription
    /// filters. Before that, it sets none.
    pub fn is_invoked_as(&self, arn: &str) {
        if let Some(cloudwatch) = &self.cloudwatch {
            cloudwatch.function.get_or_init(|| arn.to_owned());
        }
    }

    /// Notes an alarm of the stack of this name, if an event says that one has changed its state, and else
    /// answers as [`Self::handle`].
    ///
    /// # Errors
    /// As [`Self::handle`] and [`alarm::note`].
    pub async fn handle_in(&self, stack: &str, event: Value) -> Result<Value, Unavailable> {
        match alarm::is_change(&event) {
            true => alarm::note(&self.table, &event, stack).await,
            false => self.handle(event).await,
        }
    }

    /// Answers one event in the form that its kind takes.
    ///
    /// # Errors
    /// Fails if the event is of no kind that this function is invoked with, or CloudWatch's lines could
    /// not be kept; Lambda then invokes the function with them again.
    pub async fn handle(&self, event: Value) -> Result<Value, Unavailable> {
        let invocation = Invocation::read(event);
        match invocation.map_err(|error| Unavailable::new("reading an event", error))? {
            Invocation::Socket(request) => {
                let status = self.socket(&request).await;
                Ok(json!({ "statusCode": status }))
            }
            Invocation::Messages(batch) => {
                let response = self.messages(&batch).await;
                serde_json::to_value(response)
                    .map_err(|error| Unavailable::new("answering", error.to_string()))
            }
            Invocation::Lines(data) => {
                self.cloudwatch(&data).await?;
                Ok(Value::Null)
            }
        }
    }

    /// Marks that somebody watches an application, unless this instance did so lately. Returns since
    /// when somebody has watched it without a break.
    async fn watch(&self, application: &ApplicationId) -> Result<Timestamp, Unavailable> {
        let now = self.clock.now();
        let lately = self.state().marked.get(application).copied();
        if let Some((marked, since)) = lately
            && now < marked.plus(RENEW)
        {
            return Ok(since);
        }
        let since = self.table.watch(application, now).await?;
        remember(&mut self.state().marked, application.clone(), (now, since));
        Ok(since)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts something into an instance's memory, which begins anew when it is full.
fn remember<K: Eq + Hash, V>(memory: &mut HashMap<K, V>, key: K, value: V) {
    if REMEMBERED <= memory.len() {
        memory.clear();
    }
    memory.insert(key, value);
}
