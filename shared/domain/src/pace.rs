//! The rate of an endpoint: every call takes a place in a row, and places are as far apart as the
//! rate says.

use std::time::Duration;

use crate::time::Timestamp;

/// Longest wait for a place. A delivery whose place is later is put back, so that it holds no
/// worker.
pub const PATIENCE: Duration = Duration::from_millis(1500);
/// The time before its place at which a delivery comes back. Queue messages are delayed by whole
/// seconds, and the rest is waited for.
const EARLY: Duration = Duration::from_secs(1);
/// Longest time after its place at which a delivery may still use it. A later one takes a new
/// place, because late ones would otherwise all call at once.
const LATE: Duration = Duration::from_millis(500);

/// The step that a delivery takes about its place in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Take a new place in the row.
    Take,
    /// Call after waiting this long.
    Go(Duration),
    /// Release the delivery, and come back at this time.
    Later(Timestamp),
}

/// The step that a delivery with this place takes now; `None` is a delivery without a place.
pub fn turn(place: Option<Timestamp>, now: Timestamp) -> Turn {
    match place {
        None => Turn::Take,
        Some(place) if place.plus(LATE) < now => Turn::Take,
        Some(place) if place.since(now) <= PATIENCE => Turn::Go(place.since(now)),
        Some(place) => Turn::Later(Timestamp(place.0.saturating_sub(millis(EARLY)))),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_waited_for_or_lost() {
        let now = Timestamp::from_secs(1_800_000_000);
        let at = |millis: i64| Timestamp(now.0.checked_add_signed(millis).expect("in range"));
        for (place, what) in [
            (None, Turn::Take),
            (Some(at(0)), Turn::Go(Duration::ZERO)),
            (Some(at(-500)), Turn::Go(Duration::ZERO)),
            (Some(at(-501)), Turn::Take),
            (Some(at(1_500)), Turn::Go(Duration::from_millis(1_500))),
            (Some(at(1_501)), Turn::Later(at(501))),
            (Some(at(3_600_000)), Turn::Later(at(3_599_000))),
        ] {
            assert_eq!(turn(place, now), what, "{place:?}");
        }
    }
}
