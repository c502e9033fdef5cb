//! Loopback listeners, and servers that end together.

use std::{net::Ipv4Addr, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::LocalAwsError;

/// How long [`Servers::stop`] waits for running requests. A client that has sent half a request
/// would hold a server for ever.
const DRAIN: Duration = Duration::from_secs(5);

/// A bound loopback port.
pub(crate) struct Port {
    /// What listens.
    pub(crate) listener: TcpListener,
    port: u16,
}

impl Port {
    /// Binds `port` on 127.0.0.1, 0 being any free one.
    pub(crate) async fn bind(service: &'static str, port: u16) -> Result<Port, LocalAwsError> {
        let failed = |reason| LocalAwsError::Port { service, port, reason };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Port { listener, port })
    }

    /// The endpoint, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The running servers. Dropping this lets them end by themselves.
#[derive(Debug)]
pub(crate) struct Servers {
    stopping: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

impl Default for Servers {
    fn default() -> Self {
        Servers { stopping: watch::Sender::new(false), running: Vec::new() }
    }
}

impl Servers {
    /// Turns true, or closes, when the servers shall end.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Serves `router` on `port`.
    pub(crate) fn serve(&mut self, port: Port, router: Router) {
        self.serve_with(|stop| async move {
            axum::serve(port.listener, router).with_graceful_shutdown(stop).await
        });
    }

    /// Runs the server that `start` makes of the signal to end.
    pub(crate) fn serve_with<F, E>(&mut self, start: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let mut stopping = self.stopping();
        let serving = start(Box::pin(async move {
            // An error says that `Servers` was dropped, which ends the servers as well.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }));
        self.running.push(tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "a local server failed");
            }
        }));
    }

    /// Tells the servers to end and waits for what they are doing.
    pub(crate) async fn stop(self) {
        self.stopping.send_replace(true);
        for mut server in self.running {
            if tokio::time::timeout(DRAIN, &mut server).await.is_err() {
                server.abort();
            }
        }
    }
}

/// Resolves when the servers shall end.
pub(crate) type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
