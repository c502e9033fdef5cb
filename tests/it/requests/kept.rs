//! A recorded request: its contents, its readers and its end.

use std::io::Write;

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::id::EventId;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tests::{
    cloud::{ADMIN, Cloud},
    faults::Faults,
    items,
    receiver::Receiver,
};

use super::{GITHUB, done, send, send_to, source};

/// The answer to a request for the raw bytes: its status, its headers as text, its body.
async fn raw(cloud: &Cloud, id: &str, key: &str) -> (u16, String, Vec<u8>) {
    let request = Request::get(format!("/v1/events/{id}/request"));
    let request = request.header("authorization", format!("Bearer {key}"));
    let (status, headers, body) = cloud.ask(request.body(Body::empty()).expect("one")).await;
    (status.as_u16(), format!("{headers:?}"), body.to_vec())
}

async fn shown(cloud: &Cloud, id: &str) -> Value {
    done(cloud, Method::GET, &format!("/v1/events/{id}"), Value::Null).await["request"].take()
}

#[tokio::test]
async fn an_event_shows_the_request_that_it_came_with_and_gives_its_bytes() {
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    // No JSON, and no UTF-8.
    let body = b"{\"action\":\"opened\"}\xff\r\n";
    let id = send_to(&cloud, "/in/github?a=1&token=planted", "github", &GITHUB, body).await;
    cloud.work().await;
    let request = shown(&cloud, &id).await;
    assert_eq!(request["method"], "POST");
    assert_eq!(
        (&request["path"], &request["query"]),
        (&json!("/in/github"), &json!("a=1&token=***"))
    );
    assert_eq!(
        (&request["bytes"], &request["content_type"]),
        (&json!(22), &json!("application/json"))
    );
    assert_eq!((&request["caller"], &request["headers_left_out"]), (&Value::Null, &json!(0)));
    let event = done(&cloud, Method::GET, &format!("/v1/events/{id}"), Value::Null).await;
    assert_eq!(request["received_at"], event["created_at"]);
    let headers = request["headers"].as_array().expect("a list");
    assert_eq!(headers.len(), GITHUB.len() + 1);
    let value = |name: &str| {
        let mut found = headers.iter().filter(|header| header["name"] == name);
        found.next().expect(name)["value"].clone()
    };
    assert_eq!(value("x-github-event"), "issues");
    assert_eq!(value("x-hub-signature"), "*** (45 bytes)");
    assert_eq!(value("x-hub-signature-256"), "*** (71 bytes)");
    let verdict = &request["verdict"];
    assert_eq!(verdict["profile"], "github");
    assert_eq!(verdict["scheme"], "hmac-sha256 over {body}");
    assert_eq!(verdict["secret"]["position"], 1);
    assert_eq!(verdict["secret"]["fingerprint"].as_str().map(str::len), Some(8));
    assert_eq!(verdict["timestamp_age_s"], Value::Null);
    let (status, headers, bytes) = raw(&cloud, &id, ADMIN).await;
    assert_eq!((status, bytes.as_slice()), (200, &body[..]));
    for part in ["application/octet-stream", "attachment; filename=", "nosniff"] {
        assert!(headers.contains(part), "{headers}");
    }
}

#[tokio::test]
async fn a_packed_body_is_given_as_it_came() {
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    for content in
        [br#"{"n":1}"#.to_vec(), format!("{{\"n\":\"{}\"}}", "x".repeat(70_000)).into_bytes()]
    {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&content).expect("written");
        let body = encoder.finish().expect("packed");
        let id = send(&cloud, "github", &[("content-encoding", "gzip")], &body).await;
        cloud.work().await;
        assert_eq!(raw(&cloud, &id, ADMIN).await.2, body);
        let event = done(&cloud, Method::GET, &format!("/v1/events/{id}"), Value::Null).await;
        assert_eq!(event["request"]["bytes"], body.len());
        let content: Value = serde_json::from_slice(&content).expect("JSON");
        assert_eq!(event["payload"]["data"], content);
    }
}

#[tokio::test]
async fn a_body_too_large_for_one_answer_is_given_in_parts() {
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    let body = vec![b'x'; 5 * 1024 * 1024];
    let id = send(&cloud, "github", &GITHUB, &body).await;
    cloud.work().await;
    let part = async |range: Option<&str>| {
        let mut request = Request::get(format!("/v1/events/{id}/request"))
            .header("authorization", format!("Bearer {ADMIN}"));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let (status, headers, body) = cloud.ask(request.body(Body::empty()).expect("one")).await;
        let range =
            headers.get("content-range").map(|range| range.to_str().expect("text").to_owned());
        (status.as_u16(), range.unwrap_or_default(), body.len())
    };
    assert_eq!(part(None).await.0, 422);
    let first = part(Some("bytes=0-4194303")).await;
    assert_eq!(first, (206, "bytes 0-4194303/5242880".to_owned(), 4_194_304));
    let second = part(Some("bytes=4194304-")).await;
    assert_eq!(second, (206, "bytes 4194304-5242879/5242880".to_owned(), 1_048_576));
    assert_eq!(part(Some("bytes=5242880-")).await.0, 422);
}

#[tokio::test]
async fn an_event_that_came_with_no_request_has_none() {
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    let message = json!({ "eventType": "a.b", "payload": {} });
    let message = done(&cloud, Method::POST, "/api/v1/app/acme/msg", message).await;
    let injected = json!({ "body": { "action": "opened" } });
    let injected = done(&cloud, Method::POST, "/v1/sources/github/inject", injected).await;
    cloud.work().await;
    for id in [&message["id"], &injected["id"]] {
        let id = id.as_str().expect("an id");
        assert_eq!(shown(&cloud, id).await, Value::Null, "{id}");
        assert_eq!(raw(&cloud, id, ADMIN).await.0, 404, "{id}");
    }
    assert_eq!(raw(&cloud, "evt_0123", ADMIN).await.0, 404);
    assert_eq!(raw(&cloud, "nonsense", ADMIN).await.0, 404);
}

#[tokio::test]
async fn a_request_is_seen_with_any_key_of_its_own_application_and_with_no_other() {
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    done(&cloud, Method::POST, "/api/v1/app", json!({ "uid": "globex", "name": "globex" })).await;
    let id = send(&cloud, "github", &GITHUB, b"{}").await;
    cloud.work().await;
    for (application, scope, status) in [
        ("acme", "read", 200),
        ("acme", "admin", 200),
        ("globex", "read", 404),
        ("globex", "admin", 404),
    ] {
        let name = format!("{application}-{scope}");
        let key = json!({ "name": name, "scope": scope, "application": application });
        let key = done(&cloud, Method::POST, "/v1/keys", key).await;
        let key = key["key"].as_str().expect("a key");
        assert_eq!(raw(&cloud, &id, key).await.0, status, "{name}");
    }
    assert_eq!(raw(&cloud, &id, "rk_nobody").await.0, 401);
}

/// What the table has of the request of an event.
async fn item(cloud: &Cloud) -> Option<items::Item> {
    let items = items::scan(cloud).await.into_iter();
    items.into_iter().find(|item| item.contains_key("request"))
}

fn expiry(item: &items::Item) -> u64 {
    item["expires_at"].as_n().expect("a number").parse().expect("seconds")
}

#[tokio::test]
async fn a_request_is_removed_with_its_event_s_content() {
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    let id = send(&cloud, "github", &GITHUB, &vec![b'x'; 70_000]).await;
    cloud.work().await;
    assert!(item(&cloud).await.is_some());
    let bare = id.strip_prefix("evt_").expect("an id");
    let path = format!("/api/v1/app/acme/msg/msg_{bare}/content");
    done(&cloud, Method::DELETE, &path, Value::Null).await;
    assert_eq!(shown(&cloud, &id).await, Value::Null);
    assert_eq!(raw(&cloud, &id, ADMIN).await.0, 404);
    assert!(item(&cloud).await.is_none());
    // A second removal finds nothing to do, and does not fail for that.
    done(&cloud, Method::DELETE, &path, Value::Null).await;
}

#[tokio::test]
async fn a_request_expires_with_its_event_and_stays_as_long_as_its_letter_needs_it() {
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    let endpoint = json!({ "url": receiver.url("/hook"), "maxRetries": 0 });
    done(&cloud, Method::POST, "/api/v1/app/acme/endpoint", endpoint).await;
    let id = send(&cloud, "github", &GITHUB, b"{}").await;
    let id = EventId::parse(&id).expect("an id");
    cloud.step(&cloud.aws.names().inbox.clone()).await;
    let event = async || {
        let items = items::scan(&cloud).await.into_iter();
        let mut events = items.filter(|item| items::text(item, "sk") == "EVT");
        events.find(|item| items::text(item, "pk").ends_with(id.bare())).expect("recorded")
    };
    let recorded = expiry(&item(&cloud).await.expect("kept"));
    assert_eq!(recorded, expiry(&event().await));
    cloud.pass(std::time::Duration::from_secs(3600));
    cloud.settle_for(3).await;
    let parked = expiry(&item(&cloud).await.expect("kept"));
    assert!(recorded < parked, "{recorded} {parked}");
    assert_eq!(parked, expiry(&event().await));
    // The letter is thrown away: event and request go together again.
    done(&cloud, Method::DELETE, "/v1/webhooks/dead-letter/1", Value::Null).await;
    let let_go = expiry(&item(&cloud).await.expect("kept"));
    assert!(let_go < parked, "{let_go} {parked}");
    assert_eq!(let_go, expiry(&event().await));
}
