//! A source that has signed well once does not get away with less.

use domain::{
    profile::Profile,
    signature::{MessageToSign, Scheme},
};

use super::*;

const STANDARD: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn signed(scheme: &Scheme, secret: &str, at: Timestamp, body: &str) -> Vec<(String, String)> {
    let body = body.as_bytes();
    let message =
        MessageToSign { id: Some("msg_1"), at: Some(at), body, ..MessageToSign::default() };
    scheme.headers([&Secret::new(secret)], &message).expect("signs")
}

#[tokio::test]
async fn a_better_signature_locks_the_source_here_and_on_every_other_instance() {
    let world = World::start().await;
    let other = world.instance();
    world.source_with("m", "modal-omtx", &[SECRET, STANDARD], SourceOptions::default()).await;
    let profile = Profile::named("modal-omtx").expect("there");
    let body = r#"{"call_id":"c","status":"running"}"#;
    let legacy = |at| signed(&profile.scheme, SECRET, at, body);
    let better = |at| signed(&profile.also[0], STANDARD, at, body);
    let now = || world.clock.now();
    let post = async |router: &Router, headers: Vec<(String, String)>| {
        world.post_to(router, "/in/m", &headers, body).await.0
    };
    assert_eq!(post(&world.router, legacy(now())).await, StatusCode::ACCEPTED);
    assert_eq!(post(&other, legacy(now())).await, StatusCode::ACCEPTED);
    assert_eq!(post(&world.router, better(now())).await, StatusCode::ACCEPTED);
    let locked = world.table.source("m").await.expect("read").expect("there").locked_at;
    assert_eq!(locked, Some(now()));
    assert_eq!(post(&world.router, legacy(now())).await, StatusCode::UNAUTHORIZED);
    // The other instance looks again before it accepts the weaker signature.
    world.clock.advance(Duration::from_secs(6));
    assert_eq!(post(&other, legacy(now())).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&other, better(now())).await, StatusCode::ACCEPTED);
    // The lock is set once, and survives whoever changes the source.
    let mut source = world.table.source("m").await.expect("read").expect("there");
    assert_eq!(source.locked_at, locked);
    source.locked_at = None;
    let known = source.clone();
    source.version += 1;
    world.keep(&source, Some(&known)).await;
    assert_eq!(world.table.source("m").await.expect("read").expect("there").locked_at, locked);
    world.table.unlock_source("m", &source.id).await.expect("unlocked").either_way();
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(post(&other, legacy(now())).await, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_source_with_one_way_to_sign_is_never_locked() {
    let world = World::start().await;
    world.source("std", "standard", STANDARD).await;
    let body = r#"{"type":"x"}"#;
    let scheme = &Profile::named("standard").expect("there").scheme;
    let headers = signed(scheme, STANDARD, world.clock.now(), body);
    assert_eq!(world.post("/in/std", &headers, body).await.0, StatusCode::ACCEPTED);
    assert_eq!(world.table.source("std").await.expect("read").expect("there").locked_at, None);
}
