//! Secrets rotate while a thousand deliveries are on their way, some of them between two attempts. The
//! receiver knows one secret at a time, judges with the official library, and changes over when it
//! likes within the overlap.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
};
use domain::{
    endpoint::Endpoint,
    retry::Policy,
    secret::{KeyPair, Secret},
};
use futures::{StreamExt, stream};
use relay::dev::{Bundle, Settings};
use serde_json::json;
use standardwebhooks::Webhook;
use tests::{
    client::Client,
    cloud::Cloud,
    faults::{FaultKind, Faults},
    shown,
};
use tokio::{net::TcpListener, sync::watch};

const MESSAGES: usize = 1000;
/// Every so many messages are answered 500 at first.
const FAILING: usize = 4;
const SECRET: &str = "/api/v1/app/acme/endpoint/e/secret";

/// Counts of the receiver's requests.
#[derive(Clone, Copy, Debug, Default)]
struct ReceiverCounts {
    /// All requests.
    requests: usize,
    /// Requests that the official library refused.
    refused: usize,
    /// Messages that were answered 200.
    delivered: usize,
    /// Most signatures on one request.
    signatures: usize,
}

/// A receiver with one secret.
struct Receiver {
    webhook: Mutex<Webhook>,
    attempts: Mutex<HashMap<String, usize>>,
    seen: watch::Sender<ReceiverCounts>,
}

impl Receiver {
    fn knows(&self, key: &str) {
        *self.webhook.lock().expect("not poisoned") = Webhook::new(key).expect("a secret");
    }

    async fn wait_for(&self, enough: impl Fn(&ReceiverCounts) -> bool) -> ReceiverCounts {
        let mut seen = self.seen.subscribe();
        let came = seen.wait_for(|seen| enough(seen));
        match tokio::time::timeout(Duration::from_secs(300), came).await {
            Ok(Ok(seen)) => *seen,
            _ => panic!("no more came than {:?}", self.seen.borrow()),
        }
    }
}

async fn hook(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let text = |name: &str| headers[name].to_str().expect("text").to_owned();
    let verified = receiver.webhook.lock().expect("not poisoned").verify(&body, &headers);
    let made = {
        let mut attempts = receiver.attempts.lock().expect("not poisoned");
        let made = attempts.entry(text("webhook-id")).or_default();
        *made += 1;
        *made
    };
    let number: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let number = usize::try_from(number["n"].as_u64().expect("a number")).expect("small");
    let fails = number.is_multiple_of(FAILING) && made == 1;
    receiver.seen.send_modify(|seen| {
        seen.requests += 1;
        seen.refused += usize::from(verified.is_err());
        seen.delivered += usize::from(verified.is_ok() && made == number_of_tries(number));
        seen.signatures = seen.signatures.max(text("webhook-signature").split(' ').count());
    });
    match (verified, fails) {
        (Ok(()), false) => StatusCode::OK,
        (Ok(()), true) => StatusCode::INTERNAL_SERVER_ERROR,
        (Err(_), _) => StatusCode::UNAUTHORIZED,
    }
}

/// Every fourth message arrives with its second attempt.
const fn number_of_tries(message: usize) -> usize {
    if message.is_multiple_of(FAILING) { 2 } else { 1 }
}

fn key(byte: u8) -> String {
    Secret::symmetric(&[byte; 32]).as_str().expect("text").to_owned()
}

/// A relay with one endpoint, and its receiver.
async fn start() -> (Bundle, Client, Arc<Receiver>) {
    let bundle = Bundle::start(Settings::fresh()).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    let receiver = Arc::new(Receiver {
        webhook: Mutex::new(Webhook::new(&key(0)).expect("a secret")),
        attempts: Mutex::default(),
        seen: watch::channel(ReceiverCounts::default()).0,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
    let app = Router::new().fallback(hook).with_state(Arc::clone(&receiver));
    tokio::spawn(async move { axum::serve(listener, app).await });
    client.post("/api/v1/app", json!({ "name": "Acme", "uid": "acme" })).await;
    let patient = json!({ "threshold": 100, "recoverySeconds": 1 });
    let endpoint =
        json!({ "url": url, "uid": "e", "secret": key(0), "delays": [2, 2], "breaker": patient });
    client.post("/api/v1/app/acme/endpoint", endpoint).await;
    (bundle, client, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_rotate_under_a_thousand_deliveries_and_no_verification_fails() {
    let (bundle, client, receiver) = start().await;
    let publisher = client.clone();
    let publishing = tokio::spawn(async move {
        let publish = |n: usize| {
            let client = publisher.clone();
            async move {
                let body = json!({ "eventType": "n", "payload": { "n": n } });
                client.post("/api/v1/app/acme/msg", body).await;
            }
        };
        stream::iter(0..MESSAGES).map(publish).buffer_unordered(8).count().await
    });

    // A key pair is among them: the library must find its own signature beside one it cannot read.
    let pair = KeyPair::of_seed(&[9; 32]).secret();
    let rotate = async |key: &str| {
        let body = json!({ "key": key, "gracePeriodSeconds": 3600 });
        client.post(&format!("{SECRET}/rotate"), body).await;
    };
    let further = async |count: usize| {
        let from = receiver.seen.borrow().requests;
        receiver.wait_for(|seen| from + count <= seen.requests).await
    };
    let mut rotations = 0;
    for round in 1..=4_u8 {
        further(60).await;
        rotate(&key(round)).await;
        rotations += 1;
        if round == 2 {
            rotate(pair.as_str().expect("text")).await;
            rotations += 1;
        }
        // What was signed before the rotation is on its way with the old secret only: 64 calls at
        // the most. Whoever changes over after those finds its secret on every request.
        further(130).await;
        // Odd rounds stay one behind.
        receiver.knows(&key(if round % 2 == 0 { round } else { round - 1 }));
    }
    assert_eq!(publishing.await.expect("published"), MESSAGES);
    let seen = receiver.wait_for(|seen| MESSAGES <= seen.delivered).await;
    shown!(
        "{} of {} requests verified, {} of {MESSAGES} messages delivered, {rotations} rotations, up to {} signatures",
        seen.requests - seen.refused,
        seen.requests,
        seen.delivered,
        seen.signatures
    );
    assert_eq!(seen.refused, 0);
    assert_eq!(seen.delivered, MESSAGES);
    assert!(MESSAGES + MESSAGES / FAILING <= seen.requests, "every fourth came twice");
    assert_eq!(seen.signatures, 1 + rotations);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_overlap_a_receiver_that_stays_behind_refuses_at_once() {
    let (bundle, client, receiver) = start().await;
    let rotated = json!({ "key": key(1), "gracePeriodSeconds": 0 });
    client.post(&format!("{SECRET}/rotate"), rotated).await;
    let message = json!({ "eventType": "n", "payload": { "n": 1 } });
    client.post("/api/v1/app/acme/msg", message).await;
    receiver.wait_for(|seen| seen.refused == 1).await;
    receiver.knows(&key(1));
    let seen = receiver.wait_for(|seen| seen.requests == 2).await;
    assert_eq!((seen.refused, seen.signatures), (1, 1), "the new one alone signs");
    bundle.stop().await;
}

/// Rotates with a fault in the k-th call, and again as a client does that was not told of a success;
/// how many calls there were in all.
async fn rotates(fault: Option<(usize, FaultKind)>) -> usize {
    let cloud = Cloud::start(Faults::default()).await;
    let endpoint = cloud.endpoint("http://127.0.0.1:9/hook", Policy::default()).await;
    let before = cloud.faults.calls().len();
    if let Some((k, how)) = fault {
        cloud.faults.plan(before + k, how);
    }
    let path = format!("/api/v1/app/acme/endpoint/{}/secret/rotate", endpoint.id);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let (status, answer) =
            cloud.call(Method::POST, &path, Some(json!({ "key": key(1) }))).await;
        answers.push((status.as_u16(), answer));
        // A process that died answers nobody.
        if status.as_u16() < 500 && !cloud.faults.died() {
            break;
        }
    }
    let (status, answer) = answers.last().expect("one");
    let done_before = answer["detail"].to_string().contains("present one already");
    assert!(*status == 204 || *status == 409 && done_before, "{fault:?}: {answers:?}");
    let calls = cloud.faults.calls().len() - before;
    let kept = cloud.sound_table().endpoint(&endpoint.application, &endpoint.id).await;
    let kept = kept.expect("read").expect("there");
    let owner = Endpoint::owner(&kept.id);
    let live = kept.live_secrets(cloud.clock.now());
    let live: Vec<_> =
        live.map(|sealed| cloud.vault().unseal(&owner, sealed).expect("opens")).collect();
    let want = [Secret::new(key(1)), Cloud::endpoint_secret()];
    assert!(live == want, "{fault:?}: the new one and the old one sign, each once");
    calls
}

#[tokio::test]
async fn a_rotation_that_is_cut_off_anywhere_takes_place_once_when_it_is_asked_for_again() {
    let calls = rotates(None).await;
    for k in 0..calls {
        for how in FaultKind::ALL {
            rotates(Some((k, how))).await;
        }
    }
    shown!("rotation: {0} of {0} faults held", calls * FaultKind::ALL.len());
}
