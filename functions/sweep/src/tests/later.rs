//! Deliveries that wait for a later time.

use domain::{
    delivery::{Delivery, LATER_AHEAD},
    endpoint::Endpoint,
    event::Event,
    id::{ApplicationId, EventId},
};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// Enters so many deliveries, a second after another, from an hour ahead.
async fn enter(sweep: &Sweep, count: u64) {
    let Context { table, clock, .. } = sweep.context();
    let (now, application) = (clock.now(), ApplicationId::named("acme"));
    let id = EndpointId::derive(&["e"]);
    let endpoint = Endpoint::new(id, application.clone(), "https://subscriber.example/", now);
    for number in 0..count {
        let event = EventId::derive(&[&number.to_string()]);
        let event = Event::by_relay(event, application.clone(), "a.b", b"{}", now);
        let mut delivery = Delivery::new(&event, &endpoint, 0, now);
        delivery.next_at = now.plus(HOUR + Duration::from_secs(number));
        table.enter_later(&delivery).await.expect("entered");
    }
}

#[tokio::test]
async fn what_waits_for_later_is_rung_for_once_and_a_minute_ahead() {
    let (aws, sweep) = world().await;
    enter(&sweep, 100).await;
    let rung = async || sweep.run().await.expect("swept").rung;
    assert_eq!(rung().await, 0, "it is an hour away");
    sweep.context().clock.advance(HOUR.saturating_sub(LATER_AHEAD));
    assert_eq!(rung().await, 0, "the first is a minute away");
    sweep.context().clock.advance(Duration::from_secs(50));
    assert_eq!((rung().await, rung().await), (50, 0));
    assert_eq!(on(&aws, &aws.names().outbox).await.len(), 0, "each bell rings at its time");
    sweep.context().clock.advance(HOUR);
    assert_eq!((rung().await, rung().await), (50, 0));
    assert_eq!(on(&aws, &aws.names().outbox).await.len(), 50);
}

#[tokio::test]
async fn what_a_round_cannot_reach_is_rung_for_by_the_next() {
    let (_aws, mut sweep) = world().await;
    enter(&sweep, 3_000).await;
    sweep.context().clock.advance(HOUR + HOUR);
    // No page is read: the round has no time.
    let asking = std::mem::take(&mut sweep.limits.asking);
    assert_eq!(sweep.run().await.expect("swept").rung, 0);
    sweep.limits.asking = asking;
    assert_eq!(sweep.run().await.expect("swept").rung, 3_000, "over several pages of each list");
    assert_eq!(sweep.run().await.expect("swept").rung, 0);
}

#[tokio::test]
async fn what_could_not_be_rung_for_is_rung_for_by_the_next_round() {
    let (aws, mut sweep) = world().await;
    enter(&sweep, 5).await;
    sweep.context().clock.advance(HOUR);
    let outbox = std::mem::replace(&mut sweep.calls.context.outbox.0, nowhere(&aws));
    sweep.run().await.expect_err("no bell was rung");
    sweep.calls.context.outbox.0 = outbox;
    assert_eq!(sweep.run().await.expect("swept").rung, 5);
}
