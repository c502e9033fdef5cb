//! A client of live updates: a WebSocket that is opened with a ticket, speaks the JSON protocol, and is
//! opened again when it breaks.
//!
//! A task of its own holds the socket. It pings every five minutes, waits longer after each failure, and
//! sends the first actions again after each new connection. What happened in between is not repeated: the
//! reader is told [`LiveNews::Connected`] and lists over HTTP what it must not miss.

mod socket;

use std::time::Duration;

use serde_json::Value;
use tokio::{
    sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender},
    task::JoinHandle,
};

use self::socket::{LiveSocket, SocketError};
use crate::{
    output::Output,
    remote::{Remote, RemoteError},
};

/// The wait after the first failure. It doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(500);
/// The longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The time between two pings. The gateway closes a connection after 10 minutes without a message.
const PING_EVERY: Duration = Duration::from_secs(5 * 60);
/// A connection that lasted this long was a good one: the next failure is the first again.
const STEADY: Duration = Duration::from_secs(10);
/// Messages that wait for the reader. A reader that is slower than that holds the socket up.
const WAITING: usize = 256;

/// News of a live connection for its reader.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveNews {
    /// A connection was made, and the first actions were sent. `again` unless it is the first.
    Connected {
        /// Whether there was a connection before: some messages may have been missed.
        again: bool,
    },
    /// A message of the JSON protocol; its name is in `event`. `hello` and `pong` are not told.
    Message(Value),
    /// The connection broke, or none could be made. Another is made after the wait.
    Lost {
        /// The reason, as a text for people.
        why: String,
        /// The time until the next try.
        wait: Duration,
    },
}

impl LiveNews {
    /// The message, if this is one. That the connection broke is noted.
    pub(crate) fn message(self, out: &Output) -> Option<Value> {
        match self {
            Self::Message(message) => Some(message),
            Self::Connected { .. } => None,
            Self::Lost { why, wait } => {
                out.note(&format!("{why}; connecting again in {:.1} s", wait.as_secs_f64()));
                None
            }
        }
    }
}

/// The reason why there will be no live connection.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The relay refuses a ticket.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The relay has no live updates.
    #[error("this relay has no live updates: {0}")]
    None(String),
}

/// A live connection, as its reader sees it. It ends when this is dropped.
#[derive(Debug)]
pub struct LiveClient {
    news: Receiver<Result<LiveNews, LiveError>>,
    actions: UnboundedSender<Value>,
    task: JoinHandle<()>,
}

impl LiveClient {
    /// Begins to connect. The first actions are sent, one after the other, whenever a connection is made.
    /// Must be called within a tokio runtime.
    pub fn open(remote: Remote, first: impl FnMut() -> Vec<Value> + Send + 'static) -> Self {
        let (tell, news) = mpsc::channel(WAITING);
        // Without bounds: a reader that waited for room here could not read, and the task that makes the
        // room waits for the reader.
        let (actions, wanted) = mpsc::unbounded_channel();
        let keeper = Keeper { remote, first: Box::new(first), tell, wanted };
        Self { news, actions, task: tokio::spawn(keeper.keep()) }
    }

    /// The next news. May be dropped before it is there, and nothing is lost.
    ///
    /// # Errors
    /// [`LiveError`] if the relay refuses for good. Nothing comes after that.
    pub async fn next(&mut self) -> Result<LiveNews, LiveError> {
        let gone = || LiveError::None("the connection has ended".to_owned());
        self.news.recv().await.unwrap_or_else(|| Err(gone()))
    }

    /// A sender of actions, to be used while somebody else waits for news.
    pub fn sender(&self) -> LiveSender {
        LiveSender(self.actions.clone())
    }
}

impl Drop for LiveClient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends actions over a live connection.
#[derive(Clone, Debug)]
pub struct LiveSender(UnboundedSender<Value>);

impl LiveSender {
    /// Sends an action over the connection that there is, or the next one. That it arrived is shown by
    /// its answer only: an action that is sent while the connection breaks is lost.
    pub fn send(&self, action: Value) {
        // Without a keeper there is no connection any more, and the reader knows.
        let _ = self.0.send(action);
    }
}

/// Keeps a connection, and makes another when it breaks.
struct Keeper {
    remote: Remote,
    first: Box<dyn FnMut() -> Vec<Value> + Send>,
    tell: Sender<Result<LiveNews, LiveError>>,
    wanted: UnboundedReceiver<Value>,
}

/// The reason why a connection ended.
enum End {
    /// The connection broke, or was closed.
    Broken(String),
    /// Nobody reads the news any more.
    Unread,
}

impl Keeper {
    async fn keep(mut self) {
        let (mut pause, mut again) = (PAUSE, false);
        loop {
            let why = match LiveSocket::open(&self.remote).await {
                Ok(socket) => {
                    let began = tokio::time::Instant::now();
                    let end = self.serve(socket, again).await;
                    again = true;
                    if STEADY <= began.elapsed() {
                        pause = PAUSE;
                    }
                    match end {
                        End::Broken(why) => why,
                        End::Unread => return,
                    }
                }
                Err(SocketError::Passing(why)) => why,
                Err(SocketError::Lasting(error)) => return drop(self.tell.send(Err(error)).await),
            };
            // Many clients that lost one connection do not come back at one moment.
            let wait = pause.mul_f64(0.75 + adapters::random::dice() / 2.0);
            if self.tell.send(Ok(LiveNews::Lost { why, wait })).await.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Passes messages in both directions until the connection ends.
    async fn serve(&mut self, mut socket: LiveSocket, again: bool) -> End {
        for action in (self.first)() {
            if let Err(why) = socket.send(&action).await {
                return End::Broken(why);
            }
        }
        if self.tell.send(Ok(LiveNews::Connected { again })).await.is_err() {
            return End::Unread;
        }
        let mut ping =
            tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            let sent = tokio::select! {
                message = socket.next() => match message {
                    Ok(message) if matches!(message["event"].as_str(), Some("hello" | "pong")) => Ok(()),
                    Ok(message) => match self.tell.send(Ok(LiveNews::Message(message))).await {
                        Ok(()) => Ok(()),
                        Err(_) => return End::Unread,
                    },
                    Err(why) => Err(why),
                },
                action = self.wanted.recv() => match action {
                    Some(action) => socket.send(&action).await,
                    None => return End::Unread,
                },
                _ = ping.tick() => socket.send(&serde_json::json!({ "action": "ping" })).await,
            };
            if let Err(why) = sent {
                return End::Broken(why);
            }
        }
    }
}
