//! A WebSocket API as API Gateway serves it: one stage, `live`, with the routes `$connect`,
//! `$disconnect` and `$default` of one Lambda integration.
//!
//! Clients connect to `/live` or `/live/` on a router of the caller's ([`WebSocketApi::router`]). The
//! relay sends to them, looks at them and closes them through the management API
//! (`/live/@connections/{id}`), which is served on a loopback port of its own to signed requests.
//!
//! These rules are those of AWS:
//!
//! * The upgrade is answered once `$connect` has returned. Until then, and after the end, the management
//!   API answers 410. A status other than 2xx refuses the upgrade.
//! * Each message of a client is one event of `$default`. The events of one connection are given to the
//!   integration as they come, without waiting for the one before; their order is not guaranteed. The
//!   integration's answer is not sent to the client.
//! * Pushes reach a client in the order in which they were accepted.
//! * A client's frame of more than 32 KB, or message of more than 128 KB, closes the connection with 1009.
//!   A connection without a frame in either direction for ten minutes is closed with 1001, and so is one
//!   that has lasted for two hours.
//! * `$disconnect` follows every end, with the status code and reason of the close.
//!
//! Known differences from AWS:
//!
//! * The integration's body and content type are sent with a refusal of `$connect`. A 5xx, an error and
//!   an answer without a status become 500, and 29 s without an answer become 504.
//! * A push waits in the gateway if the client does not read. Beyond 1 MB the management API answers 413;
//!   AWS documents no such number.
//! * A ping of the client counts as a frame; AWS does not say whether it keeps a connection awake.
//! * A push goes out as one text frame, whatever its size. Bytes that are no UTF-8 are replaced.
//! * There are no throttles, no limit of new connections, no extensions, no authorizers and no other
//!   stages. At most 32 messages of one connection are with the integration at a time.
//!
//! `limits` holds the numbers, `handshake` upgrades, `session` is the life of one socket, `connection`
//! holds what the management API sees, `event` makes the integration's events, `integration` calls it, and
//! `management` answers the management API.

mod connection;
mod event;
mod handshake;
mod integration;
mod limits;
mod management;
mod session;

use std::{fmt::Display, sync::Arc};

use axum::{Router, routing::any};
use serde_json::Value;
use tokio::sync::watch;

pub(crate) use self::limits::STAGE;
pub use self::limits::WebSocketLimits;
use self::{connection::Connections, handshake::Door, integration::Integration};

/// A WebSocket API and its connections. They are closed when this is dropped.
#[derive(Debug)]
pub struct WebSocketApi {
    connections: Arc<Connections>,
    limits: WebSocketLimits,
    stopping: watch::Sender<bool>,
}

impl WebSocketApi {
    pub(crate) fn new(limits: WebSocketLimits) -> WebSocketApi {
        let stopping = watch::Sender::new(false);
        WebSocketApi { connections: Arc::default(), limits, stopping }
    }

    /// A router with the paths `/live` and `/live/`, at which clients connect. It has to be served by
    /// [`http::serve`](crate::http::serve), which hands sockets over and says who calls.
    ///
    /// `integration` gets each event as the JSON that API Gateway sends to a Lambda function, and answers
    /// as a function does: `{"statusCode": 200, "headers": …, "body": …}`. Its error is logged.
    pub fn router<F, R, E>(&self, integration: F) -> Router
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, E>> + Send + 'static,
        E: Display,
    {
        let door = Door {
            connections: Arc::clone(&self.connections),
            integration: Integration::new(integration),
            limits: self.limits,
            stopping: self.stopping.subscribe(),
        };
        let upgrade = any(handshake::upgrade);
        Router::new()
            .route("/live", upgrade.clone())
            .route("/live/", upgrade)
            .with_state(Arc::new(door))
    }

    /// The management API.
    pub(crate) fn management(&self) -> Router {
        management::router(Arc::clone(&self.connections))
    }

    /// The number of open connections.
    pub fn open_connections(&self) -> usize {
        self.connections.count()
    }

    /// Closes every connection with 1001, refuses new ones with 503, and returns when the integration has
    /// answered the last event.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        self.connections.all_ended().await;
    }
}
