//! The life of one socket: what comes in goes to the integration, pushes go out, and the end is told.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Semaphore, mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use super::{
    connection::{Alive, Connection, Connections, Outgoing, weight},
    event::{self, Payload},
    integration::Integration,
    limits::{FRAME, MESSAGE, WebSocketLimits},
};

/// Messages of one connection that are with the integration at a time. The gateway reads no more of that
/// client while there are as many.
const AT_ONCE: usize = 32;
/// The longest time that the gateway waits for a client to answer a close, and to read what was accepted
/// for it before the close.
const LINGER: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A connection whose `$connect` has returned.
pub(super) struct Session {
    pub(super) connection: Arc<Connection>,
    pub(super) connections: Arc<Connections>,
    pub(super) integration: Integration,
    pub(super) limits: WebSocketLimits,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) outgoing: mpsc::UnboundedReceiver<Outgoing>,
    pub(super) alive: Alive,
}

/// The end of a connection: who ended it, with which status code, and why.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    by: Side,
    code: u16,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The client sent a close.
    Client,
    /// The gateway sends one.
    Gateway,
    /// The connection broke: nobody sends anything.
    Neither,
}

impl Ending {
    fn new(by: Side, code: u16, reason: &str) -> Ending {
        Ending { by, code, reason: reason.to_owned() }
    }

    /// Idle for too long, or too old, or the gateway stops.
    fn going_away() -> Ending {
        Ending::new(Side::Gateway, 1001, "Going away")
    }

    /// Asked for through the management API.
    fn asked_for() -> Ending {
        Ending::new(Side::Gateway, 1000, "Connection Closed Normally")
    }

    fn lost() -> Ending {
        Ending::new(Side::Neither, 1006, "Connection Closed Abnormally")
    }

    fn by_client(close: Option<CloseFrame>) -> Ending {
        match close {
            Some(close) => Ending::new(Side::Client, close.code.into(), close.reason.as_str()),
            None => Ending::new(Side::Client, 1005, "Client-side close frame status not set"),
        }
    }

    fn after(error: &Error) -> Ending {
        match error {
            Error::Capacity(_) => Ending::new(Side::Gateway, 1009, "Message too big"),
            Error::Utf8(_) => Ending::new(Side::Gateway, 1007, "Invalid UTF-8"),
            Error::Io(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Ending::lost()
            }
            _ => Ending::new(Side::Gateway, 1002, "Protocol error"),
        }
    }
}

impl Session {
    /// Lives through the connection and tells the integration of its end.
    pub(super) async fn run(mut self, upgrading: OnUpgrade) {
        let Ok(upgraded) = upgrading.await else {
            return self.end(Ending::lost(), None).await;
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_frame_size(Some(FRAME))
            .max_message_size(Some(MESSAGE));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        let (mut sink, mut stream) = socket.split();
        let (connection, limits) = (Arc::clone(&self.connection), self.limits);
        let asked = async {
            connection.asked_to_close().await;
            sleep(LINGER).await;
        };
        let ending = tokio::select! {
            ending = receive(&mut stream, &connection, &self.integration, &self.alive) => ending,
            ending = send(&mut sink, &mut self.outgoing, &connection) => ending,
            () = asked => Ending::asked_for(),
            () = idle(&connection, limits.idle) => Ending::going_away(),
            () = sleep(limits.life) => Ending::going_away(),
            // An error means that the gateway was dropped.
            _ = self.stopping.wait_for(|stopping| *stopping) => Ending::going_away(),
        };
        self.end(ending, sink.reunite(stream).ok()).await;
    }

    /// Takes the connection out of the table, closes its socket and calls `$disconnect`.
    async fn end(mut self, ending: Ending, socket: Option<Socket>) {
        self.connections.remove(&self.connection.id);
        self.outgoing.close();
        let event = event::disconnect(&self.connection, ending.code, &ending.reason);
        let close = async {
            if let Some(socket) = socket {
                // A client that does not answer the close is cut off.
                let _ = timeout(LINGER, close(socket, &ending)).await;
            }
        };
        let ((), _) = tokio::join!(close, self.integration.call(event));
    }
}

/// Gives the client's messages to the integration until the client closes or breaks off.
async fn receive(
    stream: &mut SplitStream<Socket>,
    connection: &Arc<Connection>,
    integration: &Integration,
    alive: &Alive,
) -> Ending {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let payload = loop {
            let message = stream.next().await;
            connection.touch();
            match message {
                Some(Ok(Message::Text(text))) => break Payload::Text(text.as_str().to_owned()),
                Some(Ok(Message::Binary(bytes))) => break Payload::Binary(bytes.into()),
                Some(Ok(Message::Close(close))) => return Ending::by_client(close),
                // The answer to a ping goes out by itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Ending::after(&error),
                None => return Ending::lost(),
            }
        };
        let event = event::message(connection, payload);
        let (connection, integration) = (Arc::clone(connection), integration.clone());
        let alive = alive.clone();
        tokio::spawn(async move {
            let request = event["requestContext"]["requestId"].clone();
            if let Err(failure) = integration.call(event).await {
                let message = json!({
                    "message": failure.message(),
                    "connectionId": connection.id,
                    "requestId": request,
                });
                // The client is told as on AWS; it may have gone.
                let _ = connection.push(message.to_string());
            }
            drop((place, alive));
        });
    }
}

/// Sends what was accepted for the client, until the connection is to be closed or breaks.
async fn send(
    sink: &mut SplitSink<Socket, Message>,
    outgoing: &mut mpsc::UnboundedReceiver<Outgoing>,
    connection: &Connection,
) -> Ending {
    while let Some(Outgoing::Frame(text)) = outgoing.recv().await {
        let weight = weight(&text);
        if sink.send(Message::text(text)).await.is_err() {
            return Ending::lost();
        }
        connection.sent(weight);
    }
    Ending::asked_for()
}

/// Returns when no frame has come or gone for `limit`.
async fn idle(connection: &Connection, limit: Duration) {
    loop {
        let end = connection.last_active() + limit;
        if end <= Instant::now() {
            return;
        }
        sleep_until(end).await;
    }
}

/// Sends the close or the answer to it. If the client has not closed, reads what it still sends: a socket
/// that is closed over unread bytes is reset, and the client may not read the close.
async fn close(mut socket: Socket, ending: &Ending) {
    let mut client_closed = ending.by == Side::Client;
    if ending.by == Side::Neither {
        return;
    }
    if ending.by == Side::Gateway {
        let reason = ending.reason.clone().into();
        let frame = CloseFrame { code: ending.code.into(), reason };
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
    }
    // The answer to a close of the client goes out here.
    while let Some(Ok(message)) = socket.next().await {
        client_closed |= message.is_close();
    }
    let mut io = pin!(socket.get_mut());
    if io.shutdown().await.is_ok() && !client_closed {
        let mut rest = [0; 4096];
        while io.read(&mut rest).await.is_ok_and(|count| 0 < count) {}
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::{
        error::CapacityError, protocol::frame::coding::CloseCode,
    };

    use super::*;

    #[test]
    fn an_end_has_the_code_and_the_side_that_caused_it() {
        let io = || Error::Io(std::io::Error::other("broken"));
        for (error, by, code) in [
            (
                Error::Capacity(CapacityError::MessageTooLong { size: 2, max_size: 1 }),
                Side::Gateway,
                1009,
            ),
            (Error::Utf8("x".to_owned()), Side::Gateway, 1007),
            (Error::Protocol(ProtocolError::UnmaskedFrameFromClient), Side::Gateway, 1002),
            (Error::Protocol(ProtocolError::ResetWithoutClosingHandshake), Side::Neither, 1006),
            (io(), Side::Neither, 1006),
        ] {
            let ending = Ending::after(&error);
            assert_eq!((ending.by, ending.code), (by, code), "{error}");
        }
        assert_eq!(Ending::by_client(None).code, 1005);
        let close = CloseFrame { code: CloseCode::Library(4001), reason: "bye".into() };
        assert_eq!(Ending::by_client(Some(close)), Ending::new(Side::Client, 4001, "bye"));
    }
}
