//! Redriving while others change the same letter or task.

use std::time::Duration;

use adapters::{inbox::Inbox, queue::Queue, table::WriteOutcome};
use aws_lambda_events::sqs::SqsMessage;
use domain::{
    delivery::AttemptRound,
    letter::{LetterQueue, LetterState},
    task::Task,
};

use super::{START, World};

const LATER: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_message_that_dies_again_is_known_as_retried_whatever_was_read_before() {
    let world = World::start().await;
    let context = &world.calls.context;
    let mut message = SqsMessage::default();
    message.body = Some("{ not ours".to_owned());
    context.park_message(LetterQueue::Inbox, &message).await.expect("parked");
    let read =
        || async { context.table.letters(None, 9, true).await.expect("read").items.remove(0) };
    let as_read = read().await;
    // A second worker of the same message parks it as well.
    context.clock.advance(LATER);
    context.park_message(LetterQueue::Inbox, &message).await.expect("parked");
    let inbox =
        Inbox(Queue::new(world.aws.clients().sqs(), world.aws.queue_url(&world.aws.names().inbox)));
    let redriven = context.redrive(&inbox, &as_read, AttemptRound::Policy, START).await;
    assert_eq!(redriven.expect("sent"), WriteOutcome::Done);
    let letter = read().await;
    let story = (letter.state, letter.retry_success, letter.retried_at);
    assert_eq!(story, (LetterState::Resolved, Some(true), Some(context.clock.now())));
    context.park_message(LetterQueue::Inbox, &message).await.expect("parked");
    let letter = read().await;
    let story = (letter.state, letter.retry_success, letter.retried_at);
    assert_eq!(story, (LetterState::Waiting, Some(false), Some(context.clock.now())));
    // Whoever read it before it was put back writes nothing.
    let late = context.table.park(&as_read, Some(as_read.state)).await.expect("judged");
    assert_eq!(late, WriteOutcome::Refused);
    assert_eq!(read().await, letter);
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
    assert!(noted.is_answering(), "{noted:?}");
}
