//! The OpenAPI document, which is checked in so that a change of the API is seen in review.
//! `UPDATE_OPENAPI=1 cargo test -p api` writes it anew.

use std::{fs, path::Path};

use axum::{body::Body, http::Request};

use super::Relay;

#[tokio::test]
async fn the_document_is_the_one_that_is_checked_in_and_the_one_that_is_served() {
    let made = crate::openapi().to_pretty_json().expect("serialises") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &made).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "openapi.json is not what the code says: UPDATE_OPENAPI=1 cargo test -p api"
    );
    let relay = Relay::start().await;
    let request = Request::get("/openapi.json").body(Body::empty()).expect("a request");
    let served = relay.send(request).await;
    let document = served.expect(200);
    assert_eq!(document, serde_json::from_str::<serde_json::Value>(&kept).expect("JSON"));
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
}

#[test]
fn every_operation_is_described_and_named_once() {
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    let mut names = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(operation["summary"].is_string(), "{method} {path} is not described");
            names.push(operation["operationId"].as_str().expect("a name").to_owned());
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}
