//! Tests that nothing of one application is seen or changed by another.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{Relay, SOURCE_SECRET, ids};

#[tokio::test]
async fn what_belongs_to_another_application_is_not_there() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    let endpoint = relay.endpoint("one", "https://subscriber.example/").await;
    let message = relay.message("one", "a", json!({})).await;
    let own = relay.endpoint("two", "https://subscriber.example/").await;
    let theirs = relay.message("two", "a", json!({})).await;
    for path in [
        format!("/api/v1/app/two/endpoint/{endpoint}"),
        format!("/api/v1/app/two/endpoint/{endpoint}/secret"),
        format!("/api/v1/app/two/msg/{message}"),
        format!("/api/v1/app/two/attempt/msg/{message}"),
        format!("/api/v1/app/two/attempt/endpoint/{endpoint}"),
        format!("/api/v1/app/two/attempt/msg/{theirs}?endpoint_id={endpoint}"),
        format!("/api/v1/app/two/msg/{message}/attempt/atmpt_0123"),
    ] {
        relay.get(&path).await.expect(404);
    }
    for (message, endpoint) in [(&message, &own), (&theirs, &endpoint), (&message, &endpoint)] {
        let path = format!("/api/v1/app/two/msg/{message}/endpoint/{endpoint}/resend");
        relay.post(&path, json!({})).await.expect(404);
    }
    let path = format!("/api/v1/app/two/endpoint/{endpoint}");
    relay.put(&path, json!({ "url": "https://subscriber.example/" })).await.expect(404);
    relay.delete(&path).await.expect(404);
    assert_eq!(ids(&relay.get("/api/v1/app/two/msg").await.expect(200)), [theirs]);
}

#[tokio::test]
async fn a_key_of_one_application_sees_that_one_only() {
    let relay = Relay::start().await;
    for (source, application) in [("s1", "one"), ("s2", "two")] {
        relay.source(source, application).await;
        relay.endpoint(application, "https://subscriber.example/").await;
    }
    let body = r#"{"call_id":"fc-1","status":"success","result":1}"#;
    let mine = relay.completion("s1", "one", "j1", body).await;
    let other = relay.completion("s2", "two", "j2", &body.replace("fc-1", "fc-2")).await;
    let own = relay.bury(&mine.id.event()).await[0];
    let foreign = relay.bury(&other.id.event()).await[0];
    let id = relay.get("/api/v1/app/one").await.at("id");
    let key = relay.key("admin", Some("one")).await;
    let ask = async |method: Method, path: &str, body: Value| {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        relay.ask(&key, method, path, body).await
    };
    let get = async |path: String| ask(Method::GET, &path, Value::Null).await;

    // Lists hold its own only.
    assert_eq!(get("/v1/sources".into()).await.expect(200)["data"][0]["name"], "s1");
    for list in ["/v1/sources", "/v1/jobs", "/v1/events", "/v1/webhooks/dead-letter", "/api/v1/app"]
    {
        let answer = get(list.into()).await;
        assert_eq!(
            answer.expect(200)["data"].as_array().map(Vec::len),
            Some(1),
            "{list}: {answer:?}"
        );
        assert!(!answer.text.contains("two") && !answer.text.contains("j2"), "{list}: {answer:?}");
    }
    assert_eq!(get("/v1/webhooks/dead-letter".into()).await.expect(200)["total"], 1);
    // Its own is there, by uid and by id; the others' is not.
    for (path, status) in [
        ("/api/v1/app/one".to_owned(), 200),
        (format!("/api/v1/app/{id}/endpoint"), 200),
        ("/v1/sources/s1".to_owned(), 200),
        ("/v1/jobs/j1".to_owned(), 200),
        (format!("/v1/events/{}", mine.id.event()), 200),
        (format!("/v1/webhooks/dead-letter/{own}"), 200),
        ("/v1/events?application=one".to_owned(), 200),
        ("/api/v1/app/two".to_owned(), 404),
        ("/api/v1/app/default".to_owned(), 404),
        ("/api/v1/app/two/endpoint".to_owned(), 404),
        ("/api/v1/app/two/msg".to_owned(), 404),
        ("/v1/sources/s2".to_owned(), 404),
        ("/v1/jobs/j2".to_owned(), 404),
        ("/v1/jobs/fc-2/result".to_owned(), 404),
        (format!("/v1/events/{}", other.id.event()), 404),
        (format!("/v1/webhooks/dead-letter/{foreign}"), 404),
        ("/v1/events?application=two".to_owned(), 404),
        ("/v1/keys".to_owned(), 403),
    ] {
        assert_eq!(get(path.clone()).await.status.as_u16(), status, "{path}");
    }
    // Nor can it change what is not its own, or give itself more.
    let source = |application: &str| json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": application });
    for (method, path, body, status) in [
        (Method::PUT, "/v1/sources/s1", source("one"), 200),
        (Method::PUT, "/v1/sources/s1", source("two"), 404),
        (Method::PUT, "/v1/sources/s2", source("one"), 404),
        (
            Method::PUT,
            "/v1/sources/s3",
            json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET] }),
            404,
        ),
        (Method::DELETE, "/v1/sources/s2", Value::Null, 404),
        (Method::POST, "/v1/keys", json!({ "name": "x", "scope": "admin" }), 403),
        (Method::POST, "/api/v1/app", json!({ "name": "x" }), 403),
        (Method::POST, "/api/v1/app", json!({ "name": "x", "uid": "two" }), 403),
        (Method::POST, "/api/v1/app/two/msg", json!({ "eventType": "a", "payload": {} }), 404),
        (
            Method::POST,
            "/v1/webhooks/dead-letter/redrive",
            json!({ "filter": { "application": "two" }, "dry_run": true }),
            404,
        ),
    ] {
        let answer = ask(method.clone(), path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {answer:?}");
    }
    for path in [
        format!("/v1/webhooks/dead-letter/{foreign}"),
        format!("/v1/webhooks/dead-letter/{foreign}/retry"),
    ] {
        let method = if path.ends_with("retry") { Method::POST } else { Method::DELETE };
        ask(method, &path, Value::Null).await.expect(404);
    }
    let redrive = "/v1/webhooks/dead-letter/redrive";
    assert_eq!(
        ask(Method::POST, redrive, json!({ "all": true, "dry_run": true })).await.expect(200)["matched"],
        1
    );
    let all = relay.post(redrive, json!({ "all": true })).await.at("task_id");
    get(format!("/v1/tasks/{all}")).await.expect(404);
    let own = ask(Method::POST, redrive, json!({ "all": true })).await.at("task_id");
    assert_eq!(
        get(format!("/v1/tasks/{own}")).await.expect(200)["filter"]["application"],
        id.as_str()
    );
}
