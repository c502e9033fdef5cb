//! Endpoints that accept and never answer occupy their share of the workers and no more, so another
//! tenant's messages are delivered while they hang.

use relay::dev::{Bundle, Settings};
use serde_json::json;
use tests::{client::Client, receiver::Receiver, shown};
use tokio::{net::TcpListener, sync::watch, time::Instant};

/// Calls to one endpoint, and to those of one application, of fifty workers.
const CAPS: (usize, usize) = (10, 20);
const NEIGHBOURS: usize = 30;

/// A host that accepts connections and never answers, and how many it accepted.
async fn hung() -> (String, watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (count, counted) = watch::channel(0);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
            count.send_replace(open.len());
        }
    });
    (url, counted)
}

/// Publishes `messages` to `endpoints` that hang, and meanwhile to another tenant's endpoint that
/// does not. Returns how many calls to those that hang were made until the neighbour had everything,
/// and the slowest of the neighbour's deliveries.
async fn beside(endpoints: usize, messages: usize) -> (usize, std::time::Duration) {
    let bundle = Bundle::start(Settings::fresh()).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    let (url, mut calls) = hung().await;
    for uid in ["hung", "fast"] {
        client.post("/api/v1/app", json!({ "name": uid, "uid": uid })).await;
    }
    for number in 0..endpoints {
        // None of the calls ends while this test runs.
        let endpoint = json!({ "url": format!("{url}/{number}"), "timeoutSeconds": 300 });
        client.post("/api/v1/app/hung/endpoint", endpoint).await;
    }
    let receiver = Receiver::start().await;
    let endpoint = json!({ "url": receiver.url("/fast") });
    client.post("/api/v1/app/fast/endpoint", endpoint).await;
    let message = || json!({ "eventType": "a.b", "payload": {} });
    for _ in 0..messages {
        client.post("/api/v1/app/hung/msg", message()).await;
    }
    calls.wait_for(|calls| 0 < *calls).await.expect("called");
    let mut slowest = std::time::Duration::ZERO;
    for number in 0..NEIGHBOURS {
        let begun = Instant::now();
        client.post("/api/v1/app/fast/msg", message()).await;
        let received = receiver.wait_for(number + 1).await;
        slowest = slowest.max(received[number].at.duration_since(begun));
    }
    let calls = *calls.borrow();
    (calls, slowest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_messages_to_a_hung_endpoint_occupy_its_share_and_delay_no_neighbour() {
    let (calls, slowest) = beside(1, 200).await;
    shown!("200 messages to 1 hung endpoint: {calls} calls, the neighbour's slowest {slowest:?}");
    assert!(calls <= CAPS.0, "{calls} calls are under way to one endpoint");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eighty_hung_endpoints_of_a_tenant_occupy_its_share_and_delay_no_neighbour() {
    let (calls, slowest) = beside(80, 3).await;
    shown!("80 hung endpoints of a tenant: {calls} calls, the neighbour's slowest {slowest:?}");
    assert!(calls <= CAPS.1, "{calls} calls are under way to one tenant's endpoints");
}
