//! The planted secrets in their right places: sources, platforms, keys, endpoints and their headers.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Request, StatusCode, Uri},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::secret::KeyPair;
use serde_json::{Value, json};
use tests::cloud::ADMIN;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{course::send_in, needles::Needle, places::Witness};

pub(super) const EP: &str = "/api/v1/app/acme/endpoint";

/// The requests to the echoing receiver, as text.
pub(super) type EchoedRequests = Arc<Mutex<Vec<String>>>;

/// A receiver that answers with all of the request's headers, and with the status that its path says.
pub(super) async fn echo() -> (String, EchoedRequests) {
    async fn answer(
        State(heard): State<EchoedRequests>,
        uri: Uri,
        headers: HeaderMap,
        _: Bytes,
    ) -> (StatusCode, String) {
        let status = uri.path().trim_start_matches('/').split('/').next();
        let status = status.and_then(|text| text.parse().ok()).unwrap_or(500);
        let said: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        let said = said.join("\n");
        heard.lock().expect("not poisoned").push(said.clone());
        (StatusCode::from_u16(status).expect("a status"), said)
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let heard = EchoedRequests::default();
    let app = Router::new().fallback(answer).with_state(Arc::clone(&heard));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), heard)
}

/// A Redis that refuses, and says what it was given.
pub(super) async fn refusing_redis() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut given = [0; 512];
            let count = stream.read(&mut given).await.unwrap_or_default();
            let said = String::from_utf8_lossy(&given[..count]).replace(['\r', '\n'], " ");
            drop(stream.write_all(format!("-WRONGPASS {said}\r\n").as_bytes()).await);
        }
    });
    format!("redis://{address}")
}

/// The planted secret of this name, a text of 32 bytes.
pub(super) fn text(name: &str) -> String {
    let text = format!("planted-{name}-");
    format!(
        "{text}{}",
        "0123456789abcdefghijklmnopqrstuvwxyz".get(..32 - text.len()).expect("short")
    )
}

pub(super) fn whsec(name: &str) -> String {
    format!("whsec_{}", STANDARD.encode(text(name)))
}

pub(super) fn whsk(name: &str) -> String {
    let seed: [u8; 32] = text(name).into_bytes().try_into().expect("32 bytes");
    KeyPair::of_seed(&seed).secret().as_str().expect("text").to_owned()
}

pub(super) const NAMES: [&str; 27] = [
    "source", "source2", "platform", "cancel", "token", "global", "whsec", "whsk", "rotated",
    "rotated2", "plain", "header", "header2", "basic", "redis", "job", "job2", "batch", "bearer",
    "query", "path", "wrong", "kind", "url", "key", "request", "passed",
];

/// Sources and their platforms, keys, and the secret of an application.
pub(super) async fn set_up(witness: &mut Witness<'_>, echo: &str) -> Vec<Needle> {
    let mut made = Vec::new();
    let worker = |secrets: Value| {
        json!({
            "profile": "modal-omtx", "secrets": secrets, "application": "acme", "deadline_seconds": 600,
            "platform": { "kind": "http", "status_url": format!("{echo}/500/calls/{{call_id}}"), "secret": text("platform") },
            "cancel": { "url": format!("{echo}/500/cancel/{{call_id}}"), "headers": { "X-Auth": "Key {secret}" }, "secret": text("cancel") },
        })
    };
    witness.done(Method::PUT, "/v1/sources/worker", worker(json!([text("source")]))).await;
    let both = worker(json!([text("source2"), text("source")]));
    witness.done(Method::PUT, "/v1/sources/worker", both).await;
    let gpu = json!({
        "profile": "runpod", "secrets": [text("token")], "application": "acme",
        "platform": { "kind": "runpod", "endpoint_id": "e1", "secret": text("platform") },
    });
    witness.done(Method::PUT, "/v1/sources/gpu", gpu).await;
    let job = witness.done(Method::PUT, "/v1/jobs/g1", json!({ "source": "gpu" })).await;
    let callback = job["callback_url"].as_str().expect("a callback");
    let token = callback.rsplit('/').next().expect("a token").to_owned();
    witness.shows("callback");
    made.push(Needle::new("callback", token.as_bytes()));
    for (token, path) in
        [(token, "/in/gpu"), (text("token"), "/in/gpu"), (text("wrong"), "/in/gpu")]
    {
        let body = json!({ "id": "g1", "status": "COMPLETED" }).to_string();
        let request = Request::post(format!("{path}/{token}")).body(Body::from(body));
        send_in(witness, request.expect("one")).await;
        // Its name is the path that was asked.
        witness.places.last_mut().expect("one").name = "answer to a token".to_owned();
    }
    let bearer = format!("Bearer {ADMIN}");
    let wanted = json!({ "name": "reader", "scope": "read" }).to_string();
    let once = [("authorization", bearer.as_str()), ("idempotency-key", "the-same")];
    let (_, _, said) = witness.send(Method::POST, "/v1/keys", &once, wanted.clone()).await;
    witness.shows("made key");
    let key: Value = serde_json::from_str(&said).expect("JSON");
    let key = key["key"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned();
    let secret = key.rsplit('_').next().expect("a secret");
    made.push(Needle::new("made key", secret.as_bytes()));
    witness.send(Method::POST, "/v1/keys", &once, wanted.clone()).await;
    let reader = format!("Bearer {key}");
    witness.send(Method::POST, "/v1/keys", &[("authorization", &reader)], wanted).await;
    made.extend(listeners(witness).await);
    let global = json!({ "secret": text("global") });
    witness.done(Method::PUT, "/v1/applications/acme/webhook-secret", global).await;
    made
}

/// A ticket and a token for live connections, each asked for twice with one idempotency key.
async fn listeners(witness: &mut Witness<'_>) -> Vec<Needle> {
    let bearer = format!("Bearer {ADMIN}");
    let mut made = Vec::new();
    for (path, body, name) in [
        ("/v1/live/tickets", Value::Null, "ticket"),
        ("/v1/live/tokens", json!({ "project": "p", "application": "acme" }), "token"),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let once = [("authorization", bearer.as_str()), ("idempotency-key", "the-same")];
        let (_, _, said) = witness.send(Method::POST, path, &once, body.clone()).await;
        let needle = format!("live {name}");
        witness.shows(&needle);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let shown = said[name].as_str().unwrap_or_else(|| panic!("{said}"));
        // The digits of a ticket, and the signature of a token.
        let secret = shown.strip_prefix("rlt_").unwrap_or(shown).rsplit('.').next();
        let secret = secret.expect("a secret");
        made.push(Needle::new(&needle, secret.as_bytes()));
        witness.send(Method::POST, path, &once, body).await;
        // In the place of a key it is none, and is repeated nowhere.
        let wrong = [("authorization", format!("Bearer {shown}"))];
        let wrong = wrong.each_ref().map(|(header, value)| (*header, value.as_str()));
        witness.send(Method::GET, &format!("/v1/jobs?{name}={shown}"), &wrong, "").await;
        witness.places.last_mut().expect("one").name = format!("answer to a {name} as a key");
    }
    made
}

/// Endpoints of every kind, headers, rotations.
pub(super) async fn subscribe(witness: &mut Witness<'_>, echo: &str, redis: &str) -> Vec<Needle> {
    let mut made = Vec::new();
    let basic = STANDARD.encode(format!("user:{}", text("redis")));
    let quick = json!({ "delays": [1], "maxRetries": 1 });
    let with = |more: Value| {
        let mut body = quick.clone();
        body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        body
    };
    let secret_headers =
        json!({ "Authorization": format!("Bearer {}", text("header")), "X-Tenant": "a" });
    for body in [
        json!({ "uid": "shared", "url": format!("{echo}/500/shared"), "secret": whsec("whsec"), "headers": secret_headers, "body": "original", "forwardHeaders": ["x-gitlab-token"] }),
        json!({ "uid": "pair", "url": format!("{echo}/200/pair"), "secret": whsk("whsk") }),
        json!({ "uid": "made", "url": format!("{echo}/200/made") }),
        json!({ "uid": "plain", "url": format!("{echo}/503/plain"), "secret": text("plain"), "profile": "wepp" }),
        json!({ "uid": "gone", "url": format!("{echo}/410/gone"), "headers": { "X-Api-Key": text("header") } }),
        json!({ "uid": "redis", "url": format!("{redis}/channel"), "headers": { "Authorization": format!("Basic {basic}") } }),
    ] {
        witness.done(Method::POST, EP, with(body.clone())).await;
        // Once more with the same key, and then it is taken.
        witness.refused(Method::POST, EP, with(body).to_string()).await;
    }
    let headers = json!({ "headers": { "X-Session-Token": text("header2"), "X-Tenant": null } });
    witness.done(Method::PATCH, &format!("{EP}/shared/headers"), headers).await;
    let headers = json!({ "headers": { "Proxy-Authorization": text("header2") } });
    witness.refused(Method::PUT, &format!("{EP}/shared/headers"), headers.to_string()).await;
    let shown = [("shared", "whsec"), ("pair", "nothing"), ("plain", "plain"), ("made", "made")];
    for (uid, name) in shown {
        let said = witness.done(Method::GET, &format!("{EP}/{uid}/secret"), Value::Null).await;
        witness.shows(name);
        if uid == "made" {
            let key = said["key"].as_str().expect("a key").strip_prefix("whsec_").expect("shared");
            made.push(Needle::new("made", &STANDARD.decode(key).expect("base64")));
        }
    }
    for (uid, key) in [("shared", whsec("rotated")), ("pair", whsk("rotated2"))] {
        let path = format!("{EP}/{uid}/secret/rotate");
        witness.done(Method::POST, &path, json!({ "key": key })).await;
        witness.refused(Method::POST, &path, json!({ "key": key }).to_string()).await;
        let end = json!({ "key": key, "gracePeriodSeconds": text("wrong") });
        witness.refused(Method::POST, &path, end.to_string()).await;
    }
    made
}
