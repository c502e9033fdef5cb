//! Portals: what the sessions that are handed out for an application see and do, and how they end.

mod endpoints;

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::{
    id::ApplicationId,
    session::{Session, SessionGrant},
};
use serde_json::{Value, json};

use super::{ADMIN, Answer, Relay};

const CURRENT: &str = "/v1/sessions/current";
const EVENTS: &str = "/v1/events";

/// A portal that was handed out.
struct Given {
    token: String,
    code: String,
}

impl Relay {
    async fn portal(&self, app: &str, body: Value) -> Given {
        let path = format!("/api/v1/auth/app-portal-access/{app}");
        let made = self.post(&path, body).await;
        made.expect(200);
        assert_eq!(made.headers["cache-control"], "no-store");
        let url = made.at("url");
        let code = url.strip_prefix("https://relay.example/portal#code=").expect("a link");
        Given { token: made.at("token"), code: code.to_owned() }
    }

    async fn portal_token(&self, app: &str, body: Value) -> String {
        self.portal(app, body).await.token
    }

    async fn open(&self, code: &str) -> Answer {
        let body = Body::from(json!({ "code": code }).to_string());
        self.send(Request::post("/v1/sessions").body(body).expect("a request")).await
    }

    async fn by(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(token, method, path, body).await
    }

    async fn status(&self, token: &str, path: &str) -> u16 {
        self.by(token, Method::GET, path, Value::Null).await.status.as_u16()
    }

    async fn expire(&self, app: &str, body: Value) {
        self.post(&format!("/api/v1/auth/app/{app}/expire-all"), body).await.expect(204);
    }
}

#[tokio::test]
async fn a_portal_is_a_link_that_opens_once_and_a_token() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let id = relay.get("/api/v1/app/acme").await.at("id");
    let given = relay.portal("acme", json!({ "expiry": 7200, "featureFlags": ["beta"] })).await;
    let opened = relay.open(&given.code).await;
    opened.expect(201);
    relay.open(&given.code).await.expect(403);
    for token in [&opened.at("token"), &given.token] {
        let current = relay.by(token, Method::GET, CURRENT, Value::Null).await.expect(200);
        assert_eq!((&current["application"], &current["scope"]), (&json!(id), &json!("read")));
        assert_eq!(current["expires_at"], opened.json()["expires_at"], "both end together");
        let portal = &current["portal"];
        assert_eq!(portal["capabilities"].as_array().map(Vec::len), Some(6));
        assert_eq!(portal["feature_flags"], json!(["beta"]));
        assert_eq!(portal["read_only"], false);
        assert_eq!(relay.status(token, EVENTS).await, 200);
    }
    // The sessions of keys have no such right.
    let code = relay.ask(ADMIN, Method::POST, "/v1/sessions/codes", "").await.at("code");
    let plain = relay.open(&code).await;
    assert_eq!(plain.expect(201)["portal"], Value::Null);
    let hash = Session::token_hash(&given.token).expect("a session");
    let kept = relay.api.table().session(&hash).await.expect("read").expect("there");
    assert_eq!(kept.expires_at.since(kept.created_at).as_secs(), 7200);
}

#[tokio::test]
async fn a_portal_of_an_application_that_is_not_there_may_make_it() {
    let relay = Relay::start().await;
    let path = "/api/v1/auth/app-portal-access/new";
    relay.post(path, json!({})).await.expect(404);
    relay.post("/api/v1/auth/app/new/expire-all", json!({})).await.expect(404);
    relay.post("/api/v1/auth/dashboard-access/new", json!({})).await.expect(404);
    // A draft that cannot be used makes nothing.
    let made = json!({ "name": "New" });
    let bad = json!({ "application": made, "expiry": 0 });
    let refused = relay.post(path, bad).await.expect(422);
    assert_eq!(refused["detail"][0]["loc"], json!(["body", "expiry"]));
    relay.get("/api/v1/app/new").await.expect(404);
    let token = relay.portal_token("new", json!({ "application": made })).await;
    assert_eq!(relay.get("/api/v1/app/new").await.at("name"), "New");
    assert_eq!(relay.status(&token, "/api/v1/app/new").await, 200);
    // One that is there stays as it is.
    relay.portal("new", json!({ "application": { "name": "Other" } })).await;
    assert_eq!(relay.get("/api/v1/app/new").await.at("name"), "New");
    // Older clients ask without a body.
    let older = relay.ask(ADMIN, Method::POST, "/api/v1/auth/dashboard-access/new", "").await;
    older.expect(200);
    assert_eq!(relay.status(&older.at("token"), EVENTS).await, 200);
}

#[tokio::test]
async fn a_request_for_a_portal_is_checked() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let path = "/api/v1/auth/app-portal-access/acme";
    for (body, field) in [
        (json!({ "expiry": 604_801 }), "expiry"),
        (json!({ "expiry": -1 }), "expiry"),
        (json!({ "capabilities": [] }), "capabilities"),
        (json!({ "capabilities": ["ManageEndpoint"] }), "capabilities"),
        (json!({ "featureFlags": ["a b"] }), "featureFlags"),
        (json!({ "sessionId": "" }), "sessionId"),
    ] {
        let refused = relay.post(path, body).await.expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", field]));
    }
    relay.post(path, json!({ "capabilities": ["ViewBase", "Everything"] })).await.expect(422);
    let unknown = relay.post(path, json!({ "colour": "red" })).await;
    unknown.expect(200);
    assert_eq!(unknown.headers["relay-ignored"], "body.colour");
    for null in ["application", "capabilities", "expiry", "featureFlags", "readOnly", "sessionId"] {
        relay.post(path, json!({ null: null })).await.expect(200);
    }
    // No session hands out a portal, and no tenant one of another.
    let code = relay.ask(ADMIN, Method::POST, "/v1/sessions/codes", "").await.at("code");
    let session = relay.open(&code).await.at("token");
    relay.by(&session, Method::POST, path, json!({})).await.expect(403);
    relay.application("globex").await;
    let tenant = relay.key("admin", Some("globex")).await;
    relay.by(&tenant, Method::POST, path, json!({})).await.expect(404);
    let own = relay.by(&tenant, Method::POST, &path.replace("acme", "globex"), json!({})).await;
    own.expect(200);
}

#[tokio::test]
async fn portals_end_when_their_owner_ends_them() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    relay.application("globex").await;
    let session = |name: &str| json!({ "sessionId": name });
    let (ann, bob) =
        (relay.portal("acme", session("ann")).await, relay.portal("acme", session("bob")).await);
    let (nameless, other) =
        (relay.portal("acme", json!({})).await, relay.portal("globex", session("ann")).await);
    relay.expire("acme", json!({ "sessionIds": ["ann"] })).await;
    assert_eq!(relay.status(&ann.token, EVENTS).await, 401);
    relay.open(&ann.code).await.expect(403);
    for portal in [&bob, &nameless, &other] {
        assert_eq!(relay.status(&portal.token, EVENTS).await, 200);
    }
    // In a while: not yet.
    relay.expire("acme", json!({ "expiry": 60 })).await;
    assert_eq!(relay.status(&bob.token, EVENTS).await, 200);
    let again = relay.portal("acme", session("ann")).await;
    relay.expire("acme", json!({})).await;
    for portal in [&bob, &nameless, &again] {
        assert_eq!(relay.status(&portal.token, EVENTS).await, 401);
        relay.open(&portal.code).await.expect(403);
    }
    // One that is handed out afterwards is not meant, and neither is another application's.
    let after = relay.portal_token("acme", session("ann")).await;
    assert_eq!(relay.status(&after, EVENTS).await, 200);
    assert_eq!(relay.status(&other.token, EVENTS).await, 200);
    let path = "/api/v1/auth/app/acme/expire-all";
    relay.post(path, json!({ "expiry": 604_801 })).await.expect(422);
    relay.post(path, json!({ "sessionIds": [""] })).await.expect(422);
}

#[tokio::test]
async fn a_portal_ends_with_its_key_its_application_and_by_itself() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let key = relay.key("admin", None).await;
    let path = "/api/v1/auth/app-portal-access/acme";
    let made = relay.by(&key, Method::POST, path, json!({})).await;
    let (revoked, stays) = (made.at("token"), relay.portal_token("acme", json!({})).await);
    relay.delete(&format!("/v1/keys/{}", key.split('_').nth(1).expect("an id"))).await.expect(200);
    assert_eq!(relay.status(&revoked, EVENTS).await, 401);
    assert_eq!(relay.status(&stays, EVENTS).await, 200);
    // Logging out ends one session.
    let out = relay.portal_token("acme", json!({})).await;
    let logout = "/api/v1/auth/logout";
    relay.by(&out, Method::POST, logout, Value::Null).await.expect(204);
    assert_eq!(relay.status(&out, EVENTS).await, 401);
    relay.by(&out, Method::POST, logout, Value::Null).await.expect(401);
    let other = relay.portal_token("acme", json!({ "readOnly": true })).await;
    relay.by(&other, Method::DELETE, CURRENT, Value::Null).await.expect(204);
    assert_eq!(relay.status(&other, EVENTS).await, 401);
    relay.ask(ADMIN, Method::POST, logout, "").await.expect(204);
    relay.get(EVENTS).await.expect(200);
    relay.delete("/api/v1/app/acme").await.expect(204);
    assert_eq!(relay.status(&stays, EVENTS).await, 401);
}

#[tokio::test]
async fn a_session_that_was_kept_before_there_were_portals_is_a_plain_one() {
    let relay = Relay::start().await;
    let acme = ApplicationId::named("acme");
    relay.application("acme").await;
    let key = relay.key("publish", Some("acme")).await;
    let id = key.split('_').nth(1).expect("an id");
    let kept = json!({ "key": id, "scope": "publish", "application": acme });
    let grant: SessionGrant = serde_json::from_value(kept).expect("still read");
    assert_eq!(grant.portal, None);
    let (now, life) = (relay.api.now(), std::time::Duration::from_secs(60));
    let (code, token) = (Session::code([1; 32]), Session::token([1; 32]));
    let hash = Session::token_hash(&token).expect("a session");
    let code = Session::code_hash(&code).expect("a code");
    let session = Session::new(grant, now, life);
    let table = relay.api.table();
    table.put_code(&code, &session).await.expect("kept").either_way();
    table.open_session(&code, &hash, &session).await.expect("kept").either_way();
    let message = json!({ "eventType": "a.b", "payload": {} });
    let path = "/api/v1/app/acme/msg";
    relay.by(&token, Method::POST, path, message.clone()).await.expect(202);
    let portal = relay.portal_token("acme", json!({})).await;
    relay.by(&portal, Method::POST, path, message).await.expect(403);
}

#[tokio::test]
async fn event_types_with_flags_are_shown_to_portals_that_have_one() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let types = "/api/v1/event-type";
    let schema = json!({ "1": { "type": "object", "properties": { "x": { "type": "integer" } } } });
    for (name, flags) in [("open", vec![]), ("beta", vec!["beta", "early"]), ("secret", vec!["x"])]
    {
        let kind = json!({
            "name": name, "description": name, "featureFlags": flags, "schemas": schema,
        });
        relay.post(types, kind).await.expect(201);
    }
    let path = "/api/v1/app/acme/endpoint";
    let made = relay.post(path, json!({ "url": "https://subscriber.example/" })).await;
    let endpoint = made.at("id");
    let everything = relay.key("read", Some("acme")).await;
    for (token, seen) in [
        (relay.portal_token("acme", json!({})).await, vec!["open"]),
        (
            relay.portal_token("acme", json!({ "featureFlags": ["early"] })).await,
            vec!["beta", "open"],
        ),
        (everything.clone(), vec!["beta", "open", "secret"]),
    ] {
        let listed = relay.by(&token, Method::GET, types, Value::Null).await.expect(200);
        let names: Vec<_> = listed["data"].as_array().expect("a list").iter().collect();
        let names: Vec<_> = names.iter().filter_map(|kind| kind["name"].as_str()).collect();
        assert_eq!(names, seen);
        for name in ["open", "beta", "secret"] {
            let expected = if seen.contains(&name) { 200 } else { 404 };
            let status = relay.status(&token, &format!("{types}/{name}")).await;
            assert_eq!(status, expected, "{name}");
            if token != everything {
                let example = format!("{path}/{endpoint}/send-example");
                let body = json!({ "eventType": name });
                let sent = relay.by(&token, Method::POST, &example, body).await;
                let expected = if seen.contains(&name) { 200 } else { 422 };
                assert_eq!(sent.status.as_u16(), expected, "{name}: {sent:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_portal_sees_the_event_and_neither_its_request_nor_refusals() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    relay.endpoint("acme", "https://subscriber.example/").await;
    let message = relay.message("acme", "a.b", json!({ "x": 1 })).await;
    let token = relay.portal_token("acme", json!({})).await;
    let event = relay.by(&token, Method::GET, &format!("{EVENTS}/{message}"), Value::Null).await;
    let event = event.expect(200);
    assert_eq!(event["payload"]["x"], 1);
    assert_eq!(
        (&event["request"], event["deliveries"].as_array().map(Vec::len)),
        (&Value::Null, Some(1))
    );
    assert_eq!(relay.status(&token, &format!("{EVENTS}/{message}/request")).await, 403);
    let stats = relay.by(&token, Method::GET, "/v1/stats", Value::Null).await.expect(200);
    assert!(stats["series"]["received"].is_array());
    assert_eq!(stats["series"]["refused"], Value::Null);
    assert!(relay.get("/v1/stats").await.expect(200)["series"]["refused"].is_array());
    assert_eq!(relay.status(&token, "/v1/stats?source=modal").await, 403);
}

#[tokio::test]
async fn a_portal_sees_the_tasks_that_portals_of_its_application_began() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    relay.application("globex").await;
    let endpoint = relay.endpoint("acme", "https://subscriber.example/").await;
    let token = relay.portal_token("acme", json!({})).await;
    let other = relay.portal_token("globex", json!({})).await;
    let redrive = "/v1/webhooks/dead-letter/redrive";
    let all = json!({ "all": true });
    let own = relay.by(&token, Method::POST, redrive, all.clone()).await;
    own.expect(202);
    let recover = format!("/api/v1/app/acme/endpoint/{endpoint}/recover");
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    let recovery = relay.by(&token, Method::POST, &recover, since.clone()).await;
    recovery.expect(202);
    let recovery = format!("/api/v1/background-task/{}", recovery.at("id"));
    let owners = relay.post(redrive, json!({ "filter": { "application": "acme" } })).await;
    owners.expect(202);
    for path in [&own.at("status_url"), &recovery] {
        assert_eq!(relay.status(&token, path).await, 200, "{path}");
        assert_eq!(relay.status(&other, path).await, 404, "{path}");
    }
    assert_eq!(relay.status(&token, &owners.at("status_url")).await, 404);
    // All of them are those of its application.
    let filter = relay.get(&own.at("status_url")).await.expect(200)["filter"].clone();
    assert_eq!(filter["application"], json!(ApplicationId::named("acme")));
    let looks = relay.portal_token("acme", json!({ "readOnly": true })).await;
    relay.by(&looks, Method::POST, redrive, all).await.expect(403);
    relay.by(&looks, Method::POST, &recover, since).await.expect(403);
}

#[tokio::test]
async fn portals_do_not_share_answers_under_an_idempotency_key() {
    let relay = Relay::start().await;
    for app in ["acme", "globex"] {
        relay.application(app).await;
    }
    let (one, other) = (
        relay.portal_token("acme", json!({})).await,
        relay.portal_token("globex", json!({})).await,
    );
    let mut tasks = Vec::new();
    for token in [one.as_str(), &other, ADMIN] {
        let request = Request::post("/v1/webhooks/dead-letter/redrive")
            .header("authorization", format!("Bearer {token}"))
            .header("idempotency-key", "the same")
            .body(Body::from(json!({ "all": true }).to_string()));
        let answer = relay.send(request.expect("a request")).await;
        answer.expect(202);
        tasks.push(answer.at("task_id"));
    }
    tasks.sort();
    tasks.dedup();
    assert_eq!(tasks.len(), 3, "one task for each caller");
}
