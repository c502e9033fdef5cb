//! A subscriber on loopback that records requests and answers with the status that the test sets.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
};
use domain::{profile::Profile, secret::Secret, time::Timestamp};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::Instant};

use crate::chance::Chance;

/// One request to the receiver.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// The path of the request.
    pub path: String,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The body of the request.
    pub body: Bytes,
    /// The status of the answer.
    pub answered: u16,
    /// The time of arrival.
    pub at: Instant,
}

impl ReceivedRequest {
    /// The value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The Standard Webhooks signature is valid at the time that the request names.
    pub fn verifies(&self, secret: &Secret) -> bool {
        let at = Timestamp::from_secs(self.header("webhook-timestamp").parse().unwrap_or(0));
        let scheme = &Profile::named("standard").expect("part of the build").scheme;
        scheme.verify(std::slice::from_ref(secret), &self.headers, &self.body, at).is_ok()
    }
}

#[derive(Debug)]
struct Shared {
    received: watch::Sender<Vec<ReceivedRequest>>,
    status: Mutex<u16>,
    status_at: Mutex<BTreeMap<String, u16>>,
    retry_after: Mutex<Option<u64>>,
    says: Mutex<String>,
    takes: Mutex<Duration>,
    fails: Mutex<Option<(Chance, f64)>>,
    fails_at: Mutex<Option<String>>,
}

/// A subscriber on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// A subscriber that answers 200 on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (received, _) = watch::channel(Vec::new());
        let shared = Arc::new(Shared {
            received,
            status: Mutex::new(200),
            status_at: Mutex::default(),
            retry_after: Mutex::new(None),
            says: Mutex::default(),
            takes: Mutex::new(Duration::ZERO),
            fails: Mutex::new(None),
            fails_at: Mutex::new(None),
        });
        let app = Router::new().fallback(record).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Self { address, shared, server }
    }

    /// The receiver's URL for a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        *self.shared.status.lock().expect("not poisoned") = status;
    }

    /// Answers at this path alone with this status from now on.
    pub fn answer_at(&self, path: &str, status: u16) {
        self.shared.status_at.lock().expect("not poisoned").insert(path.to_owned(), status);
    }

    /// Answers with this body from now on.
    pub fn says(&self, body: &str) {
        body.clone_into(&mut self.shared.says.lock().expect("not poisoned"));
    }

    /// Takes this time for each answer from now on.
    pub fn takes(&self, time: Duration) {
        *self.shared.takes.lock().expect("not poisoned") = time;
    }

    /// Answers 500 to this share of the requests from now on.
    pub fn fails(&self, seed: u64, share: f64) {
        *self.shared.fails.lock().expect("not poisoned") = Some((Chance::of(seed), share));
    }

    /// Answers 500 to requests whose body contains this text; none ends that.
    pub fn fails_at(&self, text: Option<&str>) {
        *self.shared.fails_at.lock().expect("not poisoned") = text.map(str::to_owned);
    }

    /// Sends `Retry-After` with so many seconds from now on.
    pub fn asks_to_wait(&self, seconds: u64) {
        *self.shared.retry_after.lock().expect("not poisoned") = Some(seconds);
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<ReceivedRequest> {
        self.shared.received.borrow().clone()
    }

    /// All requests, once there are `count`. Panics if there are fewer after a minute.
    pub async fn wait_for(&self, count: usize) -> Vec<ReceivedRequest> {
        let mut watch = self.shared.received.subscribe();
        let came = watch.wait_for(|received| count <= received.len());
        match tokio::time::timeout(Duration::from_secs(60), came).await {
            Ok(Ok(received)) => received.clone(),
            _ => panic!("{} of {count} requests came", self.received().len()),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn record(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let usual = *shared.status.lock().expect("not poisoned");
    let at = shared.status_at.lock().expect("not poisoned").get(uri.path()).copied();
    let fails = {
        let fails = shared.fails.lock().expect("not poisoned");
        fails.as_ref().is_some_and(|(chance, share)| chance.hits(*share))
    };
    let at_this = shared.fails_at.lock().expect("not poisoned").clone();
    let contains = |text: String| String::from_utf8_lossy(&body).contains(&text);
    let fails = fails || at_this.is_some_and(contains);
    let answered = if fails { 500 } else { at.unwrap_or(usual) };
    let (path, at) = (uri.path().to_owned(), Instant::now());
    shared
        .received
        .send_modify(|all| all.push(ReceivedRequest { path, headers, body, answered, at }));
    let takes = *shared.takes.lock().expect("not poisoned");
    tokio::time::sleep(takes).await;
    let asked = *shared.retry_after.lock().expect("not poisoned");
    let asked = asked.map(|seconds| (header::RETRY_AFTER, seconds.into()));
    let said = shared.says.lock().expect("not poisoned").clone();
    (StatusCode::from_u16(answered).expect("a status"), asked.into_iter().collect(), said)
}
