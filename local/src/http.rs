//! An HTTP server on one listener that does not wait for ever: neither for the head of a request, nor
//! for its body, nor for the connections that are open when it has to stop.
//!
//! axum's own `serve` has no timeouts, so a client that opens connections and sends nothing would keep
//! a file descriptor each for as long as it likes.

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, Request},
};
use hyper::{body::Frame, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Sleep, sleep},
};
use tower::ServiceExt;

/// How long a server waits for a client.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The time for the head of a request, from the opening of the connection or from the answer
    /// before it. A connection that is idle for longer is closed.
    pub head: Duration,
    /// The time for the whole body of a request, from the end of its head. A slower body fails.
    pub body: Duration,
}

/// The pause after a connection could not be accepted, usually because too many files are open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Serves `router` until `stop` resolves; then closes the idle connections and answers the requests
/// that are under way. Handlers find the client's address as `ConnectInfo<SocketAddr>`.
///
/// Dropping the future closes every connection but those that were upgraded, which belong to whoever
/// asked for the upgrade.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    stop: impl Future<Output = ()>,
) {
    let stopping = watch::Sender::new(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, stopping) = (router.clone(), stopping.subscribe());
                connections.spawn(async move {
                    // A client that went away or was too slow is no trouble of the server.
                    if let Err(error) = connection(stream, router, patience, peer, stopping).await {
                        tracing::debug!(%error, %peer, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
    stopping.send_replace(true);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    router: Router,
    patience: Patience,
    peer: std::net::SocketAddr,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), hyper::Error> {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let body = |inner| Body::new(Timely { inner, end: Box::pin(sleep(patience.body)) });
        let mut request: Request = request.map(body);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience.head);
    let mut connection =
        pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// A request body that fails once its time is over.
struct Timely {
    inner: Incoming,
    end: Pin<Box<Sleep>>,
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.end.as_mut().poll(context).map(|()| {
            let slow = io::Error::new(io::ErrorKind::TimedOut, "the body came too slowly");
            Some(Err(slow.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}
