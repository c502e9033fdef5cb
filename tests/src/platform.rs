//! A compute platform on loopback: it answers questions about jobs as the test sets, and records each
//! question, its time, and the number of questions at the same time.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapters::clock::Clock;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Response, Uri, header},
};
use domain::time::Timestamp;
use tokio::{net::TcpListener, task::JoinHandle};

/// The platform's answer to a question.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub body: String,
    /// Value of `Retry-After` in seconds, if the answer has one.
    pub retry_after: Option<u64>,
    /// Delay before the answer.
    pub after: Duration,
}

impl Reply {
    /// An answer without delay and without `Retry-After`.
    pub fn new(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned(), retry_after: None, after: Duration::ZERO }
    }
}

/// A question of the relay about a job.
#[derive(Clone, Debug)]
pub struct PlatformQuestion {
    /// Path and query of the question.
    pub path: String,
    /// Value of the `Authorization` header; empty if there is none.
    pub authorization: String,
    /// Time of the question by the cloud's clock.
    pub at: Timestamp,
}

struct Shared {
    clock: Clock,
    state: Mutex<PlatformState>,
}

struct PlatformState {
    answer: Arc<dyn Fn(&str) -> Reply + Send + Sync>,
    asked: Vec<PlatformQuestion>,
    under_way: usize,
    most: usize,
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, PlatformState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A compute platform on a port of its own, until it is dropped.
pub struct Platform {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Platform {
    /// A platform on a free port. `answer` maps a path to the answer.
    pub async fn start(
        clock: Clock,
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let now =
            PlatformState { answer: Arc::new(answer), asked: Vec::new(), under_way: 0, most: 0 };
        let shared = Arc::new(Shared { clock, state: Mutex::new(now) });
        let app = Router::new().fallback(reply).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Self { address, shared, server }
    }

    /// The platform's URL for a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers by this function from now on.
    pub fn answer(&self, answer: impl Fn(&str) -> Reply + Send + Sync + 'static) {
        self.shared.now().answer = Arc::new(answer);
    }

    /// All questions so far.
    pub fn asked(&self) -> Vec<PlatformQuestion> {
        self.shared.now().asked.clone()
    }

    /// The largest number of questions that were under way at the same time.
    pub fn most_at_once(&self) -> usize {
        self.shared.now().most
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn reply(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<String> {
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let asked = PlatformQuestion {
        path: path.clone(),
        authorization: authorization.unwrap_or_default().to_owned(),
        at: shared.clock.now(),
    };
    let answer = {
        let mut now = shared.now();
        now.asked.push(asked);
        now.under_way += 1;
        now.most = now.most.max(now.under_way);
        Arc::clone(&now.answer)
    };
    let reply = answer(&path);
    tokio::time::sleep(reply.after).await;
    shared.now().under_way -= 1;
    let mut response = Response::builder().status(reply.status);
    if let Some(seconds) = reply.retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    response.body(reply.body).expect("a response")
}
