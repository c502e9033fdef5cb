//! The journey of those who are let in: a key that is used and revoked, a portal that is handed out,
//! opened by its code, and ended. Whoever was let in gets in until that ends, and nobody afterwards.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};
use tests::{
    cloud::{ADMIN, Cloud},
    invariants::World,
    sender::completion,
};

/// Requests until one is answered; each is sent again while AWS fails.
const TRIES: usize = 60;

pub(super) async fn walk(cloud: &mut Cloud) {
    let key = json!({ "name": "ci", "scope": "read", "application": "acme" });
    let key = answered(cloud, ADMIN, Method::POST, "/v1/keys", &key).await;
    let key = key["key"].as_str().expect("a key").to_owned();
    let id = key.split('_').nth(1).expect("an id").to_owned();
    let at = used(cloud, &key, &id).await;
    let session = opened(cloud).await;
    let current = "/v1/sessions/current";
    answered(cloud, &session, Method::GET, current, &Value::Null).await;
    cloud.send(&completion("c1", "success", "1")).await;
    // Uses within ten minutes are one.
    cloud.pass(std::time::Duration::from_secs(60));
    used(cloud, &key, &id).await;
    let noted = cloud.sound_table().key(&id).await.expect("read").expect("there").last_used_at;
    assert!(noted == at || cloud.faults.hits() != 0, "{noted:?}, not {at:?}");
    let end = "/api/v1/auth/app/acme/expire-all";
    answered(cloud, ADMIN, Method::POST, end, &json!({})).await;
    refused(cloud, &session, current).await;
    for _ in 0..TRIES {
        let (status, _) =
            ask(cloud, ADMIN, Method::DELETE, &format!("/v1/keys/{id}"), &Value::Null).await;
        // A request whose answer was lost has removed it.
        if status == 204 || status == 404 {
            break;
        }
        cloud.waits_for_better_weather();
    }
    refused(cloud, &key, "/v1/events").await;
}

/// Lists with the key, and waits until its use is noted beside the request, or that fails.
/// The time that is noted of the key.
async fn used(cloud: &Cloud, key: &str, id: &str) -> Option<domain::time::Timestamp> {
    let noted =
        async || cloud.sound_table().key(id).await.expect("read").expect("there").last_used_at;
    for _ in 0..TRIES {
        let (hits, known, now) = (cloud.faults.hits(), noted().await, cloud.clock.now());
        let is_first = known.is_none_or(|at| domain::key::USE_NOTED_EVERY <= now.since(at));
        let (status, _) = ask(cloud, key, Method::GET, "/v1/events", &Value::Null).await;
        // A note that fails is not made again by this process.
        while status == 200 && is_first && cloud.faults.hits() == hits && noted().await == known {}
        if status == 200 && !cloud.faults.died() {
            return noted().await;
        }
        cloud.waits_for_better_weather();
    }
    panic!("a key does not let in");
}

/// Hands out a portal and opens it by its code. A code whose answer is lost is used up; another is asked for.
async fn opened(cloud: &Cloud) -> String {
    for _ in 0..TRIES {
        let path = "/api/v1/auth/app-portal-access/acme";
        let portal = answered(cloud, ADMIN, Method::POST, path, &json!({})).await;
        let link = portal["url"].as_str().expect("a link");
        let code = link.split_once("#code=").expect("a code").1;
        let request = Request::post("/v1/sessions").header("content-type", "application/json");
        let request = request.body(Body::from(json!({ "code": code }).to_string()));
        let (status, _, body) = cloud.ask(request.expect("a request")).await;
        if status == 201 && !cloud.faults.died() {
            let session: Value = serde_json::from_slice(&body).expect("JSON");
            return session["token"].as_str().expect("a token").to_owned();
        }
        assert!(cloud.faults.hits() != 0, "{status}");
        cloud.waits_for_better_weather();
    }
    panic!("no portal opens");
}

async fn ask(cloud: &Cloud, token: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = request.header("content-type", "application/json").body(body);
    let (status, _, body) = cloud.ask(request.expect("a request")).await;
    (status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
}

/// Asks until an answer of success arrives.
async fn answered(cloud: &Cloud, token: &str, method: Method, path: &str, body: &Value) -> Value {
    for _ in 0..TRIES {
        let (status, answer) = ask(cloud, token, method.clone(), path, body).await;
        if (200..300).contains(&status) && !cloud.faults.died() {
            return answer;
        }
        assert!(500 <= status || cloud.faults.hits() != 0, "{path}: {status} {answer}");
        cloud.waits_for_better_weather();
    }
    panic!("{path} does not work");
}

/// Asks until it is refused; it must never be answered.
async fn refused(cloud: &Cloud, token: &str, path: &str) {
    for _ in 0..TRIES {
        let (status, answer) = ask(cloud, token, Method::GET, path, &Value::Null).await;
        if status == 401 || status == 403 {
            return;
        }
        assert!(500 <= status, "let in after the end: {status} {answer}");
        cloud.waits_for_better_weather();
    }
    panic!("{path} is not refused");
}

/// The completion has arrived.
pub(super) fn arrived(world: &World) -> bool {
    super::logged::arrived(world)
}
