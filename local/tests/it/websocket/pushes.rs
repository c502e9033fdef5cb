//! The management API: pushes, looks and closes.

use aws_sdk_apigatewaymanagement::{error::ProvideErrorMetadata, primitives::Blob};
use futures::future::join_all;
use local::{AccessKey, Clients};

use super::{Gateway, closed, push, text};

const MESSAGE: usize = 128 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_come_whole_and_in_order() {
    let mut gateway = Gateway::start().await;
    let (mut socket, id) = gateway.connect().await;
    let (mut other, other_id) = gateway.connect().await;
    let management = gateway.management();
    for n in 0..100 {
        assert_eq!(push(&management, &id, n.to_string()).await, 200);
    }
    assert_eq!(push(&management, &id, "x".repeat(MESSAGE)).await, 200);
    assert_eq!(push(&management, &id, b"a\xffb".to_vec()).await, 200);
    for n in 0..100 {
        assert_eq!(text(&mut socket).await, n.to_string());
    }
    assert_eq!(text(&mut socket).await, "x".repeat(MESSAGE));
    assert_eq!(text(&mut socket).await, "a\u{fffd}b");
    // Those at once come in some order, and each once.
    let many = (0..50).map(|n: u32| push(&management, &other_id, n.to_string()));
    assert!(join_all(many).await.into_iter().all(|status| status == 200));
    let mut seen = Vec::new();
    while seen.len() < 50 {
        seen.push(text(&mut other).await.parse::<u32>().expect("a number"));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_is_too_large_is_refused_and_nothing_of_it_is_sent() {
    let mut gateway = Gateway::start().await;
    let (mut socket, id) = gateway.connect().await;
    let too_large = Blob::new(vec![b'x'; MESSAGE + 1]);
    let management = gateway.management();
    let post = management.post_to_connection().connection_id(&id).data(too_large);
    let refusal = post.send().await.expect_err("too large");
    assert_eq!(refusal.raw_response().expect("an answer").status().as_u16(), 413);
    assert!(refusal.into_service_error().is_payload_too_large_exception());
    assert_eq!(gateway.push(&id, "small").await, 200);
    assert_eq!(text(&mut socket).await, "small");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_to_a_client_that_does_not_read_are_refused_and_none_that_was_accepted_is_lost() {
    let mut gateway = Gateway::start().await;
    let (mut socket, id) = gateway.connect().await;
    let (mut other, other_id) = gateway.connect().await;
    let management = gateway.management();
    let frame = |n: usize| format!("{n:04}{}", "x".repeat(MESSAGE - 4));
    let mut accepted = 0;
    let status = loop {
        match push(&management, &id, frame(accepted)).await {
            200 => accepted += 1,
            status => break status,
        }
        assert!(accepted < 1000, "128 MB went somewhere");
    };
    assert_eq!(status, 413);
    assert!(7 <= accepted, "{accepted}");
    assert_eq!(push(&management, &other_id, "others are not kept waiting").await, 200);
    assert_eq!(text(&mut other).await, "others are not kept waiting");
    for n in 0..accepted {
        assert_eq!(text(&mut socket).await, frame(n));
    }
    assert_eq!(push(&management, &id, "again").await, 200);
    assert_eq!(text(&mut socket).await, "again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_says_who_is_connected_since_when() {
    let mut gateway = Gateway::start().await;
    let (mut socket, id) = gateway.connect().await;
    let look = async || {
        let look = gateway.management().get_connection().connection_id(&id).send().await;
        look.expect("open")
    };
    let before = look().await;
    assert_eq!(before.identity().and_then(|it| it.source_ip()), Some("127.0.0.1"));
    let (connected, active) = (before.connected_at().copied(), before.last_active_at().copied());
    let (connected, active) = (connected.expect("a time"), active.expect("a time"));
    assert!(connected <= active);
    // Pushes move the time of the last activity, in milliseconds.
    let mut later = active;
    while later <= active {
        assert_eq!(gateway.push(&id, "x").await, 200);
        assert_eq!(text(&mut socket).await, "x");
        later = look().await.last_active_at().copied().expect("a time");
    }
    assert_eq!(look().await.connected_at(), Some(&connected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_closed_behind_what_was_pushed_before() {
    let mut gateway = Gateway::start().await;
    let (mut socket, id) = gateway.connect().await;
    assert_eq!(gateway.push(&id, "last").await, 200);
    let delete = || gateway.management().delete_connection().connection_id(&id).send();
    delete().await.expect("closed");
    assert!(delete().await.expect_err("gone").into_service_error().is_gone_exception());
    assert_eq!(gateway.push(&id, "too late").await, 410);
    assert_eq!(text(&mut socket).await, "last");
    assert_eq!(u16::from(closed(&mut socket).await.code), 1000);
    assert_eq!(gateway.ended(&id).await, (1000, "Connection Closed Normally".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_closed_all_the_same() {
    let mut gateway = Gateway::start().await;
    let (socket, id) = gateway.connect().await;
    let management = gateway.management();
    while push(&management, &id, vec![b'x'; MESSAGE]).await == 200 {}
    management.delete_connection().connection_id(&id).send().await.expect("closed");
    assert_eq!(gateway.ended(&id).await.0, 1000);
    drop(socket);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_are_none_and_keys_that_are_wrong_are_refused() {
    let mut gateway = Gateway::start().await;
    let (mut socket, id) = gateway.connect().await;
    assert_eq!(gateway.push("L0SM9cOFvHcCIhw=", "x").await, 410);
    for none in ["x", "a/b", "../live", "é"] {
        let look = gateway.management().get_connection().connection_id(none).send().await;
        let refusal = look.expect_err("refused");
        assert_eq!(refusal.raw_response().expect("an answer").status().as_u16(), 400, "{none}");
        assert_eq!(refusal.code(), Some("BadRequestException"));
    }
    let wrong = AccessKey { id: "local".to_owned(), secret: "guessed".to_owned() };
    let clients = Clients::new(gateway.aws.urls().clone(), wrong);
    assert_eq!(push(&clients.websocket(), &id, "x").await, 403);
    let delete = clients.websocket().delete_connection().connection_id(&id).send().await;
    assert_eq!(delete.expect_err("refused").code(), Some("InvalidSignatureException"));
    assert_eq!(gateway.push(&id, "signed").await, 200);
    assert_eq!(text(&mut socket).await, "signed");
}
