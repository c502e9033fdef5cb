//! `relay dev --demo`: a receiver, an endpoint that leads to it, and a sender that reports a job every
//! second. The sender and the receiver speak HTTP with the relay, as others would.

use std::time::Duration;

use adapters::random;
use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
};
use domain::secret::Secret;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};
use tracing::warn;

use super::{Bundle, BundleError, welcome::DemoSource};
use crate::remote::{Remote, RemoteError};

/// The endpoint of the demonstration, in the application `default`.
const ENDPOINT: &str = "/api/v1/app/default/endpoint/relay-dev-demo";
/// The time between two events of the demonstration.
const EVERY: Duration = Duration::from_secs(1);

/// A demonstration that sends an event every second.
#[derive(Debug)]
pub(super) struct Demo {
    remote: Remote,
    receiver: String,
    tasks: JoinSet<()>,
}

impl Demo {
    /// Starts the receiver, makes the endpoint, and sends the first event at once.
    ///
    /// # Errors
    /// [`BundleError`] if no port is free for the receiver, or the endpoint cannot be made.
    pub(super) async fn start(bundle: &Bundle, source: &DemoSource) -> Result<Self, BundleError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(BundleError::Demo)?;
        let receiver = format!("http://{}", listener.local_addr().map_err(BundleError::Demo)?);
        let remote = Remote::at(&bundle.url(), Secret::new(bundle.admin_key()));
        let endpoint = json!({
            "url": format!("{receiver}/hook"), "uid": "relay-dev-demo", "disabled": false,
            "description": "the receiver of relay dev --demo",
        });
        let made = remote.send(Method::PUT, ENDPOINT, Some(&endpoint)).await;
        made.map_err(BundleError::Endpoint)?;
        let mut tasks = JoinSet::new();
        let router = Router::new().fallback(async || StatusCode::NO_CONTENT);
        tasks.spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        tasks.spawn(send(remote.clone(), source.clone()));
        Ok(Self { remote, receiver, tasks })
    }

    /// The URL of the receiver.
    pub(super) fn receiver(&self) -> &str {
        &self.receiver
    }

    /// Ends the sender and removes the endpoint: a later start without `--demo` has no receiver.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
        if let Err(error) = self.remote.send(Method::DELETE, ENDPOINT, None).await {
            warn!(%error, "the endpoint of the demonstration stays");
        }
    }
}

/// Sends a signed report every second.
async fn send(remote: Remote, source: DemoSource) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = report(&remote, &source).await {
            warn!(%error, "the demonstration could not send");
        }
    }
}

/// Reports a job of its own that succeeded.
async fn report(remote: &Remote, source: &DemoSource) -> Result<u16, RemoteError> {
    let job = random::token();
    let body = json!({
        "call_id": format!("fc-{job}"), "status": "success", "result": { "affinity": -7.2 },
        "metadata": { "job_id": format!("demo-{job}") },
    });
    let body = body.to_string();
    let mut headers = HeaderMap::new();
    for (name, value) in source.sign(body.as_bytes()) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    remote.probe(DemoSource::PATH, headers, body.as_bytes()).await
}
