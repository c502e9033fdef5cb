//! Endpoints that are called as another system calls: profile, headers, breaker, secrets.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    id::{ApplicationId, EndpointId},
    key::AdminKey,
    outgoing::HeaderStyle,
};
use manage::ControlPlane;
use serde_json::{Value, json};

use super::{Relay, ids, receiver::Receiver, router};

const APP: &str = "/api/v1/app/default/endpoint";
const URL: &str = "https://subscriber.example/hook";

#[tokio::test]
async fn a_profile_brings_its_policy_and_what_is_given_explicitly_wins() {
    let relay = Relay::start().await;
    let policy = |made: &Value| {
        json!([made["profile"], made["maxRetries"], made["timeoutSeconds"], made["delays"][0]])
    };
    let body = json!({ "url": URL, "uid": "e", "profile": "hokusai" });
    let made = relay.post(APP, body).await.expect(201);
    assert_eq!(policy(&made), json!(["hokusai", 5, 30, 2]));
    let body = json!({ "url": URL, "maxRetries": 2, "timeoutSeconds": 60 });
    let changed = relay.put(&format!("{APP}/e"), body).await.expect(200);
    assert_eq!(policy(&changed), json!(["hokusai", 2, 60, 2]), "what is left out stays");
    let id = changed["id"].as_str().expect("an id");
    let same = json!({ "url": URL, "profile": "hokusai" });
    let same = relay.put(&format!("{APP}/{id}"), same).await.expect(200);
    assert_eq!(policy(&same), json!(["hokusai", 2, 60, 2]), "the same profile changes nothing");
    let other = json!({ "url": URL, "profile": "omtx-out", "delays": [9] });
    let other = relay.put(&format!("{APP}/{id}"), other).await.expect(200);
    assert_eq!(policy(&other), json!(["omtx-out", 1, 30, 9]));
    let none = json!({ "url": URL, "profile": "standard" });
    let none = relay.put(&format!("{APP}/{id}"), none).await.expect(200);
    assert_eq!(policy(&none), json!([null, 9, 30, 5]));
    for bad in ["github", "gitlab", "modal-omtx"] {
        let refused = relay.post(APP, json!({ "url": URL, "profile": bad })).await.expect(422);
        let why = refused["detail"][0]["msg"].as_str().expect("a reason");
        assert!(why.contains("hokusai-deltaone") && why.contains("wepp"), "{why}");
    }
}

#[tokio::test]
async fn headers_are_kept_and_shown_but_for_secrets() {
    let relay = Relay::start().await;
    for headers in [
        json!({ "X-Tenant": "a", "Authorization": "Bearer planted" }),
        json!(r#"{"X-Tenant":"a","Authorization":"Bearer planted"}"#),
    ] {
        let answer = relay.post(APP, json!({ "url": URL, "headers": headers })).await;
        assert!(!answer.text.contains("planted") && !answer.text.contains("sealed"), "{answer:?}");
        let made = answer.expect(201);
        assert_eq!(made["headers"], json!({ "X-Tenant": "a", "Authorization": "***" }));
        // What was shown comes back as it was shown.
        let id = EndpointId::parse(made["id"].as_str().expect("an id")).expect("ours");
        let echo = json!({ "url": URL, "headers": made["headers"] });
        relay.put(&format!("{APP}/{id}"), echo).await.expect(200);
        let application = ApplicationId::named("default");
        let kept =
            relay.api.table().endpoint(&application, &id).await.expect("read").expect("there");
        let owner = domain::endpoint::Endpoint::owner(&id);
        let open = relay.api.vault().open_headers(&owner, &kept.headers).expect("opens");
        assert_eq!(open["Authorization"].expose(), b"Bearer planted");
        assert!(!format!("{kept:?}").contains("planted"), "sealed at rest");
        let left_out = relay.put(&format!("{APP}/{id}"), json!({ "url": URL })).await.expect(200);
        assert_eq!(left_out["headers"], made["headers"]);
        let emptied = json!({ "url": URL, "headers": {} });
        let emptied = relay.put(&format!("{APP}/{id}"), emptied).await.expect(200);
        assert_eq!(emptied["headers"], json!({}));
    }
    for (headers, why) in [
        (json!({ "X-Webhook-Signature": "planted" }), "x-webhook-signature"),
        (json!({ "Content-Type": "planted" }), "content-type"),
        (json!({ "x-a": "planted\r\nx: y" }), "printable"),
        (json!({ "x-a": 1 }), "an object"),
        (json!("planted"), "an object"),
    ] {
        let refused = relay.post(APP, json!({ "url": URL, "headers": headers })).await;
        assert!(!refused.text.contains("planted"), "{refused:?}");
        let refused = refused.expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", "headers"]));
        assert!(refused["detail"][0]["msg"].as_str().is_some_and(|msg| msg.contains(why)), "{why}");
    }
}

#[tokio::test]
async fn with_a_profile_a_secret_may_be_plain_text() {
    let relay = Relay::start().await;
    let plain = "your_shared_secret_here";
    let body = json!({ "url": URL, "uid": "e", "profile": "hokusai", "secret": plain });
    relay.post(APP, body).await.expect(201);
    let shown = relay.get(&format!("{APP}/e/secret")).await.at("key");
    assert_eq!(shown, format!("whsec_{}", STANDARD.encode(plain)), "as official libraries read it");
    for (profile, secret, why) in [
        ("hokusai", "too short", "16 to 128"),
        ("hokusai", &"x".repeat(129), "16 to 128"),
        ("hokusai", " your_shared_secret_here", "white space"),
        ("standard", plain, "whsec_"),
    ] {
        let body = json!({ "url": URL, "profile": profile, "secret": secret });
        let refused = relay.post(APP, body).await;
        assert!(!refused.text.contains(secret.trim()), "{refused:?}");
        let refused = refused.expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", "secret"]));
        assert!(refused["detail"][0]["msg"].as_str().is_some_and(|msg| msg.contains(why)), "{why}");
    }
    assert_eq!(ids(&relay.get(APP).await.expect(200)).len(), 1);
}

#[tokio::test]
async fn a_breaker_is_kept() {
    let relay = Relay::start().await;
    let made = relay.post(APP, json!({ "url": URL, "uid": "e" })).await.expect(201);
    assert_eq!(made["breaker"], json!({ "threshold": 5, "recoverySeconds": 60 }));
    let breaker = json!({ "threshold": 3, "recoverySeconds": 90 });
    let body = json!({ "url": URL, "uid": "e", "breaker": breaker });
    assert_eq!(relay.put(&format!("{APP}/e"), body).await.expect(200)["breaker"], breaker);
    for bad in [
        json!({ "threshold": 0, "recoverySeconds": 60 }),
        json!({ "threshold": 5, "recoverySeconds": 901 }),
    ] {
        relay.post(APP, json!({ "url": URL, "breaker": bad })).await.expect(422);
    }
}

#[tokio::test]
async fn a_redis_channel_is_an_address_like_any_other() {
    let relay = Relay::start().await;
    relay.post(APP, json!({ "url": "rediss://redis.example.com/ready" })).await.expect(201);
    for (url, why) in [
        ("rediss://redis.example.com", "names a channel"),
        ("rediss://10.0.0.1/a", "not on the public internet"),
        ("rediss://:p@redis.example.com/a", "user name"),
    ] {
        let refused = relay.post(APP, json!({ "url": url })).await.expect(422);
        assert!(refused["detail"][0]["msg"].as_str().is_some_and(|msg| msg.contains(why)), "{url}");
    }
}

#[tokio::test]
async fn an_endpoint_gets_the_headers_under_svix_s_names_if_it_or_the_deployment_says_so() {
    let mut relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let path = "/api/v1/app/default/endpoint";
    for (uid, style) in
        [("usual", json!(null)), ("svix", json!("svix")), ("not", json!("standard"))]
    {
        let body =
            json!({ "url": receiver.url, "uid": uid, "channels": [uid], "headerStyle": style });
        assert_eq!(relay.post(path, body).await.expect(201)["headerStyle"], style);
    }
    relay.post(path, json!({ "url": receiver.url, "headerStyle": "x" })).await.expect(422);
    let theirs = async |relay: &Relay, channel: &str| {
        let body = json!({ "eventType": "a.b", "payload": {}, "channels": [channel] });
        let made = relay.post("/api/v1/app/default/msg", body).await;
        made.expect(202);
        relay.attempt(&made.at("id")).await;
        let call = receiver.received().pop().expect("a call");
        for name in ["id", "timestamp", "signature"] {
            let ours = call.headers.get(format!("webhook-{name}")).expect("always sent");
            let theirs = call.headers.get(format!("svix-{name}"));
            assert!(theirs.is_none_or(|theirs| theirs == ours), "{name}");
        }
        call.headers.contains_key("svix-signature")
    };
    assert!(!theirs(&relay, "usual").await);
    assert!(theirs(&relay, "svix").await);
    let known = &relay.api;
    let calls = known.calls().clone().with_header_style(HeaderStyle::Svix);
    let (inbox, url) = (known.inbox().clone(), known.public_url().to_owned());
    let admin = AdminKey::parse(super::ADMIN_SECRET).expect("long enough");
    relay.api = Arc::new(ControlPlane::new(calls, inbox, admin, url));
    relay.router = router(Arc::clone(&relay.api));
    assert!(theirs(&relay, "usual").await);
    assert!(!theirs(&relay, "not").await);
    let patch = json!({ "headerStyle": null });
    relay.patch(&format!("{path}/not"), patch).await.expect(200);
    assert!(theirs(&relay, "not").await);
}
