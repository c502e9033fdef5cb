//! Reads what is left of a request's body before the answer is given.
//!
//! A server that answers and closes while its client still sends resets the connection, and many
//! clients then report the reset and never read the answer. API Gateway reads a request whole before
//! it calls a function, so that such a client gets its 413 there, and gets it here too.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
    middleware::Next,
    response::Response,
};
use futures::{Stream, StreamExt};

/// Most bytes that are read after the answer is known: API Gateway takes 10 MB.
const MOST: usize = 64 * 1024 * 1024;
/// Longest time for which they are read.
const LONGEST: Duration = Duration::from_secs(10);

/// The body of a request, as the handler reads it and as what remains is read afterwards.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(context)
    }
}

/// Answers a request once its body was read, up to 64 MiB and for at most ten seconds.
pub(super) async fn drained(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut rest = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let response = next.run(Request::from_parts(parts, Body::from_stream(rest.clone()))).await;
    let read = async {
        let mut seen = 0;
        while let Some(Ok(bytes)) = rest.next().await {
            seen += bytes.len();
            if MOST < seen {
                break;
            }
        }
    };
    // A client that sends no more gets its answer late, and one that sends for longer is cut.
    let _ = tokio::time::timeout(LONGEST, read).await;
    response
}
