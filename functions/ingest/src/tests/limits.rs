//! Tests of the addresses that a source may call from, and of its rate.

use axum::http::header;
use domain::{
    profile::Profile,
    signature::sign,
    source::{RateLimit, RateWindow},
};

use super::*;

#[tokio::test]
async fn r1_15_only_listed_addresses_may_call_and_no_header_says_which_one_it_is() {
    let world = World::start().await;
    let options = SourceOptions {
        allowed_networks: vec!["203.0.113.0/29".to_owned()],
        ..SourceOptions::default()
    };
    world.source_with("modal", "modal-omtx", &[SECRET], options).await;
    assert_eq!(world.send(OMTX, |_| ()).await.0, StatusCode::ACCEPTED, "203.0.113.7");
    let elsewhere = |event: &mut Value| {
        event["requestContext"]["http"]["sourceIp"] = "198.51.100.1".into();
        event["headers"]["x-forwarded-for"] = "203.0.113.7".into();
    };
    let (status, refused) = world.send(OMTX, elsewhere).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let unsigned = world.send(OMTX, |event| event["headers"] = serde_json::json!({})).await;
    assert_eq!(unsigned.1, refused, "the same answer as to any other refusal");
    // Without API Gateway it is who connected, and nobody if nobody says.
    let event: Value = serde_json::from_str(OMTX).expect("JSON");
    let build = |peer: Option<Peer>| {
        let mut request = Request::post("/in/modal");
        for name in ["x-modal-signature", "x-modal-timestamp"] {
            request = request.header(name, event["headers"][name].as_str().expect("text"));
        }
        request = request.header("x-forwarded-for", "203.0.113.7");
        let body = event["body"].as_str().expect("text").to_owned();
        let mut request = request.body(Body::from(body)).expect("a request");
        request.extensions_mut().extend(
            peer.map(|peer| {
                let mut extensions = axum::http::Extensions::new();
                extensions.insert(peer);
                extensions
            })
            .unwrap_or_default(),
        );
        request
    };
    let peer = |text: &str| Some(Peer(text.parse().expect("an address")));
    assert_eq!(world.request(build(peer("203.0.113.1"))).await.0, StatusCode::ACCEPTED);
    assert_eq!(world.request(build(peer("127.0.0.1"))).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(world.request(build(None)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn r1_15_a_source_that_calls_too_often_waits_for_the_next_window_wherever_it_asks() {
    let world = World::start().await;
    let other = world.instance();
    let limit = RateLimit { requests: 3, per: RateWindow::Minute };
    let options = SourceOptions { rate_limit: Some(limit), ..SourceOptions::default() };
    world.source_with("mesh", "modal-mesh", &[SECRET], options).await;
    world.clock.advance(Duration::from_secs(10));
    let request = |signed: bool| {
        let secret = Secret::new(if signed { SECRET } else { "another-secret-of-enough-length-1" });
        let scheme = &Profile::named("modal-mesh").expect("there").scheme;
        let body = r#"{"job_id":"m","status":"running"}"#;
        let signature = sign(scheme, &secret, None, None, body.as_bytes()).expect("signs");
        let request = Request::post("/in/mesh").header("x-modal-signature", signature);
        request.body(Body::from(body)).expect("a request")
    };
    // What is refused costs the real sender nothing.
    for _ in 0..10 {
        assert_eq!(world.request(request(false)).await.0, StatusCode::UNAUTHORIZED);
    }
    for router in [&world.router, &other, &world.router] {
        let response = router.clone().oneshot(request(true)).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
    }
    for router in [&world.router, &other] {
        let response = router.clone().oneshot(request(true)).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        // 1,700,000,010 is 30 s into its minute.
        assert_eq!(response.headers()[header::RETRY_AFTER], "30");
        let kind = &response.headers()[header::CONTENT_TYPE];
        assert_eq!(kind, "application/problem+json");
    }
    assert_eq!(world.inbox().await.len(), 3);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.request(request(true)).await.0, StatusCode::OK);
}
