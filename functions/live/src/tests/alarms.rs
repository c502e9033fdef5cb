//! Alarms of the stack are noted by their newest state, and those of other stacks are not.

use domain::alarm::{Alarm, AlarmState};
use serde_json::{Value, json};

use super::*;

fn change() -> Value {
    let text = include_str!("../../../../events/live/alarm-state-change.json");
    serde_json::from_str(text).expect("JSON")
}

/// The event with another state at another minute of the same hour.
fn to(state: &str, minute: u32) -> Value {
    let mut event = change();
    event["detail"]["state"]["value"] = json!(state);
    event["detail"]["state"]["timestamp"] = json!(format!("2026-11-27T18:{minute:02}:00.000+0000"));
    event
}

async fn note(world: &World, event: &Value) -> Value {
    alarm::note(&world.live.table, event, "relay").await.expect("noted")
}

async fn kept(world: &World) -> Vec<Alarm> {
    let now = Timestamp::parse_rfc3339("2026-11-27T19:00:00Z").expect("a time");
    world.table.alarms(now).await.expect("read")
}

#[tokio::test]
async fn an_alarm_is_noted() {
    let world = World::start().await;
    assert!(alarm::is_change(&change()));
    assert_eq!(note(&world, &change()).await, json!({ "alarm": "RefusalsAlarm" }));
    let [alarm] = kept(&world).await.try_into().expect("one alarm");
    assert_eq!((alarm.name.as_str(), alarm.state), ("RefusalsAlarm", AlarmState::Alarm));
    assert_eq!(alarm.since.rfc3339(), "2026-11-27T18:22:51.347Z");
    assert!(alarm.reason.expect("a reason").starts_with("Threshold Crossed: 3 out of"));
}

#[tokio::test]
async fn events_that_come_twice_or_in_another_order_leave_the_newest_state() {
    let world = World::start().await;
    for (state, minute) in [("ALARM", 10), ("OK", 30), ("OK", 30), ("ALARM", 20)] {
        note(&world, &to(state, minute)).await;
    }
    let [alarm] = kept(&world).await.try_into().expect("one alarm");
    assert_eq!(
        (alarm.state, alarm.since.rfc3339().as_str()),
        (AlarmState::Ok, "2026-11-27T18:30:00.000Z")
    );
}

#[tokio::test]
async fn alarms_of_other_stacks_and_of_another_form_are_left_alone() {
    let world = World::start().await;
    for (field, value) in [
        ("alarmName", json!("relay-staging-RefusalsAlarm-1QSBSZ8PXLAYE")),
        ("alarmName", json!(7)),
        ("state", json!("ALARM")),
        ("state", json!({ "value": "PANIC", "timestamp": "2026-11-27T18:22:51.347+0000" })),
    ] {
        let mut event = change();
        event["detail"][field] = value.clone();
        assert_eq!(note(&world, &event).await, json!({ "alarm": null }), "{value}");
    }
    assert_eq!(kept(&world).await, []);
}
