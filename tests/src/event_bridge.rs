//! EventBridge's `PutEvents` on loopback, for one bus. It keeps the entries, or fails with a code that the
//! test sets.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

#[derive(Debug, Default)]
struct Bus {
    name: String,
    events: Vec<Value>,
    fails: Option<String>,
}

type Shared = Arc<Mutex<Bus>>;

/// An EventBridge with one bus.
#[derive(Debug)]
pub struct EventBridge {
    url: String,
    bus: Shared,
    server: JoinHandle<()>,
}

impl EventBridge {
    /// An EventBridge with a bus of this name.
    pub async fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let bus = Shared::new(Mutex::new(Bus { name: name.to_owned(), ..Bus::default() }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&bus));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves");
        });
        Self { url, bus, server }
    }

    /// The address of the service.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The accepted entries, as they were put.
    pub fn events(&self) -> Vec<Value> {
        lock(&self.bus).events.clone()
    }

    /// Fails every entry with this code from now on; none ends that.
    pub fn fails(&self, code: Option<&str>) {
        lock(&self.bus).fails = code.map(str::to_owned);
    }
}

impl Drop for EventBridge {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(bus: &Shared) -> std::sync::MutexGuard<'_, Bus> {
    bus.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    State(bus): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let request: Value = serde_json::from_str(&body).unwrap_or_default();
    let mut bus = lock(&bus);
    let known = request["Entries"][0]["EventBusName"] == bus.name.as_str();
    if headers.get("x-amz-target").is_none_or(|target| target != "AWSEvents.PutEvents") || !known {
        let said = json!({ "__type": "ResourceNotFoundException", "message": "no such bus" });
        return (StatusCode::BAD_REQUEST, Json(said));
    }
    let entry = match &bus.fails {
        Some(code) => json!({ "ErrorCode": code, "ErrorMessage": "told to" }),
        None => {
            bus.events.push(request["Entries"][0].clone());
            json!({ "EventId": format!("e-{}", bus.events.len()) })
        }
    };
    let failed = usize::from(bus.fails.is_some());
    (StatusCode::OK, Json(json!({ "FailedEntryCount": failed, "Entries": [entry] })))
}
