//! fal: signatures by keys that it publishes.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{http::StatusCode as Code, routing::get};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

use super::*;

const BODY: &str = r#"{"request_id":"r-1","status":"OK","payload":{"images":[]}}"#;

/// A sender that publishes its keys, counts who asks, and may be out of order.
struct Publisher {
    url: String,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Publisher {
    async fn start() -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new((503, String::new())));
        let (count, current) = (Arc::clone(&asked), Arc::clone(&answer));
        let handle = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let (status, body) = current.lock().expect("whole").clone();
            async move { (Code::from_u16(status).expect("a status"), body) }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("bound"));
        let router = Router::new().route("/jwks.json", get(handle));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked, answer }
    }

    fn publish(&self, keys: &[&SigningKey]) {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let key = |key: &&SigningKey| {
            let x = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
            serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
        };
        let keys: Vec<_> = keys.iter().map(key).collect();
        let set = serde_json::json!({ "keys": keys }).to_string();
        *self.answer.lock().expect("whole") = (200, set);
    }

    fn fail(&self) {
        *self.answer.lock().expect("whole") = (503, String::new());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn world(publisher: &Publisher) -> World {
    let world = World::start().await;
    let options =
        SourceOptions { jwks_url: Some(publisher.url.clone()), ..SourceOptions::default() };
    world.source_with("fal", "fal", &[], options).await;
    world
}

async fn send(world: &World, key: &SigningKey) -> StatusCode {
    let at = world.clock.now().secs().to_string();
    let hash = hex::encode(Sha256::digest(BODY));
    let signature = key.sign(format!("r-1\nuser\n{at}\n{hash}").as_bytes());
    let headers = [
        ("x-fal-webhook-request-id", "r-1".to_owned()),
        ("x-fal-webhook-user-id", "user".to_owned()),
        ("x-fal-webhook-timestamp", at),
        ("x-fal-webhook-signature", hex::encode(signature.to_bytes())),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    world.post("/in/fal", &headers, BODY).await.0
}

#[tokio::test]
async fn a_published_key_is_fetched_once_and_a_new_one_when_it_is_needed() {
    let publisher = Publisher::start().await;
    let world = world(&publisher).await;
    let (old, new) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    publisher.publish(&[&old]);
    for _ in 0..5 {
        assert_eq!(send(&world, &old).await, StatusCode::ACCEPTED);
    }
    assert_eq!(publisher.asked(), 1);
    assert_eq!(world.inbox().await[0].key, "job:r-1:succeeded");
    publisher.publish(&[&new, &old]);
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(send(&world, &new).await, StatusCode::ACCEPTED, "an unknown key: asked again");
    assert_eq!(publisher.asked(), 2);
    publisher.publish(&[&new]);
    world.clock.advance(Duration::from_secs(13 * 3600));
    assert_eq!(send(&world, &old).await, StatusCode::UNAUTHORIZED, "withdrawn");
    assert_eq!(send(&world, &new).await, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn forgeries_do_not_make_us_hammer_the_sender() {
    let publisher = Publisher::start().await;
    let world = world(&publisher).await;
    publisher.publish(&[&SigningKey::from_bytes(&[1; 32])]);
    let forger = SigningKey::from_bytes(&[9; 32]);
    for _ in 0..50 {
        assert_eq!(send(&world, &forger).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(publisher.asked(), 1);
    world.clock.advance(Duration::from_secs(61));
    for _ in 0..50 {
        assert_eq!(send(&world, &forger).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(publisher.asked(), 2);
    assert!(world.inbox().await.is_empty());
}

#[tokio::test]
async fn while_no_key_can_be_had_the_sender_is_told_to_come_again() {
    let publisher = Publisher::start().await;
    let world = world(&publisher).await;
    let key = SigningKey::from_bytes(&[1; 32]);
    for _ in 0..10 {
        assert_eq!(send(&world, &key).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(publisher.asked(), 1, "not at every request");
    publisher.publish(&[&key]);
    world.clock.advance(Duration::from_secs(6));
    assert_eq!(send(&world, &key).await, StatusCode::ACCEPTED);
    // What was heard is good for a day, whatever becomes of the sender's server, and no longer.
    publisher.fail();
    world.clock.advance(Duration::from_secs(23 * 3600));
    assert_eq!(send(&world, &key).await, StatusCode::ACCEPTED);
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(send(&world, &key).await, StatusCode::SERVICE_UNAVAILABLE);
}
