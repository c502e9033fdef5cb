//! The router over the local AWS in memory, asked as a client would.

mod applications;
mod attempted;
mod attempts;
mod auth;
mod base_path;
mod batches;
mod cancel;
mod contested;
mod contract;
mod cors;
mod dead_letters;
mod desk;
mod document;
mod drafts;
mod endpoint_headers;
mod endpoints;
mod errors;
mod event_lists;
mod event_types;
mod events;
mod expunge;
mod idempotency;
mod inject;
mod job_lists;
mod jobs;
mod keys;
mod listeners;
mod live;
mod logs;
mod messages;
mod omtx;
mod omtx_reports;
mod overview;
mod page;
mod paging;
mod parts;
mod policies;
mod portals;
mod profiles;
mod publish;
mod receiver;
mod redrive;
mod refusals;
mod registration;
mod removal;
mod renamed;
mod samples;
mod search;
mod secrecy;
mod secrets;
mod sessions;
mod sources;
mod stats;
mod status;
mod strictness;
mod tenants;
mod unknown;
mod webhook_secret;
mod wepp;

use std::{sync::Arc, time::Duration};

use adapters::{
    bucket::Bucket,
    caller::Caller,
    clock::Clock,
    inbox::Inbox,
    queue::Queue,
    table::{RecordOutcome, Table, WriteOutcome},
    vault::Vault,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use dispatch::{
    announce::Announcement,
    context::{CallContext, Context},
};
use domain::{
    address::{Network, Rule},
    batch::BatchMarker,
    delivery::Delivery,
    endpoint::EndpointScope,
    envelope::Trust,
    event::{self, Event, EventOutcome, Origin},
    id::{EventId, JobId, LetterId},
    job::{Job, JobStatus, ReportEffect},
    key::AdminKey,
    letter::{Letter, LetterState, LetterSubject},
    notice,
    profile::{Profile, fingerprint},
    retry::ErrorClass,
    secret::Secret,
    source::Source,
};
use local::{Clients, LocalAws};
use serde_json::{Value, json};
use tower::ServiceExt;

use manage::ControlPlane;

use crate::router;

/// The deployed admin key, as it stands in Secrets Manager and as it is sent.
const ADMIN_SECRET: &str = "0123456789abcdefghijABCDEFGHIJ0123456789abc";
const ADMIN: &str = "rk_admin_0123456789abcdefghijABCDEFGHIJ0123456789abc";
/// A secret of 24 bytes for sources.
const SOURCE_SECRET: &str = "planted-source-secret-01";

/// The API over an AWS of its own.
struct Relay {
    aws: LocalAws,
    api: Arc<ControlPlane>,
    router: Router,
}

/// An answer that the API gave to a test.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON, if the status is this one.
    #[track_caller]
    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The text at a field.
    #[track_caller]
    fn at(&self, field: &str) -> String {
        let json = self.json();
        json[field].as_str().unwrap_or_else(|| panic!("no {field}: {json}")).to_owned()
    }
}

impl Relay {
    async fn start() -> Self {
        let aws = LocalAws::start(local::Options::default()).await.expect("starts");
        let clients = aws.clients();
        Self::over(aws, &clients)
    }

    /// The API over clients of its own.
    fn over(aws: LocalAws, clients: &Clients) -> Self {
        let api = parts::control(&aws, clients, "https://relay.example");
        Self { router: router(Arc::clone(&api)), aws, api }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        Answer { status, headers, text: String::from_utf8_lossy(&body).into_owned() }
    }

    /// A request with a key and a raw body.
    async fn ask(&self, key: &str, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {key}"));
        self.send(request.body(body.into()).expect("a request")).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(ADMIN, Method::GET, path, Body::empty()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(ADMIN, Method::DELETE, path, Body::empty()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(ADMIN, Method::POST, path, body.to_string()).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(ADMIN, Method::PUT, path, body.to_string()).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(ADMIN, Method::PATCH, path, body.to_string()).await
    }

    /// A key with this scope.
    async fn key(&self, scope: &str, application: Option<&str>) -> String {
        let body = json!({ "name": "test", "scope": scope, "application": application });
        let made = self.post("/v1/keys", body).await;
        made.expect(201);
        made.at("key")
    }

    /// The source `modal` of an application.
    async fn source(&self, name: &str, application: &str) {
        let body = json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": application });
        self.put(&format!("/v1/sources/{name}"), body).await.expect(201);
    }

    async fn application(&self, uid: &str) {
        self.post("/api/v1/app", json!({ "name": uid, "uid": uid })).await.expect(201);
    }

    /// Creates an endpoint and returns its id.
    async fn endpoint(&self, application: &str, url: &str) -> String {
        let path = format!("/api/v1/app/{application}/endpoint");
        let made = self.post(&path, json!({ "breaker": { "threshold": 100, "recoverySeconds": 60 }, "url": url, "delays": [60] })).await;
        made.expect(201);
        made.at("id")
    }

    /// Publishes a message and returns its id.
    async fn message(&self, application: &str, event_type: &str, payload: Value) -> String {
        let path = format!("/api/v1/app/{application}/msg");
        let body = json!({ "eventType": event_type, "payload": payload });
        let made = self.post(&path, body).await;
        made.expect(202);
        made.at("id")
    }

    /// Records a completion as `process` does.
    async fn completion(&self, source: &str, application: &str, job: &str, body: &str) -> Event {
        self.report(source, application, job, body, JobStatus::Succeeded).await
    }

    /// Records that a job has started.
    async fn running(&self, source: &str, application: &str, job: &str, body: &str) -> Event {
        self.report(source, application, job, body, JobStatus::Running).await
    }

    async fn report(
        &self,
        source: &str,
        application: &str,
        job: &str,
        body: &str,
        status: JobStatus,
    ) -> Event {
        let (api, now) = (&self.api, self.api.now());
        let key = format!("job:{job}:{}", status.word());
        let tenure = self.tenure(source, application).await;
        let id = Source::event_id(&tenure, &key);
        let said = Profile::named("modal-omtx").expect("there").read(body.as_bytes());
        let known = api.table().job(&JobId::of(&tenure, job)).await.expect("read");
        let known = known.unwrap_or_else(|| Job::unknown(tenure.clone(), source, job, now));
        let ReportEffect::Applied(job, Some(event_type)) = known.report(status, &said, &id, now)
        else {
            panic!("a first report applies");
        };
        let payload =
            notice::job_notice(&id, event_type, now, &job, &said, "https://relay.example");
        let keep = async |what: &str, body: &[u8]| {
            api.bucket().carry(&format!("test/{id}/{what}"), body).await.expect("kept")
        };
        let event = Event {
            application: tenure.application,
            event_type: event_type.to_owned(),
            origin: Origin::Source {
                id: tenure.source,
                name: source.to_owned(),
                key,
                arrival: "a".to_owned(),
                trust: Trust::Signed,
            },
            fingerprint: fingerprint(body.as_bytes()),
            payload: keep("payload", &payload).await,
            said: Some(keep("said", body.as_bytes()).await),
            encoded: None,
            has_request: false,
            job: Some(job.id.clone()),
            batch_id: job.batch_id.clone(),
            outcome: EventOutcome::Announced,
            channels: Vec::new(),
            created_at: now,
            duplicates: 0,
            conflicts: 0,
            webhooks: 0,
            asked: event::PublishOptions::default(),
            in_pages: false,
            expunged_at: None,
            id: id.clone(),
        };
        let mut endpoints = api.table().endpoints(&event.application).await.expect("read");
        endpoints.extend(api.table().webhooks_of(&job).await.expect("read"));
        let marker = BatchMarker::between(&known, &job);
        let announcement = Announcement {
            event: &event,
            payload: &payload,
            job: Some(&job),
            marker: marker.as_ref(),
            request: None,
            endpoints: &endpoints,
        };
        let recorded = api.context().announce(&announcement).await.expect("recorded");
        assert_eq!(recorded, RecordOutcome::New);
        event
    }

    async fn event(&self, id: &str) -> Event {
        let id = EventId::parse(id).expect("an id");
        self.api.table().event(&id).await.expect("read").expect("there")
    }

    /// The deliveries of an event or message.
    async fn deliveries(&self, event: &str) -> Vec<Delivery> {
        let id = EventId::parse(event).expect("an id");
        self.api.table().deliveries_of(&id).await.expect("read")
    }

    /// Attempts every delivery of an event once, as `deliver` does.
    async fn attempt(&self, event: &str) {
        for delivery in self.deliveries(event).await {
            let attempts = &self.api.calls();
            attempts.attempt(&delivery.event, &delivery.id, false).await.expect("attempted");
        }
    }

    /// Lets every delivery of an event die, and parks it as `redeliver` does; the letters' numbers.
    async fn bury(&self, event: &str) -> Vec<u64> {
        let mut numbers = Vec::new();
        for delivery in self.deliveries(event).await {
            numbers.push(self.park(delivery).await);
        }
        numbers
    }

    async fn park(&self, mut delivery: Delivery) -> u64 {
        let (table, now) = (&self.api.table(), self.api.now());
        if delivery.state == domain::delivery::DeliveryState::Pending {
            delivery.state = domain::delivery::DeliveryState::Dead;
            table.give_up(&delivery, now).await.expect("given up").either_way();
        }
        let event = table.event(&delivery.event).await.expect("read").expect("there");
        let id = LetterId::of_delivery(&delivery.id);
        let known = table.letter(&id).await.expect("read");
        let number = match &known {
            Some(known) => known.number,
            None => table.next_letter_number().await.expect("counted"),
        };
        let letter = Letter {
            id: id.clone(),
            number,
            what: LetterSubject::Delivery {
                event: event.id.clone(),
                delivery: delivery.id.clone(),
                endpoint: delivery.endpoint.clone(),
                scope: EndpointScope::Application,
                application: delivery.application.clone(),
                event_type: event.event_type.clone(),
                url: "https://subscriber.example/hook".to_owned(),
                job: event.job.clone(),
                batch_id: event.batch_id.clone(),
            },
            error: "the endpoint answered 500".to_owned(),
            error_class: ErrorClass::Status,
            attempts: delivery.made,
            last_attempt_at: delivery.attempts.last().map(|attempt| attempt.at),
            created_at: known.as_ref().map_or(now, |known| known.created_at),
            retried_at: known.as_ref().and_then(|known| known.retried_at),
            retry_success: known.as_ref().and_then(|known| known.retried_at).map(|_| false),
            state: LetterState::Waiting,
            expires_at: None,
            version: known.as_ref().map_or(0, |known| known.version),
        };
        let was = known.as_ref().map(|known| known.state);
        let parked = table.park(&letter, was).await.expect("parked");
        assert_eq!(parked, WriteOutcome::Done);
        delivery.letter = Some(id);
        table.mark_parked(&delivery, &letter).await.expect("parked").either_way();
        number
    }

    async fn outbox(&self) -> Vec<String> {
        self.aws.receive_all(&self.aws.names().outbox).await
    }
}

/// The ids on a list.
fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().expect("a list");
    data.iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
}
