//! How many calls are under way to an endpoint and to its application, and what happens beyond that.
//!
//! The calls of this process are counted in memory. Workers on Lambda share no memory; across them only
//! calls that are slow are counted, by places in the table: a call that has no answer after a second
//! takes one, and marks its endpoint as slow, so that the next calls take theirs before they begin. An
//! endpoint that answers quickly costs no write. A call that is slow and finds no place is broken off,
//! and its delivery comes back without an attempt spent.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use adapters::{
    Unavailable,
    caller::CallResult,
    contested::{self, TryOutcome},
    random,
    table::{AttemptContext, CallPlace, ClaimedDelivery},
};
use domain::{
    endpoint::Endpoint,
    health::{Circuit, Health},
    retry::ErrorClass,
    room::{self, CallCaps, Entry, Room, RoomRule, SLOW_KEPT},
    time::Timestamp,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};
use tracing::{info, warn};

use crate::{context::CallContext, outcome::AttemptOutcome};

/// Rooms that are kept before those that say nothing are removed.
const MANY: usize = 4096;
/// How often an endpoint is marked as slow anew because its health changed meanwhile.
const ROUNDS: u32 = 8;

/// The calls under way from this process. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    pub(crate) caps: CallCaps,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    epoch: Instant,
    rooms: Mutex<HashMap<String, Room>>,
    left: Notify,
    /// The time that this process takes to come back to a task, in microseconds: the longest of late,
    /// forgotten by an eighth with each call.
    lag: AtomicU64,
}

/// A call that is counted until this is dropped.
#[derive(Debug)]
struct Counted {
    shared: Arc<Shared>,
    names: [String; 2],
    began: Duration,
}

/// A call that may begin.
#[derive(Debug)]
pub(crate) struct Admittance {
    _counted: Counted,
    /// Whether the caps do not apply: a person waits, or the call is the probe of a circuit.
    exempt: bool,
    /// The places that the call has in the table, if its endpoint is slow.
    places: Vec<CallPlace>,
    /// Whether the call had its places before it began.
    known_slow: bool,
}

impl Rooms {
    pub(crate) fn new(caps: CallCaps) -> Self {
        let (epoch, rooms) = (Instant::now(), Mutex::default());
        let (left, lag) = (Notify::new(), AtomicU64::new(0));
        Self { caps, shared: Arc::new(Shared { epoch, rooms, left, lag }) }
    }

    /// Counts a call; `None` if the cap is reached. Waits a moment for the endpoint's first answer.
    async fn enter(&self, endpoint: &Endpoint, exempt: bool) -> Option<Counted> {
        let names = [endpoint.id.to_string(), endpoint.application.to_string()];
        self.shared.measure_lag().await;
        loop {
            let mut left = pin!(self.shared.left.notified());
            left.as_mut().enable();
            let (until, name) = {
                let now = self.shared.epoch.elapsed();
                let mut rooms = self.shared.rooms();
                let (entry, name) = self.judge(&rooms, &names, now);
                match if exempt { Entry::Go } else { entry } {
                    Entry::Full => return None,
                    Entry::Wait(until) => {
                        rooms.entry(name.to_owned()).or_default().wait(true);
                        (until, name)
                    }
                    Entry::Go => {
                        if MANY < rooms.len() {
                            rooms.retain(|_, room| !room.is_idle(now));
                        }
                        for name in &names {
                            rooms.entry(name.clone()).or_default().enter(now);
                        }
                        let shared = Arc::clone(&self.shared);
                        return Some(Counted { shared, names, began: now });
                    }
                }
            };
            let waiting = Waiting { shared: &self.shared, name };
            let _ = timeout_at(self.shared.epoch + until, left).await;
            drop(waiting);
        }
    }

    /// Whether a call may begin, and whose room says so: the endpoint's, or the application's unless the
    /// endpoint answers quickly.
    fn judge<'n>(
        &self,
        rooms: &HashMap<String, Room>,
        [endpoint, application]: &'n [String; 2],
        now: Duration,
    ) -> (Entry, &'n str) {
        let (new, slow_after) = (Room::default(), self.shared.slow_after());
        let room = |name: &String| rooms.get(name).unwrap_or(&new);
        match room(endpoint).judge(RoomRule::endpoint(self.caps, slow_after), now) {
            Entry::Go if !room(endpoint).is_quick(slow_after, now) => {
                let rule = RoomRule::application(self.caps, slow_after);
                (room(application).judge(rule, now), application.as_str())
            }
            entry => (entry, endpoint.as_str()),
        }
    }
}

impl Shared {
    /// Measures how long the other tasks of this process keep this one waiting.
    async fn measure_lag(&self) {
        let asked = Instant::now();
        tokio::task::yield_now().await;
        let lag = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
        let last = self.lag.load(Ordering::Relaxed);
        self.lag.store(lag.max(last - last / 8), Ordering::Relaxed);
    }

    /// The time after which a call is slow.
    fn slow_after(&self) -> Duration {
        room::slow_after(Duration::from_micros(self.lag.load(Ordering::Relaxed)))
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let (now, slow_after) = (self.shared.epoch.elapsed(), self.shared.slow_after());
        let mut rooms = self.shared.rooms();
        for name in &self.names {
            rooms.entry(name.clone()).or_default().leave(self.began, slow_after, now);
        }
        drop(rooms);
        self.shared.left.notify_waiters();
    }
}

/// A call that waits for the first answer of its endpoint.
struct Waiting<'a> {
    shared: &'a Shared,
    name: &'a str,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.rooms().entry(self.name.to_owned()).or_default().wait(false);
    }
}

impl CallContext {
    /// Whether a call may begin; `None` if too many are under way.
    ///
    /// # Errors
    /// Fails if the table cannot be read or written.
    pub(crate) async fn enter(
        &self,
        endpoint: &Endpoint,
        health: &Health,
        until: Timestamp,
        manual: bool,
    ) -> Result<Option<Admittance>, Unavailable> {
        let exempt = manual || health.circuit != Circuit::Closed;
        let Some(counted) = self.rooms.enter(endpoint, exempt).await else { return Ok(None) };
        let now = self.context.clock.now();
        let known_slow = !exempt && health.slow_until.is_some_and(|until| now < until);
        let mut admittance =
            Admittance { _counted: counted, exempt, places: Vec::new(), known_slow };
        if known_slow {
            match self.take_places(endpoint, until).await? {
                Some(places) => admittance.places = places,
                None => return Ok(None),
            }
        }
        Ok(Some(admittance))
    }

    /// Makes a call; `None` if it was broken off, because it is slow and all places of slow calls are
    /// taken.
    pub(crate) async fn watch(
        &self,
        mut admittance: Admittance,
        endpoint: &Endpoint,
        context: &AttemptContext,
        until: Timestamp,
        call: impl Future<Output = CallResult>,
    ) -> Option<CallResult> {
        let mut call = pin!(call);
        let quick = timeout(self.rooms.shared.slow_after(), &mut call).await.ok();
        let answer = match quick {
            Some(answer) => {
                if admittance.known_slow {
                    self.mark(endpoint, &context.health, false).await;
                }
                Some(answer)
            }
            None if admittance.exempt || admittance.known_slow => Some(call.await),
            None => {
                self.mark(endpoint, &context.health, true).await;
                match self.take_places(endpoint, until).await {
                    Ok(Some(places)) => {
                        admittance.places = places;
                        Some(call.await)
                    }
                    Ok(None) => None,
                    Err(error) => {
                        warn!(%error, endpoint = %endpoint.id, "a slow call was not counted");
                        Some(call.await)
                    }
                }
            }
        };
        self.leave(admittance).await;
        answer
    }

    /// Ends a call, or one that is not made after all: its places are free.
    pub(crate) async fn leave(&self, admittance: Admittance) {
        self.leave_places(&admittance.places).await;
    }

    /// Takes a place of the endpoint and one of its application; `None` if either has none left.
    async fn take_places(
        &self,
        endpoint: &Endpoint,
        until: Timestamp,
    ) -> Result<Option<Vec<CallPlace>>, Unavailable> {
        let (caps, now, table) = (self.rooms.caps, self.context.clock.now(), &self.context.table);
        let mut places = Vec::new();
        for (owner, cap) in [
            (endpoint.id.as_str(), caps.endpoint),
            (endpoint.application.as_str(), caps.application),
        ] {
            let taken = table.take_place(owner, cap, until, now).await;
            if let Ok(Some(place)) = taken {
                places.push(place);
                continue;
            }
            self.leave_places(&places).await;
            return taken.map(|_| None);
        }
        Ok(Some(places))
    }

    async fn leave_places(&self, places: &[CallPlace]) {
        for place in places {
            if let Err(error) = self.context.table.leave_place(place).await {
                warn!(%error, "a place was not left; its lease ends");
            }
        }
    }

    /// Marks an endpoint as slow, or as slow no more. A mark that is not written is written by the next
    /// slow call.
    async fn mark(&self, endpoint: &Endpoint, known: &Health, slow: bool) {
        let (table, read) = (&self.context.table, || self.health(endpoint));
        let kept = contested::rewrite_or(ROUNDS, (), known.clone(), read, |health| async move {
            let now = self.context.clock.now();
            // A mark is renewed in the second half of its time, and removed at any time.
            let least = if slow { SLOW_KEPT / 2 } else { Duration::ZERO };
            let marked = health.slow_until.is_some_and(|until| now.plus(least) < until);
            if marked == slow {
                return Ok(TryOutcome::Settled(()));
            }
            let next = Health { slow_until: slow.then(|| now.plus(SLOW_KEPT)), ..health.clone() };
            Ok(table.keep_health(&endpoint.id, health.version, &next, now).await?.settles(()))
        });
        if let Err(error) = kept.await {
            warn!(%error, endpoint = %endpoint.id, "an endpoint's slowness was not written down");
        }
    }

    /// Lets a delivery go that is over the cap. No attempt is spent.
    ///
    /// # Errors
    /// Fails if the table cannot be written.
    pub(crate) async fn crowded(
        &self,
        claimed: ClaimedDelivery,
        endpoint: &Endpoint,
        hops: u8,
    ) -> Result<AttemptOutcome, Unavailable> {
        let (now, delivery) = (self.context.clock.now(), &claimed.delivery);
        let since = delivery.attempts.last().map_or(delivery.created_at, |attempt| attempt.at);
        let at = now.plus(room::put_off(now.since(since), random::dice()));
        if !delivery.may_wait(at) {
            let detail = "the endpoint keeps as many calls waiting as it may have";
            return self.park(claimed, endpoint, ErrorClass::CircuitOpen, detail).await;
        }
        info!(delivery = %delivery.id, endpoint = %endpoint.id, "too many calls are under way");
        self.come_back(claimed, endpoint, at, hops).await
    }
}
