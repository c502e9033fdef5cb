//! The journey of a request under every limit: the source's rate, the message's size, and the rates of
//! application and endpoint. Then a sender's challenge, whose answer depends on no note.

use adapters::table::WriteOutcome;
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use domain::{
    application::Application,
    endpoint::Endpoint,
    id::{ApplicationId, SourceId},
    profile::Profile,
    secret::Secret,
    signature::MessageToSign,
    source::{Handshake, Source},
};
use serde_json::json;
use tests::{
    cloud::Cloud,
    invariants::World,
    sender::{SECRET, completion},
};
use tower::ServiceExt;

pub(super) async fn walk(cloud: &mut Cloud) {
    let table = cloud.sound_table();
    let old = World::read(cloud).await.endpoints.remove(0);
    let new = Endpoint { throttle_rate: Some(5), ..old.clone() };
    assert_eq!(table.update_endpoint(&old, &new).await.expect("kept"), WriteOutcome::Done);
    let old = table.application(&old.application).await.expect("read").expect("there");
    let new = Application { throttle_rate: Some(5), ..old.clone() };
    assert_eq!(table.update_application(&old, &new).await.expect("kept"), WriteOutcome::Done);
    let limit = json!({ "requests": 100, "per": "minute" });
    cloud.options(json!({ "rate_limit": limit, "strict": true })).await;
    cloud.expect("modal", "job-c1", "c1").await;
    let large = format!("\"{}\"", "x".repeat(1_100_000));
    cloud.send(&completion("c1", "success", &large)).await;
    challenge(cloud).await;
}

/// Sends Slack's challenge until it is answered.
async fn challenge(cloud: &Cloud) {
    let (table, now, secret) = (cloud.sound_table(), cloud.clock.now(), Secret::new(SECRET));
    let acme = ApplicationId::named("acme");
    let mut source = Source::new(SourceId::derive(&["slack"]), "slack", "slack", acme, now);
    source.secrets = vec![cloud.vault().seal(&Source::owner(&source.id), &secret)];
    assert_eq!(table.put_source(&source, None, now).await.expect("kept"), WriteOutcome::Done);
    let body: &[u8] = br#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#;
    let scheme = &Profile::named("slack").expect("part of the build").scheme;
    for _ in 0..60 {
        let at = Some(cloud.clock.now());
        let message = MessageToSign { at, body, ..MessageToSign::default() };
        let headers = scheme.headers([&secret], &message).expect("signs");
        let request = Request::post("/in/slack");
        let request = headers.iter().fold(request, |made, (name, value)| made.header(name, value));
        let request = request.body(Body::from(body)).expect("one");
        let response = cloud.ingest().oneshot(request).await.expect("infallible");
        if response.status() == StatusCode::OK && !cloud.faults.died() {
            let answer = to_bytes(response.into_body(), 1000).await.expect("a body");
            assert!(String::from_utf8_lossy(&answer).contains(r#""challenge":"3eZbrw1aB""#));
            let handshake = table.source("slack").await.expect("read").expect("there").handshake();
            let is_noted = matches!(handshake, Handshake::Answered(_));
            assert!(is_noted || cloud.faults.hits() != 0, "noted without faults");
            return;
        }
        assert!(response.status().is_server_error() || cloud.faults.hits() != 0);
        cloud.waits_for_better_weather();
    }
    panic!("a challenge is not answered");
}
