//! Events to applications with more endpoints than one transaction holds deliveries: every endpoint receives
//! each once, whatever happens between two pages, and in order where it asks for that.

mod growth;
mod lists;
mod room;

use std::{collections::BTreeMap, time::Duration};

use adapters::table::WriteOutcome;
use axum::http::Method;
use domain::{
    delivery::{Delivery, DeliveryState, MAX_HOPS},
    endpoint::{CircuitBreaker, Endpoint},
    envelope::Doorbell,
    fan_out::FanOutSizes,
    filter::ContentFilter,
    id::{EndpointId, EventId},
    lane::DeliveryOrdering,
    retry::Policy,
};
use serde_json::{Value, json};
use tests::{
    cloud::{Cloud, QueueFaults},
    faults::Faults,
    invariants::World,
    receiver::Receiver,
    sender::completion,
};

/// Pages of one endpoint, each by a message of its own.
pub(crate) const ONE_BY_ONE: FanOutSizes = FanOutSizes { together: 1, page: 1, pages: 1 };

/// A cloud whose application has so many endpoints, by id.
async fn with_endpoints(count: usize) -> (Cloud, Receiver, Vec<Endpoint>) {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    cloud.fan_out_sizes = ONE_BY_ONE;
    for number in 0..count {
        let policy = Policy::of(Some(10), Some(5), Some(vec![1])).expect("valid");
        cloud.endpoint(&receiver.url(&format!("/{number}")), policy).await;
    }
    let endpoints = World::read(&cloud).await.endpoints;
    (cloud, receiver, endpoints)
}

/// Publishes a message; its event's id.
async fn publish(cloud: &Cloud, payload: Value) -> EventId {
    let message = json!({ "eventType": "invoice.paid", "payload": payload });
    let (status, answer) = cloud.call(Method::POST, "/api/v1/app/acme/msg", Some(message)).await;
    assert!(status.is_success(), "{answer}");
    EventId::parse(answer["id"].as_str().expect("an id")).expect("an id")
}

/// Writes a change of an endpoint.
async fn change(cloud: &Cloud, endpoint: &Endpoint, change: impl FnOnce(&mut Endpoint)) {
    let old = cloud.sound_table().endpoint(&endpoint.application, &endpoint.id).await;
    let old = old.expect("read").expect("there");
    let mut new = old.clone();
    change(&mut new);
    let kept = cloud.sound_table().update_endpoint(&old, &new).await.expect("kept");
    assert_eq!(kept, WriteOutcome::Done);
}

/// Works on one message of the inbox.
async fn step(cloud: &Cloud) {
    assert!(cloud.step(&cloud.aws.names().inbox.clone()).await, "a message waits");
}

/// How many deliveries each endpoint has.
async fn counts(cloud: &Cloud) -> BTreeMap<EndpointId, usize> {
    let mut counts = BTreeMap::new();
    for delivery in World::read(cloud).await.deliveries {
        *counts.entry(delivery.endpoint).or_default() += 1;
    }
    counts
}

fn once<'e>(endpoints: impl IntoIterator<Item = &'e Endpoint>) -> BTreeMap<EndpointId, usize> {
    endpoints.into_iter().map(|endpoint| (endpoint.id.clone(), 1)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_endpoint_receives_each_event_once_though_every_message_comes_twice() {
    let (mut cloud, receiver, endpoints) = with_endpoints(7).await;
    cloud.queues = QueueFaults::of(3, 0.6, 0.4);
    let published = publish(&cloud, json!({})).await;
    let body = completion("c1", "success", "1");
    cloud.send(&body).await;
    assert!(cloud.settle(80).await);
    let world = World::read(&cloud).await;
    let violations = world.violations(&cloud.accepted, &receiver.received(), 100);
    assert!(violations.is_empty(), "{violations:#?}");
    assert_eq!(world.deliveries.len(), 2 * endpoints.len());
    // A bell that comes after the end changes nothing.
    let bell = Doorbell::FanOut { fan: published, hops: 0 }.print();
    cloud.inject(&cloud.aws.names().inbox.clone(), &bell).await;
    cloud.work().await;
    assert_eq!(World::read(&cloud).await.deliveries, world.deliveries);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_is_small_enough_has_no_fan_out() {
    let (mut cloud, _receiver, _) = with_endpoints(3).await;
    cloud.fan_out_sizes = FanOutSizes { together: 3, ..ONE_BY_ONE };
    let event = publish(&cloud, json!({})).await;
    let table = cloud.sound_table();
    assert_eq!(table.fan_out(&event).await.expect("read"), None);
    assert_eq!(World::read(&cloud).await.deliveries.len(), 3, "recorded with the event");
    cloud.fan_out_sizes = FanOutSizes { together: 2, ..ONE_BY_ONE };
    let event = publish(&cloud, json!({})).await;
    assert!(table.fan_out(&event).await.expect("read").is_some());
    assert_eq!(World::read(&cloud).await.deliveries.len(), 3, "nobody waits for them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_come_and_go_between_pages_move_no_other() {
    let (cloud, receiver, endpoints) = with_endpoints(6).await;
    publish(&cloud, json!({})).await;
    step(&cloud).await;
    step(&cloud).await;
    // Two are judged. One of those behind goes.
    let table = cloud.sound_table();
    let gone = table.delete_endpoint_telling(&endpoints[3], &[], cloud.clock.now()).await;
    assert_eq!(gone.expect("kept"), WriteOutcome::Done);
    // New ones, until some are before the place and some behind it: ids are random.
    let place = &endpoints[1].id;
    let mut new: Vec<Endpoint> = Vec::new();
    let behind_of = |new: &[Endpoint]| new.iter().filter(|it| *place < it.id).count();
    while new.len() < 10 || behind_of(&new) == 0 || behind_of(&new) == new.len() {
        let url = receiver.url(&format!("/new/{}", new.len()));
        new.push(cloud.endpoint(&url, Policy::default()).await);
    }
    assert!(cloud.settle(20).await);
    let stays = |endpoint: &&Endpoint| endpoint.id != endpoints[3].id;
    let behind = new.iter().filter(|endpoint| *place < endpoint.id);
    let expected = once(endpoints.iter().filter(stays).chain(behind));
    assert_eq!(counts(&cloud).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_is_judged_by_its_page() {
    let (cloud, _receiver, endpoints) = with_endpoints(5).await;
    let wanting = |customer: &str| {
        let text = json!({ "customer": customer }).to_string();
        ContentFilter::parse(&serde_json::from_str(&text).expect("a pattern"))
    };
    for endpoint in &endpoints[1..] {
        change(&cloud, endpoint, |it| it.filter = wanting("ann").ok()).await;
    }
    publish(&cloud, json!({ "customer": "bob" })).await;
    step(&cloud).await;
    step(&cloud).await;
    // Its page has not come, and the other's has.
    change(&cloud, &endpoints[3], |it| it.filter = wanting("bob").ok()).await;
    change(&cloud, &endpoints[1], |it| it.filter = wanting("bob").ok()).await;
    assert!(cloud.settle(20).await);
    assert_eq!(counts(&cloud).await, once([&endpoints[0], &endpoints[3]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_is_removed_between_pages_goes_no_further() {
    let (cloud, _receiver, endpoints) = with_endpoints(4).await;
    let event = publish(&cloud, json!({})).await;
    step(&cloud).await;
    let path = format!("/api/v1/app/acme/msg/{}/content", event.message());
    let (status, answer) = cloud.call(Method::DELETE, &path, None).await;
    assert!(status.is_success(), "{answer}");
    assert!(cloud.settle(20).await);
    let fan = cloud.sound_table().fan_out(&event).await.expect("read").expect("there");
    assert!(fan.has_ended);
    assert_eq!(counts(&cloud).await, once([&endpoints[0]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_is_deleted_between_pages_hears_no_more() {
    let (cloud, receiver, _) = with_endpoints(4).await;
    let (status, _) = cloud.call(Method::DELETE, "/v1/sources/modal", None).await;
    assert!(status.is_success());
    publish(&cloud, json!({})).await;
    step(&cloud).await;
    let (status, answer) = cloud.call(Method::DELETE, "/api/v1/app/acme", None).await;
    assert!(status.is_success(), "{answer}");
    assert!(cloud.settle(20).await);
    let world = World::read(&cloud).await;
    let states: Vec<_> = world.deliveries.iter().map(|it| it.state).collect();
    assert_eq!((states, world.endpoints.len()), (vec![DeliveryState::Cancelled], 0));
    assert!(receiver.received().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_goes_on_where_a_chain_of_bells_ends_or_a_bell_is_lost() {
    let (cloud, _receiver, endpoints) = with_endpoints(usize::from(MAX_HOPS) + 4).await;
    publish(&cloud, json!({})).await;
    cloud.work().await;
    // The first bell follows from none.
    assert_eq!(counts(&cloud).await.len(), usize::from(MAX_HOPS) + 1);
    cloud.pass(Duration::from_secs(1));
    cloud.sweep().await;
    step(&cloud).await;
    // The bell after that is purged.
    let inbox = cloud.aws.queue_url(&cloud.aws.names().inbox);
    cloud.sound.sqs().purge_queue().queue_url(inbox).send().await.expect("purged");
    cloud.work().await;
    assert_eq!(counts(&cloud).await.len(), usize::from(MAX_HOPS) + 2);
    assert!(cloud.settle(10).await);
    assert_eq!(counts(&cloud).await, once(&endpoints));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_per_key_holds_though_the_pages_of_many_events_are_mixed() {
    let (mut cloud, receiver, endpoints) = with_endpoints(5).await;
    let ordered = [&endpoints[1], &endpoints[3]];
    for endpoint in &endpoints {
        let breaker = CircuitBreaker { threshold: u16::MAX, recovery_seconds: 1 };
        change(&cloud, endpoint, |it| it.breaker = breaker).await;
    }
    for endpoint in ordered {
        let ordering = Some(DeliveryOrdering::Path("customer".to_owned()));
        change(&cloud, endpoint, |it| it.ordering = ordering).await;
    }
    receiver.fails(5, 0.2);
    cloud.queues = QueueFaults::of(9, 0.3, 0.3);
    for n in 0..12 {
        publish(&cloud, json!({ "customer": n % 2, "n": n })).await;
        if n % 4 == 0 {
            step(&cloud).await;
        }
    }
    assert!(cloud.settle(120).await);
    let world = World::read(&cloud).await;
    assert_eq!(world.deliveries.len(), 12 * endpoints.len());
    let mut heard: BTreeMap<(String, u64), Vec<u64>> = BTreeMap::new();
    for request in receiver.received().iter().filter(|request| request.answered == 200) {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let of = |name: &str| body[name].as_u64().expect("a number");
        let numbers = heard.entry((request.path.clone(), of("customer"))).or_default();
        if !numbers.contains(&of("n")) {
            numbers.push(of("n"));
        }
    }
    for endpoint in ordered {
        for customer in 0..2 {
            let path = endpoint.url.rsplit_once('/').map(|(_, name)| format!("/{name}"));
            let numbers = &heard[&(path.expect("a path"), customer)];
            assert!(numbers.len() == 6 && numbers.is_sorted(), "{numbers:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_begins_to_want_order_between_pages_is_not_left_out() {
    let (cloud, _receiver, endpoints) = with_endpoints(4).await;
    change(&cloud, &endpoints[0], |it| it.ordering = Some(DeliveryOrdering::Channel)).await;
    publish(&cloud, json!({})).await;
    step(&cloud).await;
    change(&cloud, &endpoints[0], |it| it.ordering = None).await;
    change(&cloud, &endpoints[3], |it| it.ordering = Some(DeliveryOrdering::Channel)).await;
    assert!(cloud.settle(20).await);
    assert_eq!(counts(&cloud).await, once(&endpoints));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operational_events_of_a_large_application_reach_who_names_them() {
    let (cloud, receiver, endpoints) = with_endpoints(4).await;
    let create = |number: u32| {
        let body = json!({ "url": receiver.url(&format!("/more/{number}")) });
        cloud.call(Method::POST, "/api/v1/app/acme/endpoint", Some(body))
    };
    assert!(create(0).await.0.is_success());
    assert!(World::read(&cloud).await.events.is_empty(), "nobody names them");
    for endpoint in &endpoints[1..3] {
        change(&cloud, endpoint, |it| it.event_types = vec!["endpoint.*".to_owned()]).await;
    }
    assert!(create(1).await.0.is_success());
    // Of a change to one that names them the other hears.
    let path = format!("/api/v1/app/acme/endpoint/{}", endpoints[1].id);
    let new = json!({ "description": "new" });
    assert!(cloud.call(Method::PATCH, &path, Some(new)).await.0.is_success());
    assert!(cloud.settle(20).await);
    let world = World::read(&cloud).await;
    let heard = |kind: &str| {
        let event = world.events.iter().find(|event| event.event_type == kind).expect("recorded");
        let to = |it: &&Delivery| it.event == event.id;
        world.deliveries.iter().filter(to).map(|it| it.endpoint.clone()).collect::<Vec<_>>()
    };
    let mut both = heard("endpoint.created");
    both.sort();
    assert_eq!(both, [endpoints[1].id.clone(), endpoints[2].id.clone()]);
    assert_eq!(heard("endpoint.updated"), [endpoints[2].id.clone()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_comes_again_goes_on_with_the_fan_out() {
    let (cloud, _receiver, endpoints) = with_endpoints(5).await;
    let message = json!({ "eventType": "invoice.paid", "payload": {} });
    let (path, once_only) = ("/api/v1/app/acme/msg", [("idempotency-key", "once")]);
    let (status, _) = cloud.call_with(Method::POST, path, &once_only, Some(message.clone())).await;
    assert!(status.is_success());
    let inbox = cloud.aws.queue_url(&cloud.aws.names().inbox);
    cloud.sound.sqs().purge_queue().queue_url(inbox).send().await.expect("purged");
    let (status, _) = cloud.call_with(Method::POST, path, &once_only, Some(message)).await;
    assert!(status.is_success());
    // The answer to the first may have been kept: then the sweep rings.
    assert!(cloud.settle(4).await);
    assert_eq!(counts(&cloud).await, once(&endpoints));
}
