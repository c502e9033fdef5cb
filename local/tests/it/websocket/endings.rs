//! `$disconnect`: every way in which a connection ends.

use std::time::{Duration, Instant};

use futures::SinkExt;
use local::WebSocketLimits;
use serde_json::json;
use tokio_tungstenite::{
    MaybeTlsStream,
    tungstenite::{
        Message,
        protocol::{
            CloseFrame,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use super::{Gateway, Socket, closed, next};

const GOING_AWAY: (u64, &str) = (1001, "Going away");

fn accept(_: serde_json::Value) -> Result<serde_json::Value, String> {
    Ok(json!({ "statusCode": 200 }))
}

async fn ends(gateway: &mut Gateway, id: &str, (code, reason): (u64, &str)) {
    assert_eq!(gateway.ended(id).await, (code, reason.to_owned()));
    assert_eq!(gateway.push(id, "x").await, 410);
    assert_eq!(gateway.aws.websockets().open_connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_of_the_client_is_answered_and_told_as_it_is() {
    let mut gateway = Gateway::start().await;
    let library = CloseFrame { code: CloseCode::Library(4001), reason: "bye é".into() };
    for (close, told) in
        [(Some(library), (4001, "bye é")), (None, (1005, "Client-side close frame status not set"))]
    {
        let (mut socket, id) = gateway.connect().await;
        socket.send(Message::Close(close.clone())).await.expect("sent");
        assert_eq!(next(&mut socket).await.expect("open").expect("a close"), Message::Close(close));
        assert!(next(&mut socket).await.is_none());
        ends(&mut gateway, &id, told).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_off_is_told_too() {
    let mut gateway = Gateway::start().await;
    let lost = (1006, "Connection Closed Abnormally");
    let (socket, id) = gateway.connect().await;
    drop(socket);
    ends(&mut gateway, &id, lost).await;
    // With a reset instead of an end of the stream.
    let (socket, id) = gateway.connect().await;
    let MaybeTlsStream::Plain(stream) = socket.get_ref() else { panic!("TLS") };
    stream.set_zero_linger().expect("set");
    drop(socket);
    ends(&mut gateway, &id, lost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_websocket_ends_the_connection() {
    let mut gateway = Gateway::start().await;
    let (mut socket, id) = gateway.connect().await;
    let stray = Frame::message("x", OpCode::Data(Data::Continue), true);
    socket.send(Message::Frame(stray)).await.expect("sent");
    assert_eq!(u16::from(closed(&mut socket).await.code), 1002);
    ends(&mut gateway, &id, (1002, "Protocol error")).await;
    let (mut socket, id) = gateway.connect().await;
    let latin = Frame::message(vec![0xe9], OpCode::Data(Data::Text), true);
    socket.send(Message::Frame(latin)).await.expect("sent");
    assert_eq!(u16::from(closed(&mut socket).await.code), 1007);
    ends(&mut gateway, &id, (1007, "Invalid UTF-8")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed() {
    let idle = Duration::from_millis(300);
    let limits = WebSocketLimits { idle, ..WebSocketLimits::default() };
    let mut gateway = Gateway::with(limits, accept).await;
    let began = Instant::now();
    let (mut socket, id) = gateway.connect().await;
    assert_eq!(closed(&mut socket).await.code, CloseCode::Away);
    assert!(idle <= began.elapsed(), "{:?}", began.elapsed());
    ends(&mut gateway, &id, GOING_AWAY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_keep_a_connection_awake_until_it_is_too_old() {
    let limits =
        WebSocketLimits { idle: Duration::from_secs(1), life: Duration::from_millis(2500) };
    let mut gateway = Gateway::with(limits, accept).await;
    let began = Instant::now();
    let (mut socket, id) = gateway.connect().await;
    let mut pings = tokio::time::interval(Duration::from_millis(100));
    let code = loop {
        tokio::select! {
            _ = pings.tick() => {
                // An error means that the gateway has closed.
                let _ = socket.send(Message::Ping("awake".into())).await;
            }
            message = next(&mut socket) => match message {
                Some(Ok(Message::Close(close))) => break close.expect("a code").code,
                Some(Ok(Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            },
        }
    };
    assert_eq!(code, CloseCode::Away);
    assert!(limits.life <= began.elapsed(), "{:?}", began.elapsed());
    ends(&mut gateway, &id, GOING_AWAY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_stops_says_goodbye_and_lets_nobody_in() {
    let mut gateway = Gateway::start().await;
    let (mut socket, id) = gateway.connect().await;
    let listen = async |socket: &mut Socket| closed(socket).await.code;
    let (code, ()) = tokio::join!(listen(&mut socket), gateway.aws.websockets().stop());
    assert_eq!(code, CloseCode::Away);
    // The integration has been told before the stop returned.
    let told = gateway.events.try_recv().expect("an event");
    assert_eq!(told["requestContext"]["disconnectStatusCode"], 1001);
    assert_eq!(told["requestContext"]["connectionId"], id.as_str());
    let refusal = super::refused(gateway.try_connect("/live").await);
    assert_eq!(refusal.status(), 503);
    assert!(gateway.events.try_recv().is_err());
    gateway.aws.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_dropped_closes_its_connections() {
    let mut gateway = Gateway::start().await;
    let (mut socket, _) = gateway.connect().await;
    drop(gateway.aws);
    assert_eq!(closed(&mut socket).await.code, CloseCode::Away);
}
