//! The list of the kinds of items (`adapters::table::ITEMS`) is what ARCHITECTURE.md shows and what
//! the code writes.

mod recorded;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use adapters::table::{ITEMS, Presence, SubscribeOutcome, Table, WriteOutcome};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::{
    alarm::{Alarm, AlarmState},
    id::{ApplicationId, BatchId, EndpointId, JobId},
    key::KeyScope,
    listener::Listening,
    live::{
        connection::{self, LiveConnection},
        grant::Grant,
        protocol::Protocol,
        push_budget::PushBudget,
        subscription::{FactFilter, LiveSubscription},
        ticket::{self, Ticket},
        topic::Topic,
    },
    portal::PortalEndings,
    retry::Policy,
    session::{self, Session, SessionGrant},
    time::Timestamp,
};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud,
    faults::Faults,
    items::{self, Item},
    platform::{Platform, Reply},
    receiver::Receiver,
    sender::completion,
};
use tower::ServiceExt;

use crate::{
    fan_out::ONE_BY_ONE,
    tidy::{read, root},
};

/// The table of items as ARCHITECTURE.md has to show it.
fn table() -> Vec<String> {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let rows = ITEMS.iter().map(|kind| {
        format!(
            "| {} | `{}` | `{}` | {} | {} | {} |",
            kind.name,
            kind.pk,
            kind.sk,
            kind.due.text,
            code(kind.listing.text),
            kind.expires.text
        )
        .replace("|  |", "| |")
        .replace("|  |", "| |")
    });
    rows.collect()
}

#[test]
fn the_table_of_items_in_the_architecture_is_the_one_of_the_code() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let section = text.split("## The table").nth(1).and_then(|rest| rest.split("\n## ").next());
    let shown = section.expect("a section").lines().filter(|line| line.starts_with("| "));
    let shown: Vec<_> = shown.skip(1).collect();
    let wanted = table();
    let missing: Vec<_> = wanted.iter().filter(|row| !shown.contains(&row.as_str())).collect();
    let wrong: Vec<_> = shown.iter().filter(|row| !wanted.contains(&(**row).to_owned())).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "missing {missing:#?}\nwrong {wrong:#?}");
    assert_eq!(shown, wanted, "in the same order");
}

/// The kinds of items that were read, and the faults of items.
#[derive(Default)]
struct ItemSurvey {
    kinds: BTreeSet<&'static str>,
    /// Kinds of which an item carried an attribute that some carry, and of which one did not.
    with: BTreeSet<(&'static str, &'static str)>,
    without: BTreeSet<(&'static str, &'static str)>,
    wrong: Vec<String>,
    /// The first item of each kind, as it is stored.
    first: BTreeMap<&'static str, Item>,
}

impl ItemSurvey {
    async fn look(&mut self, cloud: &Cloud) {
        for item in items::stored(cloud).await {
            match items::kind(&item) {
                Err(wrong) => self.wrong.push(wrong),
                Ok(kind) => {
                    self.first.entry(kind.name).or_insert_with(|| item.clone());
                    self.kinds.insert(kind.name);
                    for (name, attribute) in [("due_at", kind.due), ("expires_at", kind.expires)] {
                        if attribute.presence == Presence::Sometimes {
                            match item.contains_key(name) {
                                true => self.with.insert((kind.name, name)),
                                false => self.without.insert((kind.name, name)),
                            };
                        }
                    }
                }
            }
        }
    }
}

async fn done(cloud: &Cloud, method: Method, path: &str, body: Value) -> Value {
    let (status, answer) = cloud.call_with(method, path, &[], Some(body)).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// A connection that hears a topic, and a ticket for another.
async fn listen(table: &Table, now: Timestamp) {
    let acme = ApplicationId::named("acme");
    let grant = Grant {
        scope: KeyScope::Read,
        key: "k".to_owned(),
        application: Some(acme.clone()),
        only: None,
        portal: None,
        expires_at: now.plus(connection::LIFE),
    };
    let (id, protocol) = ("c=".to_owned(), Protocol::SocketIo);
    let connection =
        LiveConnection { id: id.clone(), protocol, grant: grant.clone(), opened_at: now };
    assert_eq!(table.open_connection(&connection).await.expect("kept"), WriteOutcome::Done);
    assert_eq!(table.enter(&id, now).await.expect("kept"), WriteOutcome::Done);
    let filter = FactFilter::default();
    let (after, caught_up) = (BTreeMap::new(), None);
    let subscription = LiveSubscription {
        connection: id,
        protocol,
        name: None,
        filter,
        refusals: true,
        after,
        caught_up,
    };
    let heard = table.subscribe(&Topic::events(acme.clone()), &subscription, 1, now).await;
    assert_eq!(heard.expect("kept"), SubscribeOutcome::Started);
    let told = [(domain::log::StreamName::default(), domain::log::Seq::Number(1))].into();
    table.put_told(&Topic::events(acme.clone()), &told, now).await.expect("kept");
    assert_eq!(table.watch(&acme, now).await.expect("kept"), now);
    let ticket = Ticket { grant, origin: None, expires_at: now.plus(ticket::LIFE) };
    let hash = Ticket::hash(&Ticket::text([7; 32])).expect("a ticket");
    assert_eq!(table.put_ticket(&hash, &ticket).await.expect("kept"), WriteOutcome::Done);
    sessions(table, now).await;
    let group = "/modal/jobs/a#b";
    assert_eq!(table.note_filter(group, now, now).await.expect("kept"), WriteOutcome::Done);
    table.note_group_read(group, &JobId::of(&Cloud::tenure(), "a#b"), now).await.expect("kept");
    table.take_pushes(PushBudget::new(1000), now).await.expect("a slice");
}

/// A code, a session, and an address that sent a wrong code.
async fn sessions(table: &Table, now: Timestamp) {
    let grant = SessionGrant {
        key: "k".to_owned(),
        admin_mark: None,
        scope: KeyScope::Read,
        application: None,
        portal: None,
    };
    let code = Session::new(grant, now, session::CODE_LIFE);
    let hash = |number| Session::code_hash(&Session::code([number; 32])).expect("a code");
    for number in [1, 2] {
        let kept = table.put_code(&hash(number), &code).await.expect("kept");
        assert_eq!(kept, WriteOutcome::Done);
    }
    let token = Session::token_hash(&Session::token([1; 32])).expect("a session");
    let opened = table.open_session(&hash(1), &token, &code).await.expect("kept");
    assert_eq!(opened, WriteOutcome::Done);
    let (acme, none) = (ApplicationId::named("acme"), PortalEndings::default());
    let ended = none.and(&[], Duration::ZERO, now).expect("few");
    let kept = table.put_portal_endings(&acme, 0, &ended).await.expect("kept");
    assert_eq!(kept, WriteOutcome::Done);
    let counted = table.count_guess("0123456789abcdef", 5, now).await.expect("counted");
    assert_eq!(counted, WriteOutcome::Done);
}

/// Sources, an application, keys, types, endpoints.
async fn set_up(cloud: &Cloud, receiver: &Receiver) {
    done(cloud, Method::POST, "/api/v1/app", json!({ "uid": "other", "name": "other" })).await;
    let key = Some(json!({ "name": "ci", "scope": "read" }));
    let once = [("idempotency-key", "once")];
    let (status, answer) = cloud.call_with(Method::POST, "/v1/keys", &once, key).await;
    assert!(status.is_success(), "{answer}");
    let kind = json!({ "name": "order.paid", "description": "An order was paid" });
    done(cloud, Method::POST, "/api/v1/event-type", kind).await;
    let gpu = json!({
        "profile": "runpod", "secrets": ["0123456789abcdef0123456789abcdef"], "application": "acme",
        "platform": { "kind": "runpod", "endpoint_id": "e1", "secret": "platform-key" },
    });
    done(cloud, Method::PUT, "/v1/sources/gpu", gpu).await;
    done(cloud, Method::PUT, "/v1/jobs/g1", json!({ "source": "gpu" })).await;
    let (health, _) = cloud.call_with(Method::GET, "/health", &[], None).await;
    assert!(health.is_success(), "{health}");
    let (table, now) = (cloud.sound_table(), cloud.clock.now());
    table.take_place("ep_1", 1, now, now).await.expect("kept").expect("free");
    listen(&table, now).await;
    let endpoint = "/api/v1/app/acme/endpoint";
    let ordered = json!({
        "uid": "ordered", "url": receiver.url("/ordered"), "ordering": "job", "throttleRate": 50,
    });
    done(cloud, Method::POST, endpoint, ordered).await;
}

/// Requests that are refused: at a source, and at none.
async fn refused(cloud: &Cloud) {
    for path in ["/in/modal", "/in/nobody"] {
        let request = Request::post(path).body(Body::from("{}")).expect("one");
        let response = cloud.ingest().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), 401);
    }
}

/// A request whose source counts its requests.
async fn limited(cloud: &Cloud) {
    cloud.options(json!({ "rate_limit": { "requests": 100, "per": "second" } })).await;
    let body = completion("limited", "success", "1");
    let mut request = Request::post("/in/modal").body(Body::from(body.clone())).expect("one");
    *request.headers_mut() = tests::sender::headers(&body, cloud.clock.now());
    let response = cloud.ingest().oneshot(request).await.expect("infallible");
    assert!(response.status().is_success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_item_is_written_and_no_other() {
    let receiver = Receiver::start().await;
    receiver.answer_at("/broken", 500);
    let mut cloud = Cloud::start(Faults::default()).await;
    let mut seen = ItemSurvey::default();
    set_up(&cloud, &receiver).await;
    let policy = Policy::of(Some(1), Some(5), Some(vec![1])).expect("valid");
    cloud.endpoint(&receiver.url("/broken"), policy).await;
    limited(&cloud).await;
    refused(&cloud).await;
    seen.look(&cloud).await;

    // A batch and its job, each with a webhook of its own; the job's call is known by another id.
    let webhook =
        json!({ "url": receiver.url("/job"), "secret": "0123456789abcdef0123456789abcdef" });
    let batch =
        json!({ "external_id": "b1", "application": "acme", "size": 1, "webhook": webhook });
    done(&cloud, Method::POST, "/v1/batches", batch).await;
    let job = json!({ "source": "modal", "batch_id": "b1", "call_id": "c1", "webhook": webhook });
    done(&cloud, Method::PUT, "/v1/jobs/job-c1", job).await;
    for text in ["a line", "another line in its place"] {
        let lines = json!({ "first_seq": 1, "lines": [text] });
        done(&cloud, Method::POST, "/v1/jobs/job-c1/logs", lines).await;
    }
    cloud.send(&completion("c1", "success", "1")).await;
    // The same key with other bytes.
    cloud.send(&completion("c1", "success", "2")).await;
    // Its event is recorded, and nothing is counted or sent yet.
    assert!(cloud.step(&cloud.aws.names().inbox.clone()).await);
    seen.look(&cloud).await;
    cloud.work().await;
    seen.look(&cloud).await;

    // A batch that is closed, before the bell for it has been heard.
    let open = json!({ "external_id": "open", "application": "acme" });
    let open = done(&cloud, Method::POST, "/v1/batches", open).await;
    let id = BatchId::parse(open["id"].as_str().expect("an id")).expect("an id");
    let table = cloud.sound_table();
    let batch = table.batch(&id).await.expect("read").expect("there");
    let now = cloud.clock.now();
    table.lease_sweep("a round", now, now).await.expect("leased").either_way();
    let alarm = Alarm::new("InboxStuckAlarm".to_owned(), AlarmState::Alarm, now, None);
    table.put_alarm(&alarm).await.expect("kept").either_way();
    table.put_batch(&batch.closed(None, cloud.clock.now()), None).await.expect("kept").either_way();
    seen.look(&cloud).await;

    // An endpoint that is deleted.
    let endpoints = "/api/v1/app/acme/endpoint";
    let gone = json!({ "url": receiver.url("/gone"), "uid": "gone" });
    done(&cloud, Method::POST, endpoints, gone).await;
    let (status, _) = cloud.call(Method::DELETE, &format!("{endpoints}/gone"), None).await;
    assert!(status.is_success(), "{status}");

    // A message whose deliveries are created in pages.
    let sizes = std::mem::replace(&mut cloud.fan_out_sizes, ONE_BY_ONE);
    let message = json!({ "eventType": "order.paid", "payload": {} });
    done(&cloud, Method::POST, "/api/v1/app/acme/msg", message).await;
    seen.look(&cloud).await;
    cloud.fan_out_sizes = sizes;

    // A message whose payload has a time to go.
    let message = json!({ "eventType": "order.paid", "payload": {}, "payloadRetentionHours": 1 });
    done(&cloud, Method::POST, "/api/v1/app/acme/msg", message).await;
    // What cannot be delivered becomes a letter, and waits for its endpoint.
    cloud.minutes(4).await;
    seen.look(&cloud).await;
    let redrive = "/v1/webhooks/dead-letter/redrive";
    done(&cloud, Method::POST, redrive, json!({ "filter": { "state": "waiting" } })).await;
    // The task looks once more after 15 minutes, and is due until then.
    cloud.minutes(17).await;
    seen.look(&cloud).await;

    // A platform that is asked, and had enough.
    let enough = |_: &str| Reply { retry_after: Some(290), ..Reply::new(429, "{}") };
    let platform = Platform::start(cloud.clock.clone(), enough).await;
    let asked = json!({ "kind": "http", "status_url": platform.url("/calls/{call_id}") });
    cloud.options(json!({ "platform": asked, "deadline_seconds": 60 })).await;
    cloud.expect("modal", "late", "late-call").await;
    cloud.minutes(3).await;
    seen.look(&cloud).await;

    // A listener that somebody hears, and a delivery that waits for it.
    let wanted = json!({ "application": "acme", "events": ["order.paid"] });
    let made = done(&cloud, Method::PUT, "/v1/listeners/ann", wanted).await;
    let endpoint = EndpointId::parse(made["endpoint_id"].as_str().expect("an id")).expect("an id");
    let message = json!({ "eventType": "order.paid", "payload": {} });
    done(&cloud, Method::POST, "/api/v1/app/acme/msg", message).await;
    cloud.work().await;
    let (connection, now) = ("c=".to_owned(), cloud.clock.now());
    let until = now.plus(connection::LIFE);
    let listening = Listening { connection, protocol: Protocol::Json, until, after: None };
    let topic = Topic::listener(ApplicationId::named("acme"), endpoint);
    assert_eq!(table.listen(&topic, &listening).await.expect("kept"), None);
    seen.look(&cloud).await;

    // A delivery that waits at a gate.
    let endpoint = cloud.endpoint_for(&receiver.url("/gated"), &["no.such"]).await;
    let until = cloud.open_circuit(&endpoint, Duration::from_secs(60)).await;
    cloud.gather_at_gate(&endpoint, 1, until).await;
    seen.look(&cloud).await;

    // A source that moves to another application.
    let platform = json!({ "kind": "runpod", "endpoint_id": "e1" });
    let moved = json!({ "profile": "runpod", "application": "other", "platform": platform });
    done(&cloud, Method::PUT, "/v1/sources/gpu", moved).await;
    seen.look(&cloud).await;

    // A delivery whose retry is an hour ahead.
    receiver.answer_at("/later", 500);
    let policy = Policy::of(Some(1), Some(5), Some(vec![3600])).expect("valid");
    cloud.endpoint(&receiver.url("/later"), policy).await;
    let message = json!({ "eventType": "order.paid", "payload": {} });
    done(&cloud, Method::POST, "/api/v1/app/acme/msg", message).await;
    cloud.work().await;
    seen.look(&cloud).await;

    // Hours of figures that are over.
    cloud.pass(Duration::from_secs(2 * 3600));
    cloud.sweep().await;
    seen.look(&cloud).await;

    assert!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
    let all: BTreeSet<_> = ITEMS.iter().map(|kind| kind.name).collect();
    let unseen: Vec<_> = all.difference(&seen.kinds).collect();
    assert!(unseen.is_empty(), "no item of these kinds was written: {unseen:#?}");
    let read = |item| adapters::table::reads(item).map_err(|error| format!("{error}: {item:?}"));
    let unread: Vec<_> = seen.first.values().filter_map(|item| read(item).err()).collect();
    assert!(unread.is_empty(), "{unread:#?}");
    recorded::record(&seen.first);
    for kind in ["event", "delivery", "job", "batch", "task"] {
        let due = (kind, "due_at");
        assert!(seen.with.contains(&due), "no {kind} was due");
        assert!(seen.without.contains(&due), "every {kind} was due");
    }
}

#[test]
fn an_item_that_differs_from_its_kind_is_noticed() {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let item = |attributes: &[(&str, &str)]| -> Item {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
    };
    let key = [("pk", "TENURE#src_1"), ("sk", "acme"), ("expires_at", "1")];
    let listed = [("list", "TENURES"), ("list_at", "1")];
    let tenure = [key.as_slice(), &listed].concat();
    assert!(items::kind(&item(&tenure)).is_ok());
    for wrong in [
        key.to_vec(),
        [tenure.as_slice(), &[("due_shard", "0"), ("due_at", "1")]].concat(),
        [key.as_slice(), &[("list", "JOBS"), ("list_at", "1")]].concat(),
        [&key[..2], listed.as_slice()].concat(),
        [&[("pk", "FORMER#1")], &tenure[1..]].concat(),
    ] {
        assert!(items::kind(&item(&wrong)).is_err(), "{wrong:?}");
    }
}
