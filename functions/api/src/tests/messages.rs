//! Tests of the operations on messages, `/api/v1/app/{app}/msg`.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use super::{ADMIN, Relay, ids, receiver::Receiver};

const APP: &str = "/api/v1/app/default/msg";

#[tokio::test]
async fn a_message_is_recorded_rung_for_and_delivered_to_the_byte() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    relay.endpoint("default", &receiver.url).await;
    let payload = r#"{"b":1.0, "a":"\u00e9", "a":2}"#;
    let body = format!(
        r#"{{"eventType":"invoice.paid","payload":{payload},"channels":["x"],"payloadRetentionPeriod":90,"tags":["t"]}}"#
    );
    let made = relay.ask(ADMIN, Method::POST, APP, body).await;
    assert!(made.text.contains(payload), "{made:?}");
    let json = made.expect(202);
    for field in ["id", "eventType", "payload", "timestamp", "channels"] {
        assert!(!json[field].is_null(), "{field}: {json}");
    }
    let id = made.at("id");
    assert!(id.starts_with("msg_") && !id.contains('.'), "{id}");
    assert_eq!(relay.outbox().await.len(), 1);
    relay.attempt(&id).await;
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body, payload);
    assert_eq!(received[0].headers["webhook-id"], id.as_str());
    assert_eq!(relay.get(&format!("{APP}/{id}")).await.expect(200), json);
}

#[tokio::test]
async fn a_large_payload_comes_back_whole() {
    let relay = Relay::start().await;
    let payload = json!({ "text": "x".repeat(900_000) });
    let id = relay.message("default", "a.b", payload.clone()).await;
    assert_eq!(relay.get(&format!("{APP}/{id}")).await.expect(200)["payload"], payload);
    let without = relay.get(&format!("{APP}/{id}?with_content=false")).await.expect(200);
    assert_eq!(without["payload"], json!({}));
}

#[tokio::test]
async fn a_message_goes_to_those_who_want_it() {
    let relay = Relay::start().await;
    let path = "/api/v1/app/default/endpoint";
    for (uid, more) in [
        ("all", json!({})),
        ("type", json!({ "eventTypes": ["a"] })),
        ("channel", json!({ "channels": ["x"] })),
    ] {
        let mut body = json!({ "url": "https://subscriber.example/", "uid": uid });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        relay.post(path, body).await.expect(201);
    }
    let send = async |body: Value| {
        let made = relay.post(APP, body).await;
        made.expect(202);
        relay.deliveries(&made.at("id")).await.len()
    };
    assert_eq!(send(json!({ "eventType": "a", "payload": {} })).await, 2);
    assert_eq!(send(json!({ "eventType": "b", "payload": {} })).await, 1);
    assert_eq!(send(json!({ "eventType": "b", "payload": {}, "channels": ["x", "y"] })).await, 2);
}

#[tokio::test]
async fn the_same_event_id_is_a_conflict_and_changes_nothing() {
    let relay = Relay::start().await;
    let body = |n: u8| json!({ "eventType": "a", "payload": { "n": n }, "eventId": "e.1" });
    let made = relay.post(APP, body(1)).await;
    assert_eq!(made.expect(202)["eventId"], "e.1");
    for again in [body(1), body(2)] {
        assert_eq!(relay.post(APP, again).await.expect(409)["code"], "conflict");
    }
    let id = made.at("id");
    assert_eq!(relay.get(&format!("{APP}/{id}")).await.expect(200)["payload"], json!({ "n": 1 }));
    relay.application("other").await;
    relay.post("/api/v1/app/other/msg", body(1)).await.expect(202);
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repetition_harmless() {
    let relay = Relay::start().await;
    relay.endpoint("default", "https://subscriber.example/").await;
    let send = async |key: &str, body: Value| {
        let request = Request::post(APP).header("authorization", format!("Bearer {ADMIN}"));
        let request = request.header("idempotency-key", key).body(Body::from(body.to_string()));
        relay.send(request.expect("a request")).await
    };
    let body = json!({ "eventType": "a", "payload": { "n": 1 } });
    let first = send("k1", body.clone()).await;
    let again = send("k1", body.clone()).await;
    assert_eq!(first.expect(202), again.expect(202));
    assert_eq!(relay.deliveries(&first.at("id")).await.len(), 1);
    let other = send("k1", json!({ "eventType": "a", "payload": { "n": 2 } })).await;
    assert_eq!(other.expect(422)["detail"][0]["loc"][1], "idempotency-key");
    assert_ne!(send("k2", body).await.at("id"), first.at("id"));
    let named = json!({ "eventType": "a", "payload": {}, "eventId": "e" });
    let one = send("k3", named.clone()).await;
    assert_eq!(one.expect(202), send("k3", named.clone()).await.expect(202));
    send("k4", named).await.expect(409);
    send("", json!({ "eventType": "a", "payload": {} })).await.expect(422);
    assert_eq!(ids(&relay.get(APP).await.expect(200)).len(), 3);
}

#[tokio::test]
async fn a_message_that_cannot_be_is_refused() {
    let relay = Relay::start().await;
    let many: Vec<String> = (0..6).map(|n| n.to_string()).collect();
    for (bad, field) in [
        (json!({ "eventType": "", "payload": {} }), "eventType"),
        (json!({ "eventType": "a b", "payload": {} }), "eventType"),
        (json!({ "eventType": "a".repeat(257), "payload": {} }), "eventType"),
        (json!({ "eventType": "a", "payload": [] }), "payload"),
        (json!({ "eventType": "a", "payload": null }), "payload"),
        (json!({ "eventType": "a" }), "payload"),
        (json!({ "payload": {} }), "eventType"),
        (json!({ "eventType": "a", "payload": {}, "eventId": "a b" }), "eventId"),
        (json!({ "eventType": "a", "payload": {}, "channels": many }), "channels"),
    ] {
        let answer = relay.post(APP, bad.clone()).await.expect(422);
        assert_eq!(answer["detail"][0]["loc"], json!(["body", field]), "{bad}: {answer}");
    }
    relay
        .post("/api/v1/app/nobody/msg", json!({ "eventType": "a", "payload": {} }))
        .await
        .expect(404);
}

#[tokio::test]
async fn messages_are_paged_there_and_back_and_filtered() {
    let relay = Relay::start().await;
    let mut made = Vec::new();
    for number in 0..7 {
        let body = json!({ "eventType": if number % 2 == 0 { "even" } else { "odd" }, "payload": { "n": number }, "channels": [format!("c{number}")] });
        let answer = relay.post(APP, body).await;
        answer.expect(202);
        made.insert(0, answer.at("id"));
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let all = relay.get(APP).await.expect(200);
    assert_eq!((ids(&all), &all["done"]), (made.clone(), &json!(true)));
    let (mut walked, mut path) = (Vec::new(), format!("{APP}?limit=3"));
    let last = loop {
        let page = relay.get(&path).await.expect(200);
        walked.extend(ids(&page));
        let iterator = page["iterator"].as_str().expect("a place");
        path = format!("{APP}?limit=3&iterator={iterator}");
        if page["done"] == true {
            break page;
        }
    };
    assert_eq!(walked, made);
    let back = last["prevIterator"].as_str().expect("a way back");
    let back = relay.get(&format!("{APP}?limit=3&iterator={back}")).await.expect(200);
    assert_eq!((ids(&back), &back["done"]), (made[3..6].to_vec(), &json!(false)));
    let odd = relay.get(&format!("{APP}?event_types=odd")).await.expect(200);
    assert_eq!(ids(&odd), [made[1].clone(), made[3].clone(), made[5].clone()]);
    let both = relay.get(&format!("{APP}?event_types=odd&event_types=even")).await.expect(200);
    assert_eq!(ids(&both).len(), 7);
    let odd = relay.get(&format!("{APP}?event_types=odd&limit=2")).await.expect(200);
    assert_eq!((ids(&odd).len(), &odd["done"]), (2, &json!(false)));
    let channel = relay.get(&format!("{APP}?channel=c4")).await.expect(200);
    assert_eq!(ids(&channel), [made[2].clone()]);
    let time = all["data"][3]["timestamp"].as_str().expect("a time");
    let before = relay.get(&format!("{APP}?before={time}")).await.expect(200);
    assert_eq!(ids(&before), made[4..]);
    let after = relay.get(&format!("{APP}?after={time}&limit=2")).await.expect(200);
    assert_eq!(ids(&after), made[..2]);
    relay.get(&format!("{APP}?before=yesterday")).await.expect(422);
}

#[tokio::test]
async fn a_page_ends_before_it_is_larger_than_an_answer_may_be() {
    let relay = Relay::start().await;
    for _ in 0..6 {
        relay.message("default", "a", json!({ "text": "x".repeat(1_000_000) })).await;
    }
    let first = relay.get(APP).await;
    assert!(first.text.len() < 5 * 1024 * 1024, "{}", first.text.len());
    let first = first.expect(200);
    assert_eq!((ids(&first).len(), &first["done"]), (4, &json!(false)));
    let iterator = first["iterator"].as_str().expect("more");
    let second = relay.get(&format!("{APP}?iterator={iterator}")).await.expect(200);
    assert_eq!((ids(&second).len(), &second["done"]), (2, &json!(true)));
}
