//! Processing over a real table and queues, fed by the sample events.

mod requests;
mod resumed;

use std::time::Duration;

use adapters::{bucket::Bucket, clock::Clock, queue::Queue, table::Table};
use domain::{
    event::EventOutcome,
    id::{ApplicationId, EventId, SourceId, Tenure},
    job::JobStatus,
    source::Source,
    time::Timestamp,
};
use local::LocalAws;

use super::*;
use aws_lambda_events::sqs::SqsMessage;
use domain::{
    id::TaskId,
    letter::{LetterState, LetterSubject},
};

const COMPLETION: &str = include_str!("../../../events/process/modal-omtx-completion.json");
const POISONED: &str = include_str!("../../../events/process/unknown-poisoned.json");

async fn world() -> (LocalAws, Process) {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let (clients, names) = (aws.clients(), aws.names());
    let queue = |name: &str| Queue::new(clients.sqs(), aws.queue_url(name));
    let process = Process {
        context: Context::new(
            Table::new(clients.dynamodb(), names.table.clone(), Duration::from_secs(86_400)),
            Bucket::new(clients.s3(), names.bucket.clone()),
            queue(&names.outbox),
            Clock::manual(Timestamp::from_secs(1_700_000_001)),
        )
        .fanning_out_by(Inbox(queue(&names.inbox))),
        inbox: Inbox(queue(&names.inbox)),
        public_url: "https://relay.example".to_owned(),
    };
    (aws, process)
}

/// The sample, its body changed.
fn sample(change: impl FnOnce(&mut serde_json::Value)) -> SqsEvent {
    let mut event: serde_json::Value = serde_json::from_str(COMPLETION).expect("JSON");
    let body = event["Records"][0]["body"].as_str().expect("text");
    let mut envelope = serde_json::from_str(body).expect("an envelope");
    change(&mut envelope);
    event["Records"][0]["body"] = envelope.to_string().into();
    serde_json::from_value(event).expect("a batch")
}

fn tenure(source: &str) -> Tenure {
    Tenure { source: SourceId::derive(&[source]), application: ApplicationId::named("acme") }
}

fn event_id() -> EventId {
    Source::event_id(&tenure("modal"), "job:fc-01HF8:succeeded")
}

#[tokio::test]
async fn a_completion_becomes_an_event_and_its_job_succeeds() {
    let (_aws, process) = world().await;
    let response = process.handle(&sample(|_| ())).await;
    assert!(response.batch_item_failures.is_empty());
    let table = &process.context.table;
    let job = table.find_jobs("job-42", &[tenure("modal")]).await.expect("read").remove(0);
    assert_eq!(job.status, JobStatus::Succeeded);
    let by_call = table.find_jobs("fc-01HF8", &[tenure("modal")]).await.expect("read");
    assert_eq!(by_call, std::slice::from_ref(&job));
    let event = table.event(&event_id()).await.expect("read").expect("recorded");
    assert_eq!(
        (event.event_type.as_str(), event.outcome),
        ("job.succeeded", EventOutcome::Announced)
    );
    let payload = process.context.bucket.open(event.payload).await.expect("opens");
    let payload: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(payload["id"], event_id().event());
    assert_eq!(payload["data"]["job"]["external_id"], "job-42");
    assert_eq!(payload["data"]["result"]["affinity"], -7.2);
}

#[tokio::test]
async fn a_poisoned_message_goes_back_alone() {
    let (_aws, process) = world().await;
    let batch: SqsEvent = serde_json::from_str(POISONED).expect("a batch");
    let failures = process.handle(&batch).await.batch_item_failures;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].item_identifier, "2e1424d4-f796-459a-8184-9c92662be6da");
    assert!(process.context.table.event(&event_id()).await.expect("read").is_some());
}

#[tokio::test]
async fn a_message_without_a_body_or_with_an_unknown_profile_goes_back() {
    let (_aws, process) = world().await;
    let mut empty: SqsEvent = serde_json::from_str(COMPLETION).expect("a batch");
    empty.records[0].body = None;
    assert_eq!(process.handle(&empty).await.batch_item_failures.len(), 1);
    let unknown = sample(|envelope| envelope["profile"] = "gitlab".into());
    assert_eq!(process.handle(&unknown).await.batch_item_failures.len(), 1);
}

/// The sample as SQS hands it out for the time number `receives`.
fn received(mut batch: SqsEvent, receives: u32) -> SqsEvent {
    let attributes = &mut batch.records[0].attributes;
    attributes.insert("ApproximateReceiveCount".to_owned(), receives.to_string());
    batch
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_parked_at_its_fifth_receive() {
    let (_aws, process) = world().await;
    let unknown = sample(|envelope| envelope["profile"] = "gitlab".into());
    let mut garbage: SqsEvent = serde_json::from_str(COMPLETION).expect("a batch");
    garbage.records[0].body = Some("{ not ours".to_owned());
    for batch in [unknown, garbage] {
        for receives in 1..UNREADABLE_RECEIVES {
            let response = process.handle(&received(batch.clone(), receives)).await;
            assert_eq!(response.batch_item_failures.len(), 1, "receive {receives}");
        }
        // Twice, as when the process dies before SQS hears of it.
        for _ in 0..2 {
            let response = process.handle(&received(batch.clone(), UNREADABLE_RECEIVES)).await;
            assert!(response.batch_item_failures.is_empty());
        }
    }
    let letters = process.context.table.letters(None, 10, false).await.expect("read").items;
    assert_eq!(letters.len(), 2);
    // A version that knows the profile may follow; garbage stays what it is.
    assert_eq!(letters.iter().filter(|letter| letter.goes_back_by_itself()).count(), 1);
    let task = process.context.table.task(&TaskId::resend()).await.expect("read");
    assert!(task.is_some());
    for letter in letters {
        assert_eq!((letter.state, letter.attempts), (LetterState::Waiting, UNREADABLE_RECEIVES));
        assert!(matches!(letter.what, LetterSubject::Message { queue: LetterQueue::Inbox, .. }));
    }
}

#[tokio::test]
async fn a_request_that_aws_keeps_from_being_processed_is_hidden_longer_each_time() {
    let (aws, mut process) = world().await;
    let clients = aws.clients();
    process.context.table =
        Table::new(clients.dynamodb(), "nowhere".to_owned(), Duration::from_secs(86_400));
    let (sqs, url) = (clients.sqs(), aws.queue_url(&aws.names().inbox));
    let body = sample(|_| ()).records.remove(0).body.expect("a body");
    sqs.send_message().queue_url(&url).message_body(body).send().await.expect("sent");
    let mut waited = Vec::new();
    for receives in 1..=10 {
        let got = sqs.receive_message().queue_url(&url).send().await.expect("received");
        let message = got.messages.unwrap_or_default().remove(0);
        let mut record = SqsMessage::default();
        record.message_id = message.message_id;
        record.receipt_handle = message.receipt_handle;
        record.body = message.body;
        let mut batch = SqsEvent::default();
        batch.records = vec![record];
        let response = process.handle(&received(batch, receives)).await;
        assert_eq!(response.batch_item_failures.len(), 1);
        let mut seconds = 0;
        while aws.queue_depth(&aws.names().inbox).0 == 0 {
            aws.skip_queue_time(Duration::from_secs(5));
            seconds += 5;
        }
        waited.push(seconds);
    }
    assert_eq!(waited, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
}

#[tokio::test]
async fn the_same_again_is_counted_and_other_bytes_are_kept_as_a_conflict() {
    let (_aws, process) = world().await;
    process.handle(&sample(|_| ())).await;
    process.handle(&sample(|_| ())).await;
    let event =
        || async { process.context.table.event(&event_id()).await.expect("read").expect("there") };
    assert_eq!(event().await.duplicates, 0, "SQS delivered one arrival twice");
    process.handle(&sample(|envelope| envelope["arrival"] = "another".into())).await;
    assert_eq!((event().await.duplicates, event().await.conflicts), (1, 0));
    let other = |envelope: &mut serde_json::Value| {
        let text = envelope["body"]["text"].as_str().expect("text").replace("-7.2", "-1.0");
        envelope["body"]["text"] = text.into();
    };
    process.handle(&sample(other)).await;
    process.handle(&sample(other)).await;
    assert_eq!(event().await.conflicts, 1, "kept once");
    let kept = process.context.table.conflicts(&event_id()).await.expect("read");
    let [StoredConflict { body: StoredBody::Text(text), content_type, at }] = &kept[..] else {
        panic!("{kept:?}");
    };
    assert!(text.contains("-1.0"), "{text}");
    assert_eq!(*at, event().await.created_at, "the time of its own arrival");
    assert_eq!(*content_type, None, "the sample came without a recorded request");
    for number in 0..20 {
        let other = |envelope: &mut serde_json::Value| {
            let text = envelope["body"]["text"].as_str().expect("text");
            envelope["body"]["text"] = text.replace("-7.2", &format!("-2.{number}")).into();
        };
        process.handle(&sample(other)).await;
    }
    assert_eq!(event().await.conflicts, 21, "all are counted");
    let kept = process.context.table.conflicts(&event_id()).await.expect("read");
    assert_eq!(kept.len(), 16, "and the first are kept");
}

#[tokio::test]
async fn what_is_not_about_a_job_is_passed_on_as_it_is() {
    let (_aws, process) = world().await;
    for (key, body, kind) in [
        ("a", r#"{"action":"opened"}"#, "github.pull_request"),
        ("b", "not json at all", "github.pull_request"),
    ] {
        let batch = sample(|envelope| {
            envelope["source"] = "gh".into();
            envelope["source_id"] = tenure("gh").source.as_str().into();
            envelope["profile"] = "github".into();
            envelope["event_type"] = "pull_request".into();
            envelope["event"] = Source::event_id(&tenure("gh"), key).bare().into();
            envelope["body"]["text"] = body.into();
        });
        assert!(process.handle(&batch).await.batch_item_failures.is_empty());
        let event = process.context.table.event(&Source::event_id(&tenure("gh"), key)).await;
        assert_eq!(event.expect("read").expect("recorded").event_type, kind);
    }
}

/// The payload of the only event that came of a changed sample.
async fn payload_of(change: impl FnOnce(&mut serde_json::Value)) -> serde_json::Value {
    let (_aws, process) = world().await;
    let response = process.handle(&sample(change)).await;
    assert!(response.batch_item_failures.is_empty());
    let event = process.context.table.event(&event_id()).await.expect("read").expect("recorded");
    let payload = process.context.bucket.open(event.payload).await.expect("opens");
    serde_json::from_slice(&payload).expect("JSON")
}

#[tokio::test]
async fn a_result_with_nan_in_it_ends_its_job_and_is_passed_on_as_it_came() {
    let payload = payload_of(|envelope| {
        let body = r#"{"call_id":"fc-01HF8","status":"success","result":{"loss":NaN},"metadata":{"job_id":"job-42"}}"#;
        envelope["body"] = serde_json::json!({ "text": body });
    })
    .await;
    assert_eq!(payload["type"], "job.succeeded");
    assert_eq!(payload["data"]["result_text"], r#"{"loss":NaN}"#);
    assert!(payload["data"]["note"].as_str().expect("a note").contains("not JSON"));
}

#[tokio::test]
async fn a_form_is_passed_on_as_its_fields_under_the_senders_type() {
    let payload = payload_of(|envelope| {
        envelope["profile"] = "github".into();
        envelope["event_type"] = "repo:push".into();
        envelope["form"] = true.into();
        envelope["body"] =
            serde_json::json!({ "text": "payload=%7B%22action%22%3A%22opened%22%7D" });
    })
    .await;
    assert_eq!(payload["type"], "github.repo.push");
    assert_eq!(payload["original_type"], "repo:push");
    assert_eq!(payload["data"], serde_json::json!({ "action": "opened" }));
}

#[tokio::test]
async fn a_message_that_can_never_be_recorded_goes_back_alone() {
    let (_aws, process) = world().await;
    let long = "x".repeat(domain::id::MAX_EXTERNAL_ID + 1);
    let failed = process
        .handle(&sample(|envelope| {
            let body = format!(r#"{{"call_id":"{long}","status":"success"}}"#);
            envelope["body"] = serde_json::json!({ "text": body });
        }))
        .await;
    assert_eq!(failed.batch_item_failures.len(), 1);
}
