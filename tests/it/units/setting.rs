//! A relay that is warm and whose ledger is read, and what was counted of a piece of work.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use axum::{
    Router,
    body::Body,
    http::{Method, Request},
};
use domain::{endpoint::CircuitBreaker, profile, retry::Policy, secret::Secret};
use local::{Ledger, Line, Stored};
use serde_json::{Value, json};
use tests::{
    cloud::{ADMIN, Cloud},
    receiver::Receiver,
    sender::{self, SECRET},
};
use tower::ServiceExt;

use super::bounds::{SHARED, Unit};

/// A piece of work that counts itself, perhaps in several parts.
pub(super) type Work = Pin<Box<dyn Future<Output = Vec<Counted>> + Send>>;

/// What a piece of work cost, divided by how often it was done.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) name: &'static str,
    /// Write units of the table and of each index, without what is shared.
    pub(super) written: BTreeMap<String, f64>,
    pub(super) read: f64,
    /// Write units of what belongs to no event.
    pub(super) shared: f64,
    /// Requests of DynamoDB, SQS (by action) and S3 (by method).
    pub(super) calls: BTreeMap<String, f64>,
    /// Bytes that stay in the table, in the indexes and in S3, and how many items and entries they are.
    pub(super) stored: BTreeMap<&'static str, f64>,
    /// The write units by kind of item.
    pub(super) kinds: BTreeMap<String, f64>,
}

impl Counted {
    /// A piece of work that cost these write units.
    pub(super) fn of(name: &'static str, written: f64) -> Self {
        let written = BTreeMap::from([("table".to_owned(), written)]);
        Self { name, written, ..Self::default() }
    }

    /// What it cost in units of this kind.
    pub(super) fn units(&self, unit: Unit) -> f64 {
        let calls = |name: &str| self.calls.get(name).copied().unwrap_or_default();
        match unit {
            Unit::Written => self.written.values().sum(),
            Unit::Read => self.read,
            Unit::Shared => self.shared,
            Unit::Puts => calls("S3 PUT"),
            Unit::Sends => calls("SQS SendMessage") + calls("SQS SendMessageBatch"),
        }
    }

    fn from(name: &'static str, times: f64, ledger: &Ledger, stored: [Stored; 2]) -> Self {
        let is_shared = |line: &Line| SHARED.iter().any(|kind| line.kind.starts_with(kind));
        let own = ledger.capacity(|line| !is_shared(line));
        let shared = ledger.capacity(is_shared);
        let mut written = BTreeMap::from([("table".to_owned(), own.table / times)]);
        written.extend(own.indexes.iter().map(|(name, units)| (name.clone(), units / times)));
        // The queries of an idle minute are its own.
        let read = if name == "idle minute" { own.read + shared.read } else { own.read };
        let mut kinds = BTreeMap::new();
        for (line, capacity) in &ledger.items {
            if capacity.written() != 0.0 {
                let kind = format!("{} by {}", line.kind, line.operation);
                *kinds.entry(kind).or_default() += capacity.written() / times;
            }
        }
        let count = |count: u64| f64::from(u32::try_from(count).expect("few"));
        let mut calls = BTreeMap::new();
        let mut add =
            |name: String, number: &u64| *calls.entry(name).or_default() += count(*number) / times;
        ledger.calls.iter().for_each(|(name, number)| add(format!("DynamoDB {name}"), number));
        ledger.queues.iter().for_each(|((_, name), number)| add(format!("SQS {name}"), number));
        ledger.objects.iter().for_each(|(name, number)| add(format!("S3 {name}"), number));
        let more = |of: fn(&Stored) -> u64| (count(of(&stored[1])) - count(of(&stored[0]))) / times;
        let stored = BTreeMap::from([
            ("items", more(|it| it.items)),
            ("table bytes", more(|it| it.bytes)),
            ("entries", more(|it| it.entries)),
            ("index bytes", more(|it| it.entry_bytes)),
            ("object bytes", count(ledger.object_bytes) / times),
        ]);
        let shared = shared.written() / times;
        Self { name, written, read: read / times, shared, calls, stored, kinds }
    }
}

/// A relay with one instance of each front door, which remember what an instance in use remembers.
pub(super) struct Setting {
    pub(super) cloud: Cloud,
    pub(super) receiver: Receiver,
    front: Router,
    api: Router,
}

/// The secrets, headers and texts of a test are hex digits, which compress to half: a body of one letter
/// repeated would be cheaper than any that is sent.
fn digits(name: &str, bytes: usize) -> String {
    let mut digits = String::new();
    while digits.len() < bytes {
        digits += &profile::fingerprint(format!("{name}{}", digits.len()).as_bytes());
        digits += &domain::id::EventId::derive(&[name, &digits]).to_string();
    }
    digits.truncate(bytes);
    digits
}

impl Setting {
    /// A relay with so many endpoints that want everything and so many that want nothing of these tests.
    /// Their circuits never open.
    pub(super) async fn new(wanting: usize, others: usize, policy: Policy) -> Self {
        let (receiver, mut cloud) = (Receiver::start().await, Cloud::counting().await);
        cloud.remember_endpoints();
        let table = cloud.sound_table();
        for number in 0..wanting + others {
            let old = cloud.endpoint(&receiver.url(&format!("/{number:03}")), policy.clone()).await;
            let mut new = old.clone();
            new.breaker = CircuitBreaker { threshold: 10_000, recovery_seconds: 60 };
            if wanting <= number {
                new.event_types = ["invoice.paid".to_owned()].into();
            }
            table.update_endpoint(&old, &new).await.expect("kept").either_way();
        }
        let source = json!({ "profile": "github", "secrets": [SECRET], "application": "acme" });
        let (status, answer) = cloud.call(Method::PUT, "/v1/sources/github", Some(source)).await;
        assert!(status.is_success(), "{answer}");
        let (front, api) = (cloud.ingest(), cloud.api());
        let setting = Self { cloud, receiver, front, api };
        // Whoever is asked first reads what it then remembers.
        setting.job("warm", 300).await;
        setting.plain("warm", 300).await;
        setting.publish("warm", 300).await;
        setting.cloud.work().await;
        setting
    }

    /// Counts work that is done so many times.
    pub(super) async fn count<F: Future<Output = ()>>(
        &self,
        name: &'static str,
        times: u32,
        work: F,
    ) -> Counted {
        let stored = || self.cloud.aws.stored().expect("read");
        let (before, first) = (self.cloud.aws.ledger(), stored());
        work.await;
        let ledger = self.cloud.aws.ledger().since(&before);
        Counted::from(name, times.into(), &ledger, [first, stored()])
    }

    async fn accept(&self, request: Request<Body>) {
        let response = self.front.clone().oneshot(request).await.expect("infallible");
        assert!(response.status().is_success(), "{}", response.status());
    }

    /// Sends the completion of a job, in a body of so many bytes.
    pub(super) async fn job(&self, call: &str, bytes: usize) {
        self.job_with(call, bytes, &json!({ "job_id": format!("job-{call}") })).await;
    }

    /// The same with this metadata.
    pub(super) async fn job_with(&self, call: &str, bytes: usize, metadata: &Value) {
        let body = |result: &str| {
            json!({ "call_id": call, "status": "success", "result": result, "metadata": metadata })
                .to_string()
        };
        let body = body(&digits(call, bytes - body("").len())).into_bytes();
        let headers = sender::headers(&body, self.cloud.clock.now());
        let mut request = Request::post("/in/modal").body(Body::from(body)).expect("a request");
        *request.headers_mut() = headers;
        self.accept(request).await;
    }

    /// Sends an event that is about no job, in a body of so many bytes.
    pub(super) async fn plain(&self, name: &str, bytes: usize) {
        let body = |text: &str| json!({ "action": "opened", "text": text }).to_string();
        let body = body(&digits(name, bytes - body("").len())).into_bytes();
        let scheme = &profile::Profile::named("github").expect("part of the build").scheme;
        let message = domain::signature::MessageToSign { body: &body, ..Default::default() };
        let signature = scheme.sign(&Secret::new(SECRET), &message).expect("signs");
        let request = Request::post("/in/github")
            .header(scheme.headers[0].signature.clone(), signature)
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", name);
        self.accept(request.body(Body::from(body)).expect("a request")).await;
    }

    /// Publishes a message with a payload of so many bytes.
    pub(super) async fn publish(&self, name: &str, bytes: usize) {
        let body = |text: &str| {
            let payload = json!({ "text": text });
            (
                payload.to_string().len(),
                json!({ "eventType": "order.paid", "eventId": name, "payload": payload }),
            )
        };
        let (_, body) = body(&digits(name, bytes - body("").0));
        let request = Request::post("/api/v1/app/acme/msg")
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let response = self.api.clone().oneshot(request.expect("a request")).await;
        let status = response.expect("infallible").status();
        assert!(status.is_success(), "{status}");
    }

    /// Calls the API, which must agree.
    pub(super) async fn done(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.cloud.call(method, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }
}
