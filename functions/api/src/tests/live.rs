//! Tests of the tickets and tokens of live connections, `/v1/live`.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request},
};
use domain::{
    id::{ApplicationId, JobId},
    live::{
        ticket::Ticket,
        token::LiveToken,
        topic::{Subject, Topic},
    },
};
use serde_json::{Value, json};

use super::{ADMIN, Answer, Relay};

const TICKETS: &str = "/v1/live/tickets";
const TOKENS: &str = "/v1/live/tokens";
const BASE: &str = "wss://live.example/live";

/// A relay that knows its URL for live connections, with a source of each of two applications.
async fn relay() -> Relay {
    let relay = Relay::set(|api| api.with_live_url(Some(BASE.parse().expect("a URL")))).await;
    relay.source("modal", "acme").await;
    relay.source("other", "globex").await;
    relay
}

impl Relay {
    async fn token(&self, key: &str, body: &Value) -> Answer {
        self.ask(key, Method::POST, TOKENS, body.to_string()).await
    }

    /// The content of a token that was made.
    fn opened(&self, token: &str) -> LiveToken {
        LiveToken::open(token, self.api.vault().live_tokens(), self.api.now()).expect("opens")
    }

    async fn application_id(&self, uid: &str) -> ApplicationId {
        let id = self.get(&format!("/api/v1/app/{uid}")).await.at("id");
        ApplicationId::parse(&id).expect("an id")
    }

    async fn ticket(&self, key: &str, origins: &[HeaderValue]) -> Answer {
        let mut request = Request::post(TICKETS).header("authorization", format!("Bearer {key}"));
        for origin in origins {
            request = request.header("origin", origin);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }
}

/// The id of a key, which stands in its text.
fn id_of(key: &str) -> &str {
    key.split('_').nth(1).expect("an id")
}

#[tokio::test]
async fn a_ticket_is_kept_by_its_hash_for_the_key_and_the_origin_that_asked() {
    let relay = relay().await;
    let acme = relay.application_id("acme").await;
    let (bound, open) = (relay.key("read", Some("acme")).await, relay.key("publish", None).await);
    let (bound, open) = (bound.as_str(), open.as_str());
    for (key, id, application, origin) in [
        (bound, id_of(bound), Some(&acme), None),
        (bound, id_of(bound), Some(&acme), Some("https://app.example")),
        (open, id_of(open), None, Some("http://localhost:5173")),
        (ADMIN, "admin", None, None),
    ] {
        let before = relay.api.now();
        let origins: Vec<_> = origin.into_iter().map(HeaderValue::from_static).collect();
        let made = relay.ticket(key, &origins).await;
        made.expect(201);
        let after = relay.api.now();
        assert_eq!(made.headers["cache-control"], "no-store");
        let text = made.at("ticket");
        assert_eq!(made.at("url"), format!("{BASE}?ticket={text}"));
        let hash = Ticket::hash(&text).expect("a ticket");
        let kept = relay.api.table().take_ticket(&hash).await.expect("read").expect("kept");
        let life = |seconds| {
            before.plus(Duration::from_secs(seconds))..=after.plus(Duration::from_secs(seconds))
        };
        assert!(life(30).contains(&kept.expires_at) && life(7200).contains(&kept.grant.expires_at));
        assert_eq!(made.at("expires_at"), kept.expires_at.rfc3339());
        assert_eq!((kept.grant.key.as_str(), kept.grant.application.as_ref()), (id, application));
        assert!(kept.grant.only.is_none() && kept.admits(origin, after));
        assert_eq!(relay.api.table().take_ticket(&hash).await.expect("read"), None, "taken twice");
    }
}

#[tokio::test]
async fn a_ticket_is_bound_to_one_origin_or_not_made() {
    let relay = relay().await;
    let text = HeaderValue::from_static;
    let bytes = |bytes: &[u8]| HeaderValue::from_bytes(bytes).expect("a header");
    let long = bytes(format!("https://{}.example", "a".repeat(512)).as_bytes());
    for origins in [
        &[text("null")][..],
        &[text("https://a.example"), text("https://b.example")],
        &[bytes(b"https://\xff.example")],
        &[long],
    ] {
        let refused = relay.ticket(ADMIN, origins).await;
        refused.expect(422);
        assert!(refused.at("detail").starts_with("origin: is "), "{origins:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_token_is_for_the_one_job_project_or_batch_that_it_names() {
    let relay = relay().await;
    let acme = relay.application_id("acme").await;
    let job = relay.put("/v1/jobs/j1", json!({ "source": "modal", "call_id": "fc-1" })).await;
    let job = job.expect(201)["id"].as_str().expect("an id").to_owned();
    let batch = relay.post("/v1/batches", json!({ "id": "b1", "source": "modal" })).await.at("id");
    let later = JobId::of(&relay.tenure("modal", "acme").await, "later");
    let (bound, open) = (relay.key("read", Some("acme")).await, relay.key("read", None).await);
    let for_job = format!("job:{acme}:{job}");
    let for_later = format!("job:{acme}:{later}");
    let for_project = format!("project:{acme}:p: 1#é");
    let for_batch = format!("batch:{acme}:{batch}");
    for (key, body, topic, seconds) in [
        (&bound, json!({ "job": "j1" }), &for_job, 3600),
        (&bound, json!({ "job": job, "ttl": null }), &for_job, 3600),
        (&open, json!({ "job": "fc-1", "ttl": 1 }), &for_job, 1),
        (&open, json!({ "job": "j1", "source": "modal", "ttl": 86_400 }), &for_job, 86_400),
        (&open, json!({ "job": "j1", "application": "acme" }), &for_job, 3600),
        (&bound, json!({ "job": "j1", "application": acme.to_string() }), &for_job, 3600),
        // A job that is not registered yet: its source is the only one that the key sees, or is named.
        (&bound, json!({ "job": "later" }), &for_later, 3600),
        (&open, json!({ "job": "later", "application": "acme" }), &for_later, 3600),
        (&open, json!({ "job": "later", "source": "modal" }), &for_later, 3600),
        (&bound, json!({ "project": "p: 1#é" }), &for_project, 3600),
        (&open, json!({ "project": "p: 1#é", "application": "acme" }), &for_project, 3600),
        (&bound, json!({ "batch": "b1" }), &for_batch, 3600),
        (&open, json!({ "batch": batch }), &for_batch, 3600),
        (&open, json!({ "batch": "b1", "application": "acme" }), &for_batch, 3600),
    ] {
        let before = relay.api.now();
        let made = relay.token(key, &body).await;
        assert_eq!(made.expect(201)["topic"], topic.as_str(), "{body}");
        let after = relay.api.now();
        assert_eq!(made.headers["cache-control"], "no-store");
        let token = relay.opened(&made.at("token"));
        assert_eq!((token.topic.to_string(), token.key.as_str()), (topic.clone(), id_of(key)));
        let life = Duration::from_secs(seconds);
        assert!((before.plus(life)..=after.plus(life)).contains(&token.expires_at), "{body}");
        assert_eq!(made.at("expires_at"), token.expires_at.rfc3339());
        assert_eq!(made.at("url"), format!("{BASE}?token={}", made.at("token")));
    }
    // The job gets the id that its token was made for.
    let registered = relay.put("/v1/jobs/later", json!({ "source": "modal" })).await.expect(201);
    assert_eq!(registered["id"], later.as_str());
}

#[tokio::test]
async fn a_token_that_names_nothing_or_too_much_is_refused_with_the_field() {
    let relay = relay().await;
    relay.put("/v1/jobs/j1", json!({ "source": "modal" })).await.expect(201);
    for (body, detail) in [
        (json!({}), "job: is missing: a token is for one `job`, `project` or `batch`"),
        (json!({ "ttl": 60 }), "job: is missing"),
        (json!({ "source": "modal" }), "source: belongs to a `job`, and none is named"),
        (json!({ "project": "p", "source": "modal" }), "source: belongs to a `job`"),
        (json!({ "job": "j1", "project": "p" }), "project: is too much: a token is for one `job`"),
        (json!({ "job": "j1", "batch": "b" }), "batch: is too much"),
        (json!({ "project": "p", "batch": "b" }), "batch: is too much"),
        (json!({ "job": "j1", "project": "p", "batch": "b" }), "project: is too much"),
        (json!({ "job": "j1", "ttl": 0 }), "ttl: is 1 to 86400 seconds"),
        (json!({ "job": "j1", "ttl": 86_401 }), "ttl: is 1 to 86400 seconds"),
        (json!({ "job": "j1", "ttl": -1 }), "ttl: "),
        (json!({ "job": "j1", "ttl": 1.5 }), "ttl: "),
        (json!({ "job": "j1", "ttl": "60" }), "ttl: "),
        (json!({ "job": 1 }), "job: "),
        (json!({ "job": "" }), "job: is 1 to 256 bytes"),
        (json!({ "job": "j".repeat(10_240) }), "job: is 1 to 256 bytes"),
        (json!({ "project": "" }), "project: is 1 to 2048 bytes"),
        (json!({ "project": "p".repeat(2049) }), "project: is 1 to 2048 bytes"),
        // Which source's job it will be, or whose project it is, has to be clear.
        (json!({ "job": "later" }), "source: must be named, for there are 2 of them"),
        (json!({ "project": "p" }), "application: must be named, for there are several of them"),
        (json!({ "job": "j1", "ttll": 1 }), "ttll: is not known here; did you mean `ttl`?"),
        (json!({ "project_id": "p" }), "project_id: is not known here; did you mean `project`?"),
        (json!([]), "invalid type: list, expected an object"),
    ] {
        let refused = relay.token(ADMIN, &body).await;
        refused.expect(422);
        assert!(refused.at("detail").starts_with(detail), "{body}: {refused:?}");
        assert!(!refused.text.contains("rlv1_"), "{refused:?}");
    }
    relay.ask(ADMIN, Method::POST, TOKENS, "{").await.expect(400);
    relay.ask(ADMIN, Method::POST, TOKENS, "").await.expect(400);
}

#[tokio::test]
async fn the_only_application_need_not_be_named_for_a_project() {
    let relay = Relay::start().await;
    let made = relay.token(ADMIN, &json!({ "project": "p" })).await;
    let topic = relay.opened(&made.at("token")).topic;
    assert_eq!(topic, Topic::project(relay.application_id("default").await, "p".to_owned()));
    assert!(matches!(topic.subject, Subject::Project(_)));
    // This relay does not know its URL for live connections.
    assert_eq!(made.expect(201)["url"], Value::Null);
    assert_eq!(relay.ticket(ADMIN, &[]).await.expect(201)["url"], Value::Null);
}

#[tokio::test]
async fn what_another_tenant_has_is_answered_as_what_there_is_not() {
    let relay = relay().await;
    relay.put("/v1/jobs/j1", json!({ "source": "modal" })).await.expect(201);
    let strict = json!({ "profile": "modal-omtx", "secrets": [super::SOURCE_SECRET], "application": "acme", "strict": true });
    relay.put("/v1/sources/strict", strict).await.expect(201);
    let job = relay.get("/v1/jobs/j1").await.at("id");
    let batch = relay.post("/v1/batches", json!({ "id": "b1", "source": "modal" })).await.at("id");
    let acme = relay.application_id("acme").await.to_string();
    let key = relay.key("admin", Some("globex")).await;
    let nothing = relay.token(&key, &json!({ "batch": "nothing" })).await;
    nothing.expect(404);
    for body in [
        json!({ "job": job }),
        json!({ "job": job, "source": "modal" }),
        json!({ "job": "j1", "source": "modal" }),
        json!({ "job": "j1", "source": "nobody" }),
        json!({ "job": "j1", "source": "a b" }),
        json!({ "job": "j1", "application": "acme" }),
        json!({ "job": "j1", "application": acme }),
        json!({ "job": "j1", "application": "nobody" }),
        json!({ "job": "j1", "application": "a b" }),
        json!({ "project": "p", "application": "acme" }),
        json!({ "project": "p", "application": "nobody" }),
        json!({ "batch": "b1" }),
        json!({ "batch": batch }),
        json!({ "batch": "b1", "application": "acme" }),
        json!({ "batch": "b1", "application": "nobody" }),
    ] {
        let answer = relay.token(&key, &body).await;
        assert_eq!((answer.status, &answer.text), (nothing.status, &nothing.text), "{body}");
    }
    // The same name in the caller's own source is another job.
    let own = relay.token(&key, &json!({ "job": "j1" })).await.at("topic");
    assert!(own.starts_with(&format!("job:{}:", relay.application_id("globex").await)), "{own}");
    assert!(!own.contains(&job));
    // A key of all applications finds nothing where there is nothing.
    for body in [
        json!({ "job": job, "application": "globex" }),
        json!({ "job": job, "source": "other" }),
        json!({ "job": "later", "source": "strict" }),
        json!({ "project": "p", "application": "nobody" }),
        json!({ "batch": "b1", "application": "globex" }),
    ] {
        assert_eq!(relay.token(ADMIN, &body).await.text, nothing.text, "{body}");
    }
}

#[tokio::test]
async fn what_several_bear_is_a_conflict_that_names_the_choices() {
    let relay = relay().await;
    for (source, application) in [("modal", "acme"), ("other", "globex")] {
        relay.put("/v1/jobs/j1", json!({ "source": source })).await.expect(201);
        let batch = json!({ "id": "b1", "application": application });
        relay.post("/v1/batches", batch).await.expect(201);
    }
    for body in [json!({ "job": "j1" }), json!({ "batch": "b1" })] {
        let several = relay.token(ADMIN, &body).await;
        several.expect(409);
        assert!(several.at("detail").starts_with("2 "), "{several:?}");
        let mut one = body;
        one["application"] = json!("globex");
        relay.token(ADMIN, &one).await.expect(201);
    }
}

#[tokio::test]
async fn every_scope_may_listen_and_a_revoked_key_may_not() {
    let relay = relay().await;
    for scope in ["read", "publish", "admin"] {
        let key = relay.key(scope, Some("acme")).await;
        relay.token(&key, &json!({ "project": "p" })).await.expect(201);
        relay.ticket(&key, &[]).await.expect(201);
        relay.delete(&format!("/v1/keys/{}", id_of(&key))).await.expect(200);
        relay.token(&key, &json!({ "project": "p" })).await.expect(401);
        relay.ticket(&key, &[]).await.expect(401);
    }
    for key in ["", "rk_x_y", &format!("rlt_{}", "0".repeat(64))] {
        relay.token(key, &json!({ "project": "p" })).await.expect(401);
        relay.ticket(key, &[]).await.expect(401);
    }
    // A ticket or a token is no key.
    let ticket = relay.ticket(ADMIN, &[]).await.at("ticket");
    let body = json!({ "project": "p", "application": "acme" });
    let token = relay.token(ADMIN, &body).await.at("token");
    for bearer in [&ticket, &token] {
        relay.ask(bearer, Method::GET, "/v1/jobs", "").await.expect(401);
        relay.ask(bearer, Method::POST, TICKETS, "").await.expect(401);
    }
}

#[tokio::test]
async fn a_ticket_or_token_is_given_once_per_idempotency_key_and_kept_nowhere() {
    let relay = relay().await;
    let body = json!({ "project": "p", "application": "acme" }).to_string();
    let mut shown = Vec::new();
    for (path, body, field) in [(TICKETS, String::new(), "ticket"), (TOKENS, body, "token")] {
        let once = async || {
            let request = Request::post(path).header("authorization", format!("Bearer {ADMIN}"));
            let request = request.header("idempotency-key", "k").body(Body::from(body.clone()));
            relay.send(request.expect("a request")).await
        };
        let made = once().await;
        made.expect(201);
        let text = made.at(field);
        let again = once().await;
        again.expect(409);
        assert!(!again.text.contains(&text), "{again:?}");
        shown.push(text);
    }
    let items = relay.table_text().await;
    assert!(items.contains("IDEM#") && items.contains("TICKET#"));
    let bucket = &relay.aws.names().bucket;
    let objects = relay.aws.clients().s3().list_objects_v2().bucket(bucket).send().await;
    assert!(objects.expect("listed").contents().is_empty());
    let (ticket, token) = (&shown[0]["rlt_".len()..], shown[1].rsplit('.').next().expect("one"));
    for secret in [ticket, token] {
        assert!(40 < secret.len() && !items.contains(secret), "{secret}");
    }
}
