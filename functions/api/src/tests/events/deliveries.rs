//! Tests of a delivery's request, `/v1/events/{id}/deliveries/{delivery}`.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use crate::tests::{Relay, receiver::Receiver};

/// The value of a header of a shown request.
fn header<'v>(request: &'v Value, name: &str) -> Option<&'v str> {
    let headers = request["headers"].as_array().expect("headers");
    let header = headers.iter().find(|header| header["name"] == name)?;
    header["value"].as_str()
}

#[tokio::test]
async fn a_delivery_is_shown_with_the_request_that_is_sent_and_spends_nothing() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500, 204]).await;
    relay.application("one").await;
    let body = json!({ "url": receiver.url, "delays": [60], "headers": { "authorization": "Bearer planted-token", "x-stage": "prod" } });
    relay.post("/api/v1/app/one/endpoint", body).await.expect(201);
    let message = relay.message("one", "a.b", json!({ "n": 1 })).await;
    let before = relay.deliveries(&message).await;
    let path = format!("/v1/events/{message}/deliveries/{}", before[0].id);
    for _ in 0..2 {
        let answer = relay.get(&path).await;
        let shown = answer.expect(200);
        assert_eq!((&shown["state"], &shown["attempts_made"]), (&json!("pending"), &json!(0)));
        let request = &shown["request"];
        assert_eq!((&request["method"], &request["url"]), (&json!("POST"), &json!(receiver.url)));
        assert_eq!(request["body"], r#"{"n":1}"#, "{request}");
        assert_eq!((&request["bytes"], &request["cut"]), (&json!(7), &json!(false)));
        assert_eq!(header(request, "webhook-id"), Some(message.as_str()));
        assert_eq!(header(request, "x-stage"), Some("prod"));
        for name in ["webhook-signature", "authorization"] {
            assert_eq!(header(request, name), Some("***"), "{request}");
        }
        assert!(!answer.text.contains("planted") && !answer.text.contains("v1,"), "{answer:?}");
    }
    assert_eq!(relay.deliveries(&message).await, before, "nothing was claimed");
    assert!(receiver.received().is_empty(), "nothing was sent");
    // The request that is shown is the one that is sent.
    relay.attempt(&message).await;
    let sent = &receiver.received()[0];
    let shown = relay.get(&path).await.expect(200);
    assert_eq!(shown["request"]["body"], sent.body);
    let names = |request: &Value| {
        let headers = request["headers"].as_array().expect("headers");
        headers.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    for name in names(&shown["request"]) {
        assert!(sent.headers.contains_key(&name), "{name} was not sent");
    }
    // Once it has ended, the headers are those of the last attempt.
    let delivery = relay.deliveries(&message).await.remove(0);
    let calls = relay.api.calls();
    calls.attempt(&delivery.event, &delivery.id, true).await.expect("attempted");
    relay.bury(&message).await;
    let ended = relay.get(&path).await.expect(200);
    let kept = relay.deliveries(&message).await[0].sent.clone();
    let shown: std::collections::BTreeMap<String, String> = ended["request"]["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .map(|it| {
            (
                it["name"].as_str().expect("text").to_owned(),
                it["value"].as_str().expect("text").to_owned(),
            )
        })
        .collect();
    assert_eq!(shown, kept);
}

#[tokio::test]
async fn a_delivery_that_nothing_can_be_sent_for_says_why() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    let endpoint = relay.endpoint("one", "https://subscriber.example/").await;
    let message = relay.message("one", "a.b", json!({ "n": 1 })).await;
    let delivery = relay.deliveries(&message).await[0].id.to_string();
    let path = format!("/v1/events/{message}/deliveries/{delivery}");
    let (own, other) = (relay.key("read", Some("one")).await, relay.key("read", Some("two")).await);
    relay.ask(&own, Method::GET, &path, Body::empty()).await.expect(200);
    relay.ask(&other, Method::GET, &path, Body::empty()).await.expect(404);
    let foreign = relay.message("two", "a.b", json!({})).await;
    for path in [
        format!("/v1/events/{message}/deliveries/dlv_0123"),
        format!("/v1/events/{message}/deliveries/{message}"),
        format!("/v1/events/{foreign}/deliveries/{delivery}"),
        format!("/v1/events/evt_0123/deliveries/{delivery}"),
    ] {
        relay.get(&path).await.expect(404);
    }
    relay.delete(&format!("/api/v1/app/one/endpoint/{endpoint}")).await.expect(204);
    let shown = relay.get(&path).await.expect(200);
    assert_eq!(shown["request"], Value::Null);
    assert_eq!(shown["why_no_request"], "the endpoint was removed");
    // Once the content was removed, the answer says that.
    relay.delete(&format!("/api/v1/app/one/msg/{message}/content")).await.expect(204);
    let gone = relay.get(&path).await;
    gone.expect(404);
    assert_eq!(gone.at("detail"), "the content of the event was removed for good");
}
