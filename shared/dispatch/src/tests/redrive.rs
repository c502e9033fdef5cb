//! Redriving while others change the same letter or task.

use std::time::Duration;

use adapters::{
    inbox::Inbox,
    queue::Queue,
    table::{RedriveOutcome, WriteOutcome},
};
use aws_lambda_events::sqs::SqsMessage;
use domain::{
    delivery::AttemptRound,
    letter::{Letter, LetterQueue, LetterState},
    task::{Task, TaskKind},
};

use super::{START, World};

const LATER: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_message_that_dies_again_before_its_letter_is_written_is_known_as_retried() {
    let world = World::start().await;
    let context = &world.calls.context;
    let mut message = SqsMessage::default();
    message.body = Some("{ not ours".to_owned());
    context.park_message(LetterQueue::Inbox, &message).await.expect("parked");
    let read = || async { context.table.letters(None, 9, true).await.expect("read").items };
    let [as_read]: [_; 1] = read().await.try_into().expect("one letter");
    // Somebody puts it back, and a worker parks it again before their letter is written.
    context.clock.advance(LATER);
    context.park_message(LetterQueue::Inbox, &message).await.expect("parked");
    let inbox =
        Inbox(Queue::new(world.aws.clients().sqs(), world.aws.queue_url(&world.aws.names().inbox)));
    let redriven = context.redrive(&inbox, &as_read, AttemptRound::Policy, START).await;
    assert_eq!(redriven.expect("sent"), RedriveOutcome::Done);
    let [letter]: [_; 1] = read().await.try_into().expect("one letter");
    let story = (letter.state, letter.retry_success, letter.retried_at);
    assert_eq!(story, (LetterState::Waiting, Some(false), Some(context.clock.now())));
}

#[tokio::test]
async fn a_letter_is_written_over_no_version_but_the_one_that_was_read() {
    let world = World::start().await;
    let table = &world.calls.context.table;
    let mut message = SqsMessage::default();
    message.body = Some("{ not ours".to_owned());
    world.calls.context.park_message(LetterQueue::Inbox, &message).await.expect("parked");
    let read = || async { table.letters(None, 9, true).await.expect("read").items.remove(0) };
    // Two workers and an operator read the same; what each writes leaves state and time as they are.
    let as_read = read().await;
    let retried = Letter { retried_at: Some(START), ..as_read.clone() };
    assert_eq!(table.update_letter(&retried, START).await.expect("written"), WriteOutcome::Done);
    assert_eq!(table.park(&as_read).await.expect("judged"), WriteOutcome::Refused);
    assert_eq!(table.update_letter(&as_read, START).await.expect("judged"), WriteOutcome::Refused);
    assert_eq!(read().await, Letter { version: as_read.version + 1, ..retried });
}

#[tokio::test]
async fn that_an_endpoint_answers_is_noted_though_its_task_was_changed_meanwhile() {
    let world = World::start().await;
    let (context, endpoint) = (&world.calls.context, world.endpoint(|_| ()).await);
    let task = Task::recover(&endpoint.id, START);
    context.table.create_task(&task, START).await.expect("created").either_way();
    let as_read = context.table.task(&task.id).await.expect("read").expect("there");
    // A letter is parked for the endpoint.
    context.table.touch_task(&task.id, START.plus(LATER)).await.expect("touched").either_way();
    context.note_answering(&as_read).await.expect("noted");
    let noted = context.table.task(&task.id).await.expect("read").expect("there");
    assert!(matches!(noted.kind, TaskKind::Recover { answering: true, .. }), "{noted:?}");
}
