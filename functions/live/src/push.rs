//! Pushes within the budget that all instances share.

use std::time::Duration;

use adapters::{
    Unavailable,
    clock::Clock,
    contested,
    pusher::{PushOutcome, Pusher},
    random,
    table::Table,
};
use domain::live::push_budget::{PushBudget, PushSlice};
use tokio::sync::Mutex;
use tracing::warn;

/// Tries to push one frame while API Gateway has no call left, or does not answer.
const TRIES: u32 = 5;
/// The first wait of a connection that was just accepted, whose `$connect` may not have returned.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// The time for which a connection that was just accepted is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pushes to connections that one instance makes.
#[derive(Debug)]
pub(crate) struct Pushes {
    pusher: Pusher,
    table: Table,
    clock: Clock,
    budget: PushBudget,
    slice: Mutex<Option<PushSlice>>,
}

/// The end of pushing frames to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Reach {
    /// API Gateway took the frames.
    Reached,
    /// The connection has ended, or was closed because its client does not read.
    Gone,
}

impl Pushes {
    pub(crate) fn new(pusher: Pusher, table: Table, clock: Clock, budget: PushBudget) -> Self {
        Self { pusher, table, clock, budget, slice: Mutex::default() }
    }

    /// Pushes per second and connection that so many subscribers leave for each, 1 at least.
    pub(crate) fn share(&self, subscribers: usize) -> usize {
        self.budget.share(subscribers)
    }

    /// Pushes frames to a connection, one after the other in their order.
    ///
    /// # Errors
    /// Fails if API Gateway does not take a frame for longer than some seconds, or the budget cannot be
    /// read.
    pub(crate) async fn push(
        &self,
        connection: &str,
        frames: &[String],
    ) -> Result<Reach, Unavailable> {
        for frame in frames {
            if self.push_one(connection, frame).await? == Reach::Gone {
                return Ok(Reach::Gone);
            }
        }
        Ok(Reach::Reached)
    }

    async fn push_one(&self, connection: &str, frame: &str) -> Result<Reach, Unavailable> {
        let mut tries = 0;
        loop {
            self.wait_for_turn().await?;
            let error = match self.pusher.push(connection, frame).await {
                Ok(PushOutcome::Pushed) => return Ok(Reach::Reached),
                Ok(PushOutcome::Gone) => return Ok(Reach::Gone),
                Ok(PushOutcome::TooLarge) => {
                    warn!(connection, "a client does not read, and its connection is closed");
                    let _ = self.pusher.close(connection).await;
                    return Ok(Reach::Gone);
                }
                Ok(PushOutcome::Throttled) => {
                    Unavailable::new("pushing a frame", "the calls of the account are used up")
                }
                Err(error) => error,
            };
            tries += 1;
            if tries == TRIES {
                return Err(error);
            }
            tokio::time::sleep(contested::pause(tries + 2, random::dice())).await;
        }
    }

    /// Pushes the first frame to a connection that was just accepted. Until `$connect` has returned,
    /// there is no such connection for API Gateway.
    pub(crate) async fn push_first(
        &self,
        connection: &str,
        frame: &str,
    ) -> Result<Reach, Unavailable> {
        let (mut waited, mut wait) = (Duration::ZERO, FIRST_WAIT);
        loop {
            if self.push_one(connection, frame).await? == Reach::Reached {
                return Ok(Reach::Reached);
            }
            if PATIENCE <= waited {
                return Ok(Reach::Gone);
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Closes a connection. That it cannot be closed is logged: it ends by itself.
    pub(crate) async fn close(&self, connection: &str) {
        match self.pusher.close(connection).await {
            Ok(PushOutcome::Pushed | PushOutcome::Gone) => (),
            Ok(outcome) => warn!(connection, ?outcome, "a connection stays open for now"),
            Err(error) => warn!(connection, %error, "a connection stays open for now"),
        }
    }

    /// Takes one push out of the budget, and waits until it may be made.
    async fn wait_for_turn(&self) -> Result<(), Unavailable> {
        let mut slice = self.slice.lock().await;
        let wait = loop {
            let now = self.clock.now();
            if let Some(wait) = slice.as_mut().and_then(|slice| slice.push(now)) {
                break wait;
            }
            *slice = Some(self.table.take_pushes(self.budget, now).await?);
        };
        drop(slice);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}
