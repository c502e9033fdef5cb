//! The cost of figures and refusals, in writes and in write units: little, and bounded whoever calls.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use domain::{
    figures::{Counter, Figure, Figures, Minute},
    id::ApplicationId,
    retry::{ErrorClass, Policy},
};
use tests::{
    cloud::Cloud,
    faults::Faults,
    items::{self, Item},
    receiver::Receiver,
    sender::{self, completion},
    shown,
};
use tower::ServiceExt;

/// Bytes of an attribute as DynamoDB counts them: its name, and its value. A number takes a byte for two
/// digits, and one more.
fn size(item: &Item) -> usize {
    let value = |value: &aws_sdk_dynamodb::types::AttributeValue| match (value.as_s(), value.as_n())
    {
        (Ok(text), _) => text.len(),
        (_, Ok(number)) => number.len().div_ceil(2) + 1,
        _ => panic!("{value:?}"),
    };
    item.iter().map(|(name, held)| name.len() + value(held)).sum()
}

/// The items of minutes of figures.
async fn minutes(cloud: &Cloud) -> Vec<Item> {
    let all = items::scan(cloud).await.into_iter();
    let is_minute = |item: &Item| {
        items::text(item, "pk").starts_with("STATS#") && items::text(item, "sk").starts_with("M#")
    };
    all.filter(is_minute).collect()
}

/// The writes of a kind since the call of this number.
fn writes(faults: &Faults, of: &str, since: usize) -> usize {
    faults.calls()[since..].iter().filter(|call| call.operation == of).count()
}

/// What was counted of `acme` within these minutes.
async fn counted(cloud: &Cloud, first: Minute, last: Minute) -> Figures {
    let mut sum = Figures::default();
    let acme = ApplicationId::named("acme");
    for (_, figures) in cloud.sound_table().minutes_of(&acme, first, last).await.expect("read") {
        sum.merge(&figures);
    }
    sum
}

#[tokio::test]
async fn ten_events_of_one_invocation_cost_two_write_units_for_figures() {
    let receiver = Receiver::start().await;
    let faults = Faults::default();
    let cloud = Cloud::start(faults.clone()).await;
    cloud.endpoint(&receiver.url("/"), Policy::default()).await;
    cloud.accept_all((0..10).map(|n| completion(&format!("c{n}"), "success", "1"))).await;
    let (before, minute) = (faults.calls().len(), Minute::of(cloud.clock.now()));
    assert!(cloud.step(&cloud.aws.names().inbox.clone()).await);
    assert!(cloud.step(&cloud.aws.names().outbox.clone()).await);
    let written = writes(&faults, "UpdateItem of figures", before);
    assert_eq!(written, 2, "one by process, one by deliver");
    let units: usize = minutes(&cloud).await.iter().map(|item| size(item).div_ceil(1024)).sum();
    assert!(units <= 2, "each item is one unit");
    let of = |figures: &Figures, counter| figures.get(Figure::Count(counter));
    let figures = counted(&cloud, minute, minute).await;
    for counter in [Counter::Received, Counter::Announced, Counter::Attempts, Counter::Delivered] {
        assert_eq!(of(&figures, counter), 10, "{counter:?}");
    }
    assert_eq!(figures.histogram(Figure::FirstAttempt).count(), 10);
    assert_eq!(figures.histogram(Figure::Delivery).count(), 10);
    let per_event = f64::from(u32::try_from(written).expect("few")) / 10.0;
    assert!(per_event <= 0.3);
    shown!("figures: {per_event} write units per event at ten events per invocation");
}

#[tokio::test]
async fn an_invocation_writes_once_and_the_items_stay_below_a_kilobyte_with_many_endpoints() {
    let receiver = Receiver::start().await;
    receiver.answer_at("/7", 500);
    let faults = Faults::default();
    let cloud = Cloud::start(faults.clone()).await;
    for number in 0..40 {
        cloud.endpoint(&receiver.url(&format!("/{number}")), Policy::default()).await;
    }
    cloud.accept_all((0..10).map(|n| completion(&format!("c{n}"), "success", "1"))).await;
    let (before, first) = (faults.calls().len(), Minute::of(cloud.clock.now()));
    let (inbox, outbox) = (cloud.aws.names().inbox.clone(), cloud.aws.names().outbox.clone());
    assert!(cloud.step(&inbox).await);
    let mut invocations = 1;
    while cloud.step(&outbox).await {
        invocations += 1;
        for item in minutes(&cloud).await {
            // Each invocation here is a process of its own, that does not know what the item holds.
            assert!(size(&item) <= 3 * 1024, "{} bytes", size(&item));
        }
    }
    let written = writes(&faults, "UpdateItem of figures", before);
    assert!(written <= invocations, "{written} writes of {invocations} invocations");
    let figures = counted(&cloud, first, first).await;
    // After five failures the circuit of the one that fails is open.
    let of = |counter| figures.get(Figure::Count(counter));
    assert_eq!(of(Counter::Delivered), 390);
    assert_eq!(of(Counter::Failed(ErrorClass::Status)), 5);
    assert_eq!(of(Counter::Attempts), 395);
    shown!("figures: {written} writes for 395 attempts at 40 endpoints");
}

/// Posts a completion, with a wrong signature or a good one.
async fn post(ingest: &Router, cloud: &Cloud, path: &str, good: bool) -> StatusCode {
    let body = completion("c1", "success", "1");
    let signed = if good { body.clone() } else { b"another body".to_vec() };
    let mut request = Request::post(path).body(Body::from(body)).expect("one");
    *request.headers_mut() = sender::headers(&signed, cloud.clock.now());
    ingest.clone().oneshot(request).await.expect("infallible").status()
}

#[tokio::test]
async fn an_instance_writes_refusals_once_in_ten_seconds_and_never_for_an_accepted_request() {
    let faults = Faults::default();
    let cloud = Cloud::start(faults.clone()).await;
    let ingest = cloud.ingest();
    let (mut accepted, mut refused) = (0, 0);
    for step in 0..600_u64 {
        let before = faults.calls().len();
        let good = step % 3 == 0;
        let path =
            if step % 3 == 1 { "/in/modal".to_owned() } else { format!("/in/made-up-{step}") };
        let path = if good { "/in/modal".to_owned() } else { path };
        let status = post(&ingest, &cloud, &path, good).await;
        let wrote = writes(&faults, "UpdateItem of refusals", before);
        if good {
            assert_eq!(status, StatusCode::ACCEPTED);
            accepted += wrote;
        } else {
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            refused += wrote;
        }
        cloud.clock.advance(Duration::from_millis(100));
    }
    assert_eq!(accepted, 0, "the way of an accepted request has no write more");
    // Of the source, and of all made-up names together, in a minute.
    assert!((10..=12).contains(&refused), "{refused} writes");
    shown!("refusals: {refused} writes for 400 refused requests of 200 made-up names in a minute");
}
