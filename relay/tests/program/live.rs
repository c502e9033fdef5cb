//! Live updates in the bundle: the function `live` behind the local gateway, on the public port.

use std::time::Duration;

use domain::{
    key::ADMIN_ID,
    live::{grant::Grant, ticket::Ticket},
};
use futures::{SinkExt, StreamExt};
use local::WebSocketLimits;
use relay::dev::{Bundle, Settings};
use serde_json::{Value, json};
use tests::client::Client;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, protocol::frame::coding::CloseCode},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The longest time that a test waits for a message.
const LONG: Duration = Duration::from_secs(30);

async fn start(settings: Settings) -> Bundle {
    Bundle::start(settings).await.expect("started")
}

/// A ticket to every topic.
async fn ticket(bundle: &Bundle) -> String {
    let expires_at = bundle.clock().now().plus(LONG);
    let grant = Grant {
        key: ADMIN_ID.to_owned(),
        scope: domain::key::KeyScope::Read,
        application: None,
        only: None,
        portal: None,
        expires_at,
    };
    let text = Ticket::text(adapters::random::bytes());
    let ticket = Ticket { grant, origin: None, expires_at };
    let hash = Ticket::hash(&text).expect("a ticket");
    let _ = bundle.table().put_ticket(&hash, &ticket).await.expect("written");
    text
}

async fn connect(bundle: &Bundle, path: &str) -> Result<Socket, Error> {
    let url = bundle.url().replace("http://", "ws://");
    connect_async(format!("{url}{path}")).await.map(|(socket, _)| socket)
}

/// The text of the next message.
async fn text(socket: &mut Socket) -> String {
    match next(socket).await {
        Message::Text(text) => text.as_str().to_owned(),
        other => panic!("{other:?} instead of text"),
    }
}

/// The next message of the JSON protocol.
async fn read(socket: &mut Socket) -> Value {
    serde_json::from_str(&text(socket).await).expect("JSON")
}

async fn next(socket: &mut Socket) -> Message {
    let next = tokio::time::timeout(LONG, socket.next()).await.expect("a message in time");
    next.expect("open").expect("a message")
}

/// The close that the gateway sends, after which nothing comes.
async fn closed(socket: &mut Socket) -> CloseCode {
    let code = match next(socket).await {
        Message::Close(Some(close)) => close.code,
        other => panic!("{other:?} instead of a close"),
    };
    assert!(socket.next().await.is_none());
    code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_ticket_hears_of_events_until_the_relay_stops() {
    let bundle = start(Settings::fresh()).await;
    let client = Client::new(&bundle.url(), bundle.admin_key());
    client.post("/api/v1/app", json!({ "name": "acme", "uid": "acme" })).await;
    let path = format!("/live?ticket={}", ticket(&bundle).await);
    let mut socket = connect(&bundle, &path).await.expect("connected");
    assert_eq!(read(&mut socket).await["event"], "hello");
    socket.send(Message::text(r#"{"action":"ping"}"#)).await.expect("sent");
    assert_eq!(read(&mut socket).await["event"], "pong");
    let subscribe = json!({ "action": "subscribe_events", "application": "acme" });
    socket.send(Message::text(subscribe.to_string())).await.expect("sent");
    assert_eq!(read(&mut socket).await["event"], "subscribed");
    // The parts of the relay learn within two seconds that somebody watches.
    let post = async {
        loop {
            let message = json!({ "eventType": "order.paid", "payload": {} });
            client.post("/api/v1/app/acme/msg", message).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let heard = tokio::select! {
        heard = read(&mut socket) => heard,
        () = post => unreachable!("it goes on"),
    };
    assert!(heard.to_string().contains("order.paid"), "{heard}");
    // What was pushed before the stop comes before the close.
    let listen = async {
        loop {
            match next(&mut socket).await {
                Message::Text(_) => {}
                Message::Close(Some(close)) => break assert_eq!(close.code, CloseCode::Away),
                other => panic!("{other:?} instead of a close"),
            }
        }
        // Sends the answer to the close.
        assert!(socket.next().await.is_none());
    };
    tokio::join!(listen, bundle.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_socket_io_is_opened_by_the_queue() {
    let bundle = start(Settings::fresh()).await;
    for path in ["/live/", "/live"] {
        let ticket = ticket(&bundle).await;
        let path = format!("{path}?EIO=4&transport=websocket&ticket={ticket}");
        let mut socket = connect(&bundle, &path).await.expect("connected");
        let open = text(&mut socket).await;
        assert!(open.starts_with("0{\"sid\":"), "{open}");
        socket.send(Message::text("40")).await.expect("sent");
        let connected = text(&mut socket).await;
        assert!(connected.starts_with("40{\"sid\":"), "{connected}");
    }
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_ticket_is_refused_at_the_upgrade() {
    let bundle = start(Settings::fresh()).await;
    let used = format!("/live?ticket={}", ticket(&bundle).await);
    let first = connect(&bundle, &used).await.expect("connected");
    let polling = "/live/?EIO=4&transport=polling";
    for (path, status) in
        [("/live", 401), ("/live?ticket=x", 401), (used.as_str(), 401), (polling, 400)]
    {
        match connect(&bundle, path).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status, "{path}"),
            other => panic!("{other:?} instead of a refusal of {path}"),
        }
    }
    drop(first);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_end_when_the_settings_say_so() {
    let mut settings = Settings::fresh();
    settings.websocket_limits =
        WebSocketLimits { idle: Duration::from_millis(300), ..WebSocketLimits::default() };
    let bundle = start(settings).await;
    let path = format!("/live?ticket={}", ticket(&bundle).await);
    let mut socket = connect(&bundle, &path).await.expect("connected");
    assert_eq!(read(&mut socket).await["event"], "hello");
    assert_eq!(closed(&mut socket).await, CloseCode::Away);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_names_what_live_needs() {
    let bundle = start(Settings::fresh()).await;
    let environment = bundle.environment_file();
    for (name, end) in [("LIVE_QUEUE_URL=", "/relay-live.fifo"), ("WEBSOCKET_URL=", "/live")] {
        let line = environment.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        assert!(line.starts_with("http://127.0.0.1:") && line.ends_with(end), "{line}");
    }
    assert!(environment.contains("LIVE_PUSH_RATE=1000\n"), "{environment}");
    bundle.stop().await;
}
