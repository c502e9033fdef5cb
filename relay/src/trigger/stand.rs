//! A server on loopback that stands for a sender's own, while `relay trigger` runs: it publishes the
//! keys of a sender that signs with a key pair, and answers as the platform of one that does not sign.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// Longest time to wait for the relay's question about a job.
const PATIENCE: Duration = Duration::from_secs(5);

/// The state that the server answers with.
#[derive(Debug)]
struct Shared {
    keys: String,
    /// Bodies by the ids of their jobs.
    jobs: Mutex<BTreeMap<String, String>>,
    /// The number of questions that were answered.
    asked: watch::Sender<usize>,
}

/// A sender's own server, until it is dropped.
#[derive(Debug)]
pub(super) struct Stand {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Stand {
    /// Starts a server on a free port that publishes the key set `keys`.
    ///
    /// # Errors
    /// Fails if no port of 127.0.0.1 is free.
    pub(super) async fn start(keys: String) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (asked, _) = watch::channel(0);
        let shared = Arc::new(Shared { keys, jobs: Mutex::default(), asked });
        let router = Router::new()
            .route("/jwks.json", get(key_set))
            .route("/jobs/{id}", get(job))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, shared, server })
    }

    /// The URL of the key set.
    pub(super) fn keys_url(&self) -> String {
        format!("{}/jwks.json", self.url)
    }

    /// The URL of a job's state.
    pub(super) fn jobs_url(&self) -> String {
        format!("{}/jobs/{{external_id}}", self.url)
    }

    /// Answers questions about a job with this body from now on.
    pub(super) fn knows(&self, id: String, body: String) {
        self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(id, body);
    }

    /// Waits until the relay has asked so many times, or until it is not worth waiting any longer.
    /// Returns whether it has.
    pub(super) async fn was_asked(&self, times: usize) -> bool {
        let mut asked = self.shared.asked.subscribe();
        let waiting = asked.wait_for(|asked| times <= *asked);
        matches!(tokio::time::timeout(PATIENCE, waiting).await, Ok(Ok(_)))
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn key_set(State(shared): State<Arc<Shared>>) -> Response {
    json(shared.keys.clone())
}

async fn job(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let known = shared.jobs.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    let Some(body) = known else { return StatusCode::NOT_FOUND.into_response() };
    shared.asked.send_modify(|asked| *asked += 1);
    json(body)
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
