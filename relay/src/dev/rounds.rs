//! The rounds of the sweep in this process, in place of the schedule that calls it on AWS. There is one
//! process, so that no lease is needed.

use std::time::Duration;

use adapters::table::SweepRound;
use sweep::Sweep;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::warn;

/// Shortest time between two rounds.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// Time between two notes about a round. On AWS each round is noted; here there may be many a second.
const NOTED_EVERY: Duration = Duration::from_secs(10);

/// Makes a round every so often, until the process stops.
pub(super) async fn make(sweep: Sweep, every: Duration, mut stopped: watch::Receiver<bool>) {
    let context = &sweep.calls.context;
    let mut noted: Option<Instant> = None;
    let mut ticks = interval(every.max(MIN_INTERVAL));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => (),
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let (at, began) = (context.clock.now(), Instant::now());
        if let Err(error) = sweep.run().await {
            warn!(%error, "a sweep was not finished");
        }
        if noted.is_none_or(|noted| NOTED_EVERY <= noted.elapsed()) {
            let round = SweepRound { at, took: began.elapsed() };
            if let Err(error) = context.table.note_sweep(round).await {
                warn!(%error, "a sweep was not noted");
            }
            noted = Some(began);
        }
    }
}
