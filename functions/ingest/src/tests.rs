//! The endpoint over a real table and queue, fed by the sample events.

mod contents;
mod handshakes;
mod keys;
mod limits;
mod lines;
mod locks;
mod records;
mod refusals;
mod routes;
mod tokens;

use std::time::Duration;

use adapters::{queue::Queue, table::WriteOutcome, vault::Vault};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use domain::{
    address::Network,
    envelope::{Envelope, OpenedBody, StoredBody},
    id::{ApplicationId, SourceId},
    profile::Profile,
    secret::Secret,
    signature::sign,
    source::{Source, SourceOptions},
    time::Timestamp,
};
use lambda_http::request;
use local::LocalAws;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

const OMTX: &str = include_str!("../../../events/ingest/modal-omtx-completion.json");
const MESH: &str = include_str!("../../../events/ingest/modal-mesh-completion.json");
const SECRET: &str = "0123456789abcdef0123456789abcdef";

struct World {
    aws: LocalAws,
    table: Table,
    vault: Vault,
    clock: Clock,
    router: Router,
}

impl World {
    async fn start() -> Self {
        Self::over(local::Options::default()).await
    }

    /// A world over services that start with these options.
    async fn over(options: local::Options) -> Self {
        let aws = LocalAws::start(options).await.expect("starts");
        let clients = aws.clients();
        let week = Duration::from_secs(7 * 86_400);
        let table = Table::new(clients.dynamodb(), aws.names().table.clone(), week);
        let vault = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdef"));
        let clock = Clock::manual(Timestamp::from_secs(1_700_000_000));
        let router = Self::build(&aws, &vault, &clock);
        let world = Self { aws, table, vault, clock, router };
        world.source("modal", "modal-omtx", SECRET).await;
        world.source("mesh", "modal-mesh", SECRET).await;
        world
    }

    /// Another instance of the function over the same table and queue.
    fn instance(&self) -> Router {
        Self::build(&self.aws, &self.vault, &self.clock)
    }

    fn build(aws: &LocalAws, vault: &Vault, clock: &Clock) -> Router {
        Self::build_at(aws, vault, clock, "https://relay.example")
    }

    /// An instance that senders call below this URL.
    fn build_at(aws: &LocalAws, vault: &Vault, clock: &Clock, public_url: &str) -> Router {
        router(Arc::new(Self::ingest_at(aws, vault, clock, public_url)))
    }

    fn ingest(aws: &LocalAws, vault: &Vault, clock: &Clock) -> Ingest {
        Self::ingest_at(aws, vault, clock, "https://relay.example")
    }

    fn ingest_at(aws: &LocalAws, vault: &Vault, clock: &Clock, public_url: &str) -> Ingest {
        let clients = aws.clients();
        let table = Table::new(clients.dynamodb(), aws.names().table.clone(), Duration::ZERO);
        let bucket = Bucket::new(clients.s3(), aws.names().bucket.clone());
        let inbox = Inbox(Queue::new(clients.sqs(), aws.queue_url(&aws.names().inbox)));
        let rule = Rule {
            allowed: vec![Network::parse("127.0.0.0/8").expect("a network")],
            ..Rule::default()
        };
        Ingest::new(table, bucket, inbox, vault.clone(), clock.clone(), public_url.to_owned(), rule)
    }

    async fn source(&self, name: &str, profile: &str, secret: &str) {
        self.source_with(name, profile, &[secret], SourceOptions::default()).await;
    }

    async fn source_with(
        &self,
        name: &str,
        profile: &str,
        secrets: &[&str],
        options: SourceOptions,
    ) {
        let known = self.table.source(name).await.expect("read");
        let id = known.as_ref().map_or_else(|| SourceId::derive(&[name]), |known| known.id.clone());
        let acme = ApplicationId::named("acme");
        let mut source = Source::new(id, name, profile, acme, self.clock.now());
        let owner = Source::owner(&source.id);
        let seal = |secret: &&str| self.vault.seal(&owner, &Secret::new(*secret));
        source.secrets = secrets.iter().map(seal).collect();
        source.options = options;
        if let Some(known) = &known {
            source.version = known.version + 1;
        }
        self.keep(&source, known.as_ref()).await;
    }

    async fn keep(&self, source: &Source, known: Option<&Source>) {
        let kept = self.table.put_source(source, known, self.clock.now()).await.expect("kept");
        assert_eq!(kept, WriteOutcome::Done);
    }

    /// Sends a sample as API Gateway hands it over, changed by `change`.
    async fn send(&self, sample: &str, change: impl FnOnce(&mut Value)) -> (StatusCode, Value) {
        let mut event: Value = serde_json::from_str(sample).expect("JSON");
        change(&mut event);
        let request = request::from_str(&event.to_string()).expect("an API Gateway event");
        let (parts, body) = request.into_parts();
        self.request(Request::from_parts(parts, Body::new(body))).await
    }

    async fn request(&self, request: Request<Body>) -> (StatusCode, Value) {
        self.answer(&self.router, request).await
    }

    async fn answer(&self, router: &Router, request: Request<Body>) -> (StatusCode, Value) {
        let response = router.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        let reply = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).expect("JSON")
        };
        (status, reply)
    }

    /// A post with these headers.
    async fn post(
        &self,
        path: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> (StatusCode, Value) {
        self.post_to(&self.router, path, headers, body).await
    }

    async fn post_to(
        &self,
        router: &Router,
        path: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> (StatusCode, Value) {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        self.answer(router, request).await
    }

    /// Takes off the inbox what lies on it.
    async fn inbox(&self) -> Vec<Envelope> {
        let sqs = self.aws.clients().sqs();
        let url = self.aws.queue_url(&self.aws.names().inbox);
        let received = sqs.receive_message().queue_url(url).max_number_of_messages(10).send();
        let messages = received.await.expect("received").messages.unwrap_or_default();
        let parse = |message: aws_sdk_sqs::types::Message| {
            Envelope::parse(message.body.as_deref().unwrap_or_default()).expect("ours")
        };
        messages.into_iter().map(parse).collect()
    }
}

#[tokio::test]
async fn a_signed_completion_is_accepted_and_lies_on_the_inbox_to_the_byte() {
    let world = World::start().await;
    let (status, reply) = world.send(OMTX, |_| ()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(reply["status"], "accepted");
    assert_eq!(reply["call_id"], "fc-01HF8");
    let envelopes = world.inbox().await;
    assert_eq!(envelopes.len(), 1);
    assert_eq!(reply["id"], envelopes[0].event.event());
    let sample: Value = serde_json::from_str(OMTX).expect("JSON");
    let sent = sample["body"].as_str().expect("text").as_bytes().to_vec();
    let kept = envelopes[0].body.clone().open().expect("ours");
    assert_eq!(kept, OpenedBody::Bytes(sent));
}

#[tokio::test]
async fn the_mesh_profile_replies_in_its_own_words() {
    let world = World::start().await;
    let (status, reply) = world.send(MESH, |_| ()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (reply["status"].as_str(), reply["job_id"].as_str()),
        (Some("ok"), Some("modal-job-9"))
    );
}

#[tokio::test]
async fn a_body_that_gateway_encoded_is_decoded_once() {
    let world = World::start().await;
    let (status, _) = world
        .send(OMTX, |event| {
            use base64::{Engine, engine::general_purpose::STANDARD};
            let body = event["body"].as_str().expect("text");
            event["body"] = STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        })
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn everybody_who_is_refused_gets_the_same_answer() {
    let world = World::start().await;
    let mut answers = Vec::new();
    answers.push(world.send(OMTX, |event| event["rawPath"] = "/in/nobody".into()).await);
    answers.push(world.send(OMTX, |event| event["rawPath"] = "/in/a.b%20c".into()).await);
    answers.push(
        world
            .send(OMTX, |event| event["rawPath"] = format!("/in/{}", "a".repeat(300)).into())
            .await,
    );
    answers.push(world.send(OMTX, |event| event["rawPath"] = "/in/modal/token".into()).await);
    answers.push(
        world.send(OMTX, |event| event["headers"]["x-modal-signature"] = "sha256=00".into()).await,
    );
    answers.push(
        world.send(OMTX, |event| event["headers"]["x-modal-timestamp"] = "1600000000".into()).await,
    );
    answers.push(world.send(OMTX, |event| event["body"] = "{}".into()).await);
    answers.push(world.send(OMTX, |event| event["body"] = "".into()).await);
    answers.push(world.send(OMTX, |event| event["headers"] = serde_json::json!({})).await);
    for (status, body) in &answers {
        assert_eq!(*status, StatusCode::UNAUTHORIZED, "{body}");
        assert_eq!(body, &answers[0].1);
    }
    assert!(world.inbox().await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_after_the_signature_held_is_named() {
    let world = World::start().await;
    for (body, detail) in
        [("not json", "Invalid JSON"), ("", "Invalid JSON"), ("{}", "Missing call_id")]
    {
        let profile = Profile::named("modal-omtx").expect("there");
        let secret = Secret::new(SECRET);
        let signed = sign(&profile.scheme, &secret, None, None, body.as_bytes());
        let (status, problem) = world
            .send(OMTX, |event| {
                event["body"] = body.into();
                event["headers"]["x-modal-signature"] = signed.expect("signs").into();
            })
            .await;
        assert_eq!((status, problem["detail"].as_str()), (StatusCode::BAD_REQUEST, Some(detail)));
    }
}

#[tokio::test]
async fn six_megabytes_go_by_the_bucket_and_more_is_refused() {
    let world = World::start().await;
    let profile = Profile::named("modal-omtx").expect("there");
    let send = async |size: usize| {
        let head = r#"{"call_id":"c","status":"success","result":""#;
        let body = format!("{head}{}\"}}", "x".repeat(size - head.len() - 2));
        let signed = sign(&profile.scheme, &Secret::new(SECRET), None, None, body.as_bytes());
        let request = Request::post("/in/modal")
            .header("x-modal-signature", signed.expect("signs"))
            .header("x-modal-timestamp", "1700000000")
            .body(Body::from(body))
            .expect("a request");
        world.request(request).await.0
    };
    assert_eq!(send(MAX_BODY + 1).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send(MAX_BODY).await, StatusCode::ACCEPTED);
    let envelopes = world.inbox().await;
    assert!(matches!(&envelopes[..], [one] if matches!(one.body, StoredBody::Claim(_))));
}

#[tokio::test]
async fn a_rotated_secret_works_at_once_and_the_old_one_no_longer() {
    let world = World::start().await;
    assert_eq!(world.send(OMTX, |_| ()).await.0, StatusCode::ACCEPTED);
    world.source("modal", "modal-omtx", "another-secret-of-enough-length-1").await;
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.send(OMTX, |_| ()).await.0, StatusCode::UNAUTHORIZED);
    world.source("modal", "modal-omtx", SECRET).await;
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(world.send(OMTX, |_| ()).await.0, StatusCode::ACCEPTED, "no wait for the cache");
}
