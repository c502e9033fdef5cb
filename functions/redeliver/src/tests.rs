//! Dead-letter queues, fed by the sample events. Putting letters back is tested with the whole
//! bundle in `tests/`.

use std::time::Duration;

use adapters::{
    bucket::Bucket,
    clock::Clock,
    queue,
    table::{Table, WriteOutcome},
};
use domain::{
    delivery::AttemptRound,
    envelope::{Envelope, StoredBody, Trust},
    id::{ApplicationId, EventId, SourceId, TaskId},
    letter::{LetterState, LetterSubject},
    source::SourceOptions,
    time::Timestamp,
};
use local::LocalAws;

use super::*;

mod gates;
mod tasks;

const POISONED: &str = include_str!("../../../events/redeliver/inbox-poisoned.json");
const SPENT: &str = include_str!("../../../events/redeliver/outbox-spent.json");
const TASK: &str = include_str!("../../../events/redeliver/task-due.json");

async fn world() -> (LocalAws, Redeliver) {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let (clients, names) = (aws.clients(), aws.names());
    let queue = |name: &str| queue::Queue::new(clients.sqs(), aws.queue_url(name));
    let context = Context::new(
        Table::new(clients.dynamodb(), names.table.clone(), Duration::from_secs(86_400)),
        Bucket::new(clients.s3(), names.bucket.clone()),
        queue(&names.outbox),
        Clock::manual(Timestamp::from_secs(1_700_000_100)),
    );
    let inbox = Inbox(queue(&names.inbox));
    let dead_letters = DeadLetters(queue(&names.dead_letters));
    let inbox_name = names.inbox.clone();
    (aws, Redeliver { context, inbox, dead_letters, inbox_name })
}

fn batch(sample: &str) -> SqsEvent {
    serde_json::from_str(sample).expect("a batch")
}

#[tokio::test]
async fn a_poisoned_message_is_parked_once_with_its_bytes() {
    let (_aws, redeliver) = world().await;
    for _ in 0..2 {
        assert!(redeliver.handle(&batch(POISONED)).await.batch_item_failures.is_empty());
    }
    let letters = redeliver.context.table.letters(None, 10, false).await.expect("read").items;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.number, letter.attempts, letter.state), (1, 6, LetterState::Waiting));
    assert!(letter.error.contains("not what this queue carries"), "{}", letter.error);
    let body = StoredBody::Text("not what the inbox carries".to_owned());
    assert_eq!(
        letter.what,
        LetterSubject::Message { queue: LetterQueue::Inbox, body, readable: false }
    );
}

#[tokio::test]
async fn a_poisoned_message_died_on_the_queue_that_sqs_names() {
    for (inbox, died_on) in [
        (Some("relay-inbox"), LetterQueue::Inbox),
        (Some("renamed"), LetterQueue::Outbox),
        (None, LetterQueue::Outbox),
    ] {
        let (_aws, redeliver) = world().await;
        let mut poisoned = batch(POISONED);
        let attributes = &mut poisoned.records[0].attributes;
        let arn = |name| format!("arn:aws:sqs:eu-central-1:123456789012:{name}");
        match inbox.map(arn) {
            Some(arn) => _ = attributes.insert(DIED_ON.to_owned(), arn),
            None => _ = attributes.remove(DIED_ON),
        }
        assert!(redeliver.handle(&poisoned).await.batch_item_failures.is_empty());
        let letters = redeliver.context.table.letters(None, 10, false).await.expect("read").items;
        let LetterSubject::Message { queue, .. } = &letters[0].what else { panic!("{letters:?}") };
        assert_eq!(*queue, died_on, "{inbox:?}");
    }
}

#[tokio::test]
async fn bells_for_what_is_gone_are_done_and_garbage_is_parked() {
    let (_aws, redeliver) = world().await;
    assert!(redeliver.handle(&batch(SPENT)).await.batch_item_failures.is_empty());
    assert!(redeliver.handle(&batch(TASK)).await.batch_item_failures.is_empty());
    assert_eq!(redeliver.context.table.count_letters(None, 10).await.expect("read"), Some(0));
    let mut garbage = batch(SPENT);
    garbage.records[0].body = Some("{".repeat(70_000));
    assert!(redeliver.handle(&garbage).await.batch_item_failures.is_empty());
    let letters = redeliver.context.table.letters(None, 10, false).await.expect("read").items;
    let LetterSubject::Message { queue: LetterQueue::Outbox, body, .. } = letters[0].what.clone()
    else {
        panic!("{letters:?}")
    };
    assert!(matches!(body, StoredBody::Claim(_)), "a large one lies in the bucket");
    let kept = redeliver.context.bucket.open(body).await.expect("opens");
    assert_eq!(kept, "{".repeat(70_000).into_bytes());
}

#[tokio::test]
async fn a_message_that_can_never_be_recorded_says_so_and_is_not_put_back() {
    let (_aws, redeliver) = world().await;
    let body = format!(r#"{{"call_id":"{}","status":"success"}}"#, "x".repeat(3000));
    let envelope = Envelope {
        source_id: SourceId::derive(&["modal"]),
        source: "modal".to_owned(),
        profile: "modal-omtx".to_owned(),
        options: SourceOptions::default(),
        application: ApplicationId::named("acme"),
        proof: None,
        key: "job:x:succeeded".to_owned(),
        event: EventId::derive(&["e"]),
        arrival: "a".to_owned(),
        received_at: Timestamp::from_secs(1_700_000_000),
        event_type: None,
        form: false,
        trust: Trust::Signed,
        request: None,
        encoded: None,
        body: StoredBody::Text(body),
    };
    let mut died = batch(POISONED);
    died.records[0].body = Some(envelope.print());
    assert!(redeliver.handle(&died).await.batch_item_failures.is_empty());
    let letter =
        redeliver.context.table.letters(None, 10, false).await.expect("read").items.remove(0);
    let why = "it can never be recorded: the job id is longer than 2048 bytes";
    assert_eq!(letter.error, why);
    let told = redeliver.context.unrecordable(&letter).await.expect("read");
    assert_eq!(told.as_deref(), Some(why));
    let now = Timestamp::from_secs(1_700_000_200);
    let round = AttemptRound::Policy;
    let outcome = redeliver.context.redrive(&redeliver.inbox, &letter, round, now).await;
    assert_eq!(outcome.expect("asked"), WriteOutcome::Refused);
}

#[tokio::test]
async fn a_message_that_could_be_read_goes_back_by_itself_until_none_is_parked() {
    let (aws, redeliver) = world().await;
    let (table, id) = (&redeliver.context.table, TaskId::resend());
    let mut readable = batch(POISONED);
    readable.records[0].body = Some(request());
    assert!(redeliver.handle(&readable).await.batch_item_failures.is_empty());
    assert!(redeliver.handle(&batch(POISONED)).await.batch_item_failures.is_empty());
    let step = async || {
        redeliver.task(&id, 0).await.expect("a step");
        aws.queue_depth(&aws.names().inbox).1
    };
    assert_eq!(step().await, 1, "the one that could be read");
    let states = async || {
        let letters = table.letters(None, 10, false).await.expect("read").items;
        let mut states: Vec<_> =
            letters.iter().map(|it| (it.goes_back_by_itself(), it.state)).collect();
        states.sort_by_key(|(goes_back, _)| *goes_back);
        states
    };
    assert_eq!(
        states().await,
        [(false, LetterState::Waiting), (true, LetterState::Resolved)],
        "garbage waits for somebody"
    );
    // It dies again, in the letter that it has, and goes back again.
    assert!(redeliver.handle(&readable).await.batch_item_failures.is_empty());
    assert_eq!(states().await[1], (true, LetterState::Waiting));
    assert_eq!(step().await, 2);
    // Nothing is left to put back, so the task ends once the list of letters has settled.
    assert_eq!(step().await, 2);
    assert!(table.task(&id).await.expect("read").is_some());
    redeliver.context.clock.advance(Duration::from_secs(120));
    assert_eq!(step().await, 2);
    assert_eq!(table.task(&id).await.expect("read"), None);
}

/// A request that was accepted.
fn request() -> String {
    let sample = include_str!("../../../events/process/modal-omtx-completion.json");
    batch(sample).records.remove(0).body.expect("a body")
}
