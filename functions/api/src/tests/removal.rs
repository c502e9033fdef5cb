//! Applications that are deleted, and who bears their uid next.

use axum::http::Method;
use domain::{application::Application, delivery::DeliveryState, id::ApplicationId};
use serde_json::json;

use super::{ADMIN, Relay, ids, receiver::Receiver};

#[tokio::test]
async fn nothing_more_is_sent_for_an_application_that_is_deleted() {
    let (relay, receiver) = (Relay::start().await, Receiver::answering(&[]).await);
    relay.application("acme").await;
    let endpoint = relay.endpoint("acme", &receiver.url).await;
    let message = relay.message("acme", "a", json!({ "secret": 1 })).await;
    let bound = relay.key("admin", Some("acme")).await;
    relay.delete("/api/v1/app/acme").await.expect(204);
    relay.attempt(&message).await;
    assert_eq!(relay.deliveries(&message).await[0].state, DeliveryState::Cancelled);
    assert!(receiver.received().is_empty());
    for path in
        ["", "/endpoint", "/msg", &format!("/endpoint/{endpoint}"), &format!("/msg/{message}")]
    {
        relay.get(&format!("/api/v1/app/acme{path}")).await.expect(404);
    }
    relay.ask(&bound, Method::GET, "/api/v1/app/acme", "").await.expect(401);
    assert_eq!(ids(&relay.get("/api/v1/app").await.expect(200)).len(), 1, "default is left");
    relay.delete("/api/v1/app/acme").await.expect(404);
}

#[tokio::test]
async fn what_was_said_to_the_last_bearer_of_a_uid_is_not_the_next_ones() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let first = relay.get("/api/v1/app/acme").await.at("id");
    let body = json!({ "eventType": "a", "payload": {}, "eventId": "once" });
    let endpoint = json!({ "url": "https://a.example/", "uid": "mine" });
    relay.post("/api/v1/app/acme/endpoint", endpoint.clone()).await.expect(201);
    let old = relay.post("/api/v1/app/acme/msg", body.clone()).await.at("id");
    let old_key = relay.key("read", Some("acme")).await;
    relay.delete(&format!("/api/v1/app/{first}")).await.expect(204);
    let second = relay.post("/api/v1/app", json!({ "name": "n", "uid": "acme" })).await.expect(201);
    assert_ne!(second["id"], json!(first));
    relay.ask(&old_key, Method::GET, "/api/v1/app/acme", "").await.expect(401);
    let new_key = relay.key("admin", Some("acme")).await;
    let list = relay.ask(&new_key, Method::GET, "/api/v1/app/acme/msg", "").await.expect(200);
    assert_eq!(list["data"], json!([]));
    let list = relay.ask(&new_key, Method::GET, "/api/v1/app/acme/endpoint", "").await.expect(200);
    assert_eq!(list["data"], json!([]));
    for path in [
        format!("/api/v1/app/acme/msg/{old}"),
        format!("/api/v1/app/{first}"),
        format!("/api/v1/app/{first}/msg"),
        format!("/v1/events/{}", old.replace("msg_", "evt_")),
    ] {
        relay.ask(&new_key, Method::GET, &path, "").await.expect(404);
    }
    // The same names again are new things.
    relay.post("/api/v1/app/acme/endpoint", endpoint).await.expect(201);
    assert_ne!(relay.post("/api/v1/app/acme/msg", body).await.expect(202)["id"], json!(old));
    // And again.
    relay.delete("/api/v1/app/acme").await.expect(204);
    let third = relay.put("/api/v1/app/acme", json!({ "name": "n" })).await.expect(201);
    assert!(third["id"] != second["id"] && third["id"] != json!(first));
}

#[tokio::test]
async fn an_application_that_sources_speak_to_is_not_deleted() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    let refused = relay.delete("/api/v1/app/acme").await.expect(409);
    assert!(refused["detail"].as_str().is_some_and(|why| why.contains("modal")), "{refused}");
    relay.get("/api/v1/app/acme").await.expect(200);
    relay.delete("/v1/sources/modal").await.expect(200);
    relay.delete("/api/v1/app/acme").await.expect(204);
    relay.delete("/api/v1/app/default").await.expect(409);
    // A source that names it again speaks to the next bearer.
    relay.source("again", "acme").await;
    let id = relay.get("/api/v1/app/acme").await.at("id");
    let source = relay.get("/v1/sources/again").await.expect(200);
    assert_eq!((&source["application_id"], &source["application"]), (&json!(id), &json!("acme")));
    let event = relay.completion("again", &id, "j1", r#"{"job_id":"j1","status":"success"}"#).await;
    let listed = relay.get("/api/v1/app/acme/msg").await.expect(200);
    assert_eq!(ids(&listed), [event.id.message()]);
}

#[tokio::test]
async fn a_removal_that_was_cut_short_is_made_good() {
    let relay = Relay::start().await;
    for again in ["delete", "create"] {
        relay.application("acme").await;
        relay.endpoint("acme", "https://a.example/").await;
        let table = &relay.api.table();
        let known = table.application_named("acme").await.expect("read").expect("there");
        let closed = Application { deleted_at: Some(relay.api.now()), ..known.clone() };
        table.update_application(&known, &closed).await.expect("written").either_way();
        relay.get("/api/v1/app/acme").await.expect(404);
        if again == "delete" {
            relay.delete("/api/v1/app/acme").await.expect(204);
        } else {
            relay.application("acme").await;
            relay.delete("/api/v1/app/acme").await.expect(204);
        }
        assert!(table.endpoints(&known.id).await.expect("read").is_empty(), "{again}");
        let kept = table.application_record(&known.id).await.expect("read").expect("a mark");
        assert!(kept.is_removed(), "{again}");
    }
}

#[tokio::test]
async fn a_key_of_one_application_finds_it_by_its_uid_whatever_its_id() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    relay.patch("/api/v1/app/acme", json!({ "uid": "renamed" })).await.expect(200);
    relay.application("acme").await;
    let keys = [relay.key("read", Some("renamed")).await, relay.key("read", Some("acme")).await];
    let derived = ApplicationId::named("acme").to_string();
    for (key, own, other) in [(&keys[0], "renamed", "acme"), (&keys[1], "acme", "renamed")] {
        relay.ask(key, Method::GET, &format!("/api/v1/app/{own}"), "").await.expect(200);
        relay.ask(key, Method::GET, &format!("/api/v1/app/{other}"), "").await.expect(404);
    }
    assert_eq!(relay.ask(ADMIN, Method::GET, "/api/v1/app/renamed", "").await.at("id"), derived);
}
