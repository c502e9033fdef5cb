//! Paths with slashes too many, as Svix's clients and pasted base URLs have them.

use axum::{body::Body, http::Method};
use serde_json::json;

use super::super::{ADMIN, Relay};

/// The paths of the document that answer a GET, with names in place of their parameters.
fn paths() -> Vec<String> {
    let document = serde_json::to_value(crate::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let with_get = paths.iter().filter(|(path, item)| item["get"].is_object() && *path != "/");
    let plain = |path: &String| {
        let segments = path.split('/').map(|segment| match segment {
            "{app}" => "default",
            named if named.starts_with('{') => "x",
            other => other,
        });
        segments.collect::<Vec<_>>().join("/")
    };
    with_get.map(|(path, _)| plain(path)).collect()
}

#[tokio::test]
async fn every_path_may_end_with_a_slash_and_begin_with_two() {
    let relay = Relay::start().await;
    let paths = paths();
    assert!(40 < paths.len(), "{paths:?}");
    for path in paths {
        let plain = relay.get(&path).await;
        for spelt in [format!("{path}/"), format!("/{path}"), format!("{path}//")] {
            let answer = relay.get(&spelt).await;
            assert_eq!(answer.status, plain.status, "{spelt}: {answer:?}");
            assert!(!answer.status.is_redirection(), "{spelt}");
        }
    }
}

#[tokio::test]
async fn a_request_with_a_slash_is_the_same_request() {
    let relay = Relay::start().await;
    let made = relay.post("/api/v1/app/", json!({ "name": "a", "uid": "a" })).await.expect(201);
    assert_eq!(relay.get("/api/v1/app/a/").await.expect(200)["id"], made["id"]);
    relay.patch("/api/v1/app/a/", json!({ "name": "b" })).await.expect(200);
    // The gate stands before every spelling.
    let read = relay.key("read", None).await;
    let body = json!({ "name": "c" }).to_string();
    relay.ask(&read, Method::POST, "/api/v1/app/", body).await.expect(403);
    let foreign = relay.key("admin", Some("a")).await;
    let path = "/api/v1/app/default/endpoint/";
    relay.ask(&foreign, Method::GET, path, Body::empty()).await.expect(404);
    relay.ask("rk_nobody", Method::GET, "/api/v1/app/", Body::empty()).await.expect(401);
    relay.delete("/api/v1/app/a/").await.expect(204);
    let unknown = relay.get("/api/v1/nothing/").await.expect(404);
    assert_eq!(unknown["code"], "not_found", "in the shape of its contract");
    relay.ask(ADMIN, Method::DELETE, "/v1/jobs/", Body::empty()).await.expect(405);
}
