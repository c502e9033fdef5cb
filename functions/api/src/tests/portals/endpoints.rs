//! Endpoints in a portal: what a subscriber may set, and which secrets it is shown.

use axum::http::Method;
use serde_json::{Value, json};

use crate::tests::Relay;

const PATH: &str = "/api/v1/app/acme/endpoint";

#[tokio::test]
async fn a_portal_sets_what_is_the_subscribers_and_nothing_that_is_the_owners() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let token = relay.portal_token("acme", json!({})).await;
    let fine = json!({
        "url": "https://subscriber.example/", "description": "mine", "channels": ["c"],
        "filterTypes": ["a.b"], "rateLimit": 5, "headers": { "x-own": "1" },
        "filter": { "data": { "x": 1 } }, "disabled": false, "metadata": { "k": "v" },
    });
    let made = relay.by(&token, Method::POST, PATH, fine.clone()).await;
    made.expect(201);
    let own = format!("{PATH}/{}", made.at("id"));
    relay
        .by(&token, Method::PUT, &own, json!({ "url": "https://subscriber.example/2" }))
        .await
        .expect(200);
    relay.by(&token, Method::PATCH, &own, json!({ "disabled": true })).await.expect(200);
    for (field, value) in [
        ("maxRetries", json!(3)),
        ("timeoutSeconds", json!(300)),
        ("delays", json!([5])),
        ("retryOn", json!(["5xx"])),
        ("giveUpOn", json!([404])),
        ("successOn", json!([200])),
        ("profile", json!("hokusai")),
        ("breaker", json!({ "threshold": 9, "recoverySeconds": 60 })),
        ("ordering", json!("job")),
        ("headerStyle", json!("svix")),
        ("body", json!("original")),
        ("forwardHeaders", json!(["x-github-event"])),
        ("url", json!("arn:aws:sqs:eu-central-1:123456789012:q")),
        ("url", json!("redis://cache.example/channel")),
    ] {
        let mut body = fine.clone();
        body[field] = value.clone();
        for (method, path) in [(Method::POST, PATH), (Method::PUT, &own)] {
            let refused = relay.by(&token, method, path, body.clone()).await.expect(422);
            assert_eq!(refused["detail"][0]["loc"], json!(["body", field]), "{refused}");
        }
        let refused = relay.by(&token, Method::PATCH, &own, json!({ field: value })).await;
        assert_eq!(refused.expect(422)["detail"][0]["loc"], json!(["body", field]));
    }
    // The owner's settings stay when a portal replaces the rest.
    let owners = json!({ "maxRetries": 2, "delays": [7, 8] });
    relay.patch(&own, owners).await.expect(200);
    relay
        .by(&token, Method::PUT, &own, json!({ "url": "https://subscriber.example/3" }))
        .await
        .expect(200);
    assert_eq!(relay.get(&own).await.expect(200)["delays"], json!([7, 8]));
    relay.by(&token, Method::DELETE, &own, Value::Null).await.expect(204);
}

#[tokio::test]
async fn a_portal_does_what_its_capabilities_name() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let endpoint = relay.endpoint("acme", "https://subscriber.example/").await;
    let secret = format!("{PATH}/{endpoint}/secret");
    let rotate = format!("{secret}/rotate");
    let example = format!("{PATH}/{endpoint}/send-example");
    let calls = [
        ("ViewBase", Method::GET, PATH.to_owned(), Value::Null),
        ("ViewBase", Method::GET, format!("{PATH}/{endpoint}/headers"), Value::Null),
        ("ViewEndpointSecret", Method::GET, secret.clone(), Value::Null),
        ("ManageEndpointSecret", Method::POST, rotate.clone(), json!({})),
        ("CreateAttempts", Method::POST, example, json!({ "eventType": "svix.ping" })),
        ("ManageEndpoint", Method::PATCH, format!("{PATH}/{endpoint}"), json!({})),
        (
            "ManageEndpoint",
            Method::PATCH,
            format!("{PATH}/{endpoint}/headers"),
            json!({ "headers": {} }),
        ),
    ];
    for capability in [
        "ViewBase",
        "ViewEndpointSecret",
        "ManageEndpointSecret",
        "CreateAttempts",
        "ManageEndpoint",
    ] {
        let body = json!({ "capabilities": ["ViewBase", capability] });
        let token = relay.portal_token("acme", body.clone()).await;
        for (needed, method, path, given) in &calls {
            let answer = relay.by(&token, method.clone(), path, given.clone()).await;
            let allowed = *needed == "ViewBase" || *needed == capability;
            let right = if allowed { answer.status.is_success() } else { answer.status == 403 };
            assert!(right, "{capability} {method} {path}: {answer:?}");
        }
        // Read only, whatever the list says.
        let mut looks = body;
        looks["readOnly"] = json!(true);
        let token = relay.portal_token("acme", looks).await;
        for (needed, method, path, given) in &calls {
            let answer = relay.by(&token, method.clone(), path, given.clone()).await;
            assert_eq!(answer.status == 403, *needed != "ViewBase", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_chosen_and_shown_only_with_its_capability() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let capabilities = json!({ "capabilities": ["ViewBase", "ManageEndpoint"] });
    let manages = relay.portal_token("acme", capabilities).await;
    let url = json!({ "url": "https://subscriber.example/" });
    let made = relay.by(&manages, Method::POST, PATH, url.clone()).await;
    made.expect(201);
    let mut chosen = url;
    chosen["secret"] = json!("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    relay.by(&manages, Method::POST, PATH, chosen).await.expect(403);
    // Newer SDKs are shown the new secret by a rotation, if they may see one.
    let rotates = |capabilities: Value| {
        let (relay, id) = (&relay, made.at("id"));
        async move {
            let token = relay.portal_token("acme", json!({ "capabilities": capabilities })).await;
            let request = axum::http::Request::post(format!("{PATH}/{id}/secret/rotate"))
                .header("authorization", format!("Bearer {token}"))
                .header("user-agent", "svix-libs/2.0.0/rust")
                .body("{}".into());
            relay.send(request.expect("a request")).await
        }
    };
    rotates(json!(["ViewBase", "ManageEndpointSecret"])).await.expect(204);
    let both = json!(["ViewBase", "ManageEndpointSecret", "ViewEndpointSecret"]);
    assert!(rotates(both).await.at("key").starts_with("whsec_"));
}
