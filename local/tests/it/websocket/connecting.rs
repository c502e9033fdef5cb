//! `$connect`: who is let in, and what is known before.

use std::time::{Duration, Instant};

use futures::future::join_all;
use local::WebSocketLimits;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};

use super::{Gateway, id, push, refused, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_paths_connect_and_the_event_says_who_calls() {
    let mut gateway = Gateway::start().await;
    for path in ["/live", "/live/", "/live?token=a%20b", "/live/?EIO=4&transport=websocket"] {
        let mut socket = gateway.try_connect(path).await.expect("connected");
        let event = gateway.event("$connect").await;
        let context = &event["requestContext"];
        assert_eq!(context["eventType"], "CONNECT", "{event}");
        assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
        assert_eq!(context["domainName"], gateway.address.to_string());
        assert_eq!(event["headers"]["Sec-WebSocket-Version"], "13");
        let query = &event["queryStringParameters"];
        match path.split_once('?') {
            None => assert!(query.is_null(), "{event}"),
            Some((_, token)) if token.starts_with("token") => assert_eq!(query["token"], "a b"),
            Some(_) => assert_eq!(query, &json!({ "EIO": "4", "transport": "websocket" })),
        }
        assert_eq!(gateway.push(&id(&event), "hello").await, 200);
        assert_eq!(text(&mut socket).await, "hello");
        drop(socket);
        assert_eq!(gateway.ended(&id(&event)).await.0, 1006);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_refuses_with_its_own_status_and_body() {
    let limits = WebSocketLimits::default();
    let mut gateway = Gateway::with(limits, |event| {
        match event["queryStringParameters"]["as"].as_str().expect("a query") {
            "error" => Err("broken".to_owned()),
            "panic" => panic!("a bug"),
            status => Ok(json!({
                "statusCode": status.parse::<u16>().expect("a number"),
                "headers": { "content-type": "application/json" },
                "body": format!("{{\"said\":{status}}}"),
            })),
        }
    })
    .await;
    for (said, status) in
        [("401", 401), ("400", 400), ("403", 403), ("503", 500), ("error", 500), ("panic", 500)]
    {
        let answer = refused(gateway.try_connect(&format!("/live?as={said}")).await);
        assert_eq!(answer.status(), status, "{said}");
        let event = gateway.event("$connect").await;
        assert_eq!(gateway.push(&id(&event), "x").await, 410);
        if status < 500 {
            let body = answer.body().as_deref().expect("a body");
            assert_eq!(body, format!("{{\"said\":{said}}}").as_bytes());
            assert_eq!(answer.headers()["content-type"], "application/json");
        }
    }
    assert_eq!(gateway.aws.websockets().open_connections(), 0);
    assert!(gateway.events.try_recv().is_err(), "nobody was connected who could be gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_and_nothing_can_be_pushed_before_connect_has_returned() {
    static RETURN: Semaphore = Semaphore::const_new(0);
    let limits = WebSocketLimits::default();
    let mut gateway = Gateway::with_async(limits, async |_| {
        RETURN.acquire().await.expect("open").forget();
        Ok(json!({ "statusCode": 200 }))
    })
    .await;
    let mut raw = TcpStream::connect(gateway.address).await.expect("connected");
    let upgrade = "GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    raw.write_all(upgrade.as_bytes()).await.expect("sent");
    let id = id(&gateway.event("$connect").await);
    assert_eq!(gateway.push(&id, "too early").await, 410);
    let look = gateway.management().get_connection().connection_id(&id).send().await;
    assert!(look.expect_err("closed").into_service_error().is_gone_exception());
    assert_eq!(
        raw.try_read(&mut [0]).expect_err("nothing to read").kind(),
        std::io::ErrorKind::WouldBlock
    );
    RETURN.add_permits(1);
    // Once the answer is there, pushes reach the client.
    let mut answer = [0; 12];
    raw.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 101");
    assert_eq!(gateway.push(&id, "in time").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_while_connect_runs_was_connected_and_is_gone() {
    static RETURN: Semaphore = Semaphore::const_new(0);
    let limits = WebSocketLimits::default();
    let mut gateway = Gateway::with_async(limits, async |event| {
        if event["requestContext"]["routeKey"] == "$connect" {
            RETURN.acquire().await.expect("open").forget();
        }
        Ok(json!({ "statusCode": 200 }))
    })
    .await;
    let url = format!("ws://{}/live", gateway.address);
    let connecting = tokio::spawn(async move { connect_async(url).await.map(|_| ()) });
    let id = id(&gateway.event("$connect").await);
    connecting.abort();
    connecting.await.expect_err("aborted");
    RETURN.add_permits(1);
    assert_eq!(gateway.ended(&id).await.0, 1006);
    assert_eq!(gateway.push(&id, "x").await, 410);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_no_upgrade_never_reaches_the_integration() {
    let mut gateway = Gateway::start().await;
    for (request, status) in [
        ("GET /live HTTP/1.1\r\n", 426),
        ("POST /live/ HTTP/1.1\r\nContent-Length: 0\r\n", 426),
        ("GET /live HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n", 426),
        (
            "GET /live HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
            400,
        ),
    ] {
        let mut raw = TcpStream::connect(gateway.address).await.expect("connected");
        let close = if request.contains("upgrade") { "" } else { "Connection: close\r\n" };
        let request = format!("{request}{close}Host: x\r\n\r\n");
        raw.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = [0; 12];
        raw.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes(), "{request}");
    }
    assert!(gateway.events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subprotocol_is_chosen_by_connect_alone() {
    let limits = WebSocketLimits::default();
    let gateway = Gateway::with(limits, |event| {
        let wanted = event["headers"]["Sec-WebSocket-Protocol"].as_str() == Some("a, b");
        let headers = if wanted { json!({ "Sec-WebSocket-Protocol": "b" }) } else { json!({}) };
        Ok(json!({ "statusCode": 200, "headers": headers }))
    })
    .await;
    for (offered, chosen) in [("a, b", Some("b")), ("c", None)] {
        let mut request =
            format!("ws://{}/live", gateway.address).into_client_request().expect("a request");
        request.headers_mut().insert("sec-websocket-protocol", offered.parse().expect("a header"));
        // The client itself refuses a connection for which none of its protocols was chosen.
        match (connect_async(request).await, chosen) {
            (Ok((_, response)), Some(chosen)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], chosen);
            }
            (Err(error), None) => assert!(error.to_string().contains("SubProtocol"), "{error}"),
            (outcome, _) => panic!("{offered}: {:?}", outcome.map(|_| ())),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_clients_connect_at_once_and_each_hears_its_own_push() {
    const CLIENTS: usize = 500;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("more open files");
    let mut gateway = Gateway::start().await;
    let began = Instant::now();
    let paths: Vec<_> = (0..CLIENTS).map(|n| format!("/live?n={n}")).collect();
    let connecting = join_all(paths.iter().map(|path| gateway.try_connect(path))).await;
    let elapsed = began.elapsed();
    let mut sockets: Vec<_> =
        connecting.into_iter().map(|socket| socket.expect("connected")).collect();
    // A second on a machine that has nothing else to do.
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    assert_eq!(gateway.aws.websockets().open_connections(), CLIENTS);
    let management = gateway.management();
    for _ in 0..CLIENTS {
        let event = gateway.event("$connect").await;
        let n = event["queryStringParameters"]["n"].as_str().expect("a number").to_owned();
        assert_eq!(push(&management, &id(&event), n).await, 200);
    }
    for (n, socket) in sockets.iter_mut().enumerate() {
        assert_eq!(text(socket).await, n.to_string());
    }
    drop(sockets);
    for _ in 0..CLIENTS {
        gateway.event("$disconnect").await;
    }
    assert_eq!(gateway.aws.websockets().open_connections(), 0);
}
