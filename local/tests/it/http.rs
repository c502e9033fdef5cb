//! The HTTP server waits for no client for ever.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, routing::post};
use local::http::{Patience, serve};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

const PATIENCE: Patience =
    Patience { head: Duration::from_millis(300), body: Duration::from_millis(600) };

/// A server that answers with the body of a request; the address, what stops it and its end.
async fn start() -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move {
        let _ = stopped.await;
    };
    let router = Router::new().route("/", post(async |body: Bytes| body));
    (address, stop, tokio::spawn(serve(listener, router, PATIENCE, stopped)))
}

/// Reads until the server closes the connection; fails after 10 s.
fn rest(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    let request = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    stream.write_all(request.as_bytes()).expect("sent");
    rest(&mut stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_are_closed_and_delay_nobody() {
    let (address, _stop, _server) = start().await;
    let silent = ["", "POST / HTTP/1.1\r\nHost: x\r\n"];
    let mut open: Vec<_> = (0..300)
        .map(|n| {
            let mut stream = TcpStream::connect(address).expect("connected");
            stream.write_all(silent[n % 2].as_bytes()).expect("sent");
            stream
        })
        .collect();
    assert!(ask(address).ends_with("hi"));
    for stream in &mut open {
        rest(stream);
    }
    assert!(ask(address).ends_with("hi"));
}

#[expect(clippy::disallowed_methods, reason = "the pause is what makes the body slow")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_drips_is_not_waited_for() {
    let (address, _stop, _server) = start().await;
    let mut stream = TcpStream::connect(address).expect("connected");
    stream
        .write_all(
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n",
        )
        .expect("sent");
    let mut drip = stream.try_clone().expect("a second handle");
    std::thread::spawn(move || {
        while drip.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let began = Instant::now();
    let answer = rest(&mut stream);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answers_what_is_under_way_and_closes_the_rest() {
    let (address, stop, server) = start().await;
    let idle = TcpStream::connect(address).expect("connected");
    let mut half = TcpStream::connect(address).expect("connected");
    half.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nh").expect("sent");
    // The server has read the head once another request is answered.
    assert!(ask(address).ends_with("hi"));
    stop.send(()).expect("stopping");
    half.write_all(b"i").expect("sent");
    assert!(rest(&mut half).ends_with("hi"));
    tokio::time::timeout(Duration::from_secs(10), server).await.expect("ended").expect("no panic");
    drop(idle);
}
