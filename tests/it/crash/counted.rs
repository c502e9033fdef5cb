//! The journey of figures: requests that are refused, one that is accepted and delivered, the hour that is
//! added up, and an alarm that goes off and ends. Whatever fails, nothing is counted twice, and no state of an
//! alarm replaces a later one.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use domain::{
    alarm::AlarmState,
    figures::{Counter, Figure, Figures, Hour},
    id::ApplicationId,
    time::Timestamp,
};
use serde_json::{Value, json};
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
    let (on, off) = (cloud.clock.now(), cloud.clock.now().plus(std::time::Duration::from_secs(60)));
    for (state, since) in [("ALARM", on), ("OK", off), ("ALARM", on)] {
        cloud.alarm(&change(state, since)).await;
    }
    // Two hours pass; whatever keeps the sweep from adding them up, a later round does.
    for _ in 0..4 {
        cloud.pass(HOUR);
        cloud.sweep().await;
        cloud.settle_for(2).await;
    }
    judge(cloud, receiver, first).await;
    let alarms = cloud.sound_table().alarms(cloud.clock.now()).await.expect("read");
    let states: Vec<_> = alarms.iter().map(|alarm| (alarm.state, alarm.since)).collect();
    let sound = cloud.faults.hits() == 0;
    assert!(!sound || states == [(AlarmState::Ok, off)], "{states:?}");
    assert!(states.iter().all(|of| [(AlarmState::Alarm, on), (AlarmState::Ok, off)].contains(of)));
}

/// The event that an alarm has changed its state.
fn change(state: &str, since: Timestamp) -> Value {
    json!({
        "detail-type": "CloudWatch Alarm State Change",
        "detail": {
            "alarmName": "relay-RefusalsAlarm-1QSBSZ8PXLAYE",
            "state": { "value": state, "timestamp": since.rfc3339(), "reason": "Threshold Crossed" },
        },
    })
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
