//! Endpoints that are AWS resources and not URLs: deliveries that arrive there, and those that fail.

mod buses;
mod queues;

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use tests::{
    cloud::Cloud,
    faults::{AwsCall, Faults},
};

const ENDPOINTS: &str = "/api/v1/app/acme/endpoint";

/// An endpoint at this ARN, whose secret is [`Cloud::endpoint_secret`]'s text.
async fn endpoint(cloud: &Cloud, arn: &str, mut more: Value) -> String {
    more["url"] = json!(arn);
    more["secret"] = json!(secret());
    let (status, answer) = cloud.call(Method::POST, ENDPOINTS, Some(more)).await;
    assert_eq!(status.as_u16(), 201, "{answer}");
    assert_eq!(answer["url"], arn);
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

/// The first attempt for a message, as the API shows it.
async fn attempt(cloud: &Cloud, message: &str) -> Value {
    let attempts = format!("/api/v1/app/acme/attempt/msg/{message}");
    let (_, told) = cloud.call(Method::GET, &attempts, None).await;
    told["data"][0].clone()
}

/// Sends a message once, to the endpoint at this ARN, until everything is at rest.
async fn once(cloud: &Cloud, arn: &str) {
    let policy = domain::retry::Policy::of(Some(2), Some(5), Some(vec![1, 1])).expect("valid");
    cloud.endpoint(arn, policy).await;
    let message = json!({ "eventType": "invoice.paid", "eventId": "once", "payload": { "a": 1 } });
    cloud.publish(message).await;
    assert!(cloud.settle(20).await, "it comes to rest");
    cloud.pass(Duration::from_secs(1));
}

/// Lets every call that `deliver` makes under this name fail in every way, on a walk that says how many
/// arrived: a call that was not acknowledged is made again, and so is one that failed.
async fn may_fail_in_every_way(operation: &str, walk: impl AsyncFn(Faults) -> (Faults, usize)) {
    let (faults, _) = walk(Faults::default()).await;
    let calls = faults.calls().into_iter().enumerate();
    let wanted = |(_, call): &(usize, AwsCall)| {
        call.by == "deliver" && call.operation.starts_with(operation)
    };
    let found: Vec<_> = calls.filter(wanted).collect();
    assert!(!found.is_empty(), "{operation}");
    for (k, call) in found {
        for how in call.ways() {
            let (faults, arrived) = walk(Faults::at(k, how)).await;
            assert_eq!(faults.hits(), 1);
            assert!((1..=2).contains(&arrived), "{how:?}: {arrived} arrived");
        }
    }
}

#[tokio::test]
async fn what_is_elsewhere_and_what_nobody_named_is_refused() {
    let cloud = Cloud::start(Faults::default()).await;
    let outbox = Cloud::arn(&cloud.aws.names().outbox);
    for (url, why) in [
        ("arn:aws:sqs:us-east-1:111111111111:orders", "account and region"),
        ("arn:aws:sqs:eu-west-1:000000000000:orders", "account and region"),
        (outbox.as_str(), "DestinationQueues"),
        ("arn:aws:sns:us-east-1:000000000000:orders", "an ARN names a queue"),
        ("arn:aws:events:us-east-1:111111111111:event-bus/jobs", "account and region"),
        ("arn:aws:events:us-east-1:000000000000:event-bus/default", "DestinationEventBuses"),
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
