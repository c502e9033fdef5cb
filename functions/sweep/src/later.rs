//! Rings for deliveries that wait for a later time than a message can be delayed by.
//!
//! Ringing comes before the places are noted. A crash in between rings for the same deliveries again in the
//! next round, which finds them held, early or ended.

use std::time::Duration;

use adapters::Unavailable;
use dispatch::context::Context;
use domain::delivery::LATER_AHEAD;
use tokio::time::Instant;

/// Entries of each list that are read at a time.
const PAGE: i32 = 100;

/// The result of looking through the lists of what waits for later.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LaterRound {
    /// The number of bells that were rung.
    pub(crate) rung: usize,
    /// The time since the first of them was due.
    pub(crate) late: Duration,
}

/// Rings for what is due within the next minute, until `until` at most; the next round goes on.
///
/// # Errors
/// Fails if DynamoDB does, or SQS refuses a bell. What was rung for in whole pages is noted all the same.
pub(crate) async fn ring(context: &Context, until: Instant) -> Result<LaterRound, Unavailable> {
    let mut places = context.table.later_places().await?;
    let horizon = context.clock.now().plus(LATER_AHEAD);
    let mut round = LaterRound::default();
    let mut rung = Ok(());
    while Instant::now() < until {
        let (due, next) = match context.table.later(&places, horizon, PAGE).await {
            Ok(read) => read,
            Err(error) => {
                rung = Err(error);
                break;
            }
        };
        let now = context.clock.now();
        if let Some(first) = due.first() {
            round.late = round.late.max(now.since(first.at));
            rung = context.outbox.ring_later(&due, now).await;
            if rung.is_err() {
                break;
            }
            round.rung += due.len();
        }
        let more = next.is_open();
        places = next;
        if !more {
            break;
        }
    }
    // Where nothing was found there is nothing to be passed over.
    if 0 < round.rung {
        context.table.keep_later_places(&places).await?;
    }
    rung.map(|()| round)
}
