//! The request that an event came with: recorded, shown, removed, and passed on to endpoints that ask for
//! it.

mod cost;
mod kept;
mod passed;

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::{profile::Profile, secret::Secret, signature::MessageToSign};
use serde_json::{Value, json};
use tests::{cloud::Cloud, sender::SECRET};
use tower::ServiceExt;

/// The headers of a GitHub webhook besides its signatures, and those that API Gateway adds.
const GITHUB: [(&str, &str); 17] = [
    ("accept", "*/*"),
    ("accept-encoding", "gzip"),
    ("content-length", "7152"),
    ("content-type", "application/json"),
    ("host", "k3v1x9q2ab.execute-api.eu-central-1.amazonaws.com"),
    ("user-agent", "GitHub-Hookshot/044aadd"),
    ("x-amzn-trace-id", "Root=1-69272f1c-5b8a4c2d1e3f4a5b6c7d8e9f"),
    ("x-forwarded-for", "140.82.115.249"),
    ("x-forwarded-port", "443"),
    ("x-forwarded-proto", "https"),
    ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
    ("x-github-event", "issues"),
    ("x-github-hook-id", "292430182"),
    ("x-github-hook-installation-target-id", "79929171"),
    ("x-github-hook-installation-target-type", "repository"),
    ("x-hub-signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6"),
    ("x-request-id", "9f2f7c1b2d6e4f0d8a3b5c7e9d1f0a2b"),
];

/// Makes a source of this profile, in `acme`.
async fn source(cloud: &Cloud, profile: &str) {
    let body = json!({ "profile": profile, "secrets": [SECRET], "application": "acme" });
    done(cloud, Method::PUT, &format!("/v1/sources/{profile}"), body).await;
}

/// A call of the API that must succeed.
async fn done(cloud: &Cloud, method: Method, path: &str, body: Value) -> Value {
    let body = Some(body).filter(|body| !body.is_null());
    let (status, answer) = cloud.call(method.clone(), path, body).await;
    assert!(status.is_success(), "{method} {path}: {status} {answer}");
    answer
}

/// The value of the signature header of a profile that signs the body alone.
fn signed(profile: &str, body: &[u8]) -> (String, String) {
    let scheme = &Profile::named(profile).expect("part of the build").scheme;
    let message = MessageToSign { body, ..MessageToSign::default() };
    let name = scheme.headers[0].signature.clone();
    (name, scheme.sign(&Secret::new(SECRET), &message).expect("signs"))
}

/// Sends a signed request of this profile to its source; the id of the event that it becomes.
async fn send(cloud: &Cloud, profile: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    send_to(cloud, &format!("/in/{profile}"), profile, headers, body).await
}

async fn send_to(
    cloud: &Cloud,
    path: &str,
    profile: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> String {
    let (name, signature) = signed(profile, body);
    let mut request = Request::post(path).header(name, signature);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_vec())).expect("a request");
    let response = cloud.ingest().oneshot(request).await.expect("infallible");
    assert!(response.status().is_success(), "{}", response.status());
    let answer = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}
