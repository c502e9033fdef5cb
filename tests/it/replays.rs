//! A captured request comes again and again. Where its time or its id is not under the signature,
//! whoever captured it makes those fresh: still it has one effect, however often. Where they are, it
//! is refused once it is old.

use std::{
    collections::BTreeMap,
    io::Write,
    ops::Range,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode},
};
use domain::{
    event::Event,
    id::{ApplicationId, SourceId},
    retry::Policy,
    source::{Source, sealed_token},
    time::Timestamp,
};
use futures::future;
use tests::{cloud::Cloud, faults::Faults, invariants::World, receiver::Receiver, sizes::size};
use tower::ServiceExt;

use crate::subject::{SenderRequest, Subject, header};

/// Number of times that each captured request comes: `REPLAYS`, or 200. It is a multiple of [`A_MINUTE`].
static TIMES: LazyLock<usize> = LazyLock::new(|| size("REPLAYS", 200));
/// Requests between two steps of the clock by a minute.
const A_MINUTE: usize = 100;
/// Number of senders and workers at the same time.
const WORKERS: usize = 4;

/// Headers of every sender that nobody signs, and that tell one request from another.
const UNSIGNED: [&str; 12] = [
    "x-github-delivery",
    "x-shopify-webhook-id",
    "x-shopify-event-id",
    "x-shopify-triggered-at",
    "i-twilio-idempotency-token",
    "x-baseten-request-id",
    "x-task-id",
    "x-hokusai-idempotency-key",
    "x-omtx-timestamp",
    "x-request-id",
    "idempotency-key",
    "webhook-id",
];

/// A captured request with everything fresh that can be.
fn fresh(
    subject: &Subject,
    captured: &SenderRequest,
    number: usize,
    now: Timestamp,
) -> SenderRequest {
    let mut sent = captured.clone();
    for name in UNSIGNED {
        if !captured.headers.contains_key(name) {
            let value = HeaderValue::try_from(format!("fresh-{number}")).expect("printable");
            sent.headers.insert(header(name), value);
        }
    }
    if let Some(name) = subject.timestamp().filter(|_| !subject.signed("{timestamp}")) {
        let value = subject.scheme.timestamp_form.print(now);
        sent.headers.insert(header(name), HeaderValue::try_from(value).expect("printable"));
    }
    if subject.signed("{form}") {
        sent.body = spelled_otherwise(&captured.body, number);
    }
    sent
}

/// A form of the same fields, and so of the same signature, in other bytes for each number: for every
/// bit that is set, a letter of a value is percent-encoded that need not be.
fn spelled_otherwise(body: &[u8], number: usize) -> Vec<u8> {
    let text = String::from_utf8(body.to_vec()).expect("ASCII");
    let (fields, value) = text.split_once("Body=").expect("a message");
    let letters = value.bytes().enumerate().map(|(bit, letter)| match number >> bit & 1 {
        1 => format!("%{letter:02x}"),
        _ => char::from(letter).to_string(),
    });
    format!("{fields}Body={}", letters.collect::<String>()).into_bytes()
}

/// A cloud with a source for each of these, and one subscriber to all of them.
async fn listening(subjects: &[Subject]) -> (Cloud, Receiver) {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/"), Policy::of(None, Some(5), None).expect("valid")).await;
    for subject in subjects {
        let name = source(subject);
        let (id, acme) = (SourceId::derive(&[&name]), ApplicationId::named("acme"));
        let (profile, now) = (&subject.gate.profile_name, cloud.clock.now());
        let mut source = Source::new(id, &name, profile, acme, now);
        source.secrets = vec![match subject.signs() {
            true => cloud.vault().seal(&Source::owner(&source.id), &subject.gate.secrets[0]),
            // Of a token only its hash is kept.
            false => sealed_token(&subject.secret),
        }];
        source.options.public_url = subject.signs_url().then(|| subject.base_url());
        cloud.sound_table().put_source(&source, None, now).await.expect("kept").either_way();
    }
    (cloud, receiver)
}

fn source(subject: &Subject) -> String {
    subject.name.replace('/', "-")
}

async fn send(ingest: &Router, subject: &Subject, sent: SenderRequest) -> StatusCode {
    let query = sent.url.as_deref().and_then(|url| url.split_once('?')).map_or("", |(_, q)| q);
    let token = sent.token.map(|token| format!("/{token}")).unwrap_or_default();
    let path = format!("/in/{}{token}?{query}", source(subject));
    let mut request = Request::post(path).body(Body::from(sent.body)).expect("a request");
    *request.headers_mut() = sent.headers;
    ingest.clone().oneshot(request).await.expect("infallible").status()
}

fn captured(subjects: &[Subject]) -> Vec<(Subject, SenderRequest)> {
    subjects.iter().map(|subject| (subject.clone(), subject.right())).collect()
}

/// Sends every captured request once for each of these numbers, and works on what lies in the inbox.
async fn replay(
    cloud: Arc<Cloud>,
    captured: Arc<Vec<(Subject, SenderRequest)>>,
    numbers: Range<usize>,
) {
    let ingest = cloud.ingest();
    for number in numbers {
        for (subject, sent) in captured.iter() {
            let sent = fresh(subject, sent, number, cloud.clock.now());
            let status = send(&ingest, subject, sent).await;
            assert!(status.is_success(), "{}: {status}", subject.name);
        }
    }
    while cloud.step(&cloud.aws.names().inbox).await {}
}

/// The events of each source.
async fn events(cloud: &Cloud) -> BTreeMap<String, Vec<Event>> {
    let mut by: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in World::read(cloud).await.events {
        // Counters stand beside the document.
        let event = cloud.sound_table().event(&event.id).await.expect("read").expect("there");
        if let domain::event::Origin::Source { name, .. } = &event.origin {
            by.entry(name.clone()).or_default().push(event);
        }
    }
    by
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_captured_body_that_comes_many_times_has_one_effect() {
    let weak = |subject: &Subject| !subject.scheme.is_replay_safe();
    let subjects: Vec<_> = Subject::all().into_iter().filter(weak).collect();
    assert!(10 <= subjects.len(), "{} schemes", subjects.len());
    let (cloud, receiver) = listening(&subjects).await;
    let (cloud, captured) = (Arc::new(cloud), Arc::new(captured(&subjects)));
    for first in (0..*TIMES).step_by(A_MINUTE) {
        // Several at once, as Lambda does.
        let share = A_MINUTE / WORKERS;
        let workers = (0..WORKERS).map(|worker| {
            let numbers = first + worker * share..first + (worker + 1) * share;
            tokio::spawn(replay(Arc::clone(&cloud), Arc::clone(&captured), numbers))
        });
        future::try_join_all(workers).await.expect("every one is accepted");
        cloud.pass(Duration::from_secs(60));
    }
    assert!(cloud.settle(5).await);
    let (world, events) = (World::read(&cloud).await, events(&cloud).await);
    for subject in &subjects {
        let events = &events[&source(subject)];
        assert_eq!(events.len(), 1, "{}", subject.name);
        let event = &events[0];
        let again = u64::try_from(*TIMES - 1).expect("few");
        assert_eq!(event.duplicates + event.conflicts, again, "{}", subject.name);
        // The same fields in other bytes are kept as such, and not applied.
        let conflicts = if subject.signed("{form}") { again } else { 0 };
        assert_eq!(event.conflicts, conflicts, "{}", subject.name);
        let deliveries = world.deliveries.iter().filter(|delivery| delivery.event == event.id);
        assert_eq!(deliveries.count(), 1, "{}", subject.name);
        let id = event.id.event();
        let told = receiver.received().iter().filter(|r| r.header("webhook-id") == id).count();
        assert_eq!(told, 1, "{}", subject.name);
    }
    let effects = events.values().map(Vec::len).sum::<usize>();
    let names: Vec<_> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    // Past the test runner's capture: the count is a result.
    writeln!(
        std::io::stderr(),
        "replays: {} requests, {effects} effects of {} captured bodies: {}",
        *TIMES * subjects.len(),
        subjects.len(),
        names.join(" "),
    )
    .expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_captured_request_whose_time_is_signed_is_refused_once_it_is_old() {
    let subjects: Vec<_> =
        Subject::all().into_iter().filter(|s| s.scheme.is_replay_safe()).collect();
    let subjects: Vec<_> = subjects.into_iter().filter(|s| s.gate.profile.jwks.is_none()).collect();
    assert!(8 <= subjects.len(), "{} schemes", subjects.len());
    let (cloud, receiver) = listening(&subjects).await;
    let captured = captured(&subjects);
    // For so many minutes a request of the sender is fresh.
    let minutes =
        |subject: &Subject| usize::try_from(subject.scheme.past_seconds / 60).expect("few");
    for number in 0..5 {
        for (subject, sent) in captured.iter().filter(|(it, _)| number <= minutes(it)) {
            let sent = fresh(subject, sent, number, cloud.clock.now());
            let status = send(&cloud.ingest(), subject, sent).await;
            assert!(status.is_success(), "{}: {status}", subject.name);
        }
        cloud.work().await;
        cloud.pass(Duration::from_secs(60));
    }
    cloud.pass(Duration::from_secs(1));
    for (subject, sent) in &captured {
        let sent = fresh(subject, sent, 5, cloud.clock.now());
        let status = send(&cloud.ingest(), subject, sent).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{}", subject.name);
    }
    assert!(cloud.settle(5).await);
    let events = events(&cloud).await;
    for subject in &subjects {
        let events = &events[&source(subject)];
        let again = u64::try_from(minutes(subject).min(4)).expect("few");
        assert_eq!((events.len(), events[0].duplicates), (1, again), "{}", subject.name);
    }
    assert_eq!(receiver.received().len(), subjects.len());
}
