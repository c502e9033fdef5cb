//! Tests of the WebSocket API with a client and with the management API's own SDK. This file holds what
//! they share.

mod connecting;
mod endings;
mod messages;
mod pushes;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aws_sdk_apigatewaymanagement::{Client, primitives::Blob};
use futures::StreamExt;
use local::{
    LocalAws, Options, WebSocketLimits,
    http::{Patience, serve},
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, http::Response, protocol::CloseFrame},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The longest time that a test waits for anything.
const LONG: Duration = Duration::from_secs(30);

/// A WebSocket API whose integration records its events.
struct Gateway {
    aws: LocalAws,
    address: SocketAddr,
    events: mpsc::UnboundedReceiver<Value>,
}

impl Gateway {
    /// An API whose integration accepts everything.
    async fn start() -> Gateway {
        Gateway::with(WebSocketLimits::default(), |_| Ok(json!({ "statusCode": 200 }))).await
    }

    /// An API with these limits, whose integration answers with this function.
    async fn with(
        limits: WebSocketLimits,
        answer: impl Fn(Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Gateway {
        let answer = Arc::new(answer);
        Gateway::with_async(limits, move |event| std::future::ready(answer(event))).await
    }

    async fn with_async<R>(
        limits: WebSocketLimits,
        answer: impl Fn(Value) -> R + Send + Sync + 'static,
    ) -> Gateway
    where
        R: Future<Output = Result<Value, String>> + Send + 'static,
    {
        let options = Options { websocket_limits: limits, ..Options::default() };
        let aws = LocalAws::start(options).await.expect("the services start");
        let (seen, events) = mpsc::unbounded_channel();
        let router = aws.websockets().router(move |event| {
            // An error means that the test is over.
            let _ = seen.send(event.clone());
            answer(event)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let patience = Patience { head: LONG, body: LONG };
        tokio::spawn(serve(listener, router, patience, std::future::pending()));
        Gateway { aws, address, events }
    }

    /// Connects with this path and query.
    async fn try_connect(&self, path: &str) -> Result<Socket, Error> {
        connect_async(format!("ws://{}{path}", self.address)).await.map(|(socket, _)| socket)
    }

    /// Connects, and returns the socket and the connection's id.
    async fn connect(&mut self) -> (Socket, String) {
        let socket = self.try_connect("/live").await.expect("connected");
        let event = self.event("$connect").await;
        (socket, id(&event))
    }

    /// The next event, which is of this route.
    async fn event(&mut self, route: &str) -> Value {
        let event = tokio::time::timeout(LONG, self.events.recv()).await.expect("an event in time");
        let event = event.expect("an event");
        assert_eq!(event["requestContext"]["routeKey"], route, "{event}");
        event
    }

    /// The event of the end of this connection, as status code and reason.
    async fn ended(&mut self, id: &str) -> (u64, String) {
        let event = self.event("$disconnect").await;
        let context = &event["requestContext"];
        assert_eq!(context["connectionId"], id);
        let reason = context["disconnectReason"].as_str().expect("a reason").to_owned();
        (context["disconnectStatusCode"].as_u64().expect("a code"), reason)
    }

    /// The management API.
    fn management(&self) -> Client {
        self.aws.clients().websocket()
    }

    /// Pushes a frame and returns the status of the answer.
    async fn push(&self, id: &str, frame: impl Into<Vec<u8>>) -> u16 {
        push(&self.management(), id, frame).await
    }
}

/// Pushes a frame and returns the status of the answer.
async fn push(management: &Client, id: &str, frame: impl Into<Vec<u8>>) -> u16 {
    let frame = Blob::new(frame.into());
    match management.post_to_connection().connection_id(id).data(frame).send().await {
        Ok(_) => 200,
        Err(error) => error.raw_response().expect("an answer").status().as_u16(),
    }
}

/// The id of the connection that an event is about.
fn id(event: &Value) -> String {
    event["requestContext"]["connectionId"].as_str().expect("an id").to_owned()
}

/// The text of the next message.
async fn text(socket: &mut Socket) -> String {
    match next(socket).await {
        Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
        other => panic!("{other:?} instead of text"),
    }
}

/// The close that comes next, after which nothing comes.
async fn closed(socket: &mut Socket) -> CloseFrame {
    let close = match next(socket).await {
        Some(Ok(Message::Close(Some(close)))) => close,
        other => panic!("{other:?} instead of a close"),
    };
    assert!(next(socket).await.is_none());
    close
}

async fn next(socket: &mut Socket) -> Option<Result<Message, Error>> {
    tokio::time::timeout(LONG, socket.next()).await.expect("a message in time")
}

/// The answer to an upgrade that was refused.
fn refused(outcome: Result<Socket, Error>) -> Response<Option<Vec<u8>>> {
    match outcome {
        Err(Error::Http(response)) => *response,
        other => panic!("{other:?} instead of a refusal"),
    }
}
