//! Tests of the search for ids, `/v1/search`.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{Relay, receiver::Receiver};

/// The kinds and ids that a search finds.
fn found(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let data = answer["data"].as_array().expect("a list");
    data.iter().map(|entry| (text(&entry["kind"]), text(&entry["id"]))).collect()
}

#[tokio::test]
async fn everything_is_found_by_each_of_its_ids_and_by_nobody_else() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[503]).await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    let app = relay.get("/api/v1/app/one").await.at("id");
    relay.source("gpu", "one").await;
    let endpoint = relay.endpoint("one", &receiver.url).await;
    relay.put("/v1/listeners/laptop", json!({ "application": "one" })).await.expect(201);
    let body =
        r#"{"call_id":"fc-1","status":"success","metadata":{"batch_id":"b-1","job_id":"j-1"}}"#;
    relay
        .post("/v1/batches", json!({ "external_id": "b-1", "application": "one" }))
        .await
        .expect(201);
    let event = relay.completion("gpu", "one", "j-1", body).await.id.event();
    relay.attempt(&event).await;
    let sent = relay.deliveries(&event).await;
    let sent = sent.iter().find(|delivery| delivery.endpoint.as_str() == endpoint).expect("sent");
    let (delivery, attempt) = (sent.id.to_string(), sent.attempts[0].id.to_string());
    let dead = relay.message("one", "a.b", json!({})).await;
    let numbers = relay.bury(&dead).await;
    let letter = relay.get(&format!("/v1/webhooks/dead-letter/{}", numbers[0])).await;
    let letter = letter.at("letter_id");
    let buried = relay.deliveries(&dead).await[0].id.to_string();
    let job = relay.get("/v1/jobs/j-1").await.at("id");
    let batch = relay.get("/v1/batches/b-1").await.at("id");
    let redrive = json!({ "filter": { "application": "one" } });
    let task = relay.post("/v1/webhooks/dead-letter/redrive", redrive).await.at("task_id");
    let message = event.replacen("evt_", "msg_", 1);
    let number = numbers[0].to_string();
    let other = relay.key("read", Some("two")).await;
    for (q, kind, id) in [
        (&*event, "event", &*event),
        (&message, "event", &event),
        (&event[..12], "event", &event),
        (&event[4..14], "event", &event),
        (&delivery, "delivery", &delivery),
        (&attempt, "attempt", &attempt),
        (&buried, "delivery", &buried),
        (&job, "job", &job),
        ("j-1", "job", &job),
        ("j-", "job", &job),
        ("fc-1", "job", &job),
        (&batch, "batch", &batch),
        ("b-1", "batch", &batch),
        (&endpoint, "endpoint", &endpoint),
        (&number, "letter", &number),
        (&letter, "letter", &number),
        ("gpu", "source", "gpu"),
        (&task, "task", &task),
        (&app, "application", &app),
        ("one", "application", &app),
        ("laptop", "listener", "laptop"),
    ] {
        let answer = relay.get(&format!("/v1/search?q={q}")).await.expect(200);
        assert_eq!(found(&answer), [(kind.to_owned(), id.to_owned())], "{q}: {answer}");
        let entry = &answer["data"][0];
        assert_eq!(
            (&entry["application"], &answer["complete"]),
            (&json!(app), &json!(true)),
            "{q}"
        );
        assert!(!entry["title"].as_str().expect("a title").is_empty(), "{entry}");
        let event_id = match kind {
            "letter" => json!(dead.replacen("msg_", "evt_", 1)),
            "delivery" if q == buried => json!(dead.replacen("msg_", "evt_", 1)),
            "delivery" | "attempt" => json!(event),
            _ => Value::Null,
        };
        assert_eq!(entry["event_id"], event_id, "{q}: {entry}");
        // Another tenant finds nothing of it.
        let path = format!("/v1/search?q={q}");
        let foreign = relay.ask(&other, Method::GET, &path, Body::empty()).await.expect(200);
        assert_eq!(found(&foreign), [], "{q}: {foreign}");
    }
    let own = relay.key("read", Some("one")).await;
    for (q, count) in [("laptop", 1), ("b-1", 1), ("j-1", 1), ("nobody", 0), (&attempt, 1)] {
        let path = format!("/v1/search?q={q}");
        let answer = relay.ask(&own, Method::GET, &path, Body::empty()).await.expect(200);
        assert_eq!(found(&answer).len(), count, "{q}: {answer}");
    }
}

#[tokio::test]
async fn a_search_finds_ten_things_at_the_most_and_says_that_there_are_more() {
    let relay = Relay::start().await;
    relay.source("gpu", "one").await;
    for number in 0..12 {
        relay
            .post("/v1/jobs", json!({ "source": "gpu", "external_id": format!("run-{number}") }))
            .await
            .expect(201);
    }
    let answer = relay.get("/v1/search?q=run-").await.expect(200);
    assert_eq!((found(&answer).len(), &answer["complete"]), (10, &json!(false)), "{answer}");
}

#[tokio::test]
async fn a_text_that_no_id_can_be_finds_nothing_or_is_refused() {
    let relay = Relay::start().await;
    for q in [
        "%00",
        "a%20b",
        "%F0%9F%98%8A",
        "%27%3B--",
        "evt_",
        "evt_%2e",
        "dlv_0123",
        "atmpt_0123",
        "99999999999999999999",
    ] {
        let answer = relay.get(&format!("/v1/search?q={q}")).await.expect(200);
        assert_eq!(found(&answer), [], "{q}");
    }
    let long = "a".repeat(2049);
    for query in ["", "?q=", &format!("?q={long}"), "?query=a", "?q=a&limit=3"] {
        relay.get(&format!("/v1/search{query}")).await.expect(422);
    }
    relay.get(&format!("/v1/search?q={}", &long[1..])).await.expect(200);
}
