//! Endpoints that are queues: what arrives there, and what becomes of what does not.

use std::time::Duration;

use aws_sdk_sqs::types::Message;
use axum::http::{HeaderMap, HeaderName, Method};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::{cloud::Cloud, faults::Faults, invariants::World};

const ENDPOINTS: &str = "/api/v1/app/acme/endpoint";

/// An endpoint of the queue `orders`, whose secret is [`Cloud::endpoint_secret`]'s text.
async fn endpoint(cloud: &Cloud, mut more: Value) -> String {
    more["url"] = json!(Cloud::arn("orders"));
    more["secret"] = json!(secret());
    let (status, answer) = cloud.call(Method::POST, ENDPOINTS, Some(more)).await;
    assert_eq!(status.as_u16(), 201, "{answer}");
    assert_eq!(answer["url"], Cloud::arn("orders"));
    answer["id"].as_str().expect("an id").to_owned()
}

fn secret() -> String {
    Cloud::endpoint_secret().as_str().expect("text").to_owned()
}

async fn publish(cloud: &Cloud, payload: &Value) -> String {
    let message = json!({ "eventType": "invoice.paid", "payload": payload });
    let (status, answer) = cloud.call(Method::POST, "/api/v1/app/acme/msg", Some(message)).await;
    assert!(status.is_success(), "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

async fn create_queue(cloud: &Cloud) -> String {
    let made = cloud.sound.sqs().create_queue().queue_name("orders").send().await.expect("made");
    made.queue_url().expect("a URL").to_owned()
}

/// Takes what lies on a queue.
async fn take(cloud: &Cloud, url: &str) -> Vec<Message> {
    let asked = cloud.sound.sqs().receive_message().queue_url(url).max_number_of_messages(10);
    let taken = asked.message_attribute_names("All").send().await.expect("received");
    taken.messages().to_vec()
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
    endpoint(&cloud, json!({ "headers": { "X-Tenant": "a" } })).await;
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
    let attempts = format!("/api/v1/app/acme/attempt/msg/{id}");
    let (_, told) = cloud.call(Method::GET, &attempts, None).await;
    let attempt = &told["data"][0];
    assert_eq!((&attempt["status"], &attempt["responseStatusCode"]), (&json!(0), &json!(200)));
    let sent = format!("message {}", messages[0].message_id().expect("an id"));
    assert_eq!(attempt["response"], sent);
    assert_eq!(attempt["url"], Cloud::arn("orders"));
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_tried_again_parked_and_sent_to_by_hand() {
    let cloud = Cloud::start(Faults::default()).await;
    endpoint(&cloud, json!({ "delays": [1], "maxRetries": 2 })).await;
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
    endpoint(&cloud, json!({})).await;
    // With its headers it is a little too large, and without them it is not.
    publish(&cloud, &json!({ "a": "x".repeat(1_048_500) })).await;
    cloud.work().await;
    let dead = World::read(&cloud).await.deliveries.remove(0);
    assert_eq!((dead.made, dead.attempts.len()), (1, 1));
    let said = serde_json::to_value(&dead.attempts[0]).expect("JSON").to_string();
    assert!(said.contains("unfit") && said.contains("1 MiB"), "{said}");
    assert!(take(&cloud, &queue).await.is_empty());
}

#[tokio::test]
async fn a_queue_elsewhere_and_one_that_nobody_named_are_refused() {
    let cloud = Cloud::start(Faults::default()).await;
    let outbox = Cloud::arn(&cloud.aws.names().outbox);
    for (url, why) in [
        ("arn:aws:sqs:us-east-1:111111111111:orders", "account and region"),
        ("arn:aws:sqs:eu-west-1:000000000000:orders", "account and region"),
        (outbox.as_str(), "DestinationQueues"),
        ("arn:aws:sns:us-east-1:000000000000:orders", "an ARN names a queue"),
    ] {
        let body = json!({ "url": url });
        let (status, answer) = cloud.call(Method::POST, ENDPOINTS, Some(body)).await;
        assert_eq!(status.as_u16(), 422, "{answer}");
        let said = answer.to_string();
        assert!(said.contains(why) && said.contains("url"), "{said}");
        let job = json!({ "source": "modal", "id": "j", "webhook": { "url": url } });
        let (status, answer) = cloud.call(Method::POST, "/v1/jobs", Some(job)).await;
        assert!(status.is_client_error() && answer.to_string().contains(why), "{status} {answer}");
    }
}

/// A send that was not acknowledged is made again under the same `webhook-id`, and one that failed is too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_queue_may_fail_in_every_way() {
    let (faults, _) = walk(Faults::default()).await;
    let calls = faults.calls();
    let is_send = |call: &tests::faults::Called| {
        call.by == "deliver" && call.operation.starts_with("SendMessage")
    };
    let sends: Vec<_> = (0..calls.len()).filter(|k| is_send(&calls[*k])).collect();
    assert!(!sends.is_empty(), "{calls:?}");
    for k in sends {
        for how in calls[k].ways() {
            let (faults, arrived) = walk(Faults::at(k, *how)).await;
            assert_eq!(faults.hits(), 1);
            assert!((1..=2).contains(&arrived), "{how:?}: {arrived} messages");
        }
    }
}

/// A message on its way to a queue; how many lie there in the end, all of one id.
async fn walk(faults: Faults) -> (Faults, usize) {
    let cloud = Cloud::start(faults.clone()).await;
    let queue = create_queue(&cloud).await;
    let policy = domain::retry::Policy::of(Some(2), Some(5), Some(vec![1, 1])).expect("valid");
    cloud.endpoint(&Cloud::arn("orders"), policy).await;
    let message = json!({ "eventType": "invoice.paid", "eventId": "once", "payload": { "a": 1 } });
    for _ in 0..3 {
        let path = "/api/v1/app/acme/msg";
        let (status, _) = cloud.call(Method::POST, path, Some(message.clone())).await;
        if status.is_success() || status.as_u16() == 409 {
            break;
        }
    }
    assert!(cloud.settle(20).await, "it comes to rest");
    cloud.pass(Duration::from_secs(1));
    let messages = take(&cloud, &queue).await;
    let ids: Vec<_> =
        messages.iter().map(|message| headers(message)["webhook-id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    (faults, messages.len())
}
