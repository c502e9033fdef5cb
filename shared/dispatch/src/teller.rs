//! The teller of one process: the news that it noted, and the rate at which it tells them.
//!
//! News are noted while an invocation works, and told at its end: one message per topic, and only of
//! applications that somebody watches. A push is a hint and the table is the truth, so a message that
//! cannot be sent is logged and forgotten, and no record fails for it.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapters::{Unavailable, clock::Clock, live_queue::LiveQueue, table::Table};
use domain::{
    id::ApplicationId,
    listener::HandOver,
    live::{
        connection,
        news::{LiveMessage, News, RefusalNews},
        telling::{Telling, Watched},
    },
    refusals::RefusalSample,
    time::Timestamp,
};
use futures::{StreamExt, future::join_all, stream};
use tracing::warn;

/// Longest time that one message may take. The invocation waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rounds of messages at the end of one invocation. What is left then goes with the next one.
const ROUNDS: u32 = 4;
/// Most news that wait for the end of an invocation. Beyond it the oldest are forgotten.
const MAX_NOTED: usize = 10_000;
/// Messages to silent connections that are under way at once.
const PINGS_AT_ONCE: usize = 16;

/// What one instance tells `live`. Clones share what they noted.
#[derive(Clone, Debug, Default)]
pub struct Teller(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    queue: LiveQueue,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    noted: Vec<(ApplicationId, News)>,
    telling: Telling,
    watched: Watched,
}

impl Teller {
    /// A teller that sends to this queue. The default one tells nobody.
    pub fn new(queue: LiveQueue) -> Self {
        Self(Some(Arc::new(Inner { queue, state: Mutex::default() })))
    }

    /// Notes news of an application. They are not even made if it is known that nobody watches it.
    pub(crate) fn note(
        &self,
        application: &ApplicationId,
        now: Timestamp,
        news: impl FnOnce() -> News,
    ) {
        let Some(inner) = &self.0 else { return };
        let mut state = inner.state();
        if state.watched.is_old(now) || state.watched.at(now).contains(application) {
            if MAX_NOTED <= state.noted.len() {
                state.noted.remove(0);
            }
            state.noted.push((application.clone(), news()));
        }
    }

    /// Tells those who watch the events of an application of requests to a source that were refused. Like
    /// all news, this is a hint: whatever fails is logged.
    pub async fn tell_refusals<'r>(
        &self,
        (application, source): (&ApplicationId, &str),
        refusals: impl IntoIterator<Item = &'r RefusalSample>,
        table: &Table,
        clock: &Clock,
    ) {
        let now = clock.now();
        for refusal in refusals {
            self.note(application, now, || News::Refusal(RefusalNews::of(source, refusal)));
        }
        self.tell(table, clock).await;
    }

    /// Whether somebody watches an application. What it takes to note news of it is read only then.
    pub(crate) async fn is_watched(
        &self,
        application: &ApplicationId,
        table: &Table,
        now: Timestamp,
    ) -> bool {
        let Some(inner) = &self.0 else { return false };
        inner.look(table, now).await;
        inner.state().watched.at(now).contains(application)
    }

    /// Sends one message per connection of Socket.IO that has been silent for
    /// [`SILENCE`](connection::SILENCE), so that `live` sends it a packet. Returns their number. A teller
    /// without a queue looks for none.
    pub(crate) async fn ping(&self, table: &Table, now: Timestamp) -> Result<usize, Unavailable> {
        let Some(inner) = &self.0 else { return Ok(0) };
        let awake = table.awake().await?.into_iter();
        let silent = awake.filter(|(_, last)| connection::is_silent(*last, now));
        let ping = |(id, _)| inner.send(LiveMessage::Ping(id));
        Ok(stream::iter(silent).map(ping).buffer_unordered(PINGS_AT_ONCE).count().await)
    }

    /// Whether deliveries can be handed to connections.
    pub(crate) const fn can_hand_over(&self) -> bool {
        self.0.is_some()
    }

    /// Hands a delivery to the connection that listens for it. A teller without a queue hands over none,
    /// and the claim of the delivery ends.
    ///
    /// # Errors
    /// Fails if SQS does. Unlike news this is no hint: the caller waits for the claim to end.
    pub(crate) async fn hand_over(&self, handed: HandOver) -> Result<(), Unavailable> {
        match &self.0 {
            Some(inner) => inner.queue.tell(&LiveMessage::HandOver(Box::new(handed))).await,
            None => Ok(()),
        }
    }

    /// Tells what was noted since the last time, if somebody watches.
    pub(crate) async fn tell(&self, table: &Table, clock: &Clock) {
        let Some(inner) = &self.0 else { return };
        let noted = mem::take(&mut inner.state().noted);
        if !noted.is_empty() {
            let now = clock.now();
            inner.look(table, now).await;
            let mut state = inner.state();
            let State { telling, watched, .. } = &mut *state;
            let watched = watched.at(now);
            for (application, news) in &noted {
                if watched.contains(application) {
                    telling.note(application, news, now);
                }
            }
        }
        for _ in 0..ROUNDS {
            let messages = inner.state().telling.take(clock.now());
            join_all(messages.into_iter().map(|message| inner.send(message))).await;
            let wait = inner.state().telling.pressing(clock.now());
            let Some(wait) = wait else { return };
            tokio::time::sleep(wait).await;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns who is watched, if what is known is too old. Of several invocations of one process, one
    /// reads.
    async fn look(&self, table: &Table, now: Timestamp) {
        let reads = self.state().watched.begin(now);
        if !reads {
            return;
        }
        match table.watched().await {
            Ok(until) => self.state().watched.learn(until, now),
            Err(error) => warn!(%error, "it is not known who watches by now"),
        }
    }

    async fn send(&self, message: LiveMessage) {
        let group = message.group();
        match tokio::time::timeout(PATIENCE, self.queue.tell(&message)).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => warn!(%error, group, "watchers were not told"),
            Err(_) => warn!(group, "watchers were not told in time"),
        }
    }
}
