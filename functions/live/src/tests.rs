//! Live updates over a real table and queue, with a gateway that records what is pushed and answers as
//! a test wants.

mod actions;
mod alarms;
mod document;
mod drawing;
mod listening;
mod owners;
mod rights;
mod samples;
mod upgrades;
mod watching;

use std::time::Duration;

use ::tests::{faults::Faults, gateway::Gateway};
use adapters::{queue::Queue, table::WriteOutcome};
use domain::{
    id::{ApplicationId, SourceId, Tenure},
    job::Job,
    key::{ApiKey, KeyScope},
    live::{
        connection,
        grant::Grant,
        news::{Bulletin, LiveMessage, News},
        ticket::Ticket,
        token::LiveToken,
        topic::Topic,
    },
    log::{BatchPlace, LogOwner, read_json},
    secret::Secret,
    source::Source,
};
use local::LocalAws;

use super::*;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const PAGE: &str = "https://app.example";
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// The template, which names the items that the function may write to.
const TEMPLATE: &str = include_str!("../../../template.yaml");

pub(crate) struct World {
    pub(crate) aws: LocalAws,
    pub(crate) live: Live,
    pub(crate) gateway: Gateway,
    /// The calls of the function.
    calls: Faults,
    /// The table of everybody else.
    table: Table,
}

/// Every test ends here: the function wrote to its own items only. Emulators of AWS do not hold a
/// role to the keys of items.
impl Drop for World {
    fn drop(&mut self) {
        let own = own_items();
        let is_own = |pk: &String| {
            own.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => pk.starts_with(start),
                None => pk == pattern,
            })
        };
        let foreign: Vec<_> = self.calls.written().into_iter().filter(|pk| !is_own(pk)).collect();
        if !std::thread::panicking() {
            assert!(foreign.is_empty(), "the role of the function does not allow {foreign:?}");
        }
    }
}

/// The partitions that the role of the function may write to.
fn own_items() -> Vec<&'static str> {
    let mut lists = TEMPLATE.split("dynamodb:LeadingKeys: [");
    let list = lists.find(|list| list.starts_with("\"ALARMS\"")).expect("live's own items");
    let (keys, _) = list.split_once(']').expect("the end of the list");
    keys.split(", ").map(|key| key.trim_matches('"')).collect()
}

pub(crate) fn acme() -> ApplicationId {
    ApplicationId::named("acme")
}

pub(crate) fn tenure(application: &ApplicationId) -> Tenure {
    Tenure { source: SourceId::derive(&[application.as_str()]), application: application.clone() }
}

impl World {
    pub(crate) async fn start() -> Self {
        let options = local::Options { queue_clock_stands_still: true, ..Default::default() };
        let aws = LocalAws::start(options).await.expect("starts");
        let gateway = Gateway::start().await;
        let calls = Faults::default();
        let live = Self::instance(&aws, &calls, &gateway, Clock::manual(NOW));
        let names = aws.names();
        let table = Table::new(aws.clients().dynamodb(), names.table.clone(), RETENTION);
        let world = Self { aws, live, gateway, calls, table };
        for (id, application) in
            [("everything", None), ("acme", Some("acme")), ("globex", Some("globex"))]
        {
            world.key(id, application).await;
        }
        world
    }

    /// Another instance over the same table, which remembers nothing.
    pub(crate) fn another(&self) -> Live {
        Self::instance(&self.aws, &self.calls, &self.gateway, self.live.clock.clone())
    }

    fn instance(aws: &LocalAws, calls: &Faults, gateway: &Gateway, clock: Clock) -> Live {
        let clients = aws.clients().with_http_client(calls.around(aws.inner_http()));
        Self::instance_with(aws, clients, gateway, clock, None)
    }

    /// Clients whose calls the test looks at when it ends.
    pub(crate) fn clients(&self) -> local::Clients {
        self.aws.clients().with_http_client(self.calls.around(self.aws.inner_http()))
    }

    /// An instance whose calls go through these clients.
    fn instance_with(
        aws: &LocalAws,
        clients: local::Clients,
        gateway: &Gateway,
        clock: Clock,
        cloudwatch: Option<CloudWatch>,
    ) -> Live {
        let names = aws.names();
        Live::new(LiveParts {
            table: Table::new(clients.dynamodb(), names.table.clone(), RETENTION),
            bucket: Bucket::new(clients.s3(), names.bucket.clone()),
            outbox: Outbox(Queue::new(clients.sqs(), aws.queue_url(&names.outbox))),
            queue: LiveQueue(Queue::new(clients.sqs(), aws.queue_url(&names.live))),
            pusher: gateway.pusher(&clients),
            vault: Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdef")),
            clock,
            budget: PushBudget::new(1000),
            cloudwatch,
        })
    }

    /// Has an application watched for so long that everybody who tells knows. Whoever begins to watch waits
    /// two seconds for that.
    pub(crate) async fn known(&self, application: &ApplicationId) {
        let long_ago = Timestamp(NOW.0 - 10_000);
        self.table().watch(application, long_ago).await.expect("kept");
    }

    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    async fn key(&self, id: &str, application: Option<&str>) {
        let key = ApiKey {
            id: id.to_owned(),
            hash: String::new(),
            scope: KeyScope::Read,
            application: application.map(ApplicationId::named),
            name: String::new(),
            created_at: NOW,
            last_used_at: None,
        };
        assert_eq!(self.table().put_key(&key).await.expect("kept"), WriteOutcome::Done);
    }

    /// The grant of a key for everything that the key sees.
    pub(crate) fn grant(key: &str) -> Grant {
        Grant {
            scope: KeyScope::Admin,
            key: key.to_owned(),
            application: (key != "everything").then(|| ApplicationId::named(key)),
            only: None,
            portal: None,
            expires_at: NOW.plus(connection::LIFE),
        }
    }

    /// A ticket for a program.
    pub(crate) async fn ticket(&self, grant: Grant) -> String {
        self.ticket_from(grant, None).await
    }

    pub(crate) async fn ticket_from(&self, grant: Grant, origin: Option<&str>) -> String {
        let text = Ticket::text(adapters::random::bytes());
        let ticket = Ticket {
            grant,
            origin: origin.map(str::to_owned),
            expires_at: self.live.clock.now().plus(domain::live::ticket::LIFE),
        };
        let hash = Ticket::hash(&text).expect("a ticket");
        let written = self.table().put_ticket(&hash, &ticket).await.expect("kept");
        assert_eq!(written, WriteOutcome::Done);
        text
    }

    /// A token for one topic.
    pub(crate) fn token(&self, key: &str, topic: Topic) -> String {
        let expires_at = NOW.plus(Duration::from_secs(600));
        LiveToken { topic, key: key.to_owned(), expires_at }.sign(self.live.vault.live_tokens())
    }

    /// Asks for an upgrade with this query; the status of the answer.
    pub(crate) async fn upgrade(&self, id: &str, query: &[(&str, &str)]) -> u64 {
        self.upgrade_from(id, query, None).await
    }

    pub(crate) async fn upgrade_from(
        &self,
        id: &str,
        query: &[(&str, &str)],
        origin: Option<&str>,
    ) -> u64 {
        let query: Value = query.iter().map(|(name, value)| (*name, *value)).collect();
        let headers = origin.map_or(json!({}), |origin| json!({ "Origin": origin }));
        let answer = self.event(
            id,
            "CONNECT",
            json!({
            "queryStringParameters": query, "headers": headers, "multiValueHeaders": {} }),
        );
        answer.await["statusCode"].as_u64().expect("a status")
    }

    /// Sends the function an event of the WebSocket API, as API Gateway does.
    async fn event(&self, id: &str, kind: &str, mut more: Value) -> Value {
        let route = match kind {
            "CONNECT" => "$connect",
            "DISCONNECT" => "$disconnect",
            _ => "$default",
        };
        more["requestContext"] = json!({
            "routeKey": route, "eventType": kind, "connectionId": id, "stage": "live",
            "connectedAt": NOW.0, "requestTimeEpoch": NOW.0, "requestId": "r", "messageId": null,
            "messageDirection": "IN", "apiId": "a", "domainName": "live.example",
            "identity": { "sourceIp": "192.0.2.1" } });
        more["isBase64Encoded"] = more.get("isBase64Encoded").cloned().unwrap_or(json!(false));
        self.live.handle(more).await.expect("answered")
    }

    /// Delivers a frame of a client, and expects that it is taken.
    pub(crate) async fn say(&self, id: &str, frame: &str) {
        let answer = self.event(id, "MESSAGE", json!({ "body": frame })).await;
        assert_eq!(answer, json!({ "statusCode": 200 }));
    }

    /// A client's frame that is binary.
    pub(crate) async fn say_binary(&self, id: &str, base64: &str) {
        let body = json!({ "body": base64, "isBase64Encoded": true });
        assert_eq!(self.event(id, "MESSAGE", body).await, json!({ "statusCode": 200 }));
    }

    pub(crate) async fn leave(&self, id: &str) {
        let answer = self.event(id, "DISCONNECT", json!({})).await;
        assert_eq!(answer, json!({ "statusCode": 200 }));
    }

    /// A connection of the JSON protocol that has heard `hello`.
    pub(crate) async fn json(&self, id: &str, grant: Grant) {
        let ticket = self.ticket(grant).await;
        assert_eq!(self.upgrade(id, &[("ticket", &ticket)]).await, 200);
        self.work().await;
        let heard = self.gateway.take_json(id);
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!((&heard[0]["event"], &heard[0]["session"]), (&json!("hello"), &json!(id)));
    }

    /// A connection of Socket.IO that has entered the namespace.
    pub(crate) async fn socket_io(&self, id: &str, grant: Grant) {
        let ticket = self.ticket(grant).await;
        let query = [("EIO", "4"), ("transport", "websocket"), ("ticket", ticket.as_str())];
        assert_eq!(self.upgrade(id, &query).await, 200);
        self.work().await;
        assert!(self.gateway.take(id)[0].starts_with("0{\"sid\""));
        self.say(id, "40").await;
        assert_eq!(self.gateway.take(id), [format!("40{{\"sid\":\"{id}\"}}")]);
    }

    /// Asks for something over the JSON protocol; the answer.
    pub(crate) async fn ask(&self, id: &str, action: Value) -> Value {
        self.say(id, &action.to_string()).await;
        let mut heard = self.gateway.take_json(id);
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    /// Works through the queue until it is empty.
    pub(crate) async fn work(&self) {
        while self.work_with(&self.live).await != 0 {}
    }

    /// Works through what is on the queue now, in batches of ten as the queue gives them out. What goes
    /// back is lost: see [`failures_of`](Self::failures_of). The number of messages.
    pub(crate) async fn work_with(&self, live: &Live) -> usize {
        let bodies = self.receive().await;
        for batch in bodies.chunks(10) {
            let answer = live.handle(batch_of(batch)).await.expect("answered");
            assert_eq!(answer["batchItemFailures"], json!([]));
        }
        bodies.len()
    }

    /// Takes the messages off the queue that can be received now.
    pub(crate) async fn receive(&self) -> Vec<String> {
        let (sqs, url) = (self.aws.clients().sqs(), self.aws.queue_url(&self.aws.names().live));
        let mut bodies = Vec::new();
        loop {
            let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let messages = receive.send().await.expect("received").messages.unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            for message in messages {
                let delete = sqs.delete_message().queue_url(&url);
                let delete = delete.set_receipt_handle(message.receipt_handle);
                delete.send().await.expect("deleted");
                bodies.extend(message.body);
            }
        }
    }

    /// Works through one batch; the ids of the messages that go back, which are their places.
    pub(crate) async fn failures_of(live: &Live, bodies: &[String]) -> Vec<String> {
        let answer = live.handle(batch_of(bodies)).await.expect("answered");
        let failures = answer["batchItemFailures"].as_array().expect("a list").clone();
        let id = |failure: &Value| failure["itemIdentifier"].as_str().expect("an id").to_owned();
        failures.iter().map(id).collect()
    }

    /// A job that is registered.
    pub(crate) async fn job(&self, application: &ApplicationId, name: &str) -> Job {
        let tenure = tenure(application);
        let name_of_source = application.as_str();
        let source =
            Source::new(tenure.source.clone(), name_of_source, "modal", application.clone(), NOW);
        // The second job finds it there.
        self.table().put_source(&source, None, NOW).await.expect("kept").either_way();
        let mut job = Job::unknown(tenure, application.as_str(), name, NOW);
        job.project_id = Some("p".to_owned());
        self.put(&mut job).await;
        job
    }

    /// Writes a job as it is now.
    pub(crate) async fn put(&self, job: &mut Job) {
        job.version += 1;
        let written = self.table().keep_job(job).await.expect("kept");
        assert_eq!(written, WriteOutcome::Done);
    }

    /// Tells a bulletin as the parts of the relay do.
    pub(crate) async fn tell(&self, topic: Topic, news: impl IntoIterator<Item = News>) {
        let mut bulletin = Bulletin::new(topic, self.live.clock.now());
        news.into_iter().for_each(|news| bulletin.add(news));
        self.live.queue.tell(&LiveMessage::Bulletin(bulletin)).await.expect("sent");
    }

    /// Lines that a sender posts to the log of a job, numbered from `first`, and told as `api` does.
    pub(crate) async fn log(&self, job: &Job, stream: &str, first: u64, lines: &[&str]) {
        let body = json!({ "stream": stream, "first_seq": first, "lines": lines });
        let place = BatchPlace::default();
        let now = self.live.clock.now();
        let batch = read_json(body.to_string().as_bytes(), &place, now).expect("lines");
        let kept = self.live.logs.keep(&LogOwner::of(job), &batch, now.plus(RENEW)).await;
        assert_eq!(kept.expect("kept"), dispatch::logs::KeepOutcome::Kept);
        self.live.logs.tell_watchers(&self.live.clock).await;
    }
}

/// A batch as SQS gives it out. The ids of the messages are their places.
fn batch_of(bodies: &[String]) -> Value {
    let message = |(place, body): (usize, &String)| {
        let group = LiveMessage::parse(body).map_or("bad".to_owned(), |message| message.group());
        json!({ "messageId": place.to_string(), "body": body, "eventSource": "aws:sqs",
            "attributes": { "MessageGroupId": group, "ApproximateReceiveCount": "1" },
            "messageAttributes": {} })
    };
    json!({ "Records": bodies.iter().enumerate().map(message).collect::<Vec<_>>() })
}
