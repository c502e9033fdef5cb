//! Two tenants with everything that a tenant can have, and callers of each.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::{id::ApplicationId, retry::Policy};
use serde_json::{Value, json};
use tests::{
    cloud::{ADMIN, Cloud},
    faults::Faults,
    gateway::Gateway,
    items::{self, text},
    receiver::Receiver,
    sender::completion,
};

/// Text that only the payloads and lines of `acme` hold.
const PLANTED: &str = "planted-of-acme";

/// The relay with two tenants, `acme` and `globex`.
pub(super) struct Setting {
    pub(super) cloud: Cloud,
    pub(super) receiver: Receiver,
    pub(super) gateway: Gateway,
    /// What a placeholder of a path stands for: a thing of `acme`.
    pub(super) things: BTreeMap<&'static str, String>,
    /// Callers by what they are.
    pub(super) callers: BTreeMap<&'static str, String>,
}

/// An answer: its status and its text.
pub(super) type Answer = (u16, String);

impl Setting {
    pub(super) async fn start() -> Self {
        let receiver = Receiver::start().await;
        receiver.answer(500);
        let mut cloud = Cloud::start(Faults::default()).await;
        let gateway = cloud.let_watch().await;
        let (things, callers) = (BTreeMap::new(), BTreeMap::new());
        let mut setting = Self { cloud, receiver, gateway, things, callers };
        setting.furnish().await;
        setting.admit().await;
        setting
    }

    /// A request, with a bearer token or none.
    pub(super) async fn ask(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let (status, _, body) = self.cloud.ask(request.body(body).expect("a request")).await;
        (status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    }

    /// A request of a caller that is known by name.
    pub(super) async fn by(&self, caller: &str, method: Method, path: &str, body: Value) -> Answer {
        let token = self.callers.get(caller).unwrap_or_else(|| panic!("no {caller}"));
        self.ask(Some(token), method, path, &body).await
    }

    async fn admin(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, text) = self.ask(Some(ADMIN), method, path, &body).await;
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Gives both tenants what a tenant can have.
    async fn furnish(&mut self) {
        let policy = Policy::of(Some(1), Some(5), Some(vec![1])).expect("valid");
        let endpoint = self.cloud.endpoint(&self.receiver.url("/acme"), policy).await;
        let (post, put) = (Method::POST, Method::PUT);
        let batch = json!({ "external_id": "b1", "application": "acme" });
        let batch = self.admin(post.clone(), "/v1/batches", batch).await;
        let job = json!({ "source": "modal", "batch_id": "b1", "call_id": "j1" });
        let job = self.admin(put.clone(), "/v1/jobs/job-j1", job).await;
        let lines = json!({ "first_seq": 1, "lines": [PLANTED] });
        self.admin(post.clone(), "/v1/jobs/job-j1/logs", lines).await;
        self.cloud.send(&completion("j1", "success", &format!("\"{PLANTED}\""))).await;
        let schema = json!({ "1": { "type": "object" } });
        let kind = json!({ "name": "order.paid", "description": "paid", "schemas": schema });
        self.admin(post.clone(), "/api/v1/event-type", kind).await;
        let message = json!({ "eventType": "order.paid", "payload": { "x": PLANTED } });
        let message = self.admin(post.clone(), "/api/v1/app/acme/msg", message).await;
        let listener = json!({ "application": "acme", "events": ["nothing"] });
        self.admin(put, "/v1/listeners/ann", listener).await;
        let globex = json!({ "uid": "globex", "name": "globex" });
        self.admin(post.clone(), "/api/v1/app", globex).await;
        let hook = json!({ "url": self.receiver.url("/globex"), "uid": "hook" });
        self.admin(post.clone(), "/api/v1/app/globex/endpoint", hook).await;
        let key = json!({ "name": "spare", "scope": "read", "application": "acme" });
        let key = self.admin(post, "/v1/keys", key).await;
        for _ in 0..4 {
            self.cloud.work().await;
            self.cloud.pass(Duration::from_secs(60));
            self.cloud.sweep().await;
        }
        self.cloud.work().await;
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        let message = id(&message);
        let get = async |path: &str| self.admin(Method::GET, path, Value::Null).await;
        let attempts = get(&format!("/api/v1/app/acme/attempt/msg/{message}")).await;
        let letters = get("/v1/webhooks/dead-letter?application=acme").await;
        let letter = &letters["data"].as_array().expect("a list")[0];
        let events = get("/v1/events?application=acme&source=modal").await;
        let event = id(&events["data"][0]);
        let delivery = get(&format!("/v1/events/{event}")).await;
        let things = [
            ("app", "acme".to_owned()),
            ("endpoint", endpoint.id.to_string()),
            ("msg", message),
            ("attempt", id(&attempts["data"][0])),
            ("event", event),
            ("delivery", id(&delivery["deliveries"][0])),
            ("batch", id(&batch)),
            ("job", id(&job)),
            ("key", id(&key)),
            ("letter", letter["id"].to_string()),
            ("source", "modal".to_owned()),
            ("type", "order.paid".to_owned()),
            ("listener", "ann".to_owned()),
        ];
        self.things = things.into();
    }

    /// Lets callers of all kinds in.
    async fn admit(&mut self) {
        let portal = async |it: &Self, by: &str, app: &str, body: Value| {
            let path = format!("/api/v1/auth/app-portal-access/{app}");
            let (status, text) = it.ask(Some(by), Method::POST, &path, &body).await;
            assert_eq!(status, 200, "{text}");
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            answer["token"].as_str().expect("a token").to_owned()
        };
        let key = async |it: &Self, scope: &str, application: Value| {
            let body = json!({ "name": "n", "scope": scope, "application": application });
            let made = it.admin(Method::POST, "/v1/keys", body).await;
            made["key"].as_str().expect("a key").to_owned()
        };
        let revoked = portal(self, ADMIN, "acme", json!({})).await;
        let all = "/api/v1/auth/app/acme/expire-all";
        self.admin(Method::POST, all, json!({})).await;
        let expired = portal(self, ADMIN, "acme", json!({ "expiry": 1 })).await;
        self.cloud.pass(Duration::from_secs(2));
        let gone = key(self, "admin", Value::Null).await;
        let of_gone = portal(self, &gone, "acme", json!({})).await;
        let id = gone.split('_').nth(1).expect("an id");
        self.admin(Method::DELETE, &format!("/v1/keys/{id}"), Value::Null).await;
        let looks = portal(self, ADMIN, "acme", json!({ "readOnly": true })).await;
        let callers = [
            ("portal of acme", portal(self, ADMIN, "acme", json!({})).await),
            ("read-only portal of acme", looks),
            ("portal of globex", portal(self, ADMIN, "globex", json!({})).await),
            ("read key of acme", key(self, "read", json!("acme")).await),
            ("publish key of acme", key(self, "publish", json!("acme")).await),
            ("admin key of acme", key(self, "admin", json!("acme")).await),
            ("read key of globex", key(self, "read", json!("globex")).await),
            ("publish key of globex", key(self, "publish", json!("globex")).await),
            ("admin key of globex", key(self, "admin", json!("globex")).await),
            ("portal that was ended", revoked),
            ("portal that expired", expired),
            ("portal of a revoked key", of_gone),
            ("revoked key", gone),
        ];
        self.callers = callers.into();
        // Tasks that its portal began.
        let redrive = ("/v1/webhooks/dead-letter/redrive", json!({ "all": true }));
        let (_, text) = self.by("portal of acme", Method::POST, redrive.0, redrive.1).await;
        let started: Value = serde_json::from_str(&text).expect("JSON");
        self.things.insert("task", started["task_id"].as_str().expect("an id").to_owned());
        let recover = format!("/api/v1/app/acme/endpoint/{}/recover", self.things["endpoint"]);
        let since = json!({ "since": "2026-01-01T00:00:00Z" });
        let (_, text) = self.by("portal of acme", Method::POST, &recover, since).await;
        let started: Value = serde_json::from_str(&text).expect("JSON");
        self.things.insert("recovery", started["id"].as_str().expect("an id").to_owned());
    }

    /// Texts that no answer to a stranger may hold.
    pub(super) fn needles(&self) -> Vec<String> {
        let ids = ["endpoint", "msg", "attempt", "event", "batch", "job", "task"];
        let bare = |text: &String| text.rsplit('_').next().unwrap_or_default().to_owned();
        let mut needles: Vec<_> = ids.iter().map(|thing| bare(&self.things[thing])).collect();
        needles.push(ApplicationId::named("acme").to_string());
        needles.push(PLANTED.to_owned());
        needles
    }

    /// The items of the table that belong to `acme`, its sessions and figures left out.
    pub(super) async fn possessions(&self) -> BTreeMap<String, String> {
        let needles = self.needles();
        let mut kept = BTreeMap::new();
        for item in items::scan(&self.cloud).await {
            let place = format!("{} {}", text(&item, "pk"), text(&item, "sk"));
            let passing = ["SESSION#", "CODE#", "TICKET#", "STATS", "WATCHED", "CONN#", "TOPIC#"];
            if passing.iter().any(|start| place.starts_with(start)) {
                continue;
            }
            let mut attributes: Vec<_> = item.iter().map(|it| format!("{it:?}")).collect();
            attributes.sort();
            let whole = without_last_use(attributes.join(" "));
            if needles.iter().any(|needle| whole.contains(needle.as_str())) {
                kept.insert(place, whole);
            }
        }
        assert!(10 < kept.len(), "{kept:?}");
        kept
    }
}

/// The item of a key without the time of its last use, which is noted of refused requests too.
fn without_last_use(item: String) -> String {
    let Some(name) = item.find("last_used_at") else { return item };
    let start = item[..name].rfind(',').unwrap_or(name);
    let end = item[name..].find([',', '}']).map_or(item.len(), |length| name + length);
    format!("{}{}", &item[..start], &item[end..])
}
