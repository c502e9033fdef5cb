//! Two tenants meet at one name: a source is deleted and created anew, moves, or its application is
//! renamed or created anew. Both tenants use the same ids, bytes and secrets, and `ingest` remembers
//! the source from before. Nothing of one tenant reaches the other, and nothing is lost.

mod under_way;

use std::io::Write;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request},
};
use domain::{
    event::{Event, Origin},
    id::ApplicationId,
};
use serde_json::{Value, json};
use tests::{
    cloud::{ADMIN, Cloud},
    faults::Faults,
    receiver::Receiver,
    sender::{self, completion},
};
use tower::ServiceExt;

/// What happens between the two tenants.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Recreated,
    Moved,
    ApplicationRenamed,
    ApplicationRecreated,
}

const CHANGES: [Change; 4] =
    [Change::Recreated, Change::Moved, Change::ApplicationRenamed, Change::ApplicationRecreated];

struct Meeting {
    cloud: Cloud,
    receiver: Receiver,
    /// One process of `ingest` for all requests, which remembers sources for a minute.
    ingest: Router,
}

/// A tenant, and what the relay told it.
struct Tenant {
    /// First part of the paths of its receivers, and what its results say.
    name: &'static str,
    /// Its application, as it is called at the moment.
    uid: &'static str,
    application: String,
    key: String,
    sources: [&'static str; 2],
    job: String,
    batch: String,
    callback: String,
    /// The endpoint that a POST with an `Idempotency-Key` made.
    keyed: String,
}

impl Meeting {
    async fn start() -> Self {
        let cloud = Cloud::start(Faults::default()).await;
        let receiver = Receiver::start().await;
        receiver.answer_at("/a/dead", 500);
        receiver.answer_at("/b/dead", 500);
        let ingest = cloud.ingest();
        Self { cloud, receiver, ingest }
    }

    async fn ask(&self, key: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let (status, _, body) = self.cloud.ask(request.body(body).expect("a request")).await;
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn done(&self, key: &str, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(key, method.clone(), path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    async fn get(&self, key: &str, path: &str) -> (u16, Value) {
        self.ask(key, Method::GET, path, Value::Null).await
    }

    /// A request of a sender; whether it was accepted.
    async fn send(&self, path: &str, body: &[u8]) -> bool {
        let mut request = Request::post(path).body(Body::from(body.to_vec())).expect("one");
        *request.headers_mut() = sender::headers(body, self.cloud.clock.now());
        let response = self.ingest.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        status.is_success()
    }

    async fn source(&self, name: &str, application: &str) {
        let mut body = json!({ "profile": "modal-omtx", "secrets": [sender::SECRET] });
        if name.starts_with('t') {
            let asked = self.receiver.url("/platform/{call_id}");
            let platform = json!({ "kind": "http", "status_url": asked });
            body = json!({ "profile": "runpod", "secrets": [], "platform": platform });
        }
        body["application"] = application.into();
        self.done(ADMIN, Method::PUT, &format!("/v1/sources/{name}"), body).await;
    }

    /// A tenant with a key and two endpoints, one of which never takes anything.
    async fn tenant(
        &self,
        name: &'static str,
        uid: &'static str,
        sources: [&'static str; 2],
    ) -> Tenant {
        let post = Method::POST;
        let body = json!({ "name": name, "uid": uid });
        let application = self.done(ADMIN, post.clone(), "/api/v1/app", body).await;
        let body = json!({ "name": name, "scope": "admin", "application": uid });
        let key = self.done(ADMIN, post.clone(), "/v1/keys", body).await;
        let url = |path: &str| self.receiver.url(&format!("/{name}/{path}"));
        let endpoints = format!("/api/v1/app/{uid}/endpoint");
        let body = json!({ "url": url("hook"), "uid": "hook" });
        self.done(ADMIN, post.clone(), &endpoints, body).await;
        let body = json!({ "url": url("dead"), "delays": [1], "filterTypes": ["job.failed"] });
        self.done(ADMIN, post, &endpoints, body).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let (application, key) = (text(&application["id"]), text(&key["key"]));
        let empty = String::new;
        let (job, batch, callback, keyed) = (empty(), empty(), empty(), empty());
        Tenant { name, uid, application, key, sources, job, batch, callback, keyed }
    }

    /// All that a tenant does, under ids that the other tenant uses, too.
    async fn act(&self, tenant: &mut Tenant) {
        let Tenant { name, uid, key, sources: [source, tokens], .. } = &*tenant;
        let webhook = |path: &str| json!({ "url": self.receiver.url(&format!("/{name}/{path}")) });
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let post = |path: &'static str, body| self.ask(key, Method::POST, path, body);
        let batch = json!({ "id": "b1", "source": source, "size": 3, "webhook": webhook("batch") });
        let (declared, batch) = post("/v1/batches", batch).await;
        let job = json!({ "id": "job-c1", "source": source, "webhook": webhook("job") });
        let (registered, job) = post("/v1/jobs", job).await;
        let token = json!({ "id": "rp-1", "source": tokens });
        let (_, token) = post("/v1/jobs", token).await;
        assert_eq!((declared, registered), (201, 201), "{name}: {batch} {job}");
        let callback = text(&token["callback_url"]).replace("https://relay.example", "");
        let (job, batch) = (text(&job["id"]), text(&batch["id"]));
        let path = format!("/in/{source}");
        let result = format!("{{\"of\":\"{name}\"}}");
        for (body, what) in [
            (completion("c1", "success", &result), "a completion"),
            (completion("c2", "success", "2"), "the same bytes"),
            (completion("c3", "failure", "null"), "what ends as a letter"),
        ] {
            assert!(self.send(&path, &body).await, "{name}: {what}");
        }
        let hint = br#"{"id":"rp-1","status":"COMPLETED","output":{}}"#;
        assert!(self.send(&callback, hint).await, "{name}: with a token");
        let body = json!({ "url": "https://k.example/", "filterTypes": ["never.sent"] });
        let path = format!("/api/v1/app/{uid}/endpoint");
        let (_, keyed) = self
            .cloud
            .call_with(Method::POST, &path, &[("idempotency-key", "k")], Some(body))
            .await;
        let keyed = text(&keyed["id"]);
        assert!(self.cloud.settle(12).await || self.waits_for_endpoints_only().await);
        (tenant.job, tenant.batch) = (job, batch);
        (tenant.callback, tenant.keyed) = (callback, keyed);
    }

    /// The recovery of an endpoint that never answers is never over.
    async fn waits_for_endpoints_only(&self) -> bool {
        let names = self.cloud.aws.names().clone();
        let depth = |queue: &str| self.cloud.aws.queue_depth(queue).0;
        [&names.inbox, &names.outbox].iter().all(|it| depth(it) == 0)
    }

    /// The events of an application, also of one that was deleted.
    async fn events(&self, application: &str) -> Vec<Event> {
        let id = ApplicationId::parse(application).expect("an id");
        self.cloud.sound_table().events(&id, None, 100, false).await.expect("read").items
    }

    /// The requests at a path that contain a text.
    fn heard(&self, path: &str, text: &str) -> usize {
        let has = |body: &[u8]| String::from_utf8_lossy(body).contains(text);
        let received = self.receiver.received();
        received.iter().filter(|one| one.path == path && has(&one.body)).count()
    }

    async fn change(&self, change: Change, a: &mut Tenant) -> Tenant {
        let name = |sources: &str| format!("/v1/sources/{sources}");
        let patch = |uid: &str| format!("/api/v1/app/{uid}");
        let rename = async |from: &str, to: &str| {
            self.done(ADMIN, Method::PATCH, &patch(from), json!({ "uid": to })).await;
        };
        match change {
            Change::Recreated | Change::Moved => {
                let b = self.tenant("b", "b", ["s", "t"]).await;
                for source in b.sources {
                    if change == Change::Recreated {
                        self.done(&a.key, Method::DELETE, &name(source), Value::Null).await;
                    }
                    self.source(source, "b").await;
                }
                b
            }
            Change::ApplicationRenamed => {
                let b = self.tenant("b", "b", ["s2", "t2"]).await;
                rename("a", "a2").await;
                a.uid = "a2";
                rename("b", "a").await;
                for source in b.sources {
                    self.source(source, "a").await;
                }
                Tenant { uid: "a", ..b }
            }
            Change::ApplicationRecreated => {
                for source in a.sources {
                    self.done(ADMIN, Method::DELETE, &name(source), Value::Null).await;
                }
                self.done(ADMIN, Method::DELETE, &patch("a"), Value::Null).await;
                // A deleted application has no keys: an administrator looks for it.
                a.key = ADMIN.to_owned();
                let b = self.tenant("b", "a", ["s", "t"]).await;
                for source in b.sources {
                    self.source(source, "a").await;
                }
                b
            }
        }
    }
}

type Found = Result<(), String>;

fn is<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, right: T) -> Found {
    if seen == right { Ok(()) } else { Err(format!("{what}: {seen:?}, not {right:?}")) }
}

impl Tenant {
    async fn its_registration(&self, at: &Meeting, other: &Self) -> Found {
        let (status, job) = at.get(&self.key, &format!("/v1/jobs/{}", self.job)).await;
        is("the job", (status, &job["application"]), (200, &json!(self.application)))?;
        is("the job's name", &job["external_id"], &json!("job-c1"))?;
        is(
            "the job's webhook heard",
            at.heard(&format!("/{}/job", self.name), "job.succeeded"),
            1,
        )?;
        self.is_blind_to(at, &format!("/v1/jobs/{}", other.job)).await
    }

    async fn its_completion(&self, at: &Meeting, other: &Self) -> Found {
        let (_, job) = at.get(&self.key, &format!("/v1/jobs/{}", self.job)).await;
        is("the job ended", &job["status"], &json!("succeeded"))?;
        is("conflicts", &job["conflicts"], &json!(0))?;
        let (_, result) = at.get(&self.key, &format!("/v1/jobs/{}/result", self.job)).await;
        is("its result", &result, &json!({ "of": self.name }))?;
        let hook = format!("/{}/hook", self.name);
        let own = format!("\"of\":\"{}\"", self.name);
        let foreign = format!("\"of\":\"{}\"", other.name);
        is("its endpoint heard its own", at.heard(&hook, &own), 1)?;
        is("its endpoint heard the other's", at.heard(&hook, &foreign), 0)?;
        self.is_blind_to(at, &format!("/v1/jobs/{}/result", other.job)).await?;
        let event = job["result_event"].as_str().unwrap_or_default().to_owned();
        let (status, event) = at.get(&self.key, &format!("/v1/events/{event}")).await;
        is("its event", (status, &event["application"]), (200, &json!(self.application)))
    }

    async fn its_call(&self, at: &Meeting, _: &Self) -> Found {
        if self.key == ADMIN {
            // Two jobs bear the call's id, and an administrator sees both.
            return is("both", at.get(ADMIN, "/v1/jobs/c1").await.0, 409);
        }
        for id in ["c1", "job-c1"] {
            let (status, job) = at.get(&self.key, &format!("/v1/jobs/{id}")).await;
            is(id, (status, &job["id"]), (200, &json!(self.job)))?;
        }
        Ok(())
    }

    async fn its_batch(&self, at: &Meeting, other: &Self) -> Found {
        let (status, batch) = at.get(&self.key, &format!("/v1/batches/{}", self.batch)).await;
        is("the batch", (status, &batch["application"]), (200, &json!(self.application)))?;
        is(
            "counted",
            &batch["request_counts"],
            &json!({ "total": 3, "completed": 2, "failed": 1 }),
        )?;
        is("its webhook heard", at.heard(&format!("/{}/batch", self.name), "\"b1\""), 1)?;
        self.is_blind_to(at, &format!("/v1/batches/{}", other.batch)).await
    }

    async fn its_letter(&self, at: &Meeting, other: &Self) -> Found {
        let list = async |key: &str, application: &str| {
            let path = format!("/v1/webhooks/dead-letter?application={application}");
            let (status, list) = at.get(key, &path).await;
            (status, list["data"].as_array().cloned().unwrap_or_default())
        };
        let (_, own) = list(ADMIN, &self.application).await;
        is("letters", own.len(), 1)?;
        is("whose", &own[0]["application"], &json!(self.application))?;
        let letter = format!("/v1/webhooks/dead-letter/{}", own[0]["id"]).replace('"', "");
        is("it is seen", at.get(&self.key, &letter).await.0, 200)?;
        if other.key != ADMIN {
            is("the other sees it", at.get(&other.key, &letter).await.0, 404)?;
        }
        if self.key != ADMIN {
            is("by uid", list(&self.key, self.uid).await, (200, own.clone()))?;
            is("by uid, to all", list(ADMIN, self.uid).await, (200, own))?;
        }
        Ok(())
    }

    async fn its_token(&self, at: &Meeting, other: &Self) -> Found {
        let told = |event: &&Event| match &event.origin {
            Origin::Source { name, .. } => name == self.sources[1],
            _ => false,
        };
        let events = at.events(&self.application).await;
        is("events with its token", events.iter().filter(told).count(), 1)?;
        is("tokens differ", self.callback != other.callback, true)
    }

    async fn its_keys(&self, at: &Meeting, other: &Self) -> Found {
        is("the keyed POSTs differ", self.keyed != other.keyed, true)?;
        let hook = format!("/{}/hook", self.name);
        is("the same bytes are heard", at.heard(&hook, "\"job-c2\""), 1)?;
        let events = at.events(&self.application).await;
        is("duplicates", events.iter().all(|event| event.duplicates == 0), true)?;
        is("conflicts", events.iter().all(|event| event.conflicts == 0), true)
    }

    /// What belongs to the other tenant is not there for this one.
    async fn is_blind_to(&self, at: &Meeting, path: &str) -> Found {
        if self.key == ADMIN {
            return Ok(());
        }
        is(path, at.get(&self.key, path).await.0, 404)
    }

    async fn all(&self, at: &Meeting, other: &Self) -> [(&'static str, Found); 7] {
        [
            ("job registered", self.its_registration(at, other).await),
            ("completion", self.its_completion(at, other).await),
            ("call id", self.its_call(at, other).await),
            ("batch", self.its_batch(at, other).await),
            ("letter", self.its_letter(at, other).await),
            ("token", self.its_token(at, other).await),
            ("idempotency key", self.its_keys(at, other).await),
        ]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_that_meet_at_a_name_never_see_each_other() {
    let (mut held, mut cases, mut wrong) = (0, 0, Vec::new());
    for change in CHANGES {
        let at = Meeting::start().await;
        let mut a = at.tenant("a", "a", ["s", "t"]).await;
        for source in a.sources {
            at.source(source, "a").await;
        }
        at.act(&mut a).await;
        let mut b = at.change(change, &mut a).await;
        at.act(&mut b).await;
        for (tenant, other) in [(&a, &b), (&b, &a)] {
            for (thing, found) in tenant.all(&at, other).await {
                cases += 1;
                match found {
                    Ok(()) => held += 1,
                    Err(why) => wrong.push(format!("{change:?}, {thing}, {}: {why}", tenant.name)),
                }
            }
        }
    }
    writeln!(std::io::stderr(), "tenants at one name: {held} of {cases} held").expect("stderr");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((held, cases), (56, 56));
}
