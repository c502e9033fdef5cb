//! Tests of requests with the header `Idempotency-Key`.

use axum::{
    body::Body,
    http::{Method, Request},
};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{ADMIN, Answer, Relay, ids};

const REPLAYED: &str = "idempotent-replayed";

impl Relay {
    async fn once(&self, api_key: &str, path: &str, key: &str, body: &Value) -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {api_key}"))
            .header("Idempotency-Key", key)
            .body(Body::from(body.to_string()));
        self.send(request.expect("a request")).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_forty_at_once_one_does_it() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let body = json!({ "url": "https://a.example/" });
    let path = "/api/v1/app/acme/endpoint";
    let asked = (0..40).map(|_| relay.once(ADMIN, path, "k", &body));
    let answers = join_all(asked).await;
    let (done, busy): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status.as_u16() == 201);
    let first: Vec<_> = done.iter().filter(|a| !a.headers.contains_key(REPLAYED)).collect();
    assert_eq!(first.len(), 1, "one winner");
    assert!(done.iter().all(|answer| answer.text == first[0].text));
    for answer in &busy {
        assert_eq!(answer.status.as_u16(), 409, "{answer:?}");
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        assert_eq!(answer.json()["code"], "conflict");
    }
    assert_eq!(done.len() + busy.len(), 40);
    assert_eq!(ids(&relay.get(path).await.expect(200)).len(), 1);
    let again = relay.once(ADMIN, path, "k", &body).await;
    assert_eq!(
        (again.expect(201), again.headers[REPLAYED].as_bytes()),
        (first[0].json(), &b"true"[..])
    );
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller_under_one_path() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    relay.application("other").await;
    let (path, body) = ("/api/v1/app/acme/endpoint", json!({ "url": "https://a.example/" }));
    let made = relay.once(ADMIN, path, "k", &body).await.expect(201);
    assert_eq!(relay.once(ADMIN, path, "k", &body).await.expect(201), made);
    let other =
        relay.once(ADMIN, path, "k", &json!({ "url": "https://b.example/" })).await.expect(422);
    assert_eq!(other["detail"][0]["loc"], json!(["header", "idempotency-key"]));
    let query = format!("{path}?x=1");
    relay.once(ADMIN, &query, "k", &body).await.expect(422);
    let elsewhere = relay.once(ADMIN, "/api/v1/app/other/endpoint", "k", &body).await.expect(201);
    assert_ne!(elsewhere["id"], made["id"]);
    let bound = relay.key("admin", Some("acme")).await;
    let theirs = relay.once(&bound, path, "k", &body).await.expect(201);
    assert_ne!(theirs["id"], made["id"]);
    for bad in ["", &"x".repeat(256), "é"] {
        relay.once(ADMIN, path, bad, &body).await.expect(422);
    }
}

#[tokio::test]
async fn a_refusal_is_repeated_and_a_conflict_is_not() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let path = "/api/v1/app/acme/endpoint";
    let bad = relay.once(ADMIN, path, "bad", &json!({ "url": "x" })).await;
    let again = relay.once(ADMIN, path, "bad", &json!({ "url": "x" })).await;
    assert_eq!(bad.expect(422), again.expect(422));
    assert!(again.headers.contains_key(REPLAYED));
    // What contradicted something may not the next time.
    let named = json!({ "url": "https://a.example/", "uid": "taken" });
    let first = relay.once(ADMIN, path, "one", &named).await.expect(201);
    relay.once(ADMIN, path, "two", &named).await.expect(409);
    let id = first["id"].as_str().expect("an id");
    relay.delete(&format!("{path}/{id}")).await.expect(204);
    relay.once(ADMIN, path, "two", &named).await.expect(201);
}

#[tokio::test]
async fn an_answer_with_a_secret_in_it_is_given_once_and_kept_nowhere() {
    let relay = Relay::start().await;
    let body = json!({ "name": "n", "scope": "read" });
    let made = relay.once(ADMIN, "/v1/keys", "k", &body).await;
    made.expect(201);
    let secret = made.at("key");
    let again = relay.once(ADMIN, "/v1/keys", "k", &body).await;
    assert!(!again.text.contains(&secret));
    again.expect(409);
    let keys = relay.get("/v1/keys").await.expect(200);
    assert_eq!(keys["data"].as_array().map(Vec::len), Some(1));
    let items = relay.table_text().await;
    let secret = secret.rsplit('_').next().expect("a secret part");
    assert!(items.contains("IDEM#") && !items.contains(secret));
}

#[tokio::test]
async fn a_large_answer_is_repeated_to_the_byte() {
    let relay = Relay::start().await;
    let metadata = json!({ "large": "x".repeat(20_000) });
    let body = json!({ "name": "n", "metadata": metadata });
    let made = relay.once(ADMIN, "/api/v1/app", "k", &body).await;
    let again = relay.once(ADMIN, "/api/v1/app", "k", &body).await;
    assert_eq!((made.expect(201), made.text), (again.expect(201), again.text.clone()));
    assert_eq!(again.headers["content-type"], "application/json");
}

#[tokio::test]
async fn no_key_no_memory() {
    let relay = Relay::start().await;
    for _ in 0..2 {
        relay.ask(ADMIN, Method::POST, "/api/v1/app", r#"{"name":"n"}"#).await.expect(201);
    }
}
