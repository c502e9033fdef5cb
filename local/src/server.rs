//! Loopback listeners, and the servers on them, which stop together.

use std::{net::Ipv4Addr, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::LocalAwsError;

/// The longest time that [`Servers::stop`] waits for the running requests of one server. Without this
/// bound a client that has sent half a request would keep the server running.
const DRAIN: Duration = Duration::from_secs(5);

/// A listener bound to a loopback port.
pub(crate) struct Port {
    pub(crate) listener: TcpListener,
    port: u16,
}

impl Port {
    /// Binds `port` on 127.0.0.1; 0 is any free port. `service` is the name used in errors.
    ///
    /// # Errors
    /// [`LocalAwsError::Port`] if the operating system refuses, usually because the port is taken.
    pub(crate) async fn bind(service: &'static str, port: u16) -> Result<Port, LocalAwsError> {
        let failed = |reason| LocalAwsError::Port { service, port, reason };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Port { listener, port })
    }

    /// The endpoint URL, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The running servers. On drop they stop without being waited for.
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
    /// A signal that becomes true, or closes, when the servers have to stop.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Serves `router` on `port` in a task of its own.
    pub(crate) fn serve(&mut self, port: Port, router: Router) {
        self.serve_with(|stop| async move {
            axum::serve(port.listener, router).with_graceful_shutdown(stop).await
        });
    }

    /// Runs the server that `start` makes, in a task of its own. `start` gets the signal to stop.
    pub(crate) fn serve_with<F, E>(&mut self, start: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let mut stopping = self.stopping();
        let serving = start(Box::pin(async move {
            // An error means that `Servers` was dropped; the servers stop then as well.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }));
        self.running.push(tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "a local AWS service ended with an error");
            }
        }));
    }

    /// Tells the servers to stop and waits until each has ended, at most [`DRAIN`] per server.
    pub(crate) async fn stop(self) {
        self.stopping.send_replace(true);
        for mut server in self.running {
            if tokio::time::timeout(DRAIN, &mut server).await.is_err() {
                server.abort();
            }
        }
    }
}

/// A future that resolves when the servers have to stop.
pub(crate) type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
