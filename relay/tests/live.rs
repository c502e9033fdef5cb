//! The WebSocket API and the queue of pushes in the bundle, with a function `live` that sends back what it
//! is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{SinkExt, StreamExt, future::BoxFuture};
use local::{Clients, LocalAws, WebSocketLimits};
use relay::dev::{Bundle, Live, Settings};
use serde_json::{Value, json};
use tests::client::Client;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, protocol::frame::coding::CloseCode},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const LONG: Duration = Duration::from_secs(30);

/// A function that refuses clients without a token, asks the queue to push what a client says, and
/// pushes what the queue says. It fails with `stumble` when it comes for the first time.
struct Parrot {
    clients: Clients,
    queue: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Parrot {
    fn new(aws: &LocalAws, seen: Arc<Mutex<Vec<String>>>) -> Parrot {
        Parrot { clients: aws.clients(), queue: aws.queue_url(&aws.names().live), seen }
    }
}

impl Live for Parrot {
    fn answer(&self, event: Value) -> BoxFuture<'static, Result<Value, String>> {
        let context = &event["requestContext"];
        let route = context["routeKey"].as_str().expect("a route").to_owned();
        self.seen.lock().expect("whole").push(route.clone());
        let connection = context["connectionId"].as_str().expect("an id").to_owned();
        let (sqs, queue) = (self.clients.sqs(), self.queue.clone());
        Box::pin(async move {
            if route == "$connect" && event["queryStringParameters"]["token"] != "right" {
                return Ok(json!({ "statusCode": 401 }));
            }
            let words = event["body"].as_str().unwrap_or_default().to_owned();
            let mut send = sqs.send_message_batch().queue_url(queue);
            for (n, word) in words.split_whitespace().enumerate() {
                let id = format!("{connection}{n}").replace('=', "");
                let entry = SendMessageBatchRequestEntry::builder().id(n.to_string());
                let entry = entry.message_body(word).message_group_id(&connection);
                send = send.entries(entry.message_deduplication_id(id).build().expect("whole"));
            }
            if !words.is_empty() {
                send.send().await.map_err(|error| error.to_string())?;
            }
            Ok(json!({ "statusCode": 200 }))
        })
    }

    fn push(&self, batch: SqsEvent) -> BoxFuture<'static, SqsBatchResponse> {
        let (management, seen) = (self.clients.websocket(), Arc::clone(&self.seen));
        Box::pin(async move {
            let mut response = SqsBatchResponse::default();
            for record in batch.records {
                let word = record.body.expect("a body");
                let first = record.attributes["ApproximateReceiveCount"] == "1";
                if word == "stumble" && first || !response.batch_item_failures.is_empty() {
                    let mut failure = BatchItemFailure::default();
                    failure.item_identifier = record.message_id.expect("an id");
                    response.batch_item_failures.push(failure);
                    continue;
                }
                let push = management.post_to_connection();
                let push = push.connection_id(&record.attributes["MessageGroupId"]);
                push.data(word.clone().into_bytes().into()).send().await.expect("pushed");
                seen.lock().expect("whole").push(word);
            }
            response
        })
    }
}

async fn start(settings: Settings) -> (Bundle, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let live = |aws: &LocalAws| {
        let live: Arc<dyn Live> = Arc::new(Parrot::new(aws, Arc::clone(&seen)));
        Some(live)
    };
    (Bundle::start_with(settings, live).await.expect("started"), seen)
}

async fn connect(bundle: &Bundle, path: &str) -> Result<Socket, Error> {
    let url = bundle.url().replace("http://", "ws://");
    connect_async(format!("{url}{path}")).await.map(|(socket, _)| socket)
}

async fn next(socket: &mut Socket) -> Message {
    let next = tokio::time::timeout(LONG, socket.next()).await.expect("a message in time");
    next.expect("open").expect("a message")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_is_served_on_the_public_port_and_pushes_come_in_order() {
    let (bundle, seen) = start(Settings::fresh()).await;
    match connect(&bundle, "/live?token=wrong").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 401),
        other => panic!("{other:?} instead of a refusal"),
    }
    let mut sockets = Vec::new();
    for path in ["/live?token=right", "/live/?EIO=4&transport=websocket&token=right"] {
        sockets.push(connect(&bundle, path).await.expect("connected"));
    }
    for socket in &mut sockets {
        socket.send(Message::text("one two three four five")).await.expect("sent");
    }
    for socket in &mut sockets {
        for word in ["one", "two", "three", "four", "five"] {
            assert_eq!(next(socket).await, Message::text(word));
        }
    }
    // The rest of the port is as it was.
    let client = Client::new(&bundle.url(), bundle.admin_key());
    assert!(client.get("/v1/sources").await["data"].is_array());
    let mut goodbye = sockets.remove(0);
    drop(sockets);
    let listen = async {
        match next(&mut goodbye).await {
            Message::Close(Some(close)) => assert_eq!(close.code, CloseCode::Away),
            other => panic!("{other:?} instead of a close"),
        }
        // Answers the close.
        assert!(goodbye.next().await.is_none());
    };
    tokio::join!(listen, bundle.stop());
    let seen = seen.lock().expect("whole");
    let count = |route: &str| seen.iter().filter(|it| *it == route).count();
    assert_eq!((count("$connect"), count("$default"), count("$disconnect")), (3, 2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_fails_comes_again_with_all_behind_it() {
    let mut settings = Settings::fresh();
    settings.queues.live_visibility = 1;
    let (bundle, _) = start(settings).await;
    let mut socket = connect(&bundle, "/live?token=right").await.expect("connected");
    socket.send(Message::text("before stumble behind")).await.expect("sent");
    for word in ["before", "stumble", "behind"] {
        assert_eq!(next(&mut socket).await, Message::text(word));
    }
    drop(socket);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_end_when_the_settings_say_so() {
    let mut settings = Settings::fresh();
    settings.websocket_limits =
        WebSocketLimits { life: Duration::from_millis(200), ..WebSocketLimits::default() };
    let (bundle, _) = start(settings).await;
    let mut socket = connect(&bundle, "/live?token=right").await.expect("connected");
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
    assert!(socket.next().await.is_none());
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_without_live_has_no_websocket_api() {
    let bundle = Bundle::start(Settings::fresh()).await.expect("started");
    match connect(&bundle, "/live?token=right").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 404),
        other => panic!("{other:?} instead of a refusal"),
    }
    let environment = bundle.environment_file();
    for (name, end) in [("LIVE_QUEUE_URL=", "/relay-live.fifo"), ("WEBSOCKET_URL=", "/live")] {
        let line = environment.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        assert!(line.starts_with("http://127.0.0.1:") && line.ends_with(end), "{line}");
    }
    bundle.stop().await;
}
