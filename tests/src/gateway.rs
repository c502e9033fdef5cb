//! The management API of a WebSocket API that takes pushes, and answers as a test wants.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use adapters::pusher::Pusher;
use aws_sdk_apigatewaymanagement::{
    Client,
    config::{Builder, retry::RetryConfig},
};
use local::Clients;
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use crate::wire;

/// A gateway, and what it was given.
#[derive(Clone, Debug)]
pub struct Gateway {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The frames of each connection that were not taken yet.
    frames: HashMap<String, Vec<String>>,
    /// The statuses of the next answers for a connection, instead of 200.
    answers: HashMap<String, Vec<u16>>,
    /// The connections that have ended without the relay's doing.
    ended: HashSet<String>,
    /// The connections that were closed.
    closed: Vec<String>,
}

impl Gateway {
    /// Starts a gateway that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}/live", listener.local_addr().expect("bound"));
        let gateway = Self { url, state: Arc::default() };
        let server = gateway.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        gateway
    }

    /// A pusher to this gateway.
    pub fn pusher(&self, clients: &Clients) -> Pusher {
        let config = Builder::from(&clients.sdk_config(&self.url));
        let once = config.retry_config(RetryConfig::disabled()).build();
        Pusher::new(Client::from_conf(once))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The frames that a connection was pushed since the last time.
    pub fn take(&self, id: &str) -> Vec<String> {
        self.state().frames.remove(id).unwrap_or_default()
    }

    /// The same as JSON.
    pub fn take_json(&self, id: &str) -> Vec<Value> {
        let json = |frame: &String| serde_json::from_str(frame).expect("JSON");
        self.take(id).iter().map(json).collect()
    }

    /// Answers the next pushes to a connection with these statuses.
    pub fn answer(&self, id: &str, statuses: &[u16]) {
        self.state().answers.insert(id.to_owned(), statuses.to_vec());
    }

    /// Ends a connection, as when its client was killed: pushes are answered 410 from now on.
    pub fn end(&self, id: &str) {
        self.state().ended.insert(id.to_owned());
    }

    /// Whether a connection was closed by the relay.
    pub fn has_closed(&self, id: &str) -> bool {
        self.state().closed.iter().any(|closed| closed == id)
    }
}

impl Gateway {
    /// Answers one request and closes, as `connection: close` says.
    async fn serve(self, mut stream: TcpStream) {
        let Some((head, body)) = wire::request(&mut stream).await else { return };
        let status = self.judge(&head, body);
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\
             connection: close\r\n\r\n{{}}"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    fn judge(&self, head: &str, body: String) -> u16 {
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let id = path.rsplit('/').next().unwrap_or_default().replace("%3D", "=");
        let mut state = self.state();
        if method == "DELETE" {
            state.closed.push(id);
            return 204;
        }
        if state.ended.contains(&id) {
            return 410;
        }
        let planned = state.answers.get_mut(&id).filter(|answers| !answers.is_empty());
        let status = planned.map_or(200, |answers| answers.remove(0));
        if status == 200 {
            state.frames.entry(id).or_default().push(body);
        }
        status
    }
}
