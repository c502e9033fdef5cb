//! Doorbells, fed by the sample events. Nobody listens at the endpoints: what an attempt does is tested
//! in `dispatch`, and with a receiver in `tests/`.

use std::{slice::from_ref, time::Duration};

use adapters::{
    bucket::Bucket,
    caller::Caller,
    clock::Clock,
    queue::Queue,
    table::{ClaimOutcome, RecordOutcome, Table, WriteOutcome},
    vault::Vault,
};
use dispatch::{announce::Announcement, context::Context};
use domain::{
    address::{Network, Rule},
    delivery::{Delivery, DeliveryState, MAX_HOPS},
    endpoint::{Endpoint, EndpointSecret},
    envelope::StoredBody,
    event::Event,
    id::{ApplicationId, BatchId, EndpointId, EventId, TaskId},
    secret::{Secret, SecretKind},
    time::Timestamp,
};
use local::LocalAws;

use super::*;

const DOORBELL: &str = include_str!("../../../events/deliver/outbox-doorbell.json");
/// The time of the tests.
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

async fn world() -> (LocalAws, Deliver) {
    let options = local::Options { queue_clock_stands_still: true, ..Default::default() };
    let aws = LocalAws::start(options).await.expect("starts");
    let (clients, names) = (aws.clients(), aws.names());
    let queue = |name: &str| Queue::new(clients.sqs(), aws.queue_url(name));
    let context = Context::new(
        Table::new(clients.dynamodb(), names.table.clone(), Duration::from_secs(86_400)),
        Bucket::new(clients.s3(), names.bucket.clone()),
        queue(&names.outbox),
        Clock::manual(NOW),
    );
    let vault = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdef"));
    let allowed = Network::parse_list("127.0.0.0/8").expect("a network");
    let caller = Caller::new(Rule { allowed, ..Rule::default() });
    let calls = CallContext::new(context, queue(&names.dead_letters), vault, caller);
    (aws, Deliver { calls })
}

impl Deliver {
    const fn table(&self) -> &Table {
        &self.calls.context.table
    }

    /// An endpoint of `acme` that nobody listens at.
    async fn endpoint(&self, change: impl FnOnce(&mut Endpoint)) -> Endpoint {
        let id = EndpointId::derive(&["endpoint"]);
        let sealed = self.calls.vault.seal(&Endpoint::owner(&id), &Secret::symmetric(&[7; 32]));
        let mut endpoint =
            Endpoint::new(id, ApplicationId::named("acme"), "http://127.0.0.1:9/", NOW);
        endpoint.secrets = vec![EndpointSecret::new(sealed, SecretKind::Hmac)];
        change(&mut endpoint);
        let created = self.table().create_endpoint(&endpoint).await.expect("kept");
        assert_eq!(created, WriteOutcome::Done);
        endpoint
    }

    /// The delivery of a new event to the endpoint.
    async fn announce(
        &self,
        name: &str,
        endpoint: &Endpoint,
        change: impl FnOnce(&mut Event),
    ) -> Delivery {
        let (id, payload) = (EventId::derive(&[name]), b"{}");
        let mut event = Event::by_relay(id, endpoint.application.clone(), "a.b", payload, NOW);
        change(&mut event);
        let endpoints = from_ref(endpoint);
        let announcement = Announcement {
            event: &event,
            payload,
            job: None,
            marker: None,
            request: None,
            endpoints,
        };
        let recorded = self.calls.context.announce(&announcement).await.expect("recorded");
        assert_eq!(recorded, RecordOutcome::New);
        self.table().deliveries_of(&event.id).await.expect("read").remove(0)
    }

    /// The delivery as it is now.
    async fn now(&self, delivery: &Delivery) -> Delivery {
        let read = self.table().delivery(&delivery.event, &delivery.id).await.expect("read");
        read.expect("there")
    }

    /// Handles the bodies as one batch; the places of those that go back.
    async fn failures(&self, bodies: &[String]) -> Vec<usize> {
        let mut batch: SqsEvent = serde_json::from_str(DOORBELL).expect("a batch");
        let sample = batch.records.remove(0);
        batch.records.extend(bodies.iter().enumerate().map(|(place, body)| {
            let mut record = sample.clone();
            record.message_id = Some(place.to_string());
            record.body = Some(body.clone());
            record
        }));
        let failures = self.handle(&batch).await.batch_item_failures;
        failures.iter().map(|failure| failure.item_identifier.parse().expect("a place")).collect()
    }
}

fn bell(delivery: &Delivery, hops: u8) -> String {
    let (event, delivery) = (delivery.event.clone(), delivery.id.clone());
    Doorbell::Delivery { event, delivery, hops }.print()
}

#[tokio::test]
async fn a_bell_for_a_delivery_that_is_gone_is_done() {
    let (_aws, deliver) = world().await;
    let batch: SqsEvent = serde_json::from_str(DOORBELL).expect("a batch");
    assert!(deliver.handle(&batch).await.batch_item_failures.is_empty());
}

#[tokio::test]
async fn what_is_no_doorbell_goes_back_alone() {
    let (_aws, deliver) = world().await;
    let delivery = deliver.announce("e", &deliver.endpoint(|_| ()).await, |_| ()).await;
    let malformed = ["garbage", "", "{}", r#"{"event":"a"}"#].map(str::to_owned);
    let bodies = [vec![bell(&delivery, 0)], malformed.to_vec(), vec![bell(&delivery, 0)]].concat();
    assert_eq!(deliver.failures(&bodies).await, [1, 2, 3, 4]);
    assert_eq!(deliver.now(&delivery).await.made, 1, "the others were worked on");
    let mut bodiless: SqsEvent = serde_json::from_str(DOORBELL).expect("a batch");
    bodiless.records[0].body = None;
    assert_eq!(deliver.handle(&bodiless).await.batch_item_failures.len(), 1);
}

#[tokio::test]
async fn a_bell_for_anything_but_a_delivery_is_misplaced() {
    let (_aws, deliver) = world().await;
    let bells = [
        Doorbell::Task { task: TaskId::derive(&["t"]), hops: 0 },
        Doorbell::Gate { gate: EndpointId::derive(&["e"]), hops: 0 },
        Doorbell::FanOut { fan: EventId::derive(&["e"]), hops: 0 },
        Doorbell::Batch { batch: BatchId::derive(&["b"]) },
        Doorbell::Content { content: EventId::derive(&["e"]) },
    ];
    for bell in bells {
        let mut message = SqsMessage::default();
        message.body = Some(bell.print());
        let done = deliver.message(&message).await;
        assert!(matches!(done, Err(Unfinished::Misplaced)), "{bell:?}: {done:?}");
    }
}

#[tokio::test]
async fn while_the_table_does_not_answer_every_bell_goes_back() {
    let (aws, mut deliver) = world().await;
    let endpoint = deliver.endpoint(|_| ()).await;
    let one = deliver.announce("one", &endpoint, |_| ()).await;
    let two = deliver.announce("two", &endpoint, |_| ()).await;
    let table = deliver.table().clone();
    let nowhere = Table::new(aws.clients().dynamodb(), "nowhere".to_owned(), Duration::ZERO);
    deliver.calls.context.table = nowhere;
    let bodies = [bell(&one, 0), bell(&two, 0)];
    assert_eq!(deliver.failures(&bodies).await, [0, 1]);
    deliver.calls.context.table = table;
    assert_eq!(deliver.failures(&bodies).await, [0; 0], "they come again");
    assert_eq!([deliver.now(&one).await.made, deliver.now(&two).await.made], [1, 1]);
}

#[tokio::test]
async fn a_body_that_the_bucket_does_not_give_sends_back_its_own_bell_alone() {
    let (_aws, deliver) = world().await;
    let endpoint = deliver.endpoint(|_| ()).await;
    let lost = |event: &mut Event| event.payload = StoredBody::Claim("events/lost".to_owned());
    let (one, lost, two) = (
        deliver.announce("one", &endpoint, |_| ()).await,
        deliver.announce("lost", &endpoint, lost).await,
        deliver.announce("two", &endpoint, |_| ()).await,
    );
    let bodies = [&one, &lost, &two].map(|delivery| bell(delivery, 0));
    assert_eq!(deliver.failures(&bodies).await, [1]);
    assert_eq!([deliver.now(&one).await.made, deliver.now(&two).await.made], [1, 1]);
    let lost = deliver.now(&lost).await;
    assert_eq!((lost.state, lost.made), (DeliveryState::Pending, 0), "no attempt is spent");
}

#[tokio::test]
async fn several_bells_in_one_batch_are_one_attempt() {
    let (_aws, deliver) = world().await;
    let delivery = deliver.announce("e", &deliver.endpoint(|_| ()).await, |_| ()).await;
    assert!(deliver.failures(&vec![bell(&delivery, 0); 5]).await.is_empty());
    assert_eq!(deliver.now(&delivery).await.made, 1);
}

#[tokio::test]
async fn a_delivery_that_another_worker_holds_is_left_to_it() {
    let (_aws, deliver) = world().await;
    let endpoint = deliver.endpoint(|_| ()).await;
    let delivery = deliver.announce("e", &endpoint, |_| ()).await;
    let claim = async |token| {
        let now = deliver.calls.context.clock.now();
        deliver.table().claim(&delivery.event, &delivery.id, token, now).await.expect("answered")
    };
    assert!(matches!(claim("another").await, ClaimOutcome::Taken(_)));
    assert!(deliver.failures(&[bell(&delivery, 0)]).await.is_empty());
    assert_eq!(deliver.now(&delivery).await.made, 0);
    // The other worker died: after its lease the next bell finds the delivery free.
    deliver.calls.context.clock.advance(Delivery::lease(&endpoint.policy));
    assert!(deliver.failures(&[bell(&delivery, 0)]).await.is_empty());
    assert_eq!(deliver.now(&delivery).await.made, 1);
}

#[tokio::test]
async fn a_bell_a_moment_early_is_waited_for_and_an_earlier_one_dropped() {
    let (_aws, deliver) = world().await;
    let endpoint = deliver.endpoint(|_| ()).await;
    let later = |wait: u64| NOW.plus(Duration::from_millis(wait));
    let at = |wait| move |event: &mut Event| event.asked.deliver_at = Some(later(wait));
    let soon = deliver.announce("soon", &endpoint, at(20)).await;
    let far = deliver.announce("far", &endpoint, at(2_001)).await;
    assert!(deliver.failures(&[bell(&far, 0), bell(&soon, 0)]).await.is_empty());
    assert_eq!([deliver.now(&soon).await.made, deliver.now(&far).await.made], [1, 0]);
    assert_eq!(deliver.now(&far).await.next_at, later(2_001));
}

#[tokio::test]
async fn a_chain_of_bells_ends_after_twelve() {
    let (aws, deliver) = world().await;
    let outbox = &aws.names().outbox;
    let endpoint = deliver.endpoint(|_| ()).await;
    // A failure of an attempt counts for the endpoint; three leave its circuit closed.
    for hops in [0, MAX_HOPS - 1, MAX_HOPS] {
        let delivery = deliver.announce(&hops.to_string(), &endpoint, |_| ()).await;
        assert_eq!(aws.receive_all(outbox).await, [bell(&delivery, 0)], "of the announcement");
        assert!(deliver.failures(&[bell(&delivery, hops)]).await.is_empty());
        let next = deliver.now(&delivery).await;
        assert_eq!((next.state, next.made), (DeliveryState::Pending, 1));
        // SQS counts delays in whole seconds.
        aws.skip_queue_time(next.next_at.since(NOW) + Duration::from_secs(1));
        let rung = if hops < MAX_HOPS { vec![bell(&delivery, hops + 1)] } else { Vec::new() };
        assert_eq!(aws.receive_all(outbox).await, rung, "after {hops} hops");
    }
}

#[tokio::test]
async fn a_delivery_that_is_spent_rings_for_its_letter_and_a_bell_that_follows_is_done() {
    let (aws, deliver) = world().await;
    let endpoint = deliver.endpoint(|endpoint| endpoint.policy.max_retries = 0).await;
    let delivery = deliver.announce("e", &endpoint, |_| ()).await;
    for _ in 0..2 {
        assert!(deliver.failures(&[bell(&delivery, 0)]).await.is_empty());
    }
    let spent = deliver.now(&delivery).await;
    assert_eq!((spent.state, spent.made), (DeliveryState::Dead, 1));
    assert_eq!(aws.receive_all(&aws.names().dead_letters).await, [bell(&delivery, 0)]);
}

#[tokio::test]
async fn a_delivery_whose_endpoint_is_gone_ends_without_a_call() {
    let (aws, deliver) = world().await;
    let endpoint = deliver.endpoint(|_| ()).await;
    let delivery = deliver.announce("e", &endpoint, |_| ()).await;
    deliver.table().delete_endpoint(&endpoint).await.expect("deleted").either_way();
    assert!(deliver.failures(&[bell(&delivery, 0)]).await.is_empty());
    let ended = deliver.now(&delivery).await;
    assert_eq!((ended.state, ended.made), (DeliveryState::Cancelled, 0));
    assert!(aws.receive_all(&aws.names().dead_letters).await.is_empty());
}
