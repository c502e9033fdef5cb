//! The whole bundle in one process. `main.rs` of each function wires the same things from its
//! environment.

mod http;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use adapters::{
    bucket::Bucket,
    caller::{AwsSenders, Caller, EventBridge},
    clock::Clock,
    inbox::Inbox,
    live_queue::LiveQueue,
    pusher::Pusher,
    queue::Queue,
    table::Table,
    vault::Vault,
};
use aws_lambda_events::sqs::SqsEvent;
use deliver::Deliver;
use dispatch::context::{CallContext, Context, WORKERS};
use domain::{
    address::Rule,
    dashboard::Dashboard,
    destination::AwsDestinations,
    key::AdminKey,
    live::{push_budget::PushBudget, url::LiveUrl},
    origins::AllowedOrigins,
};
use ingest::Ingest;
use live::{Live, LiveParts};
use local::{Clients, LocalAws, ResourceNames, Urls};
use process::Process;
use redeliver::Redeliver;
use sweep::{Limits, Sweep};
use tokio::{sync::watch, task::JoinSet};
use tracing::warn;

use self::http::{listen, serve};
use super::{
    gateway,
    poller::Poller,
    rounds,
    settings::{ACCOUNT, BundleError, Settings},
};

/// A whole relay that runs in this process.
#[derive(Debug)]
pub struct Bundle {
    aws: LocalAws,
    address: SocketAddr,
    parts: Parts,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// The parts of which the handlers are made.
#[derive(Clone)]
struct Parts {
    calls: CallContext,
    inbox: Inbox,
    live: Queue,
    queues: [Queue; 5],
    public_url: String,
    admin: AdminKey,
    strict_event_types: bool,
    allowed_origins: AllowedOrigins,
    dashboard: Dashboard,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parts")
    }
}

/// Longest time that a stop waits for the work under way. With the two seconds of the AWS services it
/// stays below the ten that container runtimes give a process.
const DRAIN: Duration = Duration::from_secs(7);

/// Doorbells that one worker takes at once, as in the template: `BatchSize`.
const BATCH: i32 = 10;

/// Batches of pushes that are worked off at the same time. A topic is a message group, and has one of
/// them at a time.
const PUSHERS: usize = 4;

/// Time between two writes about refused requests of one source.
const REFUSALS_EVERY: Duration = Duration::from_millis(250);

/// Pushes to live connections per second, as in the template: the default of `LivePushRate`.
const PUSH_RATE: u32 = 1000;

/// The time for which this mode keeps events.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

impl Bundle {
    /// Starts everything; it is ready when this returns.
    ///
    /// # Errors
    /// Fails if a setting is wrong, the port is not free, the data cannot be opened, or a local service does not start.
    pub async fn start(settings: Settings) -> Result<Self, BundleError> {
        let (rule, destinations) = (settings.rule()?, settings.destinations()?);
        let listener = listen(settings.port).await?;
        let address =
            listener.local_addr().map_err(|error| BundleError::Port(settings.port, error))?;
        let aws = LocalAws::start(settings.options()).await?;
        let parts = Parts::new(&aws, &settings, (rule, destinations), format!("http://{address}"));
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let live = Arc::new(parts.live(&aws));
        let ingest = parts.ingest();
        let routes = parts.router(Arc::clone(&ingest));
        let router = gateway::before(routes, aws.websockets(), &live);
        let handle = move |batch: SqsEvent| {
            let live = Arc::clone(&live);
            async move { gateway::work(&live, batch).await }
        };
        tasks.spawn(poller(&aws, &aws.names().live, 10, PUSHERS).run(handle, stopped.clone()));
        tasks.spawn(serve(listener, router, stopped.clone()));
        tasks.spawn(write_refusals(ingest, stopped.clone()));
        let sweep = Sweep {
            calls: parts.calls.clone(),
            inbox: parts.inbox.clone(),
            limits: Limits::default(),
            watched: None,
        };
        let writes = aws.table_writes();
        tasks.spawn(rounds::make(sweep, writes, settings.sweep_every, stopped.clone()));
        parts.poll(&aws, &mut tasks, &stopped);
        Ok(Self { aws, address, parts, stop, tasks })
    }

    /// The URL at which the relay listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URLs at which the local AWS services listen.
    pub fn aws_urls(&self) -> &Urls {
        self.aws.urls()
    }

    /// Clients of the services beneath it.
    pub fn clients(&self) -> Clients {
        self.aws.clients()
    }

    /// The names of the relay's queues, table and bucket.
    pub fn names(&self) -> &ResourceNames {
        self.aws.names()
    }

    /// The URL of one of its queues.
    pub fn queue_url(&self, name: &str) -> String {
        self.aws.queue_url(name)
    }

    /// The table that the relay keeps everything in.
    pub const fn table(&self) -> &Table {
        &self.parts.calls.context.table
    }

    /// The clock that the relay runs by.
    pub const fn clock(&self) -> &Clock {
        &self.parts.calls.context.clock
    }

    /// The vault that encrypts the relay's secrets.
    pub const fn vault(&self) -> &Vault {
        &self.parts.calls.vault
    }

    /// The API key of the administrator.
    pub fn admin_key(&self) -> &str {
        self.parts.admin.reveal()
    }

    /// The environment of a function, as lines of `NAME=value`.
    pub fn environment_file(&self) -> String {
        let mut lines = self.aws.environment();
        lines.push(("PUBLIC_URL", self.url()));
        lines.push(("RETENTION_DAYS", (RETENTION.as_secs() / 86_400).to_string()));
        lines.push(("DELIVER_TIMEOUT_SECONDS", "360".to_owned()));
        lines.push(("LIVE_PUSH_RATE", PUSH_RATE.to_string()));
        lines.push(("STACK_NAME", "relay-dev".to_owned()));
        lines.push(("ALLOWED_NETWORKS", "127.0.0.0/8,::1/128".to_owned()));
        lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// Takes no more work, finishes what is under way within seven seconds, and stops. What is not
    /// finished then is broken off, as by the death of a worker: its lease or visibility timeout ends,
    /// and it is done again.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let work = async { while self.tasks.join_next().await.is_some() {} };
        let drained = async { tokio::join!(work, self.aws.websockets().stop()) };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            warn!("work under way is broken off; it is done again after the next start");
            self.tasks.shutdown().await;
        }
        self.aws.stop().await;
    }
}

/// A poller of a queue, for batches of this size, so many of them at a time.
fn poller(aws: &LocalAws, name: &str, batch: i32, at_once: usize) -> Poller {
    Poller {
        client: aws.inner_clients().sqs(),
        url: aws.queue_url(name),
        arn: format!("arn:aws:sqs:{}:{ACCOUNT}:{name}", local::REGION),
        batch,
        at_once,
    }
}

/// Writes refusals that wait. A function of Lambda does so with the next refused request.
async fn write_refusals(ingest: Arc<Ingest>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(REFUSALS_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => (),
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        ingest.write_refusals().await;
    }
}

impl Parts {
    fn new(
        aws: &LocalAws,
        settings: &Settings,
        (rule, destinations): (Rule, AwsDestinations),
        public_url: String,
    ) -> Self {
        let (clients, names) = (aws.inner_clients(), aws.names());
        let queue = |name: &str| Queue::new(clients.sqs(), aws.queue_url(name));
        let buses = settings.event_bridge.as_deref();
        let buses = buses.map(|url| EventBridge::new(clients.event_bridge(url)));
        let senders = AwsSenders::beside(&queue(&names.outbox)).with_buses(buses);
        let context = Context::new(
            Table::new(clients.dynamodb(), names.table.clone(), RETENTION),
            Bucket::new(clients.s3(), names.bucket.clone()),
            queue(&names.outbox),
            settings.clock.clone(),
        )
        .telling_watchers_by(queue(&names.live))
        .fanning_out_by(Inbox(queue(&names.inbox)))
        .counting_figures();
        let caller = Caller::new(rule).sending_to(destinations, senders);
        let vault = Vault::new(&settings.secrets.master);
        Self {
            calls: CallContext::new(context, queue(&names.dead_letters), vault, caller)
                .with_header_style(settings.header_style),
            inbox: Inbox(queue(&names.inbox)),
            live: queue(&names.live),
            queues: names.queues().map(queue),
            public_url,
            admin: settings.secrets.admin.clone(),
            strict_event_types: settings.strict_event_types,
            allowed_origins: settings.allowed_origins.clone(),
            dashboard: settings.dashboard.clone(),
        }
    }

    /// The URL of the WebSocket API, which is served on the public port.
    fn live_url(&self) -> Option<LiveUrl> {
        let url = self.public_url.replacen("http", "ws", 1);
        format!("{}/live", url.trim_end_matches('/')).parse().ok()
    }

    /// The function `live` over the local AWS.
    fn live(&self, aws: &LocalAws) -> Live {
        let CallContext { context, vault, .. } = self.calls.clone();
        Live::new(LiveParts {
            table: context.table,
            bucket: context.bucket,
            outbox: context.outbox,
            queue: LiveQueue(self.live.clone()),
            pusher: Pusher::new(aws.inner_clients().websocket()),
            vault,
            clock: context.clock,
            budget: PushBudget::new(PUSH_RATE),
            cloudwatch: None,
        })
    }

    /// The function `ingest`. No write here is paid for, so that refusals are shown at once.
    fn ingest(&self) -> Arc<Ingest> {
        let CallContext { context, vault, caller, .. } = self.calls.clone();
        let ingest = Ingest::new(
            context.table,
            context.bucket,
            self.inbox.clone(),
            vault,
            context.clock,
            self.public_url.clone(),
            caller.rule().clone(),
        )
        .telling_watchers_by(self.live.clone())
        .writing_refusals_every(REFUSALS_EVERY);
        Arc::new(ingest)
    }

    /// One poller per event source mapping of the template.
    fn poll(&self, aws: &LocalAws, tasks: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
        let names = aws.names();
        let process = Arc::new(Process {
            context: self.calls.context.clone(),
            inbox: self.inbox.clone(),
            public_url: self.public_url.clone(),
        });
        let deliver = Arc::new(Deliver { calls: self.calls.clone() });
        let CallContext { context, dead_letters, .. } = self.calls.clone();
        let (inbox, inbox_name) = (self.inbox.clone(), names.inbox.clone());
        let redeliver = Redeliver { context, inbox, dead_letters, inbox_name };
        let redeliver = Arc::new(redeliver);
        let handle = move |batch: SqsEvent| {
            let process = Arc::clone(&process);
            async move { process.handle(&batch).await }
        };
        tasks.spawn(poller(aws, &names.inbox, 10, 4).run(handle, stop.clone()));
        let handle = move |batch: SqsEvent| {
            let deliver = Arc::clone(&deliver);
            async move { deliver.handle(&batch).await }
        };
        tasks.spawn(poller(aws, &names.outbox, BATCH, WORKERS.into()).run(handle, stop.clone()));
        let handle = move |batch: SqsEvent| {
            let redeliver = Arc::clone(&redeliver);
            async move { redeliver.handle(&batch).await }
        };
        tasks.spawn(poller(aws, &names.dead_letters, 10, 4).run(handle, stop.clone()));
    }
}
