//! A subscriber on loopback that answers as it is told and remembers what it got.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A request that arrived at the receiver.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

#[derive(Default)]
struct Book {
    answers: VecDeque<u16>,
    received: Vec<Received>,
}

/// Listens until it is dropped.
pub(super) struct Receiver {
    pub(super) url: String,
    book: Arc<Mutex<Book>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Answers with these statuses one after the other, then with 204.
    pub(super) async fn answering(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let answers = statuses.iter().copied().collect();
        let book = Arc::new(Mutex::new(Book { answers, received: Vec::new() }));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&book));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves");
        });
        Self { url, book, serving }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.book.lock().expect("not poisoned").received.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(
    State(book): State<Arc<Mutex<Book>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, &'static str) {
    let mut book = book.lock().expect("not poisoned");
    book.received.push(Received {
        method: method.to_string(),
        path: uri.path().to_owned(),
        headers,
        body,
    });
    let status = book.answers.pop_front().unwrap_or(204);
    (StatusCode::from_u16(status).expect("a status"), "noted")
}
