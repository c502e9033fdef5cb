//! `$default`: messages of clients.

use futures::SinkExt;
use local::WebSocketLimits;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::{Gateway, Socket, closed, next, text};

/// The longest frame and the longest message of a client.
const FRAME: usize = 32 * 1024;
const MESSAGE: usize = 128 * 1024;

/// Sends one message in frames of these sizes. The gateway may close before it has read them all.
async fn send_in_frames(socket: &mut Socket, sizes: &[usize]) {
    for (n, size) in sizes.iter().enumerate() {
        let kind = if n == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(vec![b'x'; *size], OpCode::Data(kind), n + 1 == sizes.len());
        if socket.send(Message::Frame(frame)).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_events_and_the_answers_are_not_sent() {
    let limits = WebSocketLimits::default();
    let mut gateway =
        Gateway::with(limits, |_| Ok(json!({ "statusCode": 200, "body": "answer" }))).await;
    let (mut socket, id) = gateway.connect().await;
    socket.send(Message::text("42[\"é\"]")).await.expect("sent");
    let event = gateway.event("$default").await;
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("42[\"é\"]"), &json!(false)));
    assert_eq!(event["requestContext"]["connectionId"], id.as_str());
    assert_eq!(event["requestContext"]["eventType"], "MESSAGE");
    assert!(event["requestContext"]["messageId"].is_string());
    socket.send(Message::binary(vec![0, 255])).await.expect("sent");
    let event = gateway.event("$default").await;
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("AP8="), &json!(true)));
    socket.send(Message::text("")).await.expect("sent");
    assert_eq!(gateway.event("$default").await["body"], "");
    assert_eq!(gateway.push(&id, "pushed").await, 200);
    assert_eq!(text(&mut socket).await, "pushed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_is_answered_and_is_no_message() {
    let mut gateway = Gateway::start().await;
    let (mut socket, _) = gateway.connect().await;
    socket.send(Message::Ping("p".into())).await.expect("sent");
    assert_eq!(next(&mut socket).await.expect("open").expect("a pong"), Message::Pong("p".into()));
    socket.send(Message::Pong("unasked".into())).await.expect("sent");
    socket.send(Message::text("m")).await.expect("sent");
    assert_eq!(gateway.event("$default").await["body"], "m");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_up_to_32_kb_and_messages_up_to_128_kb_are_taken() {
    let mut gateway = Gateway::start().await;
    for (sizes, whole) in [(&[FRAME][..], FRAME), (&[FRAME; 4], MESSAGE)] {
        let (mut socket, _) = gateway.connect().await;
        send_in_frames(&mut socket, sizes).await;
        let body = gateway.event("$default").await["body"].as_str().expect("text").len();
        assert_eq!(body, whole);
        drop(socket);
        gateway.event("$disconnect").await;
    }
    for sizes in [&[FRAME + 1][..], &[1, FRAME + 1], &[1_000_000], &[FRAME, FRAME, FRAME, FRAME, 1]]
    {
        let (mut socket, id) = gateway.connect().await;
        send_in_frames(&mut socket, sizes).await;
        assert_eq!(u16::from(closed(&mut socket).await.code), 1009, "{sizes:?}");
        assert_eq!(gateway.ended(&id).await.0, 1009);
        assert_eq!(gateway.push(&id, "x").await, 410);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_event_fails_is_answered_by_the_gateway() {
    let limits = WebSocketLimits::default();
    let mut gateway = Gateway::with(limits, |event| match event["body"].as_str() {
        Some("error") => Err("broken".to_owned()),
        Some("panic") => panic!("a bug"),
        _ => Ok(json!({ "statusCode": 200 })),
    })
    .await;
    let (mut socket, id) = gateway.connect().await;
    for body in ["error", "panic"] {
        socket.send(Message::text(body)).await.expect("sent");
        let event = gateway.event("$default").await;
        let answer: Value = serde_json::from_str(&text(&mut socket).await).expect("JSON");
        let request = &event["requestContext"]["requestId"];
        let expected = json!({
            "message": "Internal server error", "connectionId": id, "requestId": request,
        });
        assert_eq!(answer, expected);
    }
    socket.send(Message::text("fine")).await.expect("still open");
    gateway.event("$default").await;
}
