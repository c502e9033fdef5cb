//! The cloud, driven step by step: handlers run one at a time, each as a process of its own, over
//! the real AWS clients; time is turned by hand.

use std::{collections::HashMap, sync::Arc, time::Duration};

use adapters::{
    bells::Bells, bucket::Bucket, caller::Caller, clock::Clock, queue::Queue,
    table::{Table, Written},
    vault::Vault,
};
use api::Api;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use aws_smithy_types::retry::RetryConfig;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode},
};
use deliver::Deliver;
use dispatch::{announce::Announcer, attempt::Attempts, redrive::Redrive};
use domain::{
    address::{Network, Rule},
    application::Application,
    endpoint::{Endpoint, EndpointSecret},
    id::{ApplicationId, EndpointId},
    retry::Policy,
    secret::Secret,
    source::{Options, Source},
    time::Timestamp,
};
use ingest::Ingest;
use local::{Clients, LocalAws};
use process::Process;
use redeliver::Redeliver;
use serde_json::Value;
use sweep::Sweep;
use tower::ServiceExt;

use crate::{faults::Faults, sender};

/// What is broken on purpose, to see that the invariants notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing.
    #[default]
    None,
    /// Messages are deleted although their handler died.
    AcksTheUnfinished,
    /// Nobody looks for what is due.
    NeverSweeps,
    /// What died is thrown away instead of parked.
    DropsTheDead,
}

/// The cloud.
pub struct Cloud {
    /// The services.
    pub aws: LocalAws,
    /// Everybody's clock.
    pub clock: Clock,
    /// What fails.
    pub faults: Faults,
    /// What is broken.
    pub sabotage: Sabotage,
    /// Completions that were answered 2xx.
    pub accepted: Vec<Vec<u8>>,
}

/// The admin key of these tests.
pub const ADMIN: &str = "rk_admin_0123456789abcdef0123456789abcdef";
const MASTER: &[u8] = b"master-key-of-the-tests-0123456789";
const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

impl Cloud {
    /// A cloud with one source, `modal`, whose application is `acme`.
    pub async fn start(faults: Faults) -> Self {
        let aws = LocalAws::start(local::Options::default()).await.expect("starts");
        let clock = Clock::manual(START);
        let cloud = Self { aws, clock, faults, sabotage: Sabotage::None, accepted: Vec::new() };
        let secret = Secret::new(sender::SECRET);
        let source = Source {
            name: "modal".to_owned(),
            profile: "modal-omtx".to_owned(),
            secrets: vec![cloud.vault().seal(&Source::owner("modal"), &secret)],
            application: "acme".to_owned(),
            options: Options::default(),
            created_at: START,
            updated_at: START,
        };
        let table = cloud.sound_table();
        table.put_source(&source).await.expect("kept");
        let application = Application {
            id: ApplicationId::named("acme"),
            uid: Some("acme".to_owned()),
            name: "acme".to_owned(),
            throttle_rate: None,
            metadata: Default::default(),
            created_at: START,
            updated_at: START,
            implicit: false,
        };
        table.put_application(&application).await.expect("kept");
        cloud
    }

    /// An endpoint of `acme`, kept without faults, with the secret of [`Cloud::endpoint_secret`].
    pub async fn endpoint(&self, url: &str, policy: Policy) -> Endpoint {
        let id = EndpointId::derive(&[url]);
        let sealed = self.vault().seal(&Endpoint::owner(&id), &Self::endpoint_secret());
        let endpoint = Endpoint {
            application: ApplicationId::named("acme"),
            uid: None,
            url: url.to_owned(),
            description: String::new(),
            secrets: vec![EndpointSecret { sealed, expires_at: None }],
            event_types: Vec::new(),
            channels: Vec::new(),
            metadata: Default::default(),
            throttle_rate: None,
            disabled: None,
            policy,
            created_at: START,
            updated_at: START,
            version: 0,
            id,
        };
        let created = self.sound_table().create_endpoint(&endpoint).await.expect("kept");
        assert_eq!(created, Written::Yes);
        endpoint
    }

    /// What signs for every endpoint here.
    pub fn endpoint_secret() -> Secret {
        Secret::symmetric(&[7; 32])
    }

    /// The table, without faults.
    pub fn sound_table(&self) -> Table {
        self.table(&self.aws.clients())
    }

    /// What opens secrets.
    pub fn vault(&self) -> Vault {
        Vault::new(&Secret::new(MASTER))
    }

    fn clients(&self) -> Clients {
        let clients = self.aws.clients().with_retries(RetryConfig::disabled());
        clients.with_http_client(self.faults.client())
    }

    fn table(&self, clients: &Clients) -> Table {
        Table::new(clients.dynamodb(), self.aws.names().table.clone(), RETENTION)
    }

    fn bucket(&self, clients: &Clients) -> Bucket {
        Bucket::new(clients.s3(), self.aws.names().bucket.clone())
    }

    fn queue(&self, clients: &Clients, name: &str) -> Queue {
        Queue::new(clients.sqs(), self.aws.queue_url(name))
    }

    fn bells(&self, clients: &Clients) -> Bells {
        let names = self.aws.names();
        Bells {
            outbox: self.queue(clients, &names.outbox),
            dead_letters: self.queue(clients, &names.dead_letters),
        }
    }

    fn rule() -> Rule {
        Rule { allowed: Network::parse_list("127.0.0.0/8").expect("a network") }
    }

    /// What attempts deliveries, with the faults in it.
    pub fn attempts(&self) -> Attempts {
        let clients = self.clients();
        Attempts {
            table: self.table(&clients),
            bucket: self.bucket(&clients),
            bells: self.bells(&clients),
            vault: self.vault(),
            caller: Caller::new(Self::rule()),
            clock: self.clock.clone(),
        }
    }

    fn announcer(&self, clients: &Clients) -> Announcer {
        let (table, bells) = (self.table(clients), self.bells(clients));
        Announcer { table, bells, clock: self.clock.clone() }
    }

    fn redrive(&self, clients: &Clients) -> Redrive {
        Redrive {
            table: self.table(clients),
            bucket: self.bucket(clients),
            bells: self.bells(clients),
            inbox: self.queue(clients, &self.aws.names().inbox),
            clock: self.clock.clone(),
        }
    }

    fn api(&self) -> Router {
        let clients = self.clients();
        api::router(Arc::new(Api {
            table: self.table(&clients),
            bucket: self.bucket(&clients),
            vault: self.vault(),
            attempts: self.attempts(),
            announcer: self.announcer(&clients),
            redrive: self.redrive(&clients),
            clock: self.clock.clone(),
            rule: Self::rule(),
            admin_key: Secret::new(ADMIN),
        }))
    }

    /// An API call with the admin key, by a process of its own.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.faults.begin("api");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {ADMIN}"));
        let body = match body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        let request = request.body(body).expect("a request");
        let response = self.api().oneshot(request).await.expect("infallible");
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Sends a completion once, to a process of its own; whether it was accepted.
    pub async fn send_once(&mut self, body: &[u8]) -> bool {
        self.faults.begin("ingest");
        let clients = self.clients();
        let ingest = Ingest::new(
            self.table(&clients),
            self.bucket(&clients),
            self.queue(&clients, &self.aws.names().inbox),
            self.vault(),
            self.clock.clone(),
        );
        let mut request = Request::post("/in/modal").body(Body::from(body.to_vec())).expect("one");
        *request.headers_mut() = sender::headers(body, self.clock.now());
        let response = ingest::router(Arc::new(ingest)).oneshot(request).await.expect("infallible");
        // A process that died answers nobody.
        let accepted = response.status().is_success() && !self.faults.died();
        if accepted {
            self.accepted.push(body.to_vec());
        }
        accepted
    }

    /// Sends a completion until it is accepted, as a sender does.
    pub async fn send(&mut self, body: &[u8]) {
        for _ in 0..3 {
            if self.send_once(body).await {
                return;
            }
        }
        panic!("a completion was not accepted");
    }

    /// Hands what is visible on a queue to its handler; whether there was anything.
    pub async fn step(&self, queue: &str) -> bool {
        let clients = self.aws.clients();
        let received = clients
            .sqs()
            .receive_message()
            .queue_url(self.aws.queue_url(queue))
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .expect("received")
            .messages
            .unwrap_or_default();
        if received.is_empty() {
            return false;
        }
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
        let batch = event(&received, &arn);
        let response = self.handle(queue, &batch).await;
        let died = self.faults.died() && self.sabotage != Sabotage::AcksTheUnfinished;
        for message in &received {
            let id = message.message_id.as_deref().unwrap_or_default();
            let failed =
                response.batch_item_failures.iter().any(|failure| failure.item_identifier == id);
            let failed = failed && self.sabotage != Sabotage::AcksTheUnfinished;
            if !failed && !died {
                let delete = clients.sqs().delete_message().queue_url(self.aws.queue_url(queue));
                delete.set_receipt_handle(message.receipt_handle.clone()).send().await.expect("ok");
            }
        }
        true
    }

    async fn handle(&self, queue: &str, batch: &SqsEvent) -> SqsBatchResponse {
        let (clients, names) = (self.clients(), self.aws.names());
        if queue == names.inbox {
            self.faults.begin("process");
            let (announcer, bucket) = (self.announcer(&clients), self.bucket(&clients));
            let public_url = "https://relay.example".to_owned();
            return Process { announcer, bucket, public_url }.handle(batch).await;
        }
        if queue == names.outbox {
            self.faults.begin("deliver");
            return Deliver { attempts: self.attempts() }.handle(batch).await;
        }
        self.faults.begin("redeliver");
        if self.sabotage == Sabotage::DropsTheDead {
            return SqsBatchResponse::default();
        }
        Redeliver { redrive: self.redrive(&clients) }.handle(batch).await
    }

    /// One round of the sweep.
    pub async fn sweep(&self) {
        if self.sabotage == Sabotage::NeverSweeps {
            return;
        }
        self.faults.begin("sweep");
        let clients = self.clients();
        let (table, bells) = (self.table(&clients), self.bells(&clients));
        // A round that fails is followed by the next.
        let _ = Sweep { table, bells, clock: self.clock.clone() }.run().await;
    }

    /// Lets time pass, everywhere.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.aws.skip_queue_time(time);
    }

    /// Works off everything that is there now.
    pub async fn work(&self) {
        let names = self.aws.names().clone();
        loop {
            let mut any = false;
            for queue in [&names.inbox, &names.outbox, &names.inbox_dead_letters, &names.dead_letters] {
                any |= self.step(queue).await;
            }
            if !any {
                return;
            }
        }
    }

    /// Goes on until nothing is on a queue and nothing is due, or for so many rounds of a minute
    /// that grow to five.
    pub async fn settle(&self, rounds: usize) -> bool {
        for round in 0..rounds {
            self.work().await;
            if self.is_quiet().await {
                return true;
            }
            self.pass(Duration::from_secs(if round < 4 { 61 } else { 301 }));
            self.sweep().await;
        }
        false
    }

    /// Goes on for so many rounds of a minute, or until nothing is left.
    pub async fn settle_for(&self, rounds: usize) {
        self.settle(rounds).await;
    }

    async fn is_quiet(&self) -> bool {
        let names = self.aws.names();
        for queue in [&names.inbox, &names.outbox, &names.inbox_dead_letters, &names.dead_letters] {
            if self.depth(queue).await != 0 {
                return false;
            }
        }
        // Whoever waits for an endpoint that is disabled waits for its owner.
        let endpoints = self.sound_table().endpoints(&ApplicationId::named("acme")).await;
        let asleep = endpoints.expect("read").iter().all(|endpoint| endpoint.disabled.is_some());
        let scan = self.aws.clients().dynamodb().scan().table_name(&self.aws.names().table);
        let due = scan.filter_expression("attribute_exists(due_at)").send().await.expect("read");
        let is_task = |item: &HashMap<String, AttributeValue>| {
            item.get("pk") == Some(&AttributeValue::S("TASKS".to_owned()))
        };
        due.items().iter().all(|item| asleep && is_task(item))
    }

    /// Messages on a queue, seen and unseen.
    pub async fn depth(&self, queue: &str) -> usize {
        let attributes = self
            .aws
            .clients()
            .sqs()
            .get_queue_attributes()
            .queue_url(self.aws.queue_url(queue))
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .expect("attributes")
            .attributes
            .unwrap_or_default();
        let count = |name: QueueAttributeName| -> usize {
            attributes.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        count(QueueAttributeName::ApproximateNumberOfMessages)
            + count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            + count(QueueAttributeName::ApproximateNumberOfMessagesDelayed)
    }

    /// Puts a message on a queue, as somebody with the queue's URL could.
    pub async fn inject(&self, queue: &str, body: &str) {
        let send = self.aws.clients().sqs().send_message().queue_url(self.aws.queue_url(queue));
        send.message_body(body).send().await.expect("sent");
    }
}

fn event(received: &[Message], arn: &str) -> SqsEvent {
    let mut event = SqsEvent::default();
    for message in received {
        let mut record = SqsMessage::default();
        record.message_id.clone_from(&message.message_id);
        record.body.clone_from(&message.body);
        record.event_source_arn = Some(arn.to_owned());
        let attributes = message.attributes.iter().flatten();
        record.attributes =
            attributes.map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
        event.records.push(record);
    }
    event
}
