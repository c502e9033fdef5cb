//! Messages to watchers, and their cost when nobody watches.

use adapters::queue::Queue;
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use domain::live::news::LiveMessage;

use super::*;

/// The queue of live updates.
struct LiveSide {
    sqs: Client,
    url: String,
}

/// A world, the context that tells, and whom it tells.
async fn telling() -> (World, Context, LiveSide) {
    let world = World::start().await;
    let sqs = world.aws.clients().sqs();
    let fifo = sqs.create_queue().queue_name("live.fifo");
    let fifo = fifo.attributes(QueueAttributeName::FifoQueue, "true").send().await;
    let url = fifo.expect("made").queue_url.expect("its URL");
    let context =
        world.calls.context.clone().telling_watchers_by(Queue::new(sqs.clone(), url.clone()));
    (world, context, LiveSide { sqs, url })
}

impl LiveSide {
    /// What was told since the last time, by topic.
    async fn told(&self) -> Vec<(String, usize)> {
        let mut told = Vec::new();
        loop {
            let receive = self.sqs.receive_message().queue_url(&self.url);
            let received = receive.max_number_of_messages(10).send().await.expect("received");
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                told.sort();
                return told;
            }
            for message in messages {
                let text = message.body.expect("a body");
                let LiveMessage::Bulletin(bulletin) = LiveMessage::parse(&text).expect("ours")
                else {
                    panic!("{text}")
                };
                told.push((bulletin.topic.to_string(), bulletin.news.len()));
                let delete = self.sqs.delete_message().queue_url(&self.url);
                let receipt = message.receipt_handle.expect("a receipt");
                delete.receipt_handle(receipt).send().await.expect("deleted");
            }
        }
    }
}

fn happens(context: &Context, application: &ApplicationId, name: &str) {
    let id = EventId::derive(&[name]);
    context.note_event(&Event::by_relay(id, application.clone(), "a.b", b"{}", START), None);
}

#[tokio::test]
async fn only_those_who_watch_are_told_in_one_message_per_topic() {
    let (_world, context, live) = telling().await;
    let (acme, other) = (ApplicationId::named("acme"), ApplicationId::named("other"));
    context.table.watch(&acme, START).await.expect("kept");
    for name in ["one", "two", "three"] {
        happens(&context, &acme, name);
        happens(&context, &other, name);
    }
    context.tell_watchers().await;
    assert_eq!(live.told().await, [(format!("events:{acme}"), 3)]);
    context.tell_watchers().await;
    assert_eq!(live.told().await, [], "each once");
}

#[tokio::test]
async fn who_begins_to_watch_is_told_within_two_seconds_and_no_more_after_ten_minutes() {
    let (_world, context, live) = telling().await;
    let acme = ApplicationId::named("acme");
    happens(&context, &acme, "unseen");
    context.tell_watchers().await;
    context.table.watch(&acme, START).await.expect("kept");
    happens(&context, &acme, "too early");
    context.tell_watchers().await;
    assert_eq!(live.told().await, []);
    context.clock.advance(Duration::from_secs(2));
    happens(&context, &acme, "seen");
    context.tell_watchers().await;
    assert_eq!(live.told().await, [(format!("events:{acme}"), 1)]);
    context.clock.advance(Duration::from_secs(600));
    happens(&context, &acme, "later");
    context.tell_watchers().await;
    assert_eq!(live.told().await, []);
}

#[tokio::test]
async fn a_queue_that_cannot_be_reached_fails_nobody() {
    let (world, _, live) = telling().await;
    let nowhere = format!("{}x", live.url);
    let context =
        world.calls.context.clone().telling_watchers_by(Queue::new(live.sqs.clone(), nowhere));
    let acme = ApplicationId::named("acme");
    context.table.watch(&acme, START).await.expect("kept");
    happens(&context, &acme, "one");
    context.tell_watchers().await;
    assert_eq!(live.told().await, []);
}

#[tokio::test]
async fn an_announcement_is_told_and_a_context_without_a_queue_tells_nothing() {
    let (mut world, context, live) = telling().await;
    let endpoint = world.endpoint(|_| ()).await;
    context.table.watch(&endpoint.application, START).await.expect("kept");
    world.announce("silent", b"{}", &endpoint).await;
    world.calls.context.tell_watchers().await;
    assert_eq!(live.told().await, []);
    world.calls.context = context;
    world.announce("told", b"{}", &endpoint).await;
    world.calls.context.tell_watchers().await;
    assert_eq!(live.told().await, [(format!("events:{}", endpoint.application), 1)]);
}
