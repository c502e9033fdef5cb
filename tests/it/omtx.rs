//! OMTX-Hub's operator, with the calls of its own guide (`requirements` R0.6 to R0.21).

use axum::http::{HeaderMap, Method};
use relay::dev::{Bundle, Settings};
use serde_json::json;
use tests::{
    client::Client,
    receiver::Receiver,
    sender::{self, completion},
};

const BASE: &str = "/api/v3/webhooks";

async fn configured() -> (Bundle, Client) {
    let bundle = Bundle::start(Settings::fresh()).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    let body = json!({ "webhook_base_url": bundle.url(), "webhook_secret": sender::SECRET, "auto_configure": true });
    client.post(&format!("{BASE}/configure"), body).await;
    (bundle, client)
}

async fn send(client: &Client, body: Vec<u8>) {
    let headers = sender::headers(&body, adapters::clock::Clock::system().now());
    let sent = client.send(Method::POST, "/in/modal-omtx", headers, body).await;
    assert_eq!(sent.expect("the relay answers").0.as_u16(), 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r0_14_a_test_goes_the_whole_way_and_says_when_it_has_arrived() {
    let (bundle, client) = configured().await;
    let receiver = Receiver::start().await;
    client.post("/api/v1/app/default/endpoint", json!({ "url": receiver.url("/hook") })).await;
    let test =
        json!({ "modal_call_id": "test_123", "status": "success", "test_data": { "test": true } });
    let modal = client.post(&format!("{BASE}/modal/test"), test.clone()).await;
    assert_eq!(
        (&modal["status"], &modal["call_id"]),
        (&json!("test_processed"), &json!("test_123"))
    );
    let heard = receiver.wait_for(1).await;
    let notice: serde_json::Value = serde_json::from_slice(&heard[0].body).expect("JSON");
    assert_eq!(
        (&notice["id"], &notice["data"]["result"]),
        (&modal["event_id"], &json!({ "test": true }))
    );
    assert_eq!(notice["data"]["job"]["external_id"], modal["test_call_id"]);
    let failing =
        json!({ "call_id": "test_123", "status": "timeout", "error": { "message": "m" } });
    let tested = client.post(&format!("{BASE}/test"), failing).await;
    assert_eq!(tested["status"], "test_completed");
    let job = client.get(&format!("/v1/jobs/{}", tested["job_id"].as_str().expect("an id"))).await;
    assert_eq!(job["status"], "timed_out");
    assert_eq!(client.call(Method::GET, "/v1/jobs/test_123", None).await.0.as_u16(), 404);
    let metrics = client.get(&format!("{BASE}/metrics")).await;
    assert_eq!(metrics["completion_checker"]["total_webhooks_received"], 0, "tests do not count");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s0_5_s0_8_s0_12_what_comes_is_counted_once_and_no_failure_undoes_a_success() {
    let (bundle, client) = configured().await;
    let status = client.get(&format!("{BASE}/status")).await;
    assert_eq!((&status["configured"], &status["apps_configured"]), (&json!(true), &json!(0)));
    let failed = completion("fc-1", "failure", "null");
    send(&client, failed.clone()).await;
    client.until("/v1/jobs/fc-1", |job| job["status"] == "failed").await;
    send(&client, failed).await;
    send(&client, completion("fc-1", "success", "1")).await;
    client.until("/v1/jobs/fc-1", |job| job["status"] == "succeeded" && job["late"] == true).await;
    send(&client, completion("fc-2", "success", "1")).await;
    client.until("/v1/jobs/fc-2", |job| job["status"] == "succeeded").await;
    send(&client, completion("fc-2", "failure", "null")).await;
    send(&client, completion("fc-3", "running", "null")).await;
    let counted = client
        .until(&format!("{BASE}/metrics"), |metrics| {
            metrics["completion_checker"]["total_webhooks_received"] == 6
        })
        .await;
    let checker = &counted["completion_checker"];
    let counts = [
        "successful_completions",
        "failed_completions",
        "duplicate_webhooks",
        "conflicting_webhooks",
    ];
    assert_eq!(
        counts.map(|count| checker[count].as_u64()),
        [Some(2), Some(1), Some(1), Some(1)],
        "{checker}"
    );
    assert_eq!(checker["webhook_success_rate"], 100.0 / 3.0);
    assert_eq!(counted["modal_service"]["total_active"], 1);
    let undone = client.get("/v1/jobs/fc-2").await;
    assert_eq!(undone["status"], "succeeded", "no failure overwrites it");
    let status = client.get(&format!("{BASE}/status")).await;
    assert_eq!(
        (&status["apps_configured"], &status["health_status"]),
        (&json!(1), &json!("healthy"))
    );
    let active = client.get(&format!("{BASE}/active-executions")).await;
    assert_eq!(active["executions"][0]["modal_call_id"], "fc-3");
    let logs = client.get(&format!("{BASE}/logs?limit=100")).await;
    assert_eq!(logs["total_logs"], 5, "{logs}");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r0_13_health_is_asked_with_curl_i_and_without_a_key() {
    let (bundle, client) = configured().await;
    for method in [Method::HEAD, Method::GET] {
        let path = format!("{BASE}/modal/health");
        let asked = client.send(method, &path, HeaderMap::new(), Vec::new()).await;
        assert_eq!(asked.expect("the relay answers").0.as_u16(), 200);
    }
    for path in ["status", "active-executions", "metrics", "logs"] {
        let path = format!("{BASE}/{path}");
        let asked = client.send(Method::GET, &path, HeaderMap::new(), Vec::new()).await;
        let (status, body) = asked.expect("the relay answers");
        assert_eq!((status.as_u16(), body), (401, json!({ "detail": "Invalid token" })), "{path}");
    }
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r0_18_a_cancelled_execution_stays_cancelled_whatever_its_sender_says_later() {
    let (bundle, client) = configured().await;
    let receiver = Receiver::start().await;
    let endpoint = json!({ "url": receiver.url("/hook"), "filterTypes": ["job.cancelled"] });
    client.post("/api/v1/app/default/endpoint", endpoint).await;
    send(&client, completion("call-123", "running", "null")).await;
    client.until("/v1/jobs/call-123", |job| job["status"] == "running").await;
    let path = format!("{BASE}/executions/call-123/cancel");
    let cancelled = client.call(Method::POST, &path, None).await;
    let message = "Execution call-123 cancelled successfully";
    let expected = json!({ "status": "cancelled", "message": message });
    assert_eq!((cancelled.0.as_u16(), cancelled.1), (200, expected));
    let again = client.call(Method::POST, &path, None).await;
    assert_eq!(again.0.as_u16(), 404, "{}", again.1);
    receiver.wait_for(1).await;
    send(&client, completion("call-123", "success", "1")).await;
    client.until("/v1/jobs/call-123", |job| job["conflicts"] == 1).await;
    assert_eq!(client.get("/v1/jobs/call-123").await["status"], "cancelled");
    bundle.stop().await;
}
