//! The whole bundle as `relay dev` runs it, over real HTTP, by its users' calls.

use std::time::Duration;

use axum::http::Method;
use domain::secret::Secret;
use relay::dev::{Bundle, Settings};
use serde_json::{Value, json};
use tests::{
    client::Client,
    receiver::Receiver,
    sender::{self, completion},
};

/// A relay with a source `modal` for the application `acme`, and its operator.
async fn relay(settings: Settings) -> (Bundle, Client) {
    let bundle = Bundle::start(settings).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    let source =
        json!({ "profile": "modal-omtx", "secrets": [sender::SECRET], "application": "acme" });
    let (status, answer) = client.call(Method::PUT, "/v1/sources/modal", Some(source)).await;
    assert!(status.is_success(), "{status} {answer}");
    client.post("/api/v1/app", json!({ "name": "Acme", "uid": "acme" })).await;
    (bundle, client)
}

async fn send(client: &Client, body: &[u8]) -> Value {
    let headers = sender::headers(body, adapters::clock::Clock::system().now());
    let sent = client.send(Method::POST, "/in/modal", headers, body.to_vec()).await;
    let (status, answer) = sent.expect("the relay answers");
    assert_eq!(status.as_u16(), 202, "{answer}");
    answer
}

async fn subscribe(client: &Client, endpoint: Value) -> (String, Secret) {
    let created = client.post("/api/v1/app/acme/endpoint", endpoint).await;
    let id = created["id"].as_str().expect("an id").to_owned();
    let shown = client.get(&format!("/api/v1/app/acme/endpoint/{id}/secret")).await;
    (id, Secret::new(shown["key"].as_str().expect("a key")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_completion_comes_in_and_a_signed_notification_goes_out_once() {
    let (bundle, client) = relay(Settings::fresh()).await;
    let receiver = Receiver::start().await;
    let (_, secret) = subscribe(&client, json!({ "url": receiver.url("/hook") })).await;
    let body = completion("fc-1", "success", r#"{"affinity":-7.2}"#);
    let accepted = send(&client, &body).await;
    let received = receiver.wait_for(1).await;
    assert!(received[0].verifies(&secret), "the Standard Webhooks signature holds");
    assert!(!received[0].verifies(&Secret::symmetric(&[1; 32])), "and no other");
    let official =
        standardwebhooks::Webhook::new(secret.as_str().expect("text")).expect("a secret");
    official.verify(&received[0].body, &received[0].headers).expect("the official library agrees");
    assert!(official.verify(b"{}", &received[0].headers).is_err());
    let notice: Value = serde_json::from_slice(&received[0].body).expect("JSON");
    assert_eq!(notice["id"], accepted["id"]);
    assert_eq!(received[0].header("webhook-id"), accepted["id"].as_str().expect("an id"));
    assert_eq!(notice["type"], "job.succeeded");
    assert_eq!(notice["data"]["result"]["affinity"], -7.2);
    assert_eq!(notice["data"]["job"]["batch_id"], "b1");
    for name in ["fc-1", "job-fc-1"] {
        let job =
            client.until(&format!("/v1/jobs/{name}"), |job| job["status"] == "succeeded").await;
        assert_eq!(job["external_id"], "job-fc-1");
    }
    assert_eq!(send(&client, &body).await["id"], accepted["id"]);
    let event = format!("/v1/events/{}", accepted["id"].as_str().expect("an id"));
    client.until(&event, |event| event["duplicates"] == 1).await;
    assert_eq!(receiver.received().len(), 1, "a duplicate is no second notification");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_is_down_becomes_a_dead_letter_and_is_redelivered_by_command() {
    let (bundle, client) = relay(Settings::fresh()).await;
    let receiver = Receiver::start().await;
    receiver.answer(503);
    let endpoint = json!({ "url": receiver.url("/hook"), "delays": [1, 1], "timeoutSeconds": 5 });
    let (_, secret) = subscribe(&client, endpoint).await;
    send(&client, &completion("fc-2", "success", "1")).await;
    let letters = client.until("/v1/webhooks/dead-letter", |letters| letters["total"] == 1).await;
    let letter = &letters["data"][0];
    assert_eq!((letter["id"].as_u64(), letter["attempts"].as_u64()), (Some(1), Some(3)));
    assert_eq!(letter["error_message"], "the endpoint answered 503");
    assert_eq!(letter["batch_id"], "b1");
    let retry = "/v1/webhooks/dead-letter/1/retry";
    let failed = client.post(retry, json!({})).await;
    assert_eq!(failed["retry_success"], false);
    client.until("/v1/webhooks/dead-letter", |l| l["data"][0]["retry_success"] == false).await;
    receiver.answer(200);
    let retried = client.post(retry, json!({})).await;
    assert_eq!(retried["retry_success"], true, "{retried}");
    let (status, _) = client.call(Method::POST, retry, Some(json!({}))).await;
    assert_eq!(status.as_u16(), 400, "already retried");
    let received = receiver.received();
    assert_eq!(received.len(), 5, "three by policy, two by hand");
    let ids: std::collections::BTreeSet<_> =
        received.iter().map(|r| r.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1, "the same webhook-id each time");
    assert!(received.iter().all(|request| request.verifies(&secret)));
    assert!(received.iter().all(|request| request.body == received[0].body), "the same bytes");
    let (status, deleted) = client.call(Method::DELETE, "/v1/webhooks/dead-letter/1", None).await;
    assert_eq!((status.as_u16(), deleted), (200, json!({ "deleted": true, "id": 1 })));
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_come_back_by_themselves_once_the_subscriber_answers() {
    let (bundle, client) = relay(Settings::fresh()).await;
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let patient = json!({ "threshold": 100, "recoverySeconds": 60 });
    let url = receiver.url("/hook");
    subscribe(&client, json!({ "url": url, "delays": [0], "maxRetries": 1, "breaker": patient }))
        .await;
    for number in 0..5 {
        send(&client, &completion(&format!("down-{number}"), "success", "1")).await;
    }
    client.until("/v1/webhooks/dead-letter", |letters| letters["total"] == 5).await;
    receiver.answer(200);
    // The next notification that arrives shows that it is up again.
    send(&client, &completion("up", "success", "1")).await;
    client
        .until("/v1/webhooks/dead-letter", |letters| {
            letters["data"].as_array().is_some_and(|all| {
                all.len() == 5 && all.iter().all(|letter| letter["retry_success"] == true)
            })
        })
        .await;
    assert_eq!(receiver.received().iter().filter(|request| request.answered == 200).count(), 6);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_message_is_parked_with_its_bytes_and_can_be_put_back() {
    let mut settings = Settings::fresh();
    settings.queues.inbox_visibility = 0;
    let (bundle, client) = relay(settings).await;
    let url = bundle.queue_url(&bundle.names().inbox.clone());
    let send = bundle.clients().sqs().send_message().queue_url(url);
    send.message_body("{ not ours").send().await.expect("sent");
    client.until("/v1/webhooks/dead-letter", |letters| letters["total"] == 1).await;
    // Workers that park the message at once use up numbers, of which one stays.
    let letters = client.get("/v1/webhooks/dead-letter").await;
    let path = format!("/v1/webhooks/dead-letter/{}", letters["data"][0]["id"]);
    let letter = client.get(&path).await;
    assert!(letter.to_string().contains("{ not ours"), "{letter}");
    let back = client.post(&format!("{path}/retry"), json!({})).await;
    assert_eq!(back["retry_success"], true);
    // It is still poison, and becomes the same letter again.
    client.until("/v1/webhooks/dead-letter", |l| l["data"][0]["retry_success"] == false).await;
    assert_eq!(client.get("/v1/webhooks/dead-letter").await["total"], 1);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_any_answer_but_the_one_that_shows_it() {
    let (bundle, client) = relay(Settings::fresh()).await;
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let endpoint = json!({ "url": receiver.url("/hook"), "delays": [0], "maxRetries": 1 });
    let (id, secret) = subscribe(&client, endpoint).await;
    send(&client, &completion("fc-3", "success", "1")).await;
    client.until("/v1/webhooks/dead-letter", |letters| letters["total"] == 1).await;
    for path in [
        "/v1/sources",
        "/v1/sources/modal",
        "/v1/jobs",
        "/v1/events",
        "/v1/webhooks/dead-letter",
        "/v1/webhooks/dead-letter/1",
        "/v1/keys",
        "/api/v1/app",
        "/api/v1/app/acme/endpoint",
        &format!("/api/v1/app/acme/endpoint/{id}"),
        &format!("/api/v1/app/acme/attempt/endpoint/{id}"),
        "/api/v1/app/acme/msg",
    ] {
        let answer = client.get(path).await.to_string();
        let planted = [sender::SECRET, secret.as_str().expect("text"), bundle.admin_key()];
        assert!(planted.iter().all(|secret| !answer.contains(secret)), "{path}: {answer}");
    }
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_subscriber_meets_its_deadline_and_a_healthy_one_does_not_wait_for_it() {
    let (bundle, client) = relay(Settings::fresh()).await;
    // Takes connections and says nothing.
    let hung = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", hung.local_addr().expect("bound"));
    let healthy = Receiver::start().await;
    let (id, _) = subscribe(&client, json!({ "url": url, "timeoutSeconds": 5 })).await;
    subscribe(&client, json!({ "url": healthy.url("/hook") })).await;
    let started = std::time::Instant::now();
    send(&client, &completion("fc-4", "success", "1")).await;
    healthy.wait_for(1).await;
    assert!(started.elapsed() < Duration::from_secs(5), "not behind the hung one");
    let path = format!("/api/v1/app/acme/attempt/endpoint/{id}");
    let attempts = client
        .until(&path, |list| list["data"].as_array().is_some_and(|data| !data.is_empty()))
        .await;
    assert_eq!(attempts["data"][0]["responseStatusCode"], 0, "{attempts}");
    bundle.stop().await;
}
