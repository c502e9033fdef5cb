//! Tests of the headers of an endpoint, `…/endpoint/{endpoint}/headers`.

use axum::http::Method;
use domain::headers::MAX_HEADERS;
use serde_json::{Value, json};

use super::{ADMIN, Relay};

const APP: &str = "/api/v1/app/default/endpoint";

impl Relay {
    async fn change(&self, method: Method, path: &str, headers: Value) -> super::Answer {
        self.ask(ADMIN, method, path, json!({ "headers": headers }).to_string()).await
    }
}

#[tokio::test]
async fn headers_are_set_replaced_and_taken_away() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", "https://subscriber.example/").await;
    let path = format!("{APP}/{id}/headers");
    let none = json!({ "headers": {}, "sensitive": [] });
    assert_eq!(relay.get(&path).await.expect(200), none);
    let first =
        json!({ "X-Tenant": "acme", "Authorization": "Bearer planted", "X-Api-Key": "planted" });
    relay.change(Method::PUT, &path, first).await.expect(204);
    let shown = relay.get(&path).await;
    let want =
        json!({ "headers": { "X-Tenant": "acme" }, "sensitive": ["Authorization", "X-Api-Key"] });
    assert_eq!(shown.expect(200), want);
    assert!(!shown.text.contains("planted"));
    let patch = json!({ "x-tenant": null, "X-API-KEY": null, "X-Other": "1", "X-Never": null });
    relay.change(Method::PATCH, &path, patch).await.expect(204);
    let want = json!({ "headers": { "X-Other": "1" }, "sensitive": ["Authorization"] });
    assert_eq!(relay.get(&path).await.expect(200), want);
    let patch = json!({ "x-other": "2" });
    relay.change(Method::PATCH, &path, patch).await.expect(204);
    let want = json!({ "headers": { "x-other": "2" }, "sensitive": ["Authorization"] });
    assert_eq!(relay.get(&path).await.expect(200), want, "a name is one in either case");
    // A mask is what is kept.
    relay.change(Method::PUT, &path, json!({ "authorization": "***" })).await.expect(204);
    let endpoint = relay.api.table().endpoints(&domain::id::ApplicationId::named("default")).await;
    let endpoint = endpoint.expect("read").remove(0);
    let owner = domain::endpoint::Endpoint::owner(&endpoint.id);
    let opened = relay.api.vault().open_headers(&owner, &endpoint.headers).expect("opens");
    assert_eq!(opened["authorization"].as_str(), Some("Bearer planted"));
    assert_eq!(opened.len(), 1, "what is not named by PUT is gone");
    relay.change(Method::PUT, &path, json!({})).await.expect(204);
    assert_eq!(relay.get(&path).await.expect(200), none);
}

#[tokio::test]
async fn headers_that_are_not_the_owner_s_to_set_are_refused_by_put_and_by_patch() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", "https://subscriber.example/").await;
    let path = format!("{APP}/{id}/headers");
    for (headers, why) in [
        (json!({ "Host": "x" }), "host"),
        (json!({ "webhook-signature": "x" }), "webhook-signature"),
        (json!({ "X-Svix-Test": "x" }), "x-svix-test"),
        (json!({ "X-Hokusai-Signature": "x" }), "x-hokusai-signature"),
        (json!({ "X-Forwarded-For": "x" }), "x-forwarded-for"),
        (json!({ "x-a": "planted\r\nx-b: c" }), "x-a"),
        (json!({ "x-a": 1 }), "object"),
        (json!({ "x a": "planted" }), "name"),
    ] {
        for method in [Method::PUT, Method::PATCH] {
            let refused = relay.change(method, &path, headers.clone()).await;
            let answer = refused.expect(422);
            assert_eq!(answer["detail"][0]["loc"], json!(["body", "headers"]));
            assert!(refused.text.contains(why) && !refused.text.contains("planted"), "{refused:?}");
        }
    }
    let many: serde_json::Map<_, _> =
        (0..MAX_HEADERS).map(|n| (format!("x-{n}"), json!("1"))).collect();
    relay.change(Method::PUT, &path, json!(many)).await.expect(204);
    relay.change(Method::PATCH, &path, json!({ "x-more": "1" })).await.expect(422);
    relay.change(Method::PATCH, &path, json!({ "x-more": "1", "x-0": null })).await.expect(204);
    relay.change(Method::PUT, &format!("{APP}/nobody/headers"), json!({})).await.expect(404);
    let reader = relay.key("read", None).await;
    relay.ask(&reader, Method::GET, &path, "").await.expect(200);
    relay.ask(&reader, Method::PUT, &path, r#"{"headers":{}}"#).await.expect(403);
}

#[tokio::test]
async fn headers_are_taken_away_in_either_spelling() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", "https://subscriber.example/").await;
    let path = format!("{APP}/{id}/headers");
    let first = json!({ "x-a": "1", "x-b": "2", "x-c": "3" });
    relay.change(Method::PUT, &path, first).await.expect(204);
    let body = json!({ "headers": { "x-a": null }, "deleteHeaders": ["X-B"] }).to_string();
    relay.ask(ADMIN, Method::PATCH, &path, body).await.expect(204);
    assert_eq!(relay.get(&path).await.expect(200)["headers"], json!({ "x-c": "3" }));
}
