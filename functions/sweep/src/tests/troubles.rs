//! Troubles are looked for in each round, beside what earlier rounds saw; and what is due is read at once
//! while it is little.

use domain::trouble::{Trouble, WatchedQueue};

use super::*;
use crate::Watched;

/// A sweep that watches its queues. The last of them does not exist.
async fn watching() -> (LocalAws, Sweep) {
    let (aws, mut sweep) = world().await;
    let names = aws.names();
    let queue = |name: &str| Queue::new(aws.clients().sqs(), aws.queue_url(name));
    sweep.watched = Some(Watched(vec![
        (WatchedQueue::Inbox, queue(&names.inbox)),
        (WatchedQueue::DeadLetters, queue(&names.dead_letters)),
        (WatchedQueue::LiveDeadLetters, nowhere(&aws)),
    ]));
    (aws, sweep)
}

/// Lets rounds pass, one each minute. Returns the troubles that the last one found.
async fn rounds(sweep: &Sweep, minutes: u32) -> Vec<Trouble> {
    for _ in 0..minutes {
        sweep.context().clock.advance(Duration::from_secs(60));
        sweep.run_alone().await.expect("swept");
    }
    troubles(sweep).await
}

async fn troubles(sweep: &Sweep) -> Vec<Trouble> {
    let watch = sweep.context().table.sweep_watch().await.expect("read");
    watch.troubles.into_keys().collect()
}

async fn send(aws: &LocalAws, queue: &str) {
    let sent = aws.clients().sqs().send_message().queue_url(aws.queue_url(queue));
    sent.message_body("stuck").send().await.expect("sent");
}

#[tokio::test]
async fn a_queue_that_nobody_reads_is_found_and_what_cannot_be_asked_holds_nothing_up() {
    let (aws, sweep) = watching().await;
    assert_eq!(rounds(&sweep, 3).await, []);
    send(&aws, &aws.names().inbox).await;
    assert_eq!(rounds(&sweep, 30).await, []);
    assert_eq!(rounds(&sweep, 6).await, [Trouble::InboxStuck]);
    assert_eq!(on(&aws, &aws.names().inbox).await, ["stuck"]);
    assert_eq!(rounds(&sweep, 5).await, [Trouble::InboxStuck], "a message in flight is held too");
}

#[tokio::test]
async fn a_round_without_watched_queues_keeps_what_an_earlier_one_remembers() {
    let (aws, mut sweep) = watching().await;
    send(&aws, &aws.names().inbox).await;
    assert_eq!(rounds(&sweep, 40).await, [Trouble::InboxStuck]);
    sweep.watched = None;
    assert_eq!(rounds(&sweep, 1).await, [Trouble::InboxStuck]);
}

#[tokio::test]
async fn many_entries_are_swept_shard_by_shard_and_few_at_once() {
    let (_aws, sweep) = world().await;
    let context = sweep.context();
    let (table, now) = (&context.table, context.clock.now());
    let create = async |number: u32, at| {
        let task = Task::recover(&EndpointId::derive(&[&number.to_string()]), now);
        table.create_task(&task, at).await.expect("kept").either_way();
    };
    let at_once = async || table.due_at_once(now).await.expect("read").map(|due| due.len());
    let later = now.plus(Duration::from_secs(7200));
    for number in 0..99 {
        create(number, if number < 7 { now } else { later }).await;
    }
    assert_eq!(at_once().await, Some(7));
    let due = table.due_at_once(now).await.expect("read").expect("few");
    assert!(due.is_sorted_by_key(DueItem::at), "the longest overdue first");
    for number in 99..140 {
        create(number, now).await;
    }
    assert_eq!(at_once().await, None);
    assert_eq!(sweep.run().await.expect("swept").rung, 48);
}
