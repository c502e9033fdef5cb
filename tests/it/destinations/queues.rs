//! Endpoints that are queues.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use axum::http::{HeaderMap, HeaderName, Method};
use serde_json::json;
use standardwebhooks::Webhook;
use tests::{cloud::Cloud, faults::Faults, invariants::World};

use super::{attempt, endpoint, may_fail_in_every_way, once, publish, secret};

async fn create_queue(cloud: &Cloud) -> String {
    let made = cloud.sound.sqs().create_queue().queue_name("orders").send().await.expect("made");
    made.queue_url().expect("a URL").to_owned()
}

async fn create_fifo_queue(cloud: &Cloud) -> String {
    let create = cloud.sound.sqs().create_queue().queue_name("orders.fifo");
    let create = create.attributes(QueueAttributeName::FifoQueue, "true");
    create.send().await.expect("made").queue_url().expect("a URL").to_owned()
}

/// Takes what lies on a queue.
async fn take(cloud: &Cloud, url: &str) -> Vec<Message> {
    let asked = cloud.sound.sqs().receive_message().queue_url(url).max_number_of_messages(10);
    let asked = asked.message_system_attribute_names(MessageSystemAttributeName::All);
    let taken = asked.message_attribute_names("All").send().await.expect("received");
    taken.messages().to_vec()
}

fn system(message: &Message, name: MessageSystemAttributeName) -> &str {
    &message.attributes().expect("attributes")[&name]
}

fn headers(message: &Message) -> HeaderMap {
    let attributes = message.message_attributes().expect("attributes");
    let header = |(name, value): (&String, &aws_sdk_sqs::types::MessageAttributeValue)| {
        let value = value.string_value().expect("text").parse().expect("a header");
        (HeaderName::try_from(name).expect("a name"), value)
    };
    attributes.iter().map(header).collect()
}

#[tokio::test]
async fn a_message_lies_on_its_queue_as_a_receiver_would_have_got_it() {
    let cloud = Cloud::start(Faults::default()).await;
    let queue = create_queue(&cloud).await;
    endpoint(&cloud, &Cloud::arn("orders"), json!({ "headers": { "X-Tenant": "a" } })).await;
    let id = publish(&cloud, &json!({ "a": 1.0, "é": "ü" })).await;
    assert!(cloud.settle(5).await);
    let messages = take(&cloud, &queue).await;
    assert_eq!(messages.len(), 1);
    let (headers, body) = (headers(&messages[0]), messages[0].body().expect("a body"));
    assert_eq!(body, r#"{"a":1.0,"é":"ü"}"#);
    assert_eq!(headers["webhook-id"], id.as_str());
    assert_eq!(headers["x-tenant"], "a");
    assert_eq!(headers["content-type"], "application/json");
    // The library verifies by the clock on the wall, and the cloud has its own; so it signs instead.
    let library = Webhook::new(&secret()).expect("a secret");
    let at = headers["webhook-timestamp"].to_str().expect("text").parse().expect("seconds");
    let signature = library.sign(&id, at, body.as_bytes()).expect("signed");
    assert_eq!(headers["webhook-signature"], signature);
    let attempt = attempt(&cloud, &id).await;
    assert_eq!((&attempt["status"], &attempt["responseStatusCode"]), (&json!(0), &json!(200)));
    let sent = format!("message {}", messages[0].message_id().expect("an id"));
    assert_eq!(attempt["response"], sent);
    assert_eq!(attempt["url"], Cloud::arn("orders"));
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_tried_again_parked_and_sent_to_by_hand() {
    let cloud = Cloud::start(Faults::default()).await;
    endpoint(&cloud, &Cloud::arn("orders"), json!({ "delays": [1], "maxRetries": 2 })).await;
    let id = publish(&cloud, &json!({ "a": 1 })).await;
    // No further: a minute later the relay asks by itself whether the queue is back.
    cloud.settle_for(2).await;
    cloud.work().await;
    let (_, letters) = cloud.call(Method::GET, "/v1/webhooks/dead-letter", None).await;
    assert_eq!(letters["data"][0]["webhook_url"], Cloud::arn("orders"), "{letters}");
    let dead = World::read(&cloud).await.deliveries.remove(0);
    assert_eq!(dead.made, 3, "once, and twice again");
    for attempt in &dead.attempts {
        assert_eq!(attempt.status, Some(404), "{attempt:?}");
    }
    let queue = create_queue(&cloud).await;
    let path = "/v1/webhooks/dead-letter/1/retry";
    let (status, answer) = cloud.call(Method::POST, path, None).await;
    assert!(status.is_success(), "{answer}");
    let messages = take(&cloud, &queue).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(headers(&messages[0])["webhook-id"], id.as_str());
}

#[tokio::test]
async fn what_a_queue_never_takes_is_parked_at_once() {
    let cloud = Cloud::start(Faults::default()).await;
    let queue = create_queue(&cloud).await;
    endpoint(&cloud, &Cloud::arn("orders"), json!({})).await;
    // With its headers it is a little too large, and without them it is not.
    publish(&cloud, &json!({ "a": "x".repeat(1_048_500) })).await;
    cloud.work().await;
    let dead = World::read(&cloud).await.deliveries.remove(0);
    assert_eq!((dead.made, dead.attempts.len()), (1, 1));
    let said = serde_json::to_value(&dead.attempts[0]).expect("JSON").to_string();
    assert!(said.contains("unfit") && said.contains("1 MiB"), "{said}");
    assert!(take(&cloud, &queue).await.is_empty());
}

/// A send that was not acknowledged is made again under the same `webhook-id`, and one that failed is too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_queue_may_fail_in_every_way() {
    may_fail_in_every_way("SendMessage", walk).await;
}

/// A message on its way to a queue; how many lie there in the end, all of one id.
async fn walk(faults: Faults) -> (Faults, usize) {
    let cloud = Cloud::start(faults.clone()).await;
    let queue = create_queue(&cloud).await;
    once(&cloud, &Cloud::arn("orders")).await;
    let messages = take(&cloud, &queue).await;
    let ids: Vec<_> =
        messages.iter().map(|message| headers(message)["webhook-id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    (faults, messages.len())
}

#[tokio::test]
async fn a_fifo_queue_has_a_group_for_each_endpoint_and_an_id_for_each_delivery() {
    let cloud = Cloud::start(Faults::default()).await;
    let queue = create_fifo_queue(&cloud).await;
    let group = endpoint(&cloud, &Cloud::arn("orders.fifo"), json!({})).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(publish(&cloud, &json!({ "number": number })).await);
        assert!(cloud.settle(5).await);
    }
    let messages = take(&cloud, &queue).await;
    let lie: Vec<_> = messages.iter().map(|it| headers(it)["webhook-id"].clone()).collect();
    assert_eq!(lie, ids);
    for message in &messages {
        assert_eq!(system(message, MessageSystemAttributeName::MessageGroupId), group);
        let id = system(message, MessageSystemAttributeName::MessageDeduplicationId);
        assert!(id.starts_with("dlv_"), "{id}");
    }
    // The next message is sent while the group is in flight, and waits.
    publish(&cloud, &json!({ "number": 3 })).await;
    cloud.work().await;
    assert!(take(&cloud, &queue).await.is_empty());
}

#[tokio::test]
async fn what_is_sent_again_by_hand_lies_on_a_fifo_queue_again() {
    let cloud = Cloud::start(Faults::default()).await;
    let queue = create_fifo_queue(&cloud).await;
    let group = endpoint(&cloud, &Cloud::arn("orders.fifo"), json!({})).await;
    let id = publish(&cloud, &json!({ "a": 1 })).await;
    cloud.work().await;
    let path = format!("/api/v1/app/acme/msg/{id}/endpoint/{group}/resend");
    let (status, answer) = cloud.call(Method::POST, &path, None).await;
    assert!(status.is_success(), "{answer}");
    cloud.work().await;
    let messages = take(&cloud, &queue).await;
    let name = MessageSystemAttributeName::MessageDeduplicationId;
    let lie: Vec<_> = messages.iter().map(|it| system(it, name.clone())).collect();
    assert!(matches!(lie[..], [first, second] if first != second), "{lie:?}");
    assert!(messages.iter().all(|it| headers(it)["webhook-id"] == id.as_str()));
}

/// A send whose answer was lost is made again, and the queue drops it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_lies_on_a_fifo_queue_once_however_its_call_fails() {
    may_fail_in_every_way("SendMessage", async |faults| {
        let cloud = Cloud::start(faults.clone()).await;
        let queue = create_fifo_queue(&cloud).await;
        once(&cloud, &Cloud::arn("orders.fifo")).await;
        let lie = take(&cloud, &queue).await.len();
        assert_eq!(lie, 1);
        (faults, lie)
    })
    .await;
}
