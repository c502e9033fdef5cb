//! `/v1/listeners`: made and taken again by name, shown, removed, and made in no other way.

use axum::{body::Body, http::Method};
use domain::delivery::DeliveryState;
use serde_json::{Value, json};

use super::{Relay, ids};

const ANN: &str = "/v1/listeners/ann";

async fn relay() -> Relay {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay.source("other", "globex").await;
    relay
}

#[tokio::test]
async fn a_listener_is_made_once_and_taken_again_with_its_secret() {
    let relay = relay().await;
    let wanted = json!({ "source": "modal", "events": ["job.*"], "ordering": "job",
        "filter": { "data": { "n": [1] } } });
    let made = relay.put(ANN, wanted).await;
    assert_eq!(made.headers["cache-control"], "no-store");
    let first = made.expect(201);
    assert_eq!((&first["created"], &first["waiting"]), (&json!(true), &json!(0)));
    assert_eq!((&first["source"], &first["events"]), (&json!("modal"), &json!(["job.*"])));
    assert_eq!((&first["ordering"], &first["connected"]), (&json!("job"), &json!(false)));
    assert_eq!(first["skipped_before_ms"], Value::Null);
    // What the second request leaves out is everything.
    let second = relay.put(ANN, json!({ "application": "acme", "skip_waiting": true })).await;
    let second = second.expect(200);
    assert_eq!(second["created"], false);
    for field in ["endpoint_id", "secret", "application", "created_at"] {
        assert_eq!(second[field], first[field], "{field}");
    }
    for field in ["source", "events", "ordering", "filter"] {
        assert_eq!(second[field], Value::Null, "{field}");
    }
    assert!(second["skipped_before_ms"].is_u64());
    // It is an endpoint, too, whose secret verifies what it is sent.
    let (id, app) = (first["endpoint_id"].as_str().expect("an id"), "/api/v1/app/acme/endpoint");
    assert_eq!(relay.get(&format!("{app}/{id}")).await.at("url"), "listener:ann");
    assert_eq!(relay.get(&format!("{app}/{id}/secret")).await.expect(200)["key"], first["secret"]);
    let list = relay.get("/v1/listeners").await;
    assert!(!list.text.contains("whsec_"), "{list:?}");
    assert_eq!(list.expect(200)["data"][0]["name"], "ann");
    assert_eq!(relay.delete(&format!("{ANN}?application=acme")).await.expect(200)["deleted"], true);
    relay.delete(&format!("{ANN}?application=acme")).await.expect(404);
    relay.get(&format!("{app}/{id}")).await.expect(404);
    assert_eq!(relay.get("/v1/listeners").await.expect(200)["data"], json!([]));
    // A listener whose endpoint was removed is made anew.
    let third = relay.put(ANN, json!({ "application": "acme" })).await.expect(201);
    let id = third["endpoint_id"].as_str().expect("an id");
    relay.delete(&format!("{app}/{id}")).await.expect(204);
    assert_eq!(relay.get("/v1/listeners").await.expect(200)["data"], json!([]));
    let fourth = relay.put(ANN, json!({ "application": "acme" })).await.expect(201);
    assert_ne!(fourth["endpoint_id"], third["endpoint_id"]);
}

#[tokio::test]
async fn a_listener_that_cannot_be_is_refused_by_the_field() {
    let relay = relay().await;
    for (path, body, field) in [
        (ANN, json!({}), "application"),
        (ANN, json!({ "source": "nobody" }), "source"),
        (ANN, json!({ "source": "modal", "application": "globex" }), "application"),
        (ANN, json!({ "application": "acme", "events": [] }), "events"),
        (ANN, json!({ "application": "acme", "events": ["a b"] }), "events"),
        (ANN, json!({ "application": "acme", "filter": [] }), "filter"),
        (ANN, json!({ "application": "acme", "ordering": "job_id" }), "ordering"),
        (ANN, json!({ "application": "acme", "event": ["job.*"] }), "event"),
        ("/v1/listeners/a%20b", json!({ "application": "acme" }), "name"),
        ("/v1/listeners/a%2Fb", json!({ "application": "acme" }), "name"),
    ] {
        let refused = relay.put(path, body.clone()).await;
        assert!(refused.text.contains(field), "{body}: {refused:?}");
        refused.expect(422);
    }
    let long = format!("/v1/listeners/{}", "n".repeat(65));
    relay.put(&long, json!({ "application": "acme" })).await.expect(422);
    relay.put(ANN, json!({ "application": "nobody" })).await.expect(404);
    assert_eq!(relay.get("/v1/listeners").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn no_other_request_makes_a_listener_or_moves_one() {
    let relay = relay().await;
    let app = "/api/v1/app/acme/endpoint";
    let refused = relay.post(app, json!({ "url": "listener:bob" })).await;
    assert!(refused.text.contains("/v1/listeners/"), "{refused:?}");
    refused.expect(422);
    let webhook = json!({ "source": "modal", "webhook": { "url": "listener:bob" } });
    relay.put("/v1/jobs/j1", webhook).await.expect(422);
    let made = relay.put(ANN, json!({ "application": "acme" })).await.expect(201);
    let path = format!("{app}/{}", made["endpoint_id"].as_str().expect("an id"));
    for body in [
        json!({ "url": "https://example.com/" }),
        json!({ "url": "listener:bob" }),
        json!({ "profile": "wepp" }),
    ] {
        relay.patch(&path, body).await.expect(422);
    }
    // Everything else is as of any endpoint.
    let policy = json!({ "url": "listener:ann", "timeoutSeconds": 5, "delays": [1] });
    assert_eq!(relay.patch(&path, policy).await.expect(200)["timeoutSeconds"], 5);
    let plain = relay.endpoint("acme", "https://example.com/").await;
    relay.patch(&format!("{app}/{plain}"), json!({ "url": "listener:ann" })).await.expect(422);
}

#[tokio::test]
async fn another_tenant_s_listener_is_as_if_it_did_not_exist() {
    let relay = relay().await;
    relay.put(ANN, json!({ "application": "acme" })).await.expect(201);
    let (globex, reader) =
        (relay.key("publish", Some("globex")).await, relay.key("read", Some("acme")).await);
    let ask = |key: &str, method: Method, path: &str, body: Value| {
        let (key, path, body) = (key.to_owned(), path.to_owned(), body.to_string());
        let relay = &relay;
        async move { relay.ask(&key, method, &path, body).await }
    };
    let list = ask(&globex, Method::GET, "/v1/listeners", Value::Null).await.expect(200);
    assert_eq!(list["data"], json!([]));
    for path in [ANN.to_owned(), format!("{ANN}?application=acme")] {
        ask(&globex, Method::DELETE, &path, Value::Null).await.expect(404);
    }
    ask(&globex, Method::PUT, ANN, json!({ "application": "acme" })).await.expect(404);
    ask(&globex, Method::PUT, ANN, json!({ "source": "modal" })).await.expect(422);
    let event = relay.message("acme", "a.b", json!({ "planted": 1 })).await;
    let body = format!("{ANN}/bodies/{event}");
    ask(&globex, Method::GET, &body, Value::Null).await.expect(404);
    // Its own of that name is another one.
    let own = ask(&globex, Method::PUT, ANN, json!({})).await.expect(201);
    ask(&globex, Method::GET, &body, Value::Null).await.expect(404);
    assert_eq!(ids_of(&relay.get("/v1/listeners").await.expect(200)).len(), 2);
    let only = relay.get("/v1/listeners?application=globex").await.expect(200);
    assert_eq!(ids_of(&only), [own["endpoint_id"].as_str().expect("an id")]);
    // To listen is to write how deliveries went.
    ask(&reader, Method::PUT, ANN, json!({})).await.expect(403);
    ask(&reader, Method::DELETE, ANN, Value::Null).await.expect(403);
    ask(&reader, Method::GET, "/v1/listeners", Value::Null).await.expect(200);
    let read = relay.ask(&reader, Method::GET, &body, Body::empty()).await;
    assert_eq!(
        (read.text.as_str(), &read.headers["content-type"]),
        (r#"{"planted":1}"#, &"application/octet-stream".parse().expect("a value"))
    );
    assert_eq!(read.headers["x-content-type-options"], "nosniff");
    let unknown = format!("{ANN}/bodies/evt_0123");
    relay.ask(&reader, Method::GET, &unknown, Body::empty()).await.expect(404);
}

fn ids_of(list: &Value) -> Vec<&str> {
    let entries = list["data"].as_array().expect("a list").iter();
    entries.map(|entry| entry["endpoint_id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn a_listener_hears_of_its_source_only_and_what_nobody_takes_waits() {
    let relay = relay().await;
    relay.source("twin", "acme").await;
    relay.put(ANN, json!({ "source": "modal" })).await.expect(201);
    let event = relay.completion("modal", "acme", "j1", "{}").await.id.event();
    let other = relay.completion("twin", "acme", "j2", "{}").await.id.event();
    assert!(relay.deliveries(&other).await.is_empty());
    relay.attempt(&event).await;
    let waiting = relay.deliveries(&event).await.remove(0);
    assert!(waiting.waits && waiting.state == DeliveryState::Pending, "{waiting:?}");
    assert_eq!((waiting.made, waiting.attempts.len()), (0, 0));
    assert_eq!(relay.get("/v1/listeners").await.expect(200)["data"][0]["waiting"], 1);
    // Another bell finds that nobody listens, and changes nothing.
    relay.attempt(&event).await;
    assert_eq!(relay.get("/v1/listeners").await.expect(200)["data"][0]["waiting"], 1);
    relay.delete(&format!("{ANN}?application=acme")).await.expect(200);
    relay.attempt(&event).await;
    assert_eq!(relay.deliveries(&event).await[0].state, DeliveryState::Cancelled);
    assert_eq!(ids(&relay.get("/v1/webhooks/dead-letter").await.expect(200)).len(), 0);
}
