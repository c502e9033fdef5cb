//! Notifications as each system's receivers know them, from an accepted request to the wire. What
//! came is verified as the systems' documents verify it: over the raw body, with their secret's text.

use axum::http::Method;
use domain::{
    delivery::{Delivery, DeliveryState},
    secret::Secret,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tests::{
    cloud::Cloud,
    faults::Faults,
    invariants::World,
    receiver::{ReceivedRequest, Receiver},
    sender::completion,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const SECRET: &str = "your_shared_secret_here";
const ENDPOINTS: &str = "/api/v1/app/acme/endpoint";

/// The documents' own verifier, but for the prefix.
fn signature(parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    parts.iter().for_each(|part| mac.update(part));
    hex::encode(mac.finalize().into_bytes())
}

async fn endpoint(cloud: &Cloud, mut body: Value, url: &str) {
    body["url"] = json!(url);
    let (status, answer) = cloud.call(Method::POST, ENDPOINTS, Some(body)).await;
    assert!(status.is_success(), "{answer}");
}

async fn publish(cloud: &Cloud, event_type: &str, payload: &Value) {
    let body = json!({ "eventType": event_type, "payload": payload });
    let (status, answer) = cloud.call(Method::POST, "/api/v1/app/acme/msg", Some(body)).await;
    assert!(status.is_success(), "{answer}");
}

/// Fails once and then succeeds: both attempts send the same bytes, whoever signs anew.
async fn twice(cloud: &Cloud, receiver: &Receiver) -> [ReceivedRequest; 2] {
    receiver.answer(500);
    cloud.work().await;
    receiver.answer(200);
    assert!(cloud.settle(5).await);
    let received: [ReceivedRequest; 2] = receiver.received().try_into().expect("two attempts");
    assert_eq!(received[0].body, received[1].body, "every retry sends the same bytes");
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    for request in &received {
        assert!(request.verifies(&Secret::new(SECRET).standard()), "Standard Webhooks holds too");
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.header("x-tenant"), "a");
    }
    received
}

fn json_of(request: &ReceivedRequest) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

async fn delivery(cloud: &Cloud) -> Delivery {
    World::read(cloud).await.deliveries.remove(0)
}

#[tokio::test]
async fn r4_2_weppcloud_hears_of_its_jobs_in_its_words() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let body = json!({ "profile": "wepp", "secret": SECRET, "headers": { "X-Tenant": "a" } });
    endpoint(&cloud, body, &receiver.url("/hook")).await;
    cloud.send(&completion("c1", "running", "1")).await;
    cloud.send(&completion("c1", "success", r#"{"status":"complete","n":1.0}"#)).await;
    let received = twice(&cloud, &receiver).await;
    for request in &received {
        assert_eq!(request.header("user-agent"), "WEPPcloud-Webhook/1.0");
        let value = request.header("x-webhook-signature");
        assert_eq!(value, format!("sha256={}", signature(&[&request.body])));
    }
    let sent = json_of(&received[0]);
    assert_eq!((&sent["event"], &sent["job_id"]), (&json!("job.success"), &json!("job-c1")));
    assert!(sent["timestamp"].is_f64() && sent["runid"].is_null());
    assert!(String::from_utf8_lossy(&received[0].body).contains(r#""n":1.0"#));
}

#[tokio::test]
async fn r4_3_who_set_no_secret_gets_no_signature_of_weppcloud_s() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    endpoint(&cloud, json!({ "profile": "wepp" }), &receiver.url("/hook")).await;
    cloud.send(&completion("c1", "failure", "null")).await;
    assert!(cloud.settle(5).await);
    let received = receiver.received().remove(0);
    assert_eq!(json_of(&received)["event"], "job.failure");
    assert_eq!(received.header("x-webhook-signature"), "");
    assert_ne!(received.header("webhook-signature"), "", "ours is there");
}

#[tokio::test]
async fn r3_4_the_batch_server_s_bytes_are_sorted_and_its_timestamp_is_fresh() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let body = json!({ "profile": "batch", "secret": SECRET, "headers": { "X-Tenant": "a" } });
    endpoint(&cloud, body, &receiver.url("/hook")).await;
    cloud.send(&completion("c1", "success", "1")).await;
    let received = twice(&cloud, &receiver).await;
    for request in &received {
        let value = request.header("x-webhook-signature");
        assert_eq!(value, format!("sha256={}", signature(&[&request.body])));
        assert_eq!(request.header("x-webhook-timestamp"), request.header("webhook-timestamp"));
    }
    let stamp =
        |at: usize| received[at].header("x-webhook-timestamp").parse::<u64>().expect("unix");
    assert!(stamp(0) < stamp(1));
    let text = String::from_utf8_lossy(&received[0].body);
    assert!(
        text.starts_with(r#"{"completed_at": "#) && text.contains(r#""id": "job-c1""#),
        "{text}"
    );
}

#[tokio::test]
async fn r3_11_success_is_what_the_system_calls_so() {
    for (profile, status, delivered) in
        [("batch", 203, false), ("batch", 204, true), ("omtx-out", 201, false), ("wepp", 299, true)]
    {
        let receiver = Receiver::start().await;
        receiver.answer(status);
        let mut cloud = Cloud::start(Faults::default()).await;
        endpoint(&cloud, json!({ "profile": profile }), &receiver.url("/hook")).await;
        cloud.send(&completion("c1", "success", "1")).await;
        cloud.work().await;
        let delivery = delivery(&cloud).await;
        let want = if delivered { DeliveryState::Delivered } else { DeliveryState::Pending };
        assert_eq!(delivery.state, want, "{profile} {status}");
        assert_eq!(delivery.attempts[0].error.is_none(), delivered, "{profile} {status}");
    }
}

#[tokio::test]
async fn r2_4_hokusai_s_two_verifiers_hold() {
    for (profile, prefix) in [("hokusai", ""), ("hokusai-prefixed", "sha256=")] {
        let receiver = Receiver::start().await;
        let cloud = Cloud::start(Faults::default()).await;
        let body = json!({ "profile": profile, "secret": SECRET, "headers": { "X-Tenant": "a" } });
        endpoint(&cloud, body, &receiver.url("/api/models/ready")).await;
        let payload = json!({
            "model_id": "model_abc123", "idempotency_key": "550e8400-e29b-41d4-a716-446655440000",
            "baseline_metrics": { "accuracy": 1.0 },
        });
        publish(&cloud, "model.registered", &payload).await;
        let received = twice(&cloud, &receiver).await;
        for request in &received {
            let value = request.header("x-hokusai-signature");
            assert_eq!(value, format!("{prefix}{}", signature(&[&request.body])), "{profile}");
            let key = request.header("x-hokusai-idempotency-key");
            assert_eq!(key, "550e8400-e29b-41d4-a716-446655440000");
        }
        let text = String::from_utf8_lossy(&received[0].body);
        assert!(text.contains(r#""accuracy":1}"#), "as JSON.stringify writes it: {text}");
    }
}

#[tokio::test]
async fn s2_1_delta_one_signs_time_and_a_nonce_that_is_used_once() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    let body =
        json!({ "profile": "hokusai-deltaone", "secret": SECRET, "headers": { "X-Tenant": "a" } });
    endpoint(&cloud, body, &receiver.url("/hook")).await;
    publish(&cloud, "model.registered", &json!({ "model_id": "m" })).await;
    let received = twice(&cloud, &receiver).await;
    for request in &received {
        let [at, nonce] =
            ["x-hokusai-timestamp", "x-hokusai-nonce"].map(|name| request.header(name));
        let signed = signature(&[at.as_bytes(), b".", nonce.as_bytes(), b".", &request.body]);
        assert_eq!(request.header("x-hokusai-signature"), format!("sha256={signed}"));
        assert_eq!(request.header("user-agent"), "Hokusai-DeltaOne/1.0");
        assert_eq!(request.header("x-hokusai-idempotency-key"), request.header("webhook-id"));
    }
    assert_ne!(received[0].header("x-hokusai-nonce"), received[1].header("x-hokusai-nonce"));
}

#[tokio::test]
async fn s0_14_omtx_hears_of_completed_and_failed_jobs_and_nothing_else() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let body = json!({ "profile": "omtx-out", "secret": SECRET, "headers": { "X-Tenant": "a" } });
    endpoint(&cloud, body, &receiver.url("/hook")).await;
    cloud.send(&completion("c1", "running", "1")).await;
    cloud.send(&completion("c1", "failure", "null")).await;
    let received = twice(&cloud, &receiver).await;
    for request in &received {
        let value = request.header("x-omtx-signature");
        assert_eq!(value, format!("sha256={}", signature(&[&request.body])));
        assert_eq!(request.header("x-omtx-event"), "job.failed");
        assert!(request.header("x-omtx-timestamp").ends_with('Z'));
    }
    let sent = json_of(&received[0]);
    assert_eq!((&sent["event"], &sent["status"]), (&json!("job.failed"), &json!("failed")));
}

#[tokio::test]
async fn r2_9_dual_publishing_tells_the_webhook_and_the_channel_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let channel = format!("redis://{}/model:ready", listener.local_addr().expect("bound"));
    let redis = tokio::spawn(async move {
        let mut commands = Vec::new();
        // Down at first: what fails is retried, as over HTTP.
        for answer in ["-LOADING Redis is loading\r\n", ":1\r\n"] {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut seen = Vec::new();
            while !seen.ends_with(b"}\r\n") {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).await.expect("read");
                seen.extend_from_slice(&part[..count]);
            }
            stream.write_all(answer.as_bytes()).await.expect("written");
            commands.push(String::from_utf8(seen).expect("text"));
        }
        commands
    });
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    endpoint(&cloud, json!({ "profile": "hokusai" }), &receiver.url("/hook")).await;
    endpoint(&cloud, json!({ "profile": "hokusai" }), &channel).await;
    publish(&cloud, "model.registered", &json!({ "model_id": "m", "n": 1.0 })).await;
    assert!(cloud.settle(5).await);
    let commands = redis.await.expect("served");
    assert_eq!(commands[0], commands[1], "the same bytes");
    let body = String::from_utf8(receiver.received()[0].body.to_vec()).expect("text");
    assert_eq!(body, r#"{"model_id":"m","n":1}"#);
    let want = format!("PUBLISH\r\n$11\r\nmodel:ready\r\n${}\r\n{body}\r\n", body.len());
    assert!(commands[1].ends_with(&want), "{}", commands[1]);
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
}

#[tokio::test]
async fn r4_7_a_dashboard_hears_over_redis_how_a_delivery_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let server = format!("redis://{}", listener.local_addr().expect("bound"));
    let redis = tokio::spawn(async move {
        let mut commands = Vec::new();
        for end in ["j1\r\n", "}\r\n"] {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut seen = Vec::new();
            while !seen.ends_with(end.as_bytes()) {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).await.expect("read");
                seen.extend_from_slice(&part[..count]);
            }
            stream.write_all(b":0\r\n").await.expect("written");
            commands.push(String::from_utf8(seen).expect("text"));
        }
        commands
    });
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let source = json!({ "profile": "modal-omtx", "application": "acme", "status_redis": server });
    let (status, answer) = cloud.call(Method::PUT, "/v1/sources/modal", Some(source)).await;
    assert!(status.is_success(), "{answer}");
    let job = json!({ "run_id": "ab-cd", "webhook_url": receiver.url("/hook"), "webhook_secret": SECRET });
    let (status, answer) = cloud.call(Method::PUT, "/v1/jobs/j1", Some(job)).await;
    assert!(status.is_success(), "{answer}");
    let body = br#"{"call_id":"c1","status":"success","metadata":{"job_id":"j1"}}"#;
    cloud.send(body).await;
    assert!(cloud.settle(5).await);
    assert_eq!(receiver.received().len(), 1);
    let commands = redis.await.expect("served");
    assert!(commands[0].contains("\r\nab-cd:webhook\r\n"), "{}", commands[0]);
    assert!(commands[0].ends_with("Webhook delivered for job j1\r\n"), "{}", commands[0]);
    assert!(commands[1].contains("\r\nwebhooks:telemetry\r\n"), "{}", commands[1]);
    assert!(commands[1].contains(r#""status":"success","attempts":1"#), "{}", commands[1]);
}

#[tokio::test]
async fn a_dashboard_that_does_not_answer_changes_nothing() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let source = |server: &str| json!({ "profile": "modal-omtx", "application": "acme", "status_redis": server });
    let put = async |cloud: &Cloud, server: &str| {
        cloud.call(Method::PUT, "/v1/sources/modal", Some(source(server))).await.0
    };
    assert_eq!(
        put(&cloud, "redis://10.0.0.5:6379").await,
        422,
        "not in a network that may be called"
    );
    assert_eq!(put(&cloud, "https://dashboard.example").await, 422);
    assert!(put(&cloud, "redis://127.0.0.1:1").await.is_success());
    let job = json!({ "run_id": "ab-cd", "webhook_url": receiver.url("/hook"), "webhook_secret": SECRET });
    let (status, answer) = cloud.call(Method::PUT, "/v1/jobs/j1", Some(job)).await;
    assert!(status.is_success(), "{answer}");
    cloud.send(br#"{"call_id":"c1","status":"success","metadata":{"job_id":"j1"}}"#).await;
    assert!(cloud.settle(5).await);
    assert_eq!(receiver.received().len(), 1);
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
}
