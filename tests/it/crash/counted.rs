//! The journey of figures: requests that are refused, one that is accepted and delivered, and the hour
//! that is added up. Whatever fails, nothing is counted twice.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use domain::{
    figures::{Counter, Figure, Figures, Hour},
    id::ApplicationId,
};
use tests::{cloud::Cloud, invariants::World, receiver::Receiver, sender};
use tower::ServiceExt;

use adapters::table::HourPart;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    let first = Hour::of(cloud.clock.now());
    for path in ["/in/modal", "/in/nobody", "/in/modal"] {
        refused(cloud, path).await;
    }
    cloud.send(&super::success()).await;
    cloud.settle_for(8).await;
    // Two hours pass; whatever keeps the sweep from adding them up, a later round does.
    for _ in 0..4 {
        cloud.pass(HOUR);
        cloud.sweep().await;
        cloud.settle_for(2).await;
    }
    judge(cloud, receiver, first).await;
}

/// Sends a forgery until it is answered as one: the table may have to be asked for the source.
async fn refused(cloud: &Cloud, path: &str) {
    let body = super::success();
    for _ in 0..60 {
        let mut request = Request::post(path).body(Body::from(body.clone())).expect("one");
        *request.headers_mut() = sender::headers(b"another body", cloud.clock.now());
        let response = cloud.ingest().oneshot(request).await.expect("infallible");
        if response.status() == StatusCode::UNAUTHORIZED {
            return;
        }
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "never anything else");
        cloud.waits_for_better_weather();
    }
    panic!("a forgery is not refused");
}

/// Compares the totals with what happened, and with the hours that they are made of.
async fn judge(cloud: &Cloud, receiver: &Receiver, first: Hour) {
    let (table, acme) = (cloud.sound_table(), ApplicationId::named("acme"));
    let last = Hour::of(cloud.clock.now());
    let totals = table.figure_totals(&acme).await.expect("read").unwrap_or_default();
    let mut hours = Figures::default();
    for (_, hour) in table.hours_of(&acme, HourPart::Own, first, last).await.expect("read") {
        hours.merge(&hour);
    }
    assert_eq!(totals.figures, hours, "each hour is in the totals once");
    let calls = receiver.received().len() as u64;
    let sound = cloud.faults.hits() == 0;
    // A sender that was not answered sends again.
    let sent = 1 + cloud.faults.hits() as u64;
    for (counter, happened) in [
        (Counter::Received, sent),
        (Counter::Duplicates, sent - 1),
        (Counter::Announced, 1),
        (Counter::Attempts, calls),
        (Counter::Delivered, 1),
        (Counter::Refused, 2),
    ] {
        let count = totals.figures.get(Figure::Count(counter));
        assert!(count <= happened, "{counter:?} {count}, and {happened} happened");
        assert!(count == happened || !sound, "{counter:?} is complete without faults");
    }
}

/// The completion has arrived.
pub(super) fn arrived(world: &World) -> bool {
    super::logged::arrived(world)
}
