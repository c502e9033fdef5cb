//! Loopback listeners, and the servers on them, which stop together.

use std::{net::Ipv4Addr, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::Instant};

use crate::{
    LocalAwsError, guard,
    http::{self, Patience},
};

/// The longest time that a stop waits for the running requests of all servers. Without this bound a
/// request that does not end would keep the process running.
pub(crate) const DRAIN: Duration = Duration::from_secs(2);

/// How long the services wait for a client. SDKs keep idle connections, so this is longer than the
/// pauses between the requests of a relay that has something to do.
const PATIENCE: Patience =
    Patience { head: Duration::from_secs(60), body: Duration::from_secs(60) };

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

    /// Serves `router` on `port` in a task of its own, to requests that name a loopback host.
    pub(crate) fn serve(&mut self, port: Port, router: Router) {
        let mut stopping = self.stopping();
        let stop = async move {
            // An error means that `Servers` was dropped; the servers stop then as well.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        };
        let router = router.layer(axum::middleware::from_fn(guard::loopback_host));
        self.running.push(tokio::spawn(http::serve(port.listener, router, PATIENCE, stop)));
    }

    /// Tells the servers to stop and waits until all have ended or it is `end`.
    pub(crate) async fn stop(self, end: Instant) {
        self.stopping.send_replace(true);
        for mut server in self.running {
            if tokio::time::timeout_at(end, &mut server).await.is_err() {
                server.abort();
            }
        }
    }
}
