//! Unknown fields and parameters: named in a header on routes of the Svix contract, refused on the
//! relay's own.

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::tests::{ADMIN, Answer, Relay};

const MESSAGES: &str = "/api/v1/app/default/msg";

fn ignored(answer: &Answer) -> Vec<&str> {
    let header = answer.headers.get("relay-ignored");
    header.map_or(Vec::new(), |names| names.to_str().expect("text").split(", ").collect())
}

#[tokio::test]
async fn a_message_with_unknown_fields_is_taken_and_they_are_named() {
    let relay = Relay::start().await;
    let right = json!({ "eventType": "a.b", "payload": { "any": { "evntType": 1 } } });
    let answer = relay.post(MESSAGES, right).await;
    answer.expect(202);
    assert!(ignored(&answer).is_empty(), "{answer:?}");

    let wrong = json!({
        "evntType": "x",
        "eventType": "a.b",
        "payload": {},
        "application": { "name": "Default", "uid": "default", "throttlRate": 5 },
        "transformationsParams": { "rawPayload": "x", "headers": { "x-any": "y" }, "mode": "fast" },
    });
    let answer = relay.post(MESSAGES, wrong).await;
    assert_eq!(answer.expect(202)["eventType"], "a.b");
    let mut names = ignored(&answer);
    names.sort_unstable();
    let wanted =
        ["body.application.throttlRate", "body.evntType", "body.transformationsParams.mode"];
    assert_eq!(names, wanted);
}

#[tokio::test]
async fn no_more_than_twenty_names_are_listed_and_each_once() {
    let relay = Relay::start().await;
    let mut body = Map::new();
    for number in 0..50 {
        body.insert(format!("x{number}"), json!(number));
    }
    body.insert("eventType".to_owned(), json!("a.b"));
    body.insert("payload".to_owned(), json!({}));
    let answer = relay.post(MESSAGES, Value::Object(body)).await;
    answer.expect(202);
    assert_eq!(ignored(&answer).len(), 20, "{answer:?}");
    let twice = r#"{"eventType":"a.b","payload":{},"x":1,"x":2}"#;
    let answer = relay.ask(ADMIN, Method::POST, MESSAGES, twice).await;
    answer.expect(202);
    assert_eq!(ignored(&answer), ["body.x"]);
}

#[tokio::test]
async fn names_that_cannot_stand_in_a_header_are_encoded_and_cut() {
    let relay = Relay::start().await;
    for (name, shown) in [
        ("a b", "body.a%20b".to_owned()),
        ("a,b", "body.a%2Cb".to_owned()),
        ("a%b", "body.a%25b".to_owned()),
        ("a\r\nx-b: c", "body.a%0D%0Ax-b:%20c".to_owned()),
        ("\u{0}", "body.%00".to_owned()),
        ("größe", "body.gr%C3%B6%C3%9Fe".to_owned()),
        ("", "body.".to_owned()),
        (&"x".repeat(5000), format!("body.{}", "x".repeat(95))),
    ] {
        let mut body = json!({ "eventType": "a.b", "payload": {} });
        body[name] = json!(1);
        let answer = relay.post(MESSAGES, body).await;
        answer.expect(202);
        assert_eq!(ignored(&answer), [shown.as_str()], "{name:?}");
        assert!(answer.headers.get("x-b").is_none());
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_named_by_svix_and_refused_by_the_relay() {
    let relay = Relay::start().await;
    let answer = relay.get(&format!("{MESSAGES}?limit=5&evnt_types=a&fast")).await;
    answer.expect(200);
    assert_eq!(ignored(&answer), ["query.evnt_types", "query.fast"]);
    let answer = relay.get(&format!("{MESSAGES}?limit=5&event_types=a")).await;
    answer.expect(200);
    assert!(ignored(&answer).is_empty());
    // The names of a refused request are listed too.
    let answer = relay.get("/api/v1/app/nobody/msg?fast=1").await;
    answer.expect(404);
    assert_eq!(ignored(&answer), ["query.fast"]);

    let answer = relay.get("/v1/jobs?limt=5").await;
    let text = answer.expect(422).to_string();
    assert!(text.contains("did you mean `limit`?"), "{text}");
    assert!(ignored(&answer).is_empty());
    let refused = relay.post("/v1/keys", json!({ "name": "x", "scop": "read" })).await;
    assert!(refused.status == 422 && ignored(&refused).is_empty(), "{refused:?}");
}
