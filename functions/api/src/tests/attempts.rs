//! Tests of the list of attempts, and of sending a message again.

use serde_json::{Value, json};

use super::{Relay, ids, receiver::Receiver};

#[tokio::test]
async fn attempts_are_listed_by_message_and_by_endpoint() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500, 200]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let message = relay.message("default", "a.b", json!({})).await;
    relay.attempt(&message).await;
    let other = relay.message("default", "c.d", json!({})).await;
    relay.attempt(&other).await;
    let by_message =
        relay.get(&format!("/api/v1/app/default/attempt/msg/{message}")).await.expect(200);
    let attempt = &by_message["data"][0];
    for field in [
        "endpointId",
        "id",
        "msgId",
        "response",
        "responseDurationMs",
        "responseStatusCode",
        "status",
        "statusText",
        "timestamp",
        "triggerType",
        "url",
    ] {
        assert!(!attempt[field].is_null(), "{field}: {attempt}");
    }
    assert_eq!(attempt["msgId"], message.as_str());
    assert_eq!(attempt["endpointId"], endpoint.as_str());
    assert_eq!(
        (
            &attempt["status"],
            &attempt["statusText"],
            &attempt["responseStatusCode"],
            &attempt["triggerType"]
        ),
        (&json!(2), &json!("fail"), &json!(500), &json!(0))
    );
    let id = attempt["id"].as_str().expect("an id");
    assert!(id.starts_with("atmpt_"), "{id}");
    let one =
        relay.get(&format!("/api/v1/app/default/msg/{message}/attempt/{id}")).await.expect(200);
    assert_eq!(&one, attempt);
    relay.get(&format!("/api/v1/app/default/msg/{other}/attempt/{id}")).await.expect(404);
    let path = format!("/api/v1/app/default/attempt/endpoint/{endpoint}");
    let list =
        async |query: &str| ids(&relay.get(&format!("{path}?{query}")).await.expect(200)).len();
    assert_eq!(list("").await, 2);
    assert_eq!(list("status=0").await, 1);
    assert_eq!(list("status=2").await, 1);
    assert_eq!(list("status=1").await, 0);
    assert_eq!(list("status_code_class=500").await, 1);
    assert_eq!(list("event_types=a.b").await, 1);
    assert_eq!(list("event_types=a.b,c.d").await, 2);
    assert_eq!(list("channel=x").await, 0);
    let bare = relay.get(&format!("{path}?with_content=false")).await.expect(200);
    assert_eq!(bare["data"][0]["response"], "");
    assert_eq!(attempt["response"], "noted");
    assert_eq!(list("before=2020-01-01T00:00:00Z").await, 0);
    assert_eq!(list("after=2020-01-01T00:00:00%2B01:00").await, 2);
    for bad in [
        "status=5",
        "status=x",
        "status_code_class=250",
        "limit=0",
        "iterator=x",
        "iterator=x~1",
        "after=x",
    ] {
        relay.get(&format!("{path}?{bad}")).await.expect(422);
    }
}

#[tokio::test]
async fn attempts_are_paged_through_deliveries_of_many_attempts() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500; 9]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let mut messages = Vec::new();
    for _ in 0..3 {
        let message = relay.message("default", "a", json!({})).await;
        for _ in 0..3 {
            relay.attempt(&message).await;
            // An attempt by hand each time: the ladder's next step is a minute away.
            for delivery in relay.deliveries(&message).await {
                relay.park(delivery).await;
            }
            relay
                .post(
                    &format!("/api/v1/app/default/msg/{message}/endpoint/{endpoint}/resend"),
                    json!({}),
                )
                .await
                .expect(202);
        }
        messages.push(message);
    }
    let walk = async |base: String| {
        let (mut walked, mut path) = (Vec::new(), format!("{base}?limit=2"));
        loop {
            let page = relay.get(&path).await.expect(200);
            assert!(ids(&page).len() <= 2, "{page}");
            walked.extend(ids(&page));
            if page["done"] == true {
                return walked;
            }
            let iterator = page["iterator"].as_str().expect("more");
            path = format!("{base}?limit=2&iterator={iterator}");
        }
    };
    let mut all = walk(format!("/api/v1/app/default/attempt/endpoint/{endpoint}")).await;
    assert_eq!(all.len(), 9);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 9, "each of them once");
    let base = format!("/api/v1/app/default/attempt/msg/{}", messages[0]);
    assert_eq!(walk(base.clone()).await.len(), 3);
    let one = relay.get(&format!("{base}?endpoint_id={endpoint}")).await.expect(200);
    assert_eq!(ids(&one).len(), 3);
    relay.get(&format!("{base}?endpoint_id=nobody")).await.expect(404);
}

#[tokio::test]
async fn a_message_is_sent_again_with_the_same_id_when_somebody_asks() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let message = relay.message("default", "a", json!({ "n": 1 })).await;
    relay.attempt(&message).await;
    relay.outbox().await;
    let path = format!("/api/v1/app/default/msg/{message}/endpoint/{endpoint}/resend");
    assert_eq!(relay.post(&path, Value::Null).await.expect(202), json!({}));
    assert_eq!(relay.outbox().await.len(), 1);
    relay.attempt(&message).await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].headers["webhook-id"], received[1].headers["webhook-id"]);
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(relay.deliveries(&message).await.len(), 1);
}

#[tokio::test]
async fn a_delivery_that_waits_for_its_next_attempt_is_attempted_at_once_when_somebody_asks() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500, 500]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let message = relay.message("default", "a", json!({})).await;
    relay.attempt(&message).await;
    relay.outbox().await;
    let waits = &relay.deliveries(&message).await[0];
    assert!(relay.api.now() < waits.next_at, "{waits:?}");
    let path = format!("/api/v1/app/default/msg/{message}/endpoint/{endpoint}/resend");
    relay.post(&path, json!({})).await.expect(202);
    assert_eq!(relay.outbox().await.len(), 1, "its bell comes without a delay");
    relay.attempt(&message).await;
    assert_eq!(receiver.received().len(), 2);
    let delivery = &relay.deliveries(&message).await[0];
    assert_eq!((delivery.made, delivery.tried()), (2, 2), "it is the policy's second attempt");
}

#[tokio::test]
async fn sending_again_to_an_endpoint_that_came_later_creates_its_delivery() {
    let relay = Relay::start().await;
    let message = relay.message("default", "a", json!({})).await;
    let endpoint = relay.endpoint("default", "https://subscriber.example/").await;
    let path = format!("/api/v1/app/default/msg/{message}/endpoint/{endpoint}/resend");
    for _ in 0..2 {
        relay.post(&path, json!({})).await.expect(202);
        assert_eq!(relay.deliveries(&message).await.len(), 1);
        assert_eq!(relay.outbox().await.len(), 1, "a pending one is rung for");
    }
    relay.post(&path.replace(&endpoint, "ep_0123"), json!({})).await.expect(404);
    relay.post(&path.replace(&message, "msg_0123"), json!({})).await.expect(404);
}

#[tokio::test]
async fn a_parked_delivery_that_is_sent_again_takes_its_letter_along() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500]).await;
    let endpoint = relay.endpoint("default", &receiver.url).await;
    let message = relay.message("default", "a", json!({})).await;
    relay.attempt(&message).await;
    let number = relay.bury(&message).await[0];
    let letter = format!("/v1/webhooks/dead-letter/{number}");
    let path = format!("/api/v1/app/default/msg/{message}/endpoint/{endpoint}/resend");
    relay.post(&path, json!({})).await.expect(202);
    assert_eq!(relay.get(&letter).await.expect(200)["state"], "redriven");
    relay.attempt(&message).await;
    let letter = relay.get(&letter).await.expect(200);
    assert_eq!((&letter["state"], &letter["retry_success"]), (&json!("resolved"), &json!(true)));
}
