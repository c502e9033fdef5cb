//! Tests of the list of profiles, `/v1/profiles`.

use axum::{body::Body, http::Method};
use serde_json::json;

use crate::tests::Relay;

#[tokio::test]
async fn every_profile_is_listed_with_its_scheme_its_secret_and_its_settings() {
    let relay = Relay::start().await;
    relay.application("one").await;
    let reader = relay.key("read", Some("one")).await;
    let list = relay.ask(&reader, Method::GET, "/v1/profiles", Body::empty()).await.expect(200);
    let data = list["data"].as_array().expect("a list");
    let names: Vec<&str> = data.iter().filter_map(|entry| entry["name"].as_str()).collect();
    assert_eq!(names, domain::profile::Profile::names().collect::<Vec<_>>());
    let github = data.iter().find(|entry| entry["name"] == "github").expect("there");
    for (field, value) in [
        ("title", json!("GitHub")),
        ("scheme", json!("HMAC-SHA256 over the body, hex, header x-hub-signature-256")),
        ("replay_safe", json!(false)),
        ("events", json!(["push", "ping", "workflow_run"])),
    ] {
        assert_eq!(github[field], value, "{github}");
    }
    assert_eq!(github["secret"]["needed"], true);
    for entry in data {
        assert_eq!(entry["why_not"].is_null(), entry["replay_safe"] == true, "{entry}");
    }
    relay.get("/v1/profiles?q=github").await.expect(422);
}
