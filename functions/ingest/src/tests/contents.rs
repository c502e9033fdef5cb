//! Bodies that are packed, large in one place, or about several things at once.

use std::io::Write;

use axum::http::header;
use flate2::{Compression, write::GzEncoder};

use super::*;

pub(super) fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("written");
    encoder.finish().expect("packed")
}

/// A request of the source `github`, signed over the bytes that travel.
fn github(body: &[u8], headers: &[(&str, &str)]) -> Request<Body> {
    let scheme = &Profile::named("github").expect("there").scheme;
    let signature = sign(scheme, &Secret::new(SECRET), None, None, body).expect("signs");
    let mut request = Request::post("/in/github").header("x-hub-signature-256", signature);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_vec())).expect("a request")
}

/// A request of the source `modal`.
fn modal(body: &[u8]) -> Request<Body> {
    let scheme = &Profile::named("modal-omtx").expect("there").scheme;
    let signature = sign(scheme, &Secret::new(SECRET), None, None, body).expect("signs");
    Request::post("/in/modal")
        .header("x-modal-signature", signature)
        .header("x-modal-timestamp", "1700000000")
        .body(Body::from(body.to_vec()))
        .expect("a request")
}

#[tokio::test]
async fn a_packed_body_is_unpacked_once_its_signature_holds() {
    let world = World::start().await;
    world.source("github", "github", SECRET).await;
    let body = packed(br#"{"n":1}"#);
    let gzip = (header::CONTENT_ENCODING.as_str(), "gzip");
    let (status, _) = world.request(github(&body, &[gzip])).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(world.inbox().await.remove(0).body, StoredBody::Text(r#"{"n":1}"#.to_owned()));
    // What is not what it says, or is not known, is refused with the status that says so.
    for (body, encoding, status) in [
        (&b"{}"[..], "gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&body[..], "br", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&packed(&vec![b' '; MAX_BODY + 1])[..], "gzip", StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let request = github(body, &[(header::CONTENT_ENCODING.as_str(), encoding)]);
        assert_eq!(world.request(request).await.0, status, "{encoding}");
    }
    // A stranger learns nothing of all that.
    let mut forged = github(&body, &[(header::CONTENT_ENCODING.as_str(), "br")]);
    forged.headers_mut().insert("x-hub-signature-256", "sha256=00".parse().expect("a value"));
    assert_eq!(world.request(forged).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn one_body_under_two_topics_is_two_events() {
    let world = World::start().await;
    world.source("github", "github", SECRET).await;
    let mut ids = Vec::new();
    for topic in ["ping", "star", "ping"] {
        let (status, answer) = world.request(github(b"{}", &[("x-github-event", topic)])).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        ids.push(answer["id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2]);
}

#[tokio::test]
async fn what_could_never_be_recorded_is_refused_before_it_is_accepted() {
    let world = World::start().await;
    for (field, long) in [("call_id", 2049), ("job_id", 450_000), ("batch_id", 2049)] {
        let id = |name: &str| "x".repeat(if name == field { long } else { 10 });
        let body = format!(
            r#"{{"call_id":"{}","status":"success","metadata":{{"job_id":"{}","batch_id":"{}"}}}}"#,
            id("call_id"),
            id("job_id"),
            id("batch_id")
        );
        let (status, answer) = world.request(modal(body.as_bytes())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}");
        let detail = answer["detail"].as_str().expect("text");
        assert!(detail.ends_with("is longer than 2048 bytes"), "{detail}");
    }
    let body = format!(r#"{{"call_id":"{}","status":"success"}}"#, "x".repeat(2048));
    assert_eq!(world.request(modal(body.as_bytes())).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_completion_that_is_not_quite_json_is_kept_as_it_came() {
    let world = World::start().await;
    for (call, body) in [
        ("c1", r#"{"call_id":"c1","status":"success","result":{"loss":NaN}}"#),
        ("c2", "\u{feff}{\"call_id\":\"c2\",\"status\":\"success\"}"),
    ] {
        let (status, answer) = world.request(modal(body.as_bytes())).await;
        assert_eq!((status, &answer["call_id"]), (StatusCode::ACCEPTED, &call.into()));
        let envelope = world.inbox().await.remove(0);
        assert_eq!(envelope.key, format!("job:{call}:succeeded"));
        assert_eq!(envelope.body, StoredBody::Text(body.to_owned()));
    }
}
