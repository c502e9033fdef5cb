//! Tests of the conflicts of an event, `/v1/events/{id}/conflicts`.

use std::time::Duration;

use adapters::table::StoredConflict;
use axum::{body::Body, http::Method};
use domain::{envelope::StoredBody, event::Event};
use serde_json::json;

use crate::tests::Relay;

/// Keeps a body as `process` keeps one that came under the event's key.
async fn conflict(relay: &Relay, event: &Event, body: &[u8], after: u64) {
    let key = format!("events/{}/conflict-{after}", event.id.bare());
    let body = relay.api.bucket().carry(&key, body).await.expect("kept");
    let at = event.created_at.plus(Duration::from_secs(after));
    let conflict = StoredConflict { body, content_type: Some("application/json".to_owned()), at };
    let table = relay.api.table();
    table.keep_conflict(&event.id, &format!("print-{after}"), &conflict).await.expect("kept");
}

#[tokio::test]
async fn other_bodies_under_the_key_of_an_event_are_shown_the_newest_first() {
    let relay = Relay::start().await;
    relay.source("gpu", "one").await;
    let event =
        relay.completion("gpu", "one", "j1", r#"{"call_id":"j1","status":"success"}"#).await;
    let path = format!("/v1/events/{}/conflicts", event.id.event());
    let none = relay.get(&path).await.expect(200);
    assert_eq!(none, json!({ "data": [], "kept": 0, "conflicts": 0 }));
    let large = format!("{}é", "x".repeat(64 * 1024 - 1));
    let bodies: [&[u8]; 6] =
        [b"{\"n\":1}", b"{\"n\":2}", b"\x00\xff", large.as_bytes(), b"", b"{\"n\":6}"];
    for (after, body) in (1..).zip(bodies) {
        conflict(&relay, &event, body, after).await;
    }
    relay.api.table().count_conflict(&event.id).await.expect("counted");
    let shown = relay.get(&path).await.expect(200);
    assert_eq!((&shown["kept"], &shown["conflicts"]), (&json!(6), &json!(7)), "{shown}");
    let data = shown["data"].as_array().expect("a list");
    assert_eq!(data.len(), 5);
    assert_eq!(data[0]["body"], "{\"n\":6}");
    assert_eq!(data[0]["content_type"], "application/json");
    assert_eq!(data[0]["at"], event.created_at.plus(Duration::from_secs(6)).rfc3339());
    assert_eq!((&data[1]["body"], &data[1]["bytes"]), (&json!(""), &json!(0)));
    let cut = &data[2];
    assert_eq!((&cut["cut"], &cut["bytes"]), (&json!(true), &json!(64 * 1024 + 1)));
    assert_eq!(cut["body"].as_str().map(str::len), Some(64 * 1024 - 1), "cut between characters");
    assert_eq!((&data[3]["body"], &data[3]["body_base64"]), (&json!(null), &json!("AP8=")));
    // Another tenant's event is not there.
    relay.application("two").await;
    let other = relay.key("read", Some("two")).await;
    relay.ask(&other, Method::GET, &path, Body::empty()).await.expect(404);
    let own = relay.key("read", Some("one")).await;
    relay.ask(&own, Method::GET, &path, Body::empty()).await.expect(200);
    relay.get("/v1/events/evt_0123/conflicts").await.expect(404);
    relay.get(&format!("{path}?limit=1")).await.expect(422);
}

#[tokio::test]
async fn conflicts_go_with_the_content_of_their_event() {
    let relay = Relay::start().await;
    relay.source("gpu", "one").await;
    let event =
        relay.completion("gpu", "one", "j1", r#"{"call_id":"j1","status":"success"}"#).await;
    conflict(&relay, &event, b"planted", 1).await;
    let message = event.id.message();
    relay.delete(&format!("/api/v1/app/one/msg/{message}/content")).await.expect(204);
    let shown = relay.get(&format!("/v1/events/{message}/conflicts")).await;
    assert_eq!(shown.expect(200), json!({ "data": [], "kept": 0, "conflicts": 1 }));
    let left = relay.api.table().conflicts(&event.id).await.expect("read");
    let texts: Vec<_> = left.iter().filter(|it| matches!(it.body, StoredBody::Text(_))).collect();
    assert!(texts.is_empty(), "{texts:?}");
}
