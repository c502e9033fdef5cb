//! Senders that cannot sign: a path that nobody can guess.

use domain::{
    envelope::Trust,
    id::Tenure,
    signature::token_hash,
    source::{JobToken, sealed_token},
};

use super::*;

const RUNPOD: &str = include_str!("../../../../events/ingest/runpod-completed.json");
const TOKEN: &str = "tok_4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f";

async fn world(tokens: &[&str]) -> World {
    let world = World::start().await;
    let (id, acme) = (SourceId::derive(&["runpod"]), ApplicationId::named("acme"));
    let mut source = Source::new(id, "runpod", "runpod", acme, world.clock.now());
    source.secrets = tokens.iter().map(|token| sealed_token(&Secret::new(*token))).collect();
    world.keep(&source, None).await;
    world
}

fn body(id: &str, status: &str) -> impl Fn(&mut Value) {
    let body = format!(r#"{{"id":"{id}","status":"{status}","output":{{"at":"{status}"}}}}"#);
    move |event| event["body"] = body.clone().into()
}

#[tokio::test]
async fn a_token_of_the_source_opens_and_what_ends_a_job_is_only_a_hint() {
    let world = world(&[TOKEN]).await;
    assert_eq!(world.send(RUNPOD, |_| ()).await.0, StatusCode::OK);
    assert_eq!(world.send(RUNPOD, body("rp-2", "IN_PROGRESS")).await.0, StatusCode::OK);
    let inbox = world.inbox().await;
    assert!(inbox.iter().all(|envelope| envelope.trust == Trust::Token));
    let keys: Vec<_> = inbox.iter().map(|envelope| envelope.key.split(':').next()).collect();
    assert!(keys.contains(&Some("hint")) && keys.contains(&Some("sha256")), "{keys:?}");
    let kept = world.table.source("runpod").await.expect("read").expect("there");
    assert!(!kept.secrets[0].0.contains(TOKEN), "only its hash is kept");
}

#[tokio::test]
async fn without_the_token_nobody_passes() {
    let world = world(&[TOKEN]).await;
    let mut answers = Vec::new();
    let hash = token_hash(TOKEN);
    for path in ["/in/runpod", "/in/runpod/tok_other", "/in/runpod/%F0%9F%98%80"] {
        answers.push(world.send(RUNPOD, |event| event["rawPath"] = path.into()).await);
    }
    answers.push(world.send(RUNPOD, |e| e["rawPath"] = format!("/in/runpod/{hash}").into()).await);
    answers.push(world.send(RUNPOD, |e| e["rawPath"] = format!("/in/modal/{TOKEN}").into()).await);
    for (status, answer) in &answers {
        assert_eq!((*status, answer), (StatusCode::UNAUTHORIZED, &answers[0].1));
    }
    assert!(world.inbox().await.is_empty());
}

#[tokio::test]
async fn a_token_of_one_job_is_good_for_that_job_and_for_one_end_of_it() {
    let world = world(&[]).await;
    let token = |source: &str| JobToken {
        tenure: Tenure {
            source: SourceId::derive(&[source]),
            application: ApplicationId::named("acme"),
        },
        external_id: "rp-1".to_owned(),
        used_for: None,
    };
    let now = world.clock.now();
    world
        .table
        .put_token(&token_hash(TOKEN), &token("runpod"), now)
        .await
        .expect("kept")
        .either_way();
    assert_eq!(world.send(RUNPOD, body("rp-2", "COMPLETED")).await.0, StatusCode::UNAUTHORIZED);
    for status in ["IN_QUEUE", "IN_PROGRESS", "IN_PROGRESS"] {
        assert_eq!(world.send(RUNPOD, body("rp-1", status)).await.0, StatusCode::OK);
    }
    assert_eq!(world.send(RUNPOD, body("rp-1", "COMPLETED")).await.0, StatusCode::OK);
    // Its sender did not hear us and says the same again; then somebody says something else.
    assert_eq!(world.send(RUNPOD, body("rp-1", "COMPLETED")).await.0, StatusCode::OK);
    assert_eq!(world.send(RUNPOD, body("rp-1", "FAILED")).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(world.send(RUNPOD, body("rp-1", "IN_PROGRESS")).await.0, StatusCode::OK);
    // Another source's token is nobody's.
    let other = "tok_00000000000000000000000000000000";
    world
        .table
        .put_token(&token_hash(other), &token("modal"), now)
        .await
        .expect("kept")
        .either_way();
    let path = |event: &mut Value| event["rawPath"] = format!("/in/runpod/{other}").into();
    assert_eq!(world.send(RUNPOD, path).await.0, StatusCode::UNAUTHORIZED);
}
