//! One live connection: a ticket, the upgrade, and messages as JSON.

use std::time::Duration;

use adapters::caller::Connection;
use futures::{SinkExt, StreamExt};
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};

use super::LiveError;
use crate::remote::{Remote, RemoteError, is_loopback};

/// The longest time for the upgrade.
const UPGRADE: Duration = Duration::from_secs(20);
/// The longest message that is read, in bytes: API Gateway's own maximum is 128 KB.
const MAX_MESSAGE: usize = 1024 * 1024;

/// An open live connection to the relay.
pub(super) struct LiveSocket(WebSocketStream<Connection>);

/// The reason why there is no connection.
pub(super) enum SocketError {
    /// The next try may succeed.
    Passing(String),
    /// No other try will succeed.
    Lasting(LiveError),
}

/// The answer of `POST /v1/live/tickets`.
#[derive(Deserialize)]
struct Ticket {
    ticket: String,
    url: Option<String>,
}

impl From<RemoteError> for SocketError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Unreachable { .. }
            | RemoteError::Refused { status: 408 | 425 | 429 | 500.., .. } => {
                Self::Passing(error.to_string())
            }
            RemoteError::Refused { status: 404, .. } => {
                let why = "it answers 404 to POST /v1/live/tickets; it may be an older version";
                Self::Lasting(LiveError::None(why.to_owned()))
            }
            error => Self::Lasting(LiveError::Remote(error)),
        }
    }
}

impl LiveSocket {
    /// Opens a connection with a ticket of its own.
    ///
    /// # Errors
    /// [`SocketError`] if the relay gives no ticket, or the upgrade fails.
    pub(super) async fn open(remote: &Remote) -> Result<Self, SocketError> {
        let answer = remote.ask(Method::POST, "/v1/live/tickets", Vec::new()).await?;
        let Ticket { ticket, url } = answer.json()?;
        let url = match url {
            Some(url) => url,
            None => format!("{}/live?ticket={ticket}", remote.url()?.replacen("http", "ws", 1)),
        };
        // A ticket opens what the key may hear: it does not cross a network unencrypted either.
        let dialled = match url.split_once("://") {
            Some(("wss", rest)) => format!("https://{rest}"),
            Some(("ws", rest)) if is_loopback(&format!("http://{rest}")) => {
                format!("http://{rest}")
            }
            _ => {
                let why = "its address for them is neither wss:// nor on this machine".to_owned();
                return Err(SocketError::Lasting(LiveError::None(why)));
            }
        };
        let connection = remote.connect(&dialled).await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let upgraded = client_async_with_config(url.as_str(), connection, Some(config));
        match tokio::time::timeout(UPGRADE, upgraded).await {
            Ok(Ok((socket, _))) => Ok(Self(socket)),
            Ok(Err(error)) => Err(SocketError::Passing(words(&error))),
            Err(_) => {
                Err(SocketError::Passing("the upgrade to a WebSocket takes too long".to_owned()))
            }
        }
    }

    /// Sends an action to the relay.
    ///
    /// # Errors
    /// The reason in words if the connection is broken.
    pub(super) async fn send(&mut self, action: &Value) -> Result<(), String> {
        self.0.send(Message::text(action.to_string())).await.map_err(|error| words(&error))
    }

    /// The next message. May be dropped before it is there, and nothing is lost.
    ///
    /// # Errors
    /// The reason in words if the connection is closed or broken.
    pub(super) async fn next(&mut self) -> Result<Value, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(&text);
                    return message.map_err(|error| format!("a message that is no JSON: {error}"));
                }
                Some(Ok(Message::Close(close))) => {
                    let why = close.map(|close| format!(" ({} {})", close.code, close.reason));
                    return Err(format!(
                        "the relay closed the connection{}",
                        why.unwrap_or_default()
                    ));
                }
                // Pings are answered by the library.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(words(&error)),
                None => return Err("the connection ended".to_owned()),
            }
        }
    }
}

fn words(error: &Error) -> String {
    match error {
        Error::Http(answer) => {
            format!("the upgrade to a WebSocket was answered {}", answer.status())
        }
        Error::ConnectionClosed | Error::AlreadyClosed => "the connection ended".to_owned(),
        error => error.to_string(),
    }
}
