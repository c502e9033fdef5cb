//! Connections as the management API sees them, and the table of the open ones.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::limits::{BUFFER, MESSAGE};
use crate::clock::machine_time;

/// Bytes that a waiting frame counts for besides its text, so that empty frames are bounded too.
const OVERHEAD: usize = 64;
/// The number of bytes in an id. An odd one, so that ids end in `=` as those of AWS do.
const ID: usize = 11;

/// A connection, from `$connect` to its end.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: String,
    pub(super) source_ip: IpAddr,
    pub(super) user_agent: Option<String>,
    /// The host that the client asked for, with its port.
    pub(super) domain: String,
    /// The time at which the upgrade was asked for, in milliseconds since 1970.
    pub(super) connected_at: i64,
    began: Instant,
    /// Milliseconds from `began` to the last frame in either direction.
    active: AtomicU64,
    outbox: mpsc::UnboundedSender<Outgoing>,
    /// Bytes in the outbox.
    waiting: AtomicUsize,
    /// Whether the management API was asked to close the connection.
    closing: watch::Sender<bool>,
}

/// Something that a connection's session is to do.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// Sends this text.
    Frame(String),
    /// Closes the connection, because the management API was asked to.
    Close,
}

/// The reason why a frame is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PushRefusal {
    /// The connection has ended.
    Gone,
    /// The frame is longer than [`MESSAGE`].
    TooLong,
    /// The client does not read: [`BUFFER`] bytes wait for it.
    Full,
}

impl Connection {
    /// A connection that is about to be opened, and what it is given to send.
    pub(super) fn new(
        source_ip: IpAddr,
        user_agent: Option<String>,
        domain: String,
    ) -> (Connection, mpsc::UnboundedReceiver<Outgoing>) {
        let (outbox, outgoing) = mpsc::unbounded_channel();
        let connection = Connection {
            id: id(),
            source_ip,
            user_agent,
            domain,
            connected_at: machine_time(),
            began: Instant::now(),
            active: AtomicU64::new(0),
            outbox,
            waiting: AtomicUsize::new(0),
            closing: watch::Sender::new(false),
        };
        (connection, outgoing)
    }

    /// Accepts a frame for the client.
    ///
    /// # Errors
    /// [`PushRefusal`] if it is too long, too many wait already, or the connection has ended.
    pub(super) fn push(&self, text: String) -> Result<(), PushRefusal> {
        if MESSAGE < text.len() {
            return Err(PushRefusal::TooLong);
        }
        let weight = weight(&text);
        let with = |waiting: usize| Some(waiting + weight).filter(|sum| *sum <= BUFFER);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with)
            .map_err(|_| PushRefusal::Full)?;
        self.outbox.send(Outgoing::Frame(text)).map_err(|_| PushRefusal::Gone)
    }

    /// Has the connection closed behind the frames that were accepted.
    pub(super) fn close(&self) {
        // An error means that it has ended already.
        let _ = self.outbox.send(Outgoing::Close);
        self.closing.send_replace(true);
    }

    /// Returns once [`close`](Self::close) was called.
    pub(super) async fn asked_to_close(&self) {
        // The sender is this connection's own, so that there is no error.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// A frame of this weight is no longer in the gateway.
    pub(super) fn sent(&self, weight: usize) {
        self.waiting.fetch_sub(weight, Ordering::Relaxed);
        self.touch();
    }

    /// A frame came or went.
    pub(super) fn touch(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active.fetch_max(elapsed, Ordering::Relaxed);
    }

    /// The time of the last frame in either direction, or of the upgrade.
    pub(super) fn last_active(&self) -> Instant {
        self.began + Duration::from_millis(self.active.load(Ordering::Relaxed))
    }

    /// The same in milliseconds since 1970.
    pub(super) fn last_active_at(&self) -> i64 {
        let active = i64::try_from(self.active.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        self.connected_at.saturating_add(active)
    }
}

/// The bytes that a frame counts for while it waits.
pub(super) const fn weight(text: &str) -> usize {
    text.len() + OVERHEAD
}

/// A new id of a connection, request or message, as API Gateway makes them: base64 that ends in `=`.
pub(super) fn id() -> String {
    BASE64_URL_SAFE.encode(&uuid::Uuid::new_v4().as_bytes()[..ID])
}

/// Whether the text could be an id of a connection.
pub(super) fn is_id(text: &str) -> bool {
    BASE64_URL_SAFE.decode(text).is_ok_and(|bytes| bytes.len() == ID)
}

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<String, Arc<Connection>>>,
    /// Held by everything that is still under way for a connection.
    alive: watch::Sender<()>,
}

/// Keeps [`Connections::all_ended`] waiting.
#[derive(Debug, Clone)]
pub(super) struct Alive {
    _held: watch::Receiver<()>,
}

impl Connections {
    pub(super) fn alive(&self) -> Alive {
        Alive { _held: self.alive.subscribe() }
    }

    /// Returns when nobody holds an [`Alive`].
    pub(super) async fn all_ended(&self) {
        self.alive.closed().await;
    }

    pub(super) fn add(&self, connection: Arc<Connection>) {
        self.open().insert(connection.id.clone(), connection);
    }

    pub(super) fn remove(&self, id: &str) -> Option<Arc<Connection>> {
        self.open().remove(id)
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Connection>> {
        self.open().get(id).cloned()
    }

    pub(super) fn count(&self) -> usize {
        self.open().len()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn connection() -> (Connection, mpsc::UnboundedReceiver<Outgoing>) {
        Connection::new(Ipv4Addr::LOCALHOST.into(), None, "localhost".to_owned())
    }

    #[test]
    fn ids_look_like_those_of_api_gateway() {
        for _ in 0..100 {
            let id = id();
            assert!(id.len() == 16 && id.ends_with('=') && is_id(&id), "{id}");
        }
        assert!(is_id("L0SM9cOFvHcCIhw="));
        for text in ["", "x", "L0SM9cOFvHcCIhw", "L0SM9cOFvHcCIhwL0SM=", "L0SM9cOFv HcCIh="] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn frames_wait_up_to_a_bound_however_small_they_are() {
        for (text, most) in [("x".repeat(MESSAGE), 7), (String::new(), BUFFER / OVERHEAD)] {
            let (connection, mut outgoing) = connection();
            for _ in 0..most {
                assert_eq!(connection.push(text.clone()), Ok(()));
            }
            assert_eq!(connection.push(text.clone()), Err(PushRefusal::Full));
            assert!(matches!(outgoing.try_recv(), Ok(Outgoing::Frame(_))));
            connection.sent(weight(&text));
            assert_eq!(connection.push(text.clone()), Ok(()));
        }
    }

    #[test]
    fn a_frame_of_128_kb_is_the_longest() {
        let (connection, outgoing) = connection();
        assert_eq!(connection.push("x".repeat(MESSAGE)), Ok(()));
        assert_eq!(connection.push("x".repeat(MESSAGE + 1)), Err(PushRefusal::TooLong));
        drop(outgoing);
        assert_eq!(connection.push("x".to_owned()), Err(PushRefusal::Gone));
    }
}
