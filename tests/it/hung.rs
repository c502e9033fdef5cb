//! One endpoint among fifty that takes requests and never answers: its neighbours do not wait for it.

use std::{collections::HashMap, io, time::Duration};

use relay::dev::{Bundle, Settings};
use serde_json::json;
use tests::{client::Client, receiver::Receiver, shown};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Instant,
};

const ENDPOINTS: usize = 50;
const MESSAGES: usize = 20;

/// A host that accepts connections and never answers; the accepted connections come by the channel.
async fn hanging() -> (String, mpsc::UnboundedReceiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/0", listener.local_addr().expect("bound"));
    let (taken, streams) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if taken.send(stream).is_err() {
                return;
            }
        }
    });
    (url, streams)
}

/// The caller still waits for the answer on this connection.
fn still_waits(stream: &TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.try_read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

/// Times from publication to delivery at the other endpoints, shortest first, with the first endpoint
/// hung or not.
async fn delays(hung: bool) -> Vec<Duration> {
    let bundle = Bundle::start(Settings::fresh()).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    client.post("/api/v1/app", json!({ "name": "Acme", "uid": "acme" })).await;
    let receiver = Receiver::start().await;
    let (url, mut streams) = hanging().await;
    for number in 0..ENDPOINTS {
        let url = match number {
            0 if hung => url.clone(),
            number => receiver.url(&format!("/{number}")),
        };
        let endpoint = json!({ "url": url, "timeoutSeconds": 60 });
        client.post("/api/v1/app/acme/endpoint", endpoint).await;
    }
    let mut sent = HashMap::new();
    for number in 0..MESSAGES {
        let message = json!({ "eventType": "a.b", "payload": { "number": number } });
        let begun = Instant::now();
        let made = client.post("/api/v1/app/acme/msg", message).await;
        sent.insert(made["id"].as_str().expect("an id").to_owned(), begun);
    }
    let neighbours = (ENDPOINTS - 1) * MESSAGES;
    let received = receiver.wait_for(neighbours + if hung { 0 } else { MESSAGES }).await;
    let mut delays: Vec<_> = received
        .iter()
        .filter(|request| request.path != "/0")
        .map(|request| request.at.duration_since(sent[request.header("webhook-id")]))
        .collect();
    assert_eq!(delays.len(), neighbours, "each neighbour hears everything once");
    if hung {
        let mut open = 0;
        while let Ok(stream) = streams.try_recv() {
            open += usize::from(still_waits(&stream));
        }
        assert!(0 < open, "all neighbours were served while the hung one still hung");
    }
    delays.sort_unstable();
    // What hangs is let go with its runtime: stopping would wait for it.
    if !hung {
        bundle.stop().await;
    }
    delays
}

fn p99(delays: &[Duration]) -> Duration {
    delays[delays.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_neighbours_of_a_hung_endpoint_are_served_while_it_hangs() {
    let (without, with) = (delays(false).await, delays(true).await);
    let ratio = p99(&with).as_secs_f64() / p99(&without).as_secs_f64();
    let medians = (without[without.len() / 2], with[with.len() / 2]);
    shown!(
        "1 hung endpoint among {ENDPOINTS}: neighbours' p99 {:?} against {:?} without it, ratio \
         {ratio:.2}; medians {:?} against {:?}",
        p99(&with),
        p99(&without),
        medians.1,
        medians.0
    );
}
