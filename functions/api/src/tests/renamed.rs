//! Applications that were renamed, whose former uid is another's or nobody's, and ids that several
//! sources or applications use.

use axum::{body::Body, http::Method};
use domain::id::{ApplicationId, JobId, SourceId, Tenure};
use serde_json::{Value, json};

use super::{ADMIN, Answer, Relay, SOURCE_SECRET};

impl Relay {
    /// The source of this name, or one that nobody created, in an application.
    pub(super) async fn tenure(&self, source: &str, application: &str) -> Tenure {
        let known = self.api.table().source(source).await.expect("read");
        let new = || SourceId::derive(&[source]);
        let application = ApplicationId::named(application);
        Tenure { source: known.map_or_else(new, |known| known.id), application }
    }

    /// The id of a job of that source.
    pub(super) async fn job_id(&self, source: &str, application: &str, external: &str) -> JobId {
        JobId::of(&self.tenure(source, application).await, external)
    }
}

struct Tenant {
    id: String,
    key: String,
    endpoint: String,
    message: String,
}

/// A tenant whose things say whose they are.
async fn tenant(relay: &Relay, uid: &str) -> Tenant {
    let made = relay.post("/api/v1/app", json!({ "name": uid, "uid": uid })).await;
    let (id, key) = (made.at("id"), relay.key("admin", Some(uid)).await);
    let endpoint = json!({ "url": format!("https://of-{uid}.example/"), "signatureScheme": "ed25519", "uid": "e" });
    let endpoint = relay.post(&format!("/api/v1/app/{uid}/endpoint"), endpoint).await.at("id");
    let message = relay.message(uid, "a", json!({ "of": uid })).await;
    relay.bury(&message).await;
    let batch = json!({ "external_id": "b1", "application": uid, "size": 3 });
    relay.post("/v1/batches", batch).await.expect(201);
    Tenant { id, key, endpoint, message }
}

/// The answers of every route that takes a uid to this uid.
async fn look(relay: &Relay, key: &str, uid: &str, its: &Tenant) -> Vec<(String, Answer)> {
    let Tenant { endpoint, message, .. } = its;
    let mut answers = Vec::new();
    for path in [
        format!("/api/v1/app/{uid}"),
        format!("/api/v1/app/{uid}/endpoint"),
        format!("/api/v1/app/{uid}/endpoint/e"),
        format!("/api/v1/app/{uid}/endpoint/{endpoint}/stats"),
        format!("/api/v1/app/{uid}/endpoint/{endpoint}/headers"),
        format!("/api/v1/app/{uid}/endpoint/{endpoint}/msg"),
        format!("/api/v1/app/{uid}/msg"),
        format!("/api/v1/app/{uid}/msg/{message}"),
        format!("/api/v1/app/{uid}/msg/{message}/endpoint"),
        format!("/api/v1/app/{uid}/attempt/msg/{message}"),
        format!("/api/v1/app/{uid}/attempt/endpoint/{endpoint}"),
        format!("/v1/app/{uid}/endpoint/{endpoint}/jwks.json"),
        format!("/v1/events?application={uid}"),
        format!("/v1/batches/b1?application={uid}"),
        format!("/v1/batches/b1/errors?application={uid}"),
        format!("/v1/webhooks/dead-letter?application={uid}"),
        format!("/v1/webhooks/dead-letter/export?application={uid}"),
    ] {
        let answer = relay.ask(key, Method::GET, &path, Body::empty()).await;
        answers.push((path, answer));
    }
    let all = json!({ "filter": { "application": uid }, "all": true, "dry_run": true });
    for (method, path, body) in [
        (Method::POST, "/v1/webhooks/dead-letter/redrive".to_owned(), all.clone()),
        (Method::POST, "/v1/webhooks/dead-letter/delete".to_owned(), all),
        (
            Method::PUT,
            format!("/v1/applications/{uid}/webhook-secret"),
            json!({ "secret": "a-secret-of-24-characters-and-more" }),
        ),
    ] {
        let answer = relay.ask(key, method, &path, body.to_string()).await;
        answers.push((path, answer));
    }
    answers
}

#[tokio::test]
async fn after_a_rename_every_route_means_the_application_that_bears_the_uid_now() {
    let relay = Relay::start().await;
    let a = tenant(&relay, "a").await;
    let b = tenant(&relay, "b").await;
    for (from, to) in [("a", "a2"), ("b", "a")] {
        relay.patch(&format!("/api/v1/app/{from}"), json!({ "uid": to })).await.expect(200);
    }
    for (name, tenant, uid, other) in [("a", &a, "a2", &b), ("b", &b, "a", &a)] {
        for key in [&tenant.key, ADMIN] {
            for (path, answer) in look(&relay, key, uid, tenant).await {
                assert!(answer.status.is_success(), "{name} {path}: {answer:?}");
                let foreign = [&other.id, &other.endpoint, &other.message];
                assert!(
                    !foreign.iter().any(|id| answer.text.contains(*id)),
                    "{name} {path}: {answer:?}"
                );
                assert!(!answer.text.contains("\"matched\":0"), "{name} {path}: {answer:?}");
            }
        }
        // What belongs to the other is not there, by its uid nor by its id.
        let theirs = if uid == "a" { "a2" } else { "a" };
        for name in [theirs, &other.id] {
            for (path, answer) in look(&relay, &tenant.key, name, other).await {
                let open = path.ends_with("jwks.json");
                assert_eq!(
                    answer.status.as_u16(),
                    if open { 200 } else { 404 },
                    "{path}: {answer:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_uid_that_nobody_bears_any_more_means_nobody() {
    let relay = Relay::start().await;
    let a = tenant(&relay, "a").await;
    relay.patch("/api/v1/app/a", json!({ "uid": "a2" })).await.expect(200);
    for key in [&a.key, ADMIN] {
        for (path, answer) in look(&relay, key, "a", &a).await {
            assert_eq!(answer.status.as_u16(), 404, "{path}: {answer:?}");
        }
    }
    // A source that names it makes a new application, which is not the renamed one.
    relay.source("s", "a").await;
    let source = relay.get("/v1/sources/s").await.expect(200);
    assert_eq!(source["application"], "a");
    assert_ne!(source["application_id"], json!(a.id));
}

#[tokio::test]
async fn a_source_that_is_put_back_as_it_was_shown_stays_where_it_is() {
    let relay = Relay::start().await;
    let a = tenant(&relay, "a").await;
    relay.source("s", "a").await;
    tenant(&relay, "b").await;
    for (from, to) in [("a", "a2"), ("b", "a")] {
        relay.patch(&format!("/api/v1/app/{from}"), json!({ "uid": to })).await.expect(200);
    }
    let mut shown = relay.get("/v1/sources/s").await.expect(200);
    assert_eq!((&shown["application"], &shown["application_id"]), (&json!("a2"), &json!(a.id)));
    // Lists do not look at what came of late.
    shown.as_object_mut().expect("a source").remove("activity").expect("its activity");
    assert_eq!(relay.get("/v1/sources").await.expect(200)["data"][0], shown);
    let back = json!({ "profile": "modal-omtx", "application": shown["application"] });
    let back = relay.put("/v1/sources/s", back).await.expect(200);
    assert_eq!(back["application_id"], json!(a.id));
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_the_application_and_not_to_its_uid() {
    let relay = Relay::start().await;
    let post = async || {
        let request = axum::http::Request::post("/api/v1/app/a/endpoint")
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("idempotency-key", "k");
        let body = json!({ "url": "https://k.example/" }).to_string();
        let made = relay.send(request.body(Body::from(body)).expect("a request")).await;
        made.expect(201);
        made.at("id")
    };
    tenant(&relay, "a").await;
    let first = post().await;
    assert_eq!(post().await, first);
    relay.patch("/api/v1/app/a", json!({ "uid": "a2" })).await.expect(200);
    tenant(&relay, "a").await;
    let second = post().await;
    assert_ne!(second, first);
    relay.get(&format!("/api/v1/app/a/endpoint/{second}")).await.expect(200);
}

fn lists_both(answer: &Answer, ids: [&str; 2]) {
    assert_eq!(answer.status.as_u16(), 409, "{answer:?}");
    assert!(ids.iter().all(|id| answer.text.contains(id)), "{ids:?}: {answer:?}");
}

#[tokio::test]
async fn c17_a_job_s_id_that_two_sources_use_is_a_conflict_that_lists_both() {
    let relay = Relay::start().await;
    let mut jobs = Vec::new();
    for source in ["s1", "s2"] {
        relay.source(source, "default").await;
        let job = json!({ "source": source, "id": "j1", "call_id": "c1" });
        jobs.push(relay.post("/v1/jobs", job).await.at("id"));
    }
    let both = [jobs[0].as_str(), jobs[1].as_str()];
    for (method, path) in [
        (Method::GET, "/v1/jobs/j1"),
        (Method::GET, "/v1/jobs/c1"),
        (Method::GET, "/v1/jobs/j1/result"),
        (Method::POST, "/v1/jobs/j1/cancel"),
        (Method::GET, "/job/j1/webhook"),
        (Method::POST, "/api/v3/webhooks/executions/c1/cancel"),
    ] {
        lists_both(&relay.ask(ADMIN, method, path, Body::empty()).await, both);
    }
    for (source, id) in ["s1", "s2"].iter().zip(&jobs) {
        for name in ["j1", "c1", id] {
            let path = format!("/v1/jobs/{name}?source={source}");
            assert_eq!(relay.get(&path).await.expect(200)["id"], json!(id));
        }
        assert_eq!(relay.get(&format!("/v1/jobs/{id}")).await.expect(200)["id"], json!(id));
    }
    relay.get("/v1/jobs/j1?source=s3").await.expect(404);
    // One source may call a job what it calls another job's call.
    let job = json!({ "source": "s1", "id": "j2", "call_id": "j1" });
    let third = relay.post("/v1/jobs", job).await.at("id");
    lists_both(&relay.get("/v1/jobs/j1?source=s1").await, [both[0], &third]);
    relay.post("/v1/jobs/j2/cancel", Value::Null).await.expect(200);
    // One of them has ended: only the other can be meant by what is to be cancelled.
    relay.post(&format!("/v1/jobs/{}/cancel", both[0]), Value::Null).await.expect(200);
    relay.post("/api/v3/webhooks/executions/c1/cancel", Value::Null).await.expect(200);
}

#[tokio::test]
async fn c17_a_batch_s_id_that_two_applications_use_is_a_conflict_that_lists_both() {
    let relay = Relay::start().await;
    let (a, b) = (tenant(&relay, "a").await, tenant(&relay, "b").await);
    let mut ids = Vec::new();
    for (uid, key) in [("a", &a.key), ("b", &b.key)] {
        let shown = relay.get(&format!("/v1/batches/b1?application={uid}")).await.expect(200);
        let own = relay.ask(key, Method::GET, "/v1/batches/b1", Body::empty()).await.expect(200);
        assert_eq!(own["id"], shown["id"]);
        ids.push(shown["id"].as_str().expect("an id").to_owned());
    }
    let both = [ids[0].as_str(), ids[1].as_str()];
    for (method, path) in [
        (Method::GET, "/v1/batches/b1"),
        (Method::POST, "/v1/batches/b1/close"),
        (Method::GET, "/v1/batches/b1/results"),
        (Method::GET, "/v1/batches/b1/errors"),
    ] {
        let body = if method == Method::POST { "{}" } else { "" };
        lists_both(&relay.ask(ADMIN, method, path, body).await, both);
    }
}

#[tokio::test]
async fn jobs_of_a_source_that_moved_or_was_deleted_are_found_by_their_owner() {
    let relay = Relay::start().await;
    let (a, b) = (tenant(&relay, "a").await, tenant(&relay, "b").await);
    relay.source("s", "a").await;
    let job = json!({ "source": "s", "id": "j1" });
    let first = relay.post("/v1/jobs", job.clone()).await.at("id");
    let put = |uid: &str| json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": uid });
    relay.put("/v1/sources/s", put("b")).await.expect(200);
    let find = async |key: &str| relay.ask(key, Method::GET, "/v1/jobs/j1", Body::empty()).await;
    assert_eq!(find(&a.key).await.expect(200)["id"], json!(first));
    find(&b.key).await.expect(404);
    let second = relay.post("/v1/jobs", job.clone()).await.at("id");
    assert_eq!(find(&b.key).await.expect(200)["id"], json!(second));
    assert_eq!(find(&a.key).await.expect(200)["id"], json!(first));
    lists_both(&find(ADMIN).await, [&first, &second]);
    // Its source is another application's, so that it cannot be registered again, nor cancelled there.
    let path = format!("/v1/jobs/{first}");
    relay.ask(&a.key, Method::PUT, &path, json!({}).to_string()).await.expect(404);
    // It comes back and goes on where it was.
    relay.put("/v1/sources/s", put("a")).await.expect(200);
    assert_eq!(relay.post("/v1/jobs", job.clone()).await.expect(200)["id"], json!(first));
    // Another source of the same name and application does not.
    relay.delete("/v1/sources/s").await.expect(200);
    assert_eq!(find(&a.key).await.expect(200)["id"], json!(first));
    relay.source("s", "a").await;
    let third = relay.post("/v1/jobs", job).await.at("id");
    assert_ne!(third, first);
    assert_eq!(find(&a.key).await.expect(200)["id"], json!(third));
}
