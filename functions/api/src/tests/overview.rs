//! `/v1/endpoints`, and sending an event again.

mod detail;

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{Relay, ids, receiver::Receiver};

#[tokio::test]
async fn an_endpoint_is_shown_with_how_it_fares() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[204, 500]).await;
    relay.application("one").await;
    let endpoint = relay.endpoint("one", &receiver.url).await;
    let one = relay.get("/api/v1/app/one").await.at("id");
    for payload in [json!({ "n": 1 }), json!({ "n": 2 })] {
        let message = relay.message("one", "a.b", payload).await;
        relay.attempt(&message).await;
        if relay.deliveries(&message).await[0].attempts[0].error.is_some() {
            relay.bury(&message).await;
        }
    }
    let list = relay.get("/v1/endpoints").await.expect(200);
    assert_eq!((&list["done"], &list["letters_complete"]), (&json!(true), &json!(true)));
    assert!(list["scanned"].is_null(), "{list}");
    let entry = &list["data"][0];
    for (field, value) in [
        ("id", json!(endpoint)),
        ("application", json!(one)),
        ("url", json!(receiver.url)),
        ("kind", json!("http")),
        ("events", json!([])),
        ("profile", Value::Null),
        ("disabled", json!(false)),
        ("letters_waiting", json!(1)),
    ] {
        assert_eq!(entry[field], value, "{field}: {entry}");
    }
    assert_eq!(entry["health"]["state"], "failing", "{entry}");
    assert!(entry["health"]["since"].is_string(), "{entry}");
    assert_eq!(
        (&entry["last_attempt"]["status"], &entry["last_attempt"]["error_class"]),
        (&json!(500), &json!("status"))
    );
    let series = &entry["series_24h"];
    assert_eq!(series["complete"], true);
    for name in ["delivered", "failed"] {
        let hours = series[name].as_array().expect("hours");
        assert_eq!((hours.len(), &hours[23]), (24, &json!(1)), "{name}: {series}");
    }
    let path = format!("/api/v1/app/one/endpoint/{endpoint}");
    relay.patch(&path, json!({ "disabled": true })).await.expect(200);
    let list = relay.get("/v1/endpoints").await.expect(200);
    assert_eq!(list["data"][0]["health"]["state"], "disabled");
}

#[tokio::test]
async fn endpoints_of_all_applications_are_listed_in_parts_and_found_by_their_texts() {
    let relay = Relay::start().await;
    let mut made = Vec::new();
    for uid in ["one", "two", "empty", "three"] {
        relay.application(uid).await;
        for number in 0..if uid == "empty" { 0 } else { 3 } {
            let url = format!("https://{uid}.example/{number}");
            made.push(relay.endpoint(uid, &url).await);
        }
    }
    made.sort();
    let walk = async |query: &str| {
        let (mut seen, mut at, mut parts) = (Vec::new(), String::new(), 0);
        loop {
            let list = relay.get(&format!("/v1/endpoints?limit=2{query}{at}")).await.expect(200);
            assert!(ids(&list).len() <= 2);
            seen.extend(ids(&list));
            parts += 1;
            let Some(iterator) = list["iterator"].as_str() else { break };
            at = format!("&iterator={iterator}");
            assert!(parts < 20, "a list without an end");
        }
        seen.sort();
        seen
    };
    assert_eq!(walk("").await, made);
    assert_eq!(walk("&application=two").await.len(), 3);
    assert_eq!(walk("&q=THREE.example").await.len(), 3);
    assert_eq!(walk("&q=example/1").await.len(), 3);
    assert_eq!(walk("&application=one&q=two").await.len(), 0);
    assert!(relay.get("/v1/endpoints?q=one").await.expect(200)["scanned"].is_u64());
    // A tenant sees its own.
    let key = relay.key("read", Some("two")).await;
    let ask = async |path: &str| relay.ask(&key, Method::GET, path, Body::empty()).await;
    let list = ask("/v1/endpoints").await;
    assert_eq!(ids(&list.expect(200)).len(), 3);
    assert!(!list.text.contains("one.example"), "{list:?}");
    assert_eq!(ids(&ask("/v1/endpoints?q=one.example").await.expect(200)).len(), 0);
    ask("/v1/endpoints?application=one").await.expect(404);
    for bad in ["iterator=x", "iterator=-1700000000000-app_1", "limit=0", "appliction=one"] {
        relay.get(&format!("/v1/endpoints?{bad}")).await.expect(422);
    }
}

#[tokio::test]
async fn an_event_is_sent_again_to_all_who_would_receive_it_now_or_to_one() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let first = relay.endpoint("default", &receiver.url).await;
    let message = relay.message("default", "a.b", json!({ "n": 1 })).await;
    relay.attempt(&message).await;
    let replay = format!("/v1/events/{}/replay", message.replacen("msg_", "evt_", 1));
    let second = relay.endpoint("default", &receiver.url).await;
    let path = "/api/v1/app/default/endpoint";
    let other = json!({ "url": receiver.url, "eventTypes": ["c.d"] });
    let other = relay.post(path, other).await.at("id");
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    let named = |answer: &Value| {
        let mut ids: Vec<String> =
            serde_json::from_value(answer["endpoints"].clone()).expect("ids");
        ids.sort();
        ids
    };
    // A dry run sends nothing, in either spelling.
    for dry in [json!({ "dry_run": true }), json!({ "dryRun": true })] {
        let counted = relay.post(&replay, dry).await.expect(200);
        assert_eq!((&counted["dry_run"], &counted["deliveries"]), (&json!(true), &json!(2)));
        assert_eq!(named(&counted), both);
        assert_eq!(relay.deliveries(&message).await.len(), 1);
    }
    let sent = relay.post(&replay, json!({})).await.expect(202);
    assert_eq!((named(&sent), &sent["deliveries"]), (both, &json!(2)));
    relay.attempt(&message).await;
    let bodies: Vec<_> = receiver.received().into_iter().map(|got| got.body).collect();
    assert_eq!(bodies.len(), 3, "once, and again to both");
    // One that would not receive it does if it is named.
    let sent = relay.post(&replay, json!({ "endpoint": other })).await.expect(202);
    assert_eq!((named(&sent), &sent["dry_run"]), (vec![other.clone()], &json!(false)));
    assert_eq!(relay.deliveries(&message).await.len(), 3);
    // A keyed request is carried out once.
    let keyed = async || {
        let request = axum::http::Request::post(&replay)
            .header("authorization", format!("Bearer {}", super::ADMIN))
            .header("idempotency-key", "again")
            .body(Body::from("{}"))
            .expect("a request");
        relay.send(request).await
    };
    let (one, two) = (keyed().await, keyed().await);
    assert_eq!(one.expect(202), two.expect(202));
    assert_eq!(two.headers["idempotent-replayed"], "true");
}

#[tokio::test]
async fn what_cannot_be_sent_again_is_refused() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    let foreign = relay.endpoint("two", "https://subscriber.example/").await;
    let message = relay.message("one", "a.b", json!({})).await;
    let replay = format!("/v1/events/{message}/replay");
    for (body, at) in [
        (json!({ "endpoint": foreign }), "endpoint: "),
        (json!({ "endpoint": "nobody" }), "endpoint: "),
        (json!({ "endpiont": "x" }), "endpiont: "),
        (json!({ "dry_run": "yes" }), "dry_run: "),
    ] {
        let refused = relay.post(&replay, body).await;
        refused.expect(422);
        assert!(refused.at("detail").starts_with(at), "{refused:?}");
    }
    let (key, reader) = (relay.key("admin", Some("two")).await, relay.key("publish", None).await);
    relay.ask(&key, Method::POST, &replay, "{}").await.expect(404);
    relay.ask(&reader, Method::POST, &replay, "{}").await.expect(403);
    relay.post("/v1/events/evt_0123/replay", json!({})).await.expect(404);
    relay.delete(&format!("/api/v1/app/one/msg/{message}/content")).await.expect(204);
    relay.post(&replay, json!({})).await.expect(409);
}
