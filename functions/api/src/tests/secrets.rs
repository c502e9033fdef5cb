//! Signing secrets of endpoints: made, shown, rotated, and the public keys of those that have some.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    endpoint::Endpoint,
    id::{ApplicationId, EndpointId},
    secret::{KeyPair, MAX_REPLACED, Secret},
};
use serde_json::{Value, json};

use super::{ADMIN, Answer, Relay};

const APP: &str = "/api/v1/app/default/endpoint";
const URL: &str = "https://subscriber.example/";

impl Relay {
    async fn rotate(&self, endpoint: &str, body: Value) -> Answer {
        self.post(&format!("{APP}/{endpoint}/secret/rotate"), body).await
    }

    async fn shown(&self, endpoint: &str) -> Value {
        let shown = self.get(&format!("{APP}/{endpoint}/secret")).await;
        assert_eq!(shown.headers["cache-control"], "no-store");
        shown.expect(200)
    }

    async fn kept(&self, endpoint: &str) -> Endpoint {
        let id = EndpointId::parse(endpoint).expect("an id");
        let known = self.api.table().endpoint(&ApplicationId::named("default"), &id).await;
        known.expect("read").expect("there")
    }

    /// The secrets that sign now, newest first.
    async fn live(&self, endpoint: &str) -> Vec<String> {
        let known = self.kept(endpoint).await;
        let owner = Endpoint::owner(&known.id);
        let open = |sealed| self.api.vault().unseal(&owner, sealed).expect("opens");
        let live = known.live_secrets(self.api.now()).map(open);
        live.map(|secret| secret.as_str().expect("text").to_owned()).collect()
    }

    /// The key set, asked without a key.
    async fn jwks(&self, path: &str) -> Answer {
        let request = Request::builder().uri(path);
        self.send(request.body(Body::empty()).expect("a request")).await
    }
}

fn pair(byte: u8) -> KeyPair {
    KeyPair::of_seed(&[byte; 32])
}

fn spelled(secret: &Secret) -> String {
    secret.as_str().expect("text").to_owned()
}

#[tokio::test]
async fn an_endpoint_may_sign_with_a_key_pair_and_shows_its_public_half_only() {
    let relay = Relay::start().await;
    let given = spelled(&pair(1).secret());
    let seed = format!("whsk_{}", STANDARD.encode([1; 32]));
    for body in [
        json!({ "url": URL, "secret": given }),
        json!({ "url": URL, "secret": seed, "signatureScheme": "ed25519" }),
        json!({ "url": URL, "signatureScheme": "ed25519" }),
    ] {
        let made = relay.post(APP, body.clone()).await;
        assert_eq!(made.expect(201)["signatureScheme"], "ed25519");
        let id = made.at("id");
        let shown = relay.shown(&id).await;
        let public = shown["publicKey"].as_str().expect("a public key");
        assert!(public.starts_with("whpk_") && shown["key"] == public, "{shown}");
        assert_eq!(shown["signatureScheme"], "ed25519");
        let url = shown["jwksUrl"].as_str().expect("a URL");
        let path = url.strip_prefix("https://relay.example").expect("ours");
        assert_eq!(relay.jwks(path).await.expect(200)["keys"].as_array().map(Vec::len), Some(1));
        if body["secret"].is_string() {
            assert_eq!(public, pair(1).public().spelled());
            assert_eq!(relay.live(&id).await, [given.as_str()]);
        }
        assert!(!shown.to_string().contains("whsk_"), "{shown}");
    }
}

#[tokio::test]
async fn a_secret_that_does_not_fit_is_refused_with_its_field_and_never_quoted() {
    let relay = Relay::start().await;
    let pair_text = spelled(&pair(1).secret());
    let shared = spelled(&Secret::symmetric(&[1; 24]));
    let halves = format!("whsk_{}", STANDARD.encode([[1; 32], [2; 32]].concat()));
    for (body, field) in [
        (json!({ "secret": pair(1).public().spelled() }), "secret"),
        (json!({ "secret": halves }), "secret"),
        (json!({ "secret": "whsk_planted" }), "secret"),
        (json!({ "secret": spelled(&Secret::symmetric(&[1; 23])) }), "secret"),
        (json!({ "secret": spelled(&Secret::symmetric(&[1; 65])) }), "secret"),
        (json!({ "secret": pair_text, "profile": "wepp" }), "secret"),
        (json!({ "secret": shared, "signatureScheme": "ed25519" }), "signatureScheme"),
        (json!({ "secret": pair_text, "signatureScheme": "hmac-sha256" }), "signatureScheme"),
        (json!({ "signatureScheme": "rsa" }), "signatureScheme"),
        (json!({ "signatureScheme": "ed25519", "profile": "hokusai" }), "signatureScheme"),
    ] {
        let mut body = body;
        body["url"] = json!(URL);
        let answer = relay.post(APP, body.clone()).await.expect(422);
        assert_eq!(answer["detail"][0]["loc"], json!(["body", field]), "{body}");
        let text = answer.to_string();
        for secret in [&pair_text[5..], &shared[6..], &halves[5..], "planted"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    // A job's webhook has no key set of its own.
    relay.source("modal", "acme").await;
    let webhook = json!({ "source": "modal", "webhook": { "url": URL, "secret": pair_text } });
    relay.put("/v1/jobs/j1", webhook).await.expect(422);
    // Nor may a profile come later that could not sign.
    let body = json!({ "url": URL, "secret": pair_text });
    let id = relay.post(APP, body).await.at("id");
    let refused = relay.put(&format!("{APP}/{id}"), json!({ "url": URL, "profile": "wepp" })).await;
    assert_eq!(refused.expect(422)["detail"][0]["loc"], json!(["body", "profile"]));
    assert_eq!(relay.get(&format!("{APP}/{id}")).await.expect(200)["profile"], Value::Null);
}

#[tokio::test]
async fn a_rotation_lets_the_old_secret_sign_on_for_as_long_as_asked() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", URL).await;
    let first = relay.live(&id).await.remove(0);
    relay.rotate(&id, json!({})).await.expect(204);
    let live = relay.live(&id).await;
    assert_eq!((live.len(), &live[1]), (2, &first));
    assert_eq!(relay.shown(&id).await["key"], live[0], "the newest is shown");
    let end = relay.kept(&id).await.secrets[1].expires_at.expect("an end");
    let day = end.since(relay.api.now());
    assert!(Duration::from_secs(86_000) < day && day <= Duration::from_secs(86_400), "{day:?}");
    // Kinds mix, in one endpoint.
    relay.rotate(&id, json!({ "signatureScheme": "ed25519" })).await.expect(204);
    let live = relay.live(&id).await;
    assert_eq!(live.iter().map(|text| &text[..5]).collect::<Vec<_>>(), ["whsk_", "whsec", "whsec"]);
    relay.rotate(&id, json!({ "gracePeriodSeconds": 604_800 })).await.expect(204);
    assert_eq!(relay.shown(&id).await["signatureScheme"], "ed25519", "it stays what it was");
    // One that somebody else may have: no overlap.
    let given = spelled(&Secret::symmetric(&[5; 32]));
    let body = json!({ "key": given, "gracePeriodSeconds": 0 });
    let compromised = relay.live(&id).await.remove(0);
    relay.rotate(&id, body).await.expect(204);
    let live = relay.live(&id).await;
    assert_eq!(live[0], given);
    assert!(!live.contains(&compromised));
    assert_eq!(live.len(), 4);
}

#[tokio::test]
async fn a_rotation_that_cannot_be_is_refused_and_changes_nothing() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", URL).await;
    let given = spelled(&pair(3).secret());
    relay.rotate(&id, json!({ "key": given })).await.expect(204);
    let before = relay.kept(&id).await;
    let seed = format!("whsk_{}", STANDARD.encode([3; 32]));
    for again in [&given, &seed] {
        let refused = relay.rotate(&id, json!({ "key": again })).await.expect(409);
        assert!(refused["detail"].to_string().contains("present one already"));
    }
    for (body, field) in [
        (json!({ "gracePeriodSeconds": -1 }), "gracePeriodSeconds"),
        (json!({ "gracePeriodSeconds": 604_801 }), "gracePeriodSeconds"),
        (json!({ "key": "short" }), "key"),
        (json!({ "key": pair(4).public().spelled() }), "key"),
    ] {
        let refused = relay.rotate(&id, body).await.expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", field]));
    }
    relay.rotate("nobody", json!({})).await.expect(404);
    assert_eq!(relay.kept(&id).await, before);
    let key = relay.key("publish", Some("default")).await;
    let path = format!("{APP}/{id}/secret/rotate");
    relay.ask(&key, Method::POST, &path, "{}").await.expect(403);
    relay.application("other").await;
    let stranger = relay.key("admin", Some("other")).await;
    relay.ask(&stranger, Method::POST, &path, "{}").await.expect(404);
}

#[tokio::test]
async fn a_replaced_secret_comes_back_and_the_one_that_replaced_it_signs_on() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", URL).await;
    let first = relay.live(&id).await.remove(0);
    relay.rotate(&id, json!({})).await.expect(204);
    let second = relay.live(&id).await.remove(0);
    relay.rotate(&id, json!({ "key": first })).await.expect(204);
    assert_eq!(relay.live(&id).await, [first.clone(), second.clone()], "each once");
    relay.rotate(&id, json!({ "key": first })).await.expect(409);
    relay.rotate(&id, json!({ "key": second, "gracePeriodSeconds": 0 })).await.expect(204);
    assert_eq!(relay.live(&id).await, [second]);
}

#[tokio::test]
async fn ten_replaced_secrets_sign_and_the_next_rotation_is_refused() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", URL).await;
    for _ in 0..MAX_REPLACED {
        relay.rotate(&id, json!({})).await.expect(204);
    }
    let live = relay.live(&id).await;
    assert_eq!(live.len(), 1 + MAX_REPLACED);
    let refused = relay.rotate(&id, json!({})).await.expect(409);
    assert!(refused["detail"].to_string().contains("10 replaced secrets"), "{refused}");
    assert_eq!(relay.live(&id).await, live, "none was dropped for it");
    relay.rotate(&id, json!({ "gracePeriodSeconds": 0 })).await.expect(204);
}

#[tokio::test]
async fn rotations_at_once_all_take_place() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", URL).await;
    let rotations = (0..4).map(|_| relay.rotate(&id, json!({})));
    for answer in futures::future::join_all(rotations).await {
        answer.expect(204);
    }
    assert_eq!(relay.live(&id).await.len(), 5);
}

#[tokio::test]
async fn secrets_that_are_swapped_between_endpoints_do_not_open() {
    let relay = Relay::start().await;
    let (one, other) = (relay.endpoint("default", URL).await, relay.endpoint("default", URL).await);
    let (mut mine, theirs) = (relay.kept(&one).await, relay.kept(&other).await);
    let known = mine.clone();
    mine.secrets.clone_from(&theirs.secrets);
    relay.api.table().update_endpoint(&known, &mine).await.expect("kept").either_way();
    let refused = relay.get(&format!("{APP}/{one}/secret")).await;
    refused.expect(503);
    relay.rotate(&one, json!({})).await.expect(503);
    let message = relay.message("default", "a", json!({})).await;
    relay.attempt(&message).await;
    let deliveries = relay.deliveries(&message).await;
    let stolen = deliveries.iter().find(|delivery| delivery.endpoint.as_str() == one);
    let attempt = &stolen.expect("a delivery").attempts[0];
    assert_eq!(attempt.detail, "the endpoint's signing secrets do not open");
}

#[tokio::test]
async fn public_keys_are_published_for_anybody_and_nothing_else_is() {
    let relay = Relay::start().await;
    let body = json!({ "url": URL, "uid": "e", "secret": spelled(&pair(1).secret()) });
    let id = relay.post(APP, body).await.at("id");
    let path = format!("/v1/app/default/endpoint/{id}/jwks.json");
    let key = |byte| {
        let public = pair(byte).public();
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": public.thumbprint(), "x": public.x() })
    };
    let answer = relay.jwks(&path).await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    assert_eq!(answer.expect(200), json!({ "keys": [key(1)] }));
    let rotated = json!({ "key": spelled(&pair(2).secret()) });
    relay.rotate(&id, rotated).await.expect(204);
    relay.rotate(&id, json!({ "signatureScheme": "hmac-sha256" })).await.expect(204);
    assert_eq!(relay.jwks(&path).await.expect(200), json!({ "keys": [key(2), key(1)] }));
    let last = json!({ "key": spelled(&pair(3).secret()), "gracePeriodSeconds": 0 });
    relay.rotate(&id, last).await.expect(204);
    assert_eq!(relay.jwks(&path).await.expect(200)["keys"][0], key(3));
    let shared = relay.endpoint("default", URL).await;
    let none = relay.jwks(&format!("/v1/app/default/endpoint/{shared}/jwks.json")).await;
    assert_eq!(none.expect(200), json!({ "keys": [] }));
    for unknown in [
        "/v1/app/default/endpoint/e/jwks.json".to_owned(),
        format!("/v1/app/other/endpoint/{id}/jwks.json"),
        format!("/v1/app/{}/endpoint/{id}/jwks.json", "x".repeat(300)),
        format!("/v1/app/default/endpoint/{}/jwks.json", EndpointId::derive(&["nobody"])),
    ] {
        let answer = relay.jwks(&unknown).await;
        answer.expect(404);
        assert!(!answer.text.contains(&id), "{answer:?}");
    }
}

#[tokio::test]
async fn a_new_secret_is_answered_to_the_clients_that_read_it_and_to_no_other() {
    let relay = Relay::start().await;
    let id = relay.endpoint("default", "https://subscriber.example/").await;
    for (agent, status) in [
        ("svix-libs/2.9.1/python", 200),
        ("svix-libs/10.0.0/rust", 200),
        ("svix-libs/1.99.1/python", 204),
        ("curl/8.0", 204),
        ("", 204),
    ] {
        let request = Request::post(format!("{APP}/{id}/secret/rotate"));
        let request = request.header("authorization", format!("Bearer {ADMIN}"));
        let request = request.header("user-agent", agent).body(Body::from("{}"));
        let told = relay.send(request.expect("a request")).await;
        let told = (told.expect(status), told.headers.get("cache-control").cloned());
        if status == 204 {
            assert_eq!(told.0, Value::Null, "{agent}");
            continue;
        }
        let shown = relay.get(&format!("{APP}/{id}/secret")).await.expect(200);
        assert_eq!(told, (shown, Some("no-store".parse().expect("a value"))), "{agent}");
    }
}
