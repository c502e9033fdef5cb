//! The cost of live updates, in calls of AWS: next to none while nobody watches, and bounded when
//! somebody does.

use std::{collections::BTreeMap, time::Duration};

use dispatch::context::Context;
use domain::{
    event::Event,
    id::{ApplicationId, EventId},
};
use tests::{cloud::Cloud, faults::Faults, shown};

const STEP: Duration = Duration::from_millis(50);
const SECONDS: u64 = 20;

/// The calls of one instance to which something happens every 50 ms, by operation.
async fn calls(cloud: &Cloud, faults: &Faults, context: &Context) -> BTreeMap<String, usize> {
    let before = faults.calls().len();
    let application = ApplicationId::named("acme");
    for number in 0..SECONDS * 20 {
        let id = EventId::derive(&[&number.to_string()]);
        let event = Event::by_relay(id, application.clone(), "a.b", b"{}", cloud.clock.now());
        context.note_event(&event, None);
        context.tell_watchers().await;
        cloud.clock.advance(STEP);
    }
    let mut calls = BTreeMap::new();
    for call in &faults.calls()[before..] {
        *calls.entry(call.operation.clone()).or_default() += 1;
    }
    calls
}

#[tokio::test]
async fn while_nobody_watches_an_instance_reads_once_in_two_seconds_and_sends_nothing() {
    let faults = Faults::default();
    let mut cloud = Cloud::start(faults.clone()).await;
    let silent = cloud.calls().context;
    assert_eq!(calls(&cloud, &faults, &silent).await, BTreeMap::new(), "without live updates");
    cloud.let_watch().await;
    let context = cloud.calls().context;
    let made = calls(&cloud, &faults, &context).await;
    let reads = usize::try_from(SECONDS / 2).expect("few");
    assert_eq!(made, [("Query".to_owned(), reads)].into(), "and nothing else");
    shown!("nobody watches: {reads} reads in {SECONDS} s of {} events", SECONDS * 20);
}

#[tokio::test]
async fn an_instance_sends_at_most_five_messages_a_second_and_topic() {
    let faults = Faults::default();
    let mut cloud = Cloud::start(faults.clone()).await;
    cloud.let_watch().await;
    let acme = ApplicationId::named("acme");
    cloud.sound_table().watch(&acme, cloud.clock.now()).await.expect("kept");
    let context = cloud.calls().context;
    let made = calls(&cloud, &faults, &context).await;
    let sent = made.get("SendMessage").copied().unwrap_or_default();
    let most = usize::try_from(SECONDS * 5).expect("few");
    assert!((most * 9 / 10..=most).contains(&sent), "{made:?}");
    assert!(made["Query"] <= most / 10, "{made:?}");
    shown!("one page open: {sent} messages in {SECONDS} s for {} events", SECONDS * 20);
}
