//! Content that is removed for good, and what remains.

use serde_json::json;

use super::{ADMIN, Relay, ids, receiver::Receiver};
use axum::{body::Body, http::Method};

const APP: &str = "/api/v1/app/default";

#[tokio::test]
async fn an_expunged_message_is_shown_without_content_and_sent_no_more() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    // Too large for the table.
    let payload = json!({ "planted": "x".repeat(70_000) });
    let id = relay.message("default", "a.b", payload).await;
    let event = relay.event(&id).await;
    let [key] = event.claims().try_into().expect("one object");
    let path = format!("{APP}/msg/{id}");
    for _ in 0..2 {
        relay.delete(&format!("{path}/content")).await.expect(204);
    }
    relay.api.bucket().get(&key).await.expect_err("the object is gone");
    assert!(relay.event(&id).await.claims().is_empty());
    assert_eq!(relay.get(&path).await.expect(200)["payload"], json!({ "expired": true }));
    relay.get(&format!("/v1/events/{id}")).await.expect(200);
    relay.attempt(&id).await;
    assert!(receiver.received().is_empty());
    let stands = relay.get(&format!("{path}/endpoint?expanded_statuses=true")).await.expect(200);
    assert_eq!(stands["data"][0]["statusText"], "canceled");
    assert_eq!(stands["data"][0]["nextAttempt"], json!(null));
    let of_old = relay.get(&format!("{path}/endpoint")).await.expect(200);
    assert_eq!(of_old["data"][0]["statusText"], "fail");
    let attempts = relay.get(&format!("{APP}/attempt/msg/{id}")).await.expect(200);
    assert_eq!(attempts["data"], json!([]), "that nothing was called is no attempt");
    relay.post(&format!("{path}/endpoint/{endpoint}/resend"), json!({})).await.expect(409);
}

#[tokio::test]
async fn an_answer_is_removed_and_the_attempt_stays() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let id = relay.message("default", "a.b", json!({})).await;
    relay.attempt(&id).await;
    let list = relay.get(&format!("{APP}/attempt/endpoint/{endpoint}")).await.expect(200);
    let attempt = &ids(&list)[0];
    let path = format!("{APP}/msg/{id}/attempt/{attempt}");
    relay.delete(&format!("{path}/content")).await.expect(204);
    let left = relay.get(&path).await.expect(200);
    assert_eq!((&left["response"], &left["statusText"]), (&json!("EXPUNGED"), &json!("success")));
    assert_eq!(relay.deliveries(&id).await[0].state, domain::delivery::DeliveryState::Delivered);
    relay.delete(&format!("{APP}/msg/{id}/attempt/atmpt_none/content")).await.expect(404);
}

#[tokio::test]
async fn several_are_expunged_at_once_and_each_is_answered_for() {
    let relay = Relay::start().await;
    let id = relay.message("default", "a.b", json!({ "a": 1 })).await;
    let given = json!({ "ids": [id, "unknown"] });
    let told = relay.post(&format!("{APP}/msg/bulk-expunge"), given).await.expect(200);
    assert_eq!(told["results"], json!({ id.as_str(): "expunged", "unknown": "not-found" }));
    let many = json!({ "ids": vec!["x"; 101] });
    relay.post(&format!("{APP}/msg/bulk-expunge"), many).await.expect(422);
}

#[tokio::test]
async fn nobody_expunges_what_belongs_to_another_or_without_the_right() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let id = relay.message("default", "a.b", json!({ "a": 1 })).await;
    relay.delete(&format!("/api/v1/app/acme/msg/{id}/content")).await.expect(404);
    let acme = relay.key("admin", Some("acme")).await;
    let path = format!("{APP}/msg/{id}/content");
    assert_eq!(relay.ask(&acme, Method::DELETE, &path, Body::empty()).await.status, 404);
    let publisher = relay.key("publish", None).await;
    assert_eq!(relay.ask(&publisher, Method::DELETE, &path, Body::empty()).await.status, 403);
    let kept = relay.ask(ADMIN, Method::GET, &format!("{APP}/msg/{id}"), Body::empty()).await;
    assert_eq!(kept.expect(200)["payload"], json!({ "a": 1 }));
}
