//! The cost of recording a request: a write unit of DynamoDB at the most, and no call of AWS.

use axum::http::Method;
use serde_json::json;
use tests::{cloud::Cloud, faults::Faults, items, receiver::Receiver, shown};

use super::{GITHUB, done, send, source};

/// The headers of a Shopify webhook besides its signature, and those that API Gateway adds.
const SHOPIFY: [(&str, &str); 19] = [
    ("accept", "*/*"),
    ("accept-encoding", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"),
    ("content-length", "5519"),
    ("content-type", "application/json"),
    ("host", "k3v1x9q2ab.execute-api.eu-central-1.amazonaws.com"),
    ("user-agent", "Shopify-Captain-Hook"),
    ("x-amzn-trace-id", "Root=1-69272f1c-5b8a4c2d1e3f4a5b6c7d8e9f"),
    ("x-forwarded-for", "34.133.113.228"),
    ("x-forwarded-port", "443"),
    ("x-forwarded-proto", "https"),
    ("x-shopify-api-version", "2025-10"),
    ("x-shopify-event-id", "98880550-7158-44d4-b7cd-2c97c8a091b5"),
    ("x-shopify-shop-domain", "relay-test-store.myshopify.com"),
    ("x-shopify-topic", "orders/create"),
    ("x-shopify-triggered-at", "2025-11-26T18:30:53.123456789Z"),
    ("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
    ("x-shopify-test", "false"),
    ("x-shopify-order-id", "820982911946154508"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
];

/// Headers of so many bytes, names included: 64 hex digits each, which compress to half.
fn noisy(bytes: usize) -> Vec<(String, String)> {
    let (mut headers, mut left) = (Vec::new(), bytes);
    while 16 < left {
        let name = format!("x-header-{:02}", headers.len());
        let digits = domain::profile::fingerprint(name.as_bytes());
        let value = digits[..digits.len().min(left - name.len())].to_owned();
        left -= name.len() + value.len();
        headers.push((name, value));
    }
    headers
}

/// Bytes of the request that is recorded for these headers, and by how many write units its event costs
/// more for it.
async fn units(profile: &str, headers: &[(&str, &str)], is_sealed: bool) -> (usize, usize) {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, profile).await;
    let asked = if is_sealed { json!([super::signed(profile, b"").0]) } else { json!([]) };
    let endpoint = json!({ "url": receiver.url("/hook"), "forwardHeaders": asked });
    done(&cloud, Method::POST, "/api/v1/app/acme/endpoint", endpoint).await;
    send(&cloud, profile, headers, b"{}").await;
    cloud.work().await;
    let items = items::scan(&cloud).await;
    let event = items.iter().find(|item| item.contains_key("request")).expect("recorded");
    let mut bare = event.clone();
    bare.remove("request");
    let (with, without) = (items::size(event), items::size(&bare));
    (with - without, with.div_ceil(1024) - without.div_ceil(1024))
}

#[tokio::test]
async fn an_ordinary_request_is_recorded_for_one_write_unit() {
    let noise = noisy(1024);
    let noise: Vec<_> = noise.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut told = Vec::new();
    for (name, profile, headers) in [
        ("GitHub", "github", &GITHUB[..]),
        ("Shopify", "shopify", &SHOPIFY[..]),
        ("1 KiB of hex digits", "github", &noise[..]),
    ] {
        for is_sealed in [false, true] {
            let (size, units) = units(profile, headers, is_sealed).await;
            let sent: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            let what = if is_sealed { ", signature kept" } else { "" };
            told.push(format!("{name} ({sent} bytes of headers{what}): {size} bytes"));
            assert!(units <= 1, "{units}: {told:?}");
        }
    }
    shown!("recorded requests, each 1 write unit at the most: {}", told.join("; "));
}

#[tokio::test]
async fn a_request_costs_no_call_in_ingest_and_process() {
    let receiver = Receiver::start().await;
    let faults = Faults::default();
    let cloud = Cloud::start(faults.clone()).await;
    source(&cloud, "github").await;
    let endpoint = json!({ "url": receiver.url("/hook"), "forwardHeaders": ["x-github-event"], "body": "original" });
    done(&cloud, Method::POST, "/api/v1/app/acme/endpoint", endpoint).await;
    let calls = |by: &str, from: usize| {
        let calls = faults.calls().split_off(from);
        let by = |call: &tests::faults::AwsCall| (call.by == by).then(|| call.operation.clone());
        calls.iter().filter_map(by).collect::<Vec<_>>()
    };
    let before = faults.calls().len();
    send(&cloud, "github", &GITHUB, b"{}").await;
    let mut ingest = calls("ingest", before);
    ingest.sort();
    assert_eq!(ingest, ["GetItem", "SendMessage"], "the source, the inbox");
    let before = faults.calls().len();
    cloud.work().await;
    let with = calls("process", before);
    // An operator's report has no request.
    let injected = json!({ "body": { "action": "opened" } });
    done(&cloud, Method::POST, "/v1/sources/github/inject", injected).await;
    let before = faults.calls().len();
    cloud.work().await;
    assert_eq!(with, calls("process", before));
}
