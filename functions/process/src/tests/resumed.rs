//! Messages that come again after a crash between two writes, or at the same time as others.

use adapters::table::{ClaimOutcome, WriteOutcome};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    id::{DeliveryId, EndpointId, JobId},
};

use super::*;

/// The sample about a job of no batch, its body changed.
fn sample(change: impl FnOnce(&mut serde_json::Value)) -> SqsEvent {
    super::sample(|envelope| {
        let text = envelope["body"]["text"].as_str().expect("text");
        envelope["body"]["text"] = text.replace("\"batch_id\":\"batch-7\",", "").into();
        change(envelope);
    })
}

/// Removes an item, as if the process had died before it wrote that.
async fn unwritten(aws: &LocalAws, sk: &str) {
    let key = |text: String| AttributeValue::S(text);
    let delete = aws.clients().dynamodb().delete_item().table_name(&aws.names().table);
    let delete = delete.key("pk", key(format!("EVT#{}", event_id().bare())));
    delete.key("sk", key(sk.to_owned())).send().await.expect("removed");
}

async fn endpoint(process: &Process, change: impl FnOnce(&mut Endpoint)) -> Endpoint {
    let (id, acme) = (EndpointId::derive(&["all"]), ApplicationId::named("acme"));
    let mut endpoint = Endpoint::new(id, acme, "https://receiver.example", Timestamp(0));
    change(&mut endpoint);
    let created = process.context.table.create_endpoint(&endpoint).await.expect("kept");
    assert_eq!(created, WriteOutcome::Done);
    endpoint
}

async fn job(process: &Process) -> Job {
    let id = JobId::of(&tenure("modal"), "job-42");
    process.context.table.job(&id).await.expect("read").expect("there")
}

async fn deliveries(process: &Process) -> Vec<Delivery> {
    process.context.table.deliveries_of(&event_id()).await.expect("read")
}

/// Whether the sweep would ring for the delivery.
async fn is_due(aws: &LocalAws, delivery: &Delivery) -> bool {
    let get = aws.clients().dynamodb().get_item().table_name(&aws.names().table);
    let get = get
        .key("pk", AttributeValue::S(format!("EVT#{}", event_id().bare())))
        .key("sk", AttributeValue::S(format!("DLV#{}", delivery.id)));
    let item = get.send().await.expect("read").item.expect("there");
    item.contains_key("due_at")
}

async fn works(process: &Process, batch: &SqsEvent) -> bool {
    process.handle(batch).await.batch_item_failures.is_empty()
}

/// The sample with another result under the same key.
fn other_bytes() -> SqsEvent {
    sample(|envelope| {
        let text = envelope["body"]["text"].as_str().expect("text").replace("-7.2", "-1.0");
        envelope["body"]["text"] = text.into();
        envelope["arrival"] = "another".into();
    })
}

#[tokio::test]
async fn a_report_that_changed_its_job_before_a_crash_is_not_applied_again() {
    let (aws, process) = world().await;
    endpoint(&process, |_| ()).await;
    assert!(works(&process, &sample(|_| ())).await);
    let (first, table) = (job(&process).await, &process.context.table);
    let event = table.event(&event_id()).await.expect("read").expect("recorded");
    unwritten(&aws, "EVT").await;
    for delivery in deliveries(&process).await {
        unwritten(&aws, &format!("DLV#{}", delivery.id)).await;
    }
    assert!(works(&process, &sample(|_| ())).await);
    assert_eq!(job(&process).await, first, "it changed once");
    let again = table.event(&event_id()).await.expect("read").expect("recorded");
    assert_eq!(again, event, "the same bytes");
    assert_eq!(deliveries(&process).await.len(), 1);
}

#[tokio::test]
async fn other_bytes_wait_until_the_first_are_recorded_and_are_a_conflict_then() {
    let (aws, process) = world().await;
    assert!(works(&process, &sample(|_| ())).await);
    let first = job(&process).await;
    unwritten(&aws, "EVT").await;
    assert!(!works(&process, &other_bytes()).await, "it goes back");
    let table = &process.context.table;
    assert!(table.event(&event_id()).await.expect("read").is_none());
    assert_eq!(job(&process).await, first);
    // The same bytes, from a sender that sent them again, go on for the first.
    let again = sample(|envelope| envelope["arrival"] = "third".into());
    assert!(works(&process, &again).await);
    assert!(works(&process, &other_bytes()).await);
    let event = table.event(&event_id()).await.expect("read").expect("recorded");
    assert_eq!((event.conflicts, job(&process).await), (1, first));
}

#[tokio::test]
async fn a_later_report_forgets_only_what_is_recorded() {
    let (aws, process) = world().await;
    let failure = || {
        sample(|envelope| {
            let text = envelope["body"]["text"].as_str().expect("text");
            envelope["body"]["text"] = text.replace("\"success\"", "\"failure\"").into();
            envelope["event"] = Source::event_id(&tenure("modal"), "job:x:failed").bare().into();
            envelope["key"] = "job:x:failed".into();
            envelope["arrival"] = "failure".into();
        })
    };
    assert!(works(&process, &sample(|_| ())).await);
    let unrecorded = async || {
        let events = job(&process).await.unrecorded.into_iter().map(|report| report.event);
        events.collect::<Vec<_>>()
    };
    assert_eq!(unrecorded().await, [event_id()]);
    unwritten(&aws, "EVT").await;
    assert!(works(&process, &failure()).await);
    let late = Source::event_id(&tenure("modal"), "job:x:failed");
    assert_eq!(unrecorded().await, [event_id(), late], "the first is not recorded");
    // What the first report did is still known, whatever came since.
    assert!(works(&process, &sample(|_| ())).await);
    let table = &process.context.table;
    let event = table.event(&event_id()).await.expect("read").expect("recorded");
    assert_eq!(event.outcome, EventOutcome::Announced);
    let job = job(&process).await;
    assert_eq!((job.status, job.version, job.conflicts), (JobStatus::Succeeded, 2, 1));
}

#[tokio::test]
async fn an_event_gets_what_it_lacks_when_its_message_comes_again() {
    let (aws, process) = world().await;
    let endpoint = endpoint(&process, |_| ()).await;
    assert!(works(&process, &sample(|_| ())).await);
    let before = deliveries(&process).await;
    let id = DeliveryId::of(&event_id(), &endpoint.id, 0);
    assert_eq!((before.len(), &before[0].id), (1, &id));
    unwritten(&aws, &format!("DLV#{id}")).await;
    aws.receive_all(&aws.names().outbox).await;
    // Another arrival is a duplicate, which adds nothing.
    let duplicate = sample(|envelope| envelope["arrival"] = "another".into());
    assert!(works(&process, &duplicate).await);
    assert!(deliveries(&process).await.is_empty());
    assert!(works(&process, &sample(|_| ())).await);
    assert_eq!(deliveries(&process).await.len(), 1);
    assert_eq!(aws.receive_all(&aws.names().outbox).await.len(), 1, "and is rung for");
}

#[tokio::test]
async fn a_message_whose_bells_are_refused_comes_again() {
    let (aws, mut process) = world().await;
    endpoint(&process, |_| ()).await;
    let outbox = process.context.outbox.clone();
    process.context.outbox.0 = Queue::new(aws.clients().sqs(), aws.queue_url("nowhere"));
    assert!(!works(&process, &sample(|_| ())).await);
    assert_eq!(deliveries(&process).await.len(), 1);
    process.context.outbox = outbox;
    assert!(works(&process, &sample(|_| ())).await);
    assert_eq!(aws.receive_all(&aws.names().outbox).await.len(), 1);
}

#[tokio::test]
async fn a_bell_stands_for_its_delivery_until_somebody_else_holds_that() {
    let (aws, process) = world().await;
    endpoint(&process, |_| ()).await;
    assert!(works(&process, &sample(|_| ())).await);
    let (delivery, table) = (deliveries(&process).await.remove(0), &process.context.table);
    assert!(!is_due(&aws, &delivery).await);
    let now = process.context.clock.now();
    let claim = async |token| table.claim(&event_id(), &delivery.id, token, now).await.expect("ok");
    assert!(matches!(claim("one").await, ClaimOutcome::Taken(_)));
    assert!(!is_due(&aws, &delivery).await, "the bell of the claim stands");
    // SQS hands a message out twice: the second worker deletes it.
    assert!(matches!(claim("two").await, ClaimOutcome::Busy));
    assert!(is_due(&aws, &delivery).await);
    assert_eq!(delivery.state, DeliveryState::Pending);
}

#[tokio::test]
async fn a_delivery_in_a_lane_or_to_a_listener_is_due_from_the_beginning() {
    for change in [
        (|it: &mut Endpoint| it.ordering = Some(domain::lane::DeliveryOrdering::Job))
            as fn(&mut Endpoint),
        |it| it.url = "listener:one".to_owned(),
    ] {
        let (aws, process) = world().await;
        endpoint(&process, change).await;
        assert!(works(&process, &sample(|_| ())).await);
        let delivery = deliveries(&process).await.remove(0);
        assert!(is_due(&aws, &delivery).await);
    }
}

#[tokio::test]
async fn an_instance_that_remembers_endpoints_hears_of_a_new_one_after_two_seconds() {
    let (_aws, mut process) = world().await;
    process.context = process.context.clone().remembering_endpoints();
    let event = |name: &str| {
        let name = name.to_owned();
        sample(move |envelope| {
            envelope["profile"] = "github".into();
            envelope["event_type"] = "push".into();
            envelope["event"] = Source::event_id(&tenure("modal"), &name).bare().into();
        })
    };
    let count = async |name: &str| {
        assert!(works(&process, &event(name)).await);
        let id = Source::event_id(&tenure("modal"), name);
        process.context.table.deliveries_of(&id).await.expect("read").len()
    };
    assert_eq!(count("a").await, 0);
    endpoint(&process, |_| ()).await;
    assert_eq!(count("b").await, 0, "what was read a moment ago");
    process.context.clock.advance(dispatch::memory::REMEMBERED);
    assert_eq!(count("c").await, 1);
}
