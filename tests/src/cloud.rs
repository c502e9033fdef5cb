//! The cloud, driven step by step: handlers run one at a time, each as a process of its own, over
//! the real AWS clients; time is turned by hand.

mod drive;
mod expected;
mod watched;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use adapters::{
    bucket::Bucket,
    caller::{AwsSenders, Caller, EventBridge},
    clock::Clock,
    inbox::Inbox,
    queue::Queue,
    table::{Table, WriteOutcome},
    vault::Vault,
};
use aws_smithy_types::retry::RetryConfig;
use axum::Router;
use dispatch::context::{CallContext, Context, WORKERS};
use domain::{
    address::{Network, Rule},
    application::Application,
    destination::AwsDestinations,
    endpoint::{Endpoint, EndpointSecret},
    fan_out::FanOutSizes,
    id::{ApplicationId, EndpointId, SourceId, Tenure},
    key::AdminKey,
    retry::Policy,
    room::CallCaps,
    secret::{Secret, SecretKind},
    source::Source,
    time::Timestamp,
};
use local::{Clients, LocalAws};
use manage::ControlPlane;
use sweep::{Limits, Sweep, Watched};

use self::watched::Watchers;
use crate::{chance::Chance, faults::Faults, sender};

/// A fault in the product itself, which the invariants must notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sabotage {
    /// The product is as it is.
    #[default]
    None,
    /// Messages are deleted although their handler died.
    AcksTheUnfinished,
    /// The sweep does not run.
    NeverSweeps,
    /// Dead deliveries are dropped instead of parked.
    DropsTheDead,
}

/// Faults that SQS allows itself: double receives and lost acknowledgements.
#[derive(Debug)]
pub struct QueueFaults {
    chance: Chance,
    /// Share of the batches that are received twice, 0.0 to 1.0.
    pub twice: f64,
    /// Share of the acknowledgements that are lost, 0.0 to 1.0.
    pub unheard: f64,
}

impl QueueFaults {
    /// Queues with these probabilities of a double receive and of a lost acknowledgement.
    pub const fn of(seed: u64, twice: f64, unheard: f64) -> Self {
        Self { chance: Chance::of(seed), twice, unheard }
    }
}

/// AWS on this machine, and the relay's functions over it.
pub struct Cloud {
    /// The local AWS services.
    pub aws: LocalAws,
    /// The clock of all functions, moved by the test.
    pub clock: Clock,
    /// The faults in the functions' AWS calls.
    pub faults: Faults,
    /// The fault in the product, if any.
    pub sabotage: Sabotage,
    /// The faults of the queues.
    pub queues: QueueFaults,
    /// SDK clients without faults.
    pub sound: Sdk,
    /// The table over them.
    sound_table: Table,
    /// The most calls under way without a quick answer.
    pub caps: CallCaps,
    /// How large the steps of a fan-out in pages are.
    pub fan_out_sizes: FanOutSizes,
    /// The parts of every process, with the faults in them. None of them remembers anything but the
    /// calls under way, which [`Cloud::calls`] counts anew.
    calls: CallContext,
    inbox: Inbox,
    /// Those who watch, if anybody can.
    watchers: Option<Watchers>,
    /// Completions that were answered 2xx.
    pub accepted: Vec<Vec<u8>>,
    /// The queue and the body of each message that a handler received.
    pub handled: Mutex<Vec<(String, String)>>,
}

/// SDK clients, made once.
#[derive(Clone, Debug)]
pub struct Sdk {
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
}

impl Sdk {
    fn of(clients: &Clients) -> Self {
        Self { dynamodb: clients.dynamodb(), sqs: clients.sqs(), s3: clients.s3() }
    }

    /// The client for DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.dynamodb.clone()
    }

    /// The client for SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        self.sqs.clone()
    }

    /// The client for S3.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        self.s3.clone()
    }
}

/// The admin key of these tests.
pub const ADMIN: &str = "rk_admin_0123456789abcdef0123456789abcdef";
const ACCOUNT: &str = "000000000000";
const MASTER: &[u8] = b"master-key-of-the-tests-0123456789";
const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

impl Cloud {
    /// A cloud with one source, `modal`, whose application is `acme`.
    pub async fn start(faults: Faults) -> Self {
        Self::start_with(faults, local::Options::default()).await
    }

    /// The same cloud, over services that keep a ledger.
    pub async fn counting() -> Self {
        let options = local::Options { keeps_ledger: true, ..Default::default() };
        Self::start_with(Faults::default(), options).await
    }

    async fn start_with(faults: Faults, options: local::Options) -> Self {
        let options = local::Options { queue_clock_stands_still: true, ..options };
        let aws = LocalAws::start(options).await.expect("starts");
        let clock = Clock::manual(START);
        faults.set_clock(&clock);
        let (sound, names) = (Sdk::of(&aws.inner_clients()), aws.names());
        let failing = Sdk::of(&Self::failing(&aws, &faults));
        let table = |clients: &Sdk| Table::new(clients.dynamodb(), names.table.clone(), RETENTION);
        let queue = |name: &str| Queue::new(failing.sqs(), aws.queue_url(name));
        let bucket = Bucket::new(failing.s3(), names.bucket.clone());
        let outbox = queue(&names.outbox);
        let senders = AwsSenders::beside(&outbox);
        let caller = Caller::new(Self::rule()).sending_to(Self::destinations(), senders);
        let context = Context::new(table(&failing), bucket, outbox, clock.clone());
        let context = context.fanning_out_by(Inbox(queue(&names.inbox)));
        let vault = Vault::new(&Secret::new(MASTER));
        let cloud = Self {
            sound_table: table(&sound),
            calls: CallContext::new(context, queue(&names.dead_letters), vault, caller),
            inbox: Inbox(queue(&names.inbox)),
            aws,
            clock,
            faults,
            sabotage: Sabotage::None,
            caps: CallCaps::share_of(WORKERS),
            fan_out_sizes: FanOutSizes::default(),
            queues: QueueFaults::of(0, 0.0, 0.0),
            sound,
            watchers: None,
            accepted: Vec::new(),
            handled: Mutex::default(),
        };
        let secret = Secret::new(sender::SECRET);
        let Tenure { source: id, application } = Self::tenure();
        let mut source = Source::new(id, "modal", "modal-omtx", application, START);
        source.secrets = vec![cloud.vault().seal(&Source::owner(&source.id), &secret)];
        source.proof = cloud.vault().mark([secret.expose()]);
        let table = cloud.sound_table();
        let kept = table.put_source(&source, None, START).await.expect("kept");
        assert_eq!(kept, WriteOutcome::Done);
        let id = ApplicationId::named("acme");
        let application = Application::new(id, Some("acme".to_owned()), "acme", START);
        table.create_application(&application).await.expect("kept").either_way();
        cloud
    }

    /// From now on all processes are one that remembers endpoints for a moment.
    pub fn remember_endpoints(&mut self) {
        self.calls.context = self.calls.context.clone().remembering_endpoints();
    }

    /// Clients with the faults in them. They do not try again, so that a fault is one.
    fn failing(aws: &LocalAws, faults: &Faults) -> Clients {
        let clients = aws.inner_clients().with_retries(RetryConfig::disabled());
        clients.with_http_client(faults.around(aws.inner_http()))
    }

    /// The source `modal` while it belongs to `acme`.
    pub fn tenure() -> Tenure {
        Tenure { source: SourceId::derive(&["modal"]), application: ApplicationId::named("acme") }
    }

    /// An endpoint of `acme`, kept without faults, with the secret of [`Cloud::endpoint_secret`].
    pub async fn endpoint(&self, url: &str, policy: Policy) -> Endpoint {
        let id = EndpointId::derive(&[url]);
        let sealed = self.vault().seal(&Endpoint::owner(&id), &Self::endpoint_secret());
        let application = ApplicationId::named("acme");
        let mut endpoint = Endpoint::new(id, application, url, START);
        endpoint.secrets = vec![EndpointSecret::new(sealed, SecretKind::Hmac)];
        endpoint.policy = policy;
        endpoint.version = 0;
        let created = self.sound_table().create_endpoint(&endpoint).await.expect("kept");
        assert_eq!(created, WriteOutcome::Done);
        endpoint
    }

    /// An endpoint of `acme` that wants these event types only.
    pub async fn endpoint_for(&self, url: &str, event_types: &[&str]) -> Endpoint {
        let old = self.endpoint(url, Policy::default()).await;
        let mut endpoint = old.clone();
        endpoint.event_types = event_types.iter().map(|kind| (*kind).to_owned()).collect();
        let updated = self.sound_table().update_endpoint(&old, &endpoint).await.expect("kept");
        assert_eq!(updated, WriteOutcome::Done);
        endpoint
    }

    /// The secret of every endpoint here.
    pub fn endpoint_secret() -> Secret {
        Secret::symmetric(&[7; 32])
    }

    /// The table, without faults.
    pub fn sound_table(&self) -> Table {
        self.sound_table.clone()
    }

    /// The vault that seals and opens the secrets here.
    pub fn vault(&self) -> Vault {
        self.calls.vault.clone()
    }

    /// The ARN of a queue that deliveries may go to, if it is `orders` or `orders.fifo`.
    pub fn arn(queue: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT}:{queue}", local::REGION)
    }

    /// The ARN of an event bus that deliveries may go to, if it is `jobs`.
    pub fn bus(name: &str) -> String {
        format!("arn:aws:events:{}:{ACCOUNT}:event-bus/{name}", local::REGION)
    }

    fn destinations() -> AwsDestinations {
        let list = [Self::arn("orders"), Self::arn("orders.fifo"), Self::bus("jobs")].join(",");
        AwsDestinations::parse_list(&list, local::REGION, ACCOUNT).expect("queues and a bus")
    }

    /// Puts events on the buses of the EventBridge that listens there.
    pub fn with_event_bridge(&mut self, url: &str) {
        let failing = Self::failing(&self.aws, &self.faults);
        let buses = EventBridge::new(failing.event_bridge(url));
        let senders = AwsSenders::beside(&self.calls.context.outbox.0).with_buses(Some(buses));
        self.calls.caller = Caller::new(Self::rule()).sending_to(Self::destinations(), senders);
    }

    fn rule() -> Rule {
        Rule { allowed: Network::parse_list("127.0.0.0/8").expect("a network"), ..Rule::default() }
    }

    /// The context of a process, with the faults in it.
    pub fn calls(&self) -> CallContext {
        let mut calls = self.calls.clone().capping_calls(self.caps);
        calls.context = calls.context.counting_figures();
        calls.context.fan_out_sizes = self.fan_out_sizes;
        if let Some(watchers) = &self.watchers {
            calls.context = calls.context.telling_watchers_by(watchers.queue.clone());
        }
        calls
    }

    /// The sweep as it is on AWS, where alarms listen: it looks for troubles.
    pub fn watching_sweeper(&self) -> Sweep {
        let names = self.aws.names();
        let queue = |name: &str| Queue::new(self.sound.sqs(), self.aws.queue_url(name));
        let queues = [&names.inbox, &names.outbox, &names.dead_letters, &names.live_dead_letters];
        let queues = queues.map(|name| queue(name));
        Sweep { watched: Some(Watched::new(queues.each_ref())), ..self.sweeper() }
    }

    /// The sweep of a process, with the faults in it.
    pub fn sweeper(&self) -> Sweep {
        Sweep {
            calls: self.calls(),
            inbox: self.inbox.clone(),
            limits: Limits::default(),
            watched: None,
        }
    }

    /// The function `api`, in a process of its own.
    pub fn api(&self) -> Router {
        api::router(Arc::new(ControlPlane::new(
            self.calls(),
            self.inbox.clone(),
            AdminKey::parse(ADMIN).expect("long enough"),
            "https://relay.example".to_owned(),
        )))
    }
}
