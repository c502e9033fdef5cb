//! Statistics of an endpoint. Nothing is counted while messages are sent: a request reads the
//! deliveries themselves, up to a bound, and the answer says whether all of them were counted.

use std::time::Duration;

use domain::{
    id::EndpointId,
    standing::{DeliveryStanding, StandingCounts},
    time::Timestamp,
};

use crate::{ControlPlane, Refusal, attempts::calls};

/// Deliveries that are counted for one answer: twenty queries, and 200 batch reads, ten at a time.
const MAX_COUNTED: usize = 20_000;
/// Deliveries whose attempts are counted for one answer: those are read whole.
const MAX_READ: usize = 5000;
/// Deliveries that are read at a time.
const PAGE: usize = 250;
/// Length of the window unless its beginning is given.
const DEFAULT_WINDOW: Duration = Duration::from_secs(28 * 86_400);

/// A time to count in: from `since`, before `until`.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    since: Timestamp,
    until: Timestamp,
}

impl Window {
    /// The window between two moments: until now, and of 28 days, unless said otherwise.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`] of `since` if it is after `until`.
    pub fn between(
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        // The end is exclusive, and what happens in this millisecond counts.
        let until = until.unwrap_or(now.plus(Duration::from_millis(1)));
        let length = u64::try_from(DEFAULT_WINDOW.as_millis()).unwrap_or(u64::MAX);
        let since = since.unwrap_or(Timestamp(until.0.saturating_sub(length)));
        if until < since {
            return Err(Refusal::field("since", "is not before until"));
        }
        Ok(Self { since, until })
    }

    fn holds(self, at: Timestamp) -> bool {
        self.since <= at && at < self.until
    }
}

/// Attempts to an endpoint, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Attempts that the endpoint answered as it should.
    pub success: u64,
    /// Attempts that the endpoint did not answer as it should.
    pub fail: u64,
    /// Deliveries that were cancelled instead.
    pub canceled: u64,
    /// Whether all attempts of the window were counted.
    pub complete: bool,
}

/// Counts the deliveries to an endpoint that were created within the window, by their standing.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn deliveries(
    control: &ControlPlane,
    endpoint: &EndpointId,
    window: Window,
) -> Result<StandingCounts, Refusal> {
    let Window { since, until } = window;
    let counts = control.table().standings(endpoint, since, until, MAX_COUNTED, control.now());
    Ok(counts.await?)
}

/// Counts the attempts that were made to an endpoint within the window, of the 5000 newest
/// deliveries: an older delivery may have been attempted within the window too. Of one delivery, at
/// most 64 attempts are kept.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn attempts(
    control: &ControlPlane,
    endpoint: &EndpointId,
    window: Window,
) -> Result<AttemptCounts, Refusal> {
    let mut counts = AttemptCounts::default();
    let (mut cursor, mut read) = (None, 0);
    while read < MAX_READ {
        let page = control.table().deliveries_to(endpoint, cursor.as_deref(), PAGE, false).await?;
        read += page.items.len();
        for delivery in &page.items {
            for call in calls(delivery).filter(|call| window.holds(call.at)) {
                match call.error {
                    None => counts.success += 1,
                    Some(_) => counts.fail += 1,
                }
            }
            let last = delivery.attempts.last().map_or(delivery.created_at, |attempt| attempt.at);
            let cancelled = DeliveryStanding::of(delivery) == DeliveryStanding::Canceled;
            counts.canceled += u64::from(cancelled && window.holds(last));
        }
        cursor = page.next;
        if cursor.is_none() {
            counts.complete = true;
            break;
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_window_ends_now_and_lasts_four_weeks_unless_said_otherwise() {
        let window = Window::between(None, None, NOW).expect("a window");
        assert!(window.holds(NOW) && !window.holds(NOW.plus(Duration::from_millis(1))));
        assert!(!window.holds(Timestamp(NOW.0 - 28 * 86_400_000)));
        let later = NOW.plus(Duration::from_secs(1));
        let wrong = Window::between(Some(later), Some(NOW), NOW);
        assert!(matches!(wrong, Err(Refusal::Invalid { field, .. }) if field == "since"));
    }
}
