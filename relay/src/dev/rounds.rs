//! The rounds of the sweep in this process, in place of the schedule that calls it on AWS. There is one
//! process, so that no lease is needed.

use std::time::Duration;

use adapters::table::SweepRound;
use local::WriteCount;
use sweep::{Sweep, SweepCounts};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::warn;

/// Shortest time between two rounds.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// Time between two notes about a round. On AWS each round is noted; here there may be many a second.
const NOTED_EVERY: Duration = Duration::from_secs(10);

/// Longest time without a round. What becomes due while nothing else happens waits for so long at most; AWS
/// has a round every minute.
const MAX_INTERVAL: Duration = Duration::from_secs(5);

/// Makes a round every so often, until the process stops. Where the last round had nothing to do and nobody
/// wrote to the table since, a round waits for [`MAX_INTERVAL`]: a relay that does nothing costs nothing.
pub(super) async fn make(
    sweep: Sweep,
    writes: WriteCount,
    every: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let context = &sweep.calls.context;
    let mut noted: Option<Instant> = None;
    // When the last round began, if it had nothing to do, and the writes to the table up to its end.
    let mut idle: Option<(Instant, u64)> = None;
    let mut ticks = interval(every.max(MIN_INTERVAL));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => (),
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let (at, began) = (context.clock.now(), Instant::now());
        if idle.is_some_and(|(at, then)| then == writes.now() && at.elapsed() < MAX_INTERVAL) {
            continue;
        }
        let swept = sweep.run().await;
        if let Err(error) = &swept {
            warn!(%error, "a sweep was not finished");
        }
        if noted.is_none_or(|noted| NOTED_EVERY <= noted.elapsed()) {
            let round = SweepRound { at, took: began.elapsed() };
            if let Err(error) = context.table.note_sweep(round).await {
                warn!(%error, "a sweep was not noted");
            }
            noted = Some(began);
        }
        // What the round itself wrote is no reason for the next one, unless it did something.
        let did_nothing = matches!(swept, Ok(counts) if counts == SweepCounts::default());
        idle = did_nothing.then(|| (began, writes.now()));
    }
}
