//! Tests of the list and the detail of events, `/v1/events`.

mod conflicts;
mod deliveries;

use serde_json::json;

use super::{Relay, ids, receiver::Receiver};

#[tokio::test]
async fn an_event_is_shown_with_all_that_followed() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[503]).await;
    relay.endpoint("default", &receiver.url).await;
    let message = relay.message("default", "a.b", json!({ "n": 1 })).await;
    relay.attempt(&message).await;
    let bare = message.strip_prefix("msg_").expect("a message");
    let event = relay.get(&format!("/v1/events/evt_{bare}")).await.expect(200);
    assert_eq!(relay.get(&format!("/v1/events/{message}")).await.expect(200), event);
    assert_eq!((&event["type"], &event["outcome"]), (&json!("a.b"), &json!("announced")));
    assert_eq!((&event["duplicates"], &event["conflicts"]), (&json!(0), &json!(0)));
    assert_eq!(event["payload"], json!({ "n": 1 }));
    let delivery = &event["deliveries"][0];
    assert_eq!((&delivery["state"], &delivery["attempts_made"]), (&json!("pending"), &json!(1)));
    let attempt = &delivery["attempts"][0];
    assert_eq!(
        (&attempt["status"], &attempt["error_class"], &attempt["manual"]),
        (&json!(503), &json!("status"), &json!(false))
    );
    assert!(delivery["next_attempt_at"].is_string(), "{delivery}");
    relay.get("/v1/events/evt_0123").await.expect(404);
}

#[tokio::test]
async fn events_of_all_applications_are_merged_newest_first() {
    let relay = Relay::start().await;
    relay.application("one").await;
    relay.application("two").await;
    let mut made = Vec::new();
    for number in 0..7 {
        let application = if number % 3 == 0 { "one" } else { "two" };
        let message = relay.message(application, "a", json!({})).await;
        made.insert(0, message.replacen("msg_", "evt_", 1));
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let all = relay.get("/v1/events").await.expect(200);
    assert_eq!((ids(&all), &all["done"]), (made.clone(), &json!(true)));
    let (mut walked, mut path) = (Vec::new(), "/v1/events?limit=2".to_owned());
    loop {
        let page = relay.get(&path).await.expect(200);
        walked.extend(ids(&page));
        let Some(iterator) = page["iterator"].as_str() else { break };
        path = format!("/v1/events?limit=2&iterator={}", iterator);
    }
    assert_eq!(walked, made);
    let one = relay.get("/v1/events?application=one").await.expect(200);
    assert_eq!(ids(&one), [made[0].clone(), made[3].clone(), made[6].clone()]);
    relay.get("/v1/events?application=nobody").await.expect(404);
}
