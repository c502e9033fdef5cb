//! Whether a source is silent for longer than usual, judged by its requests in the hours of a week.

use std::time::Duration;

use super::Hour;
use crate::time::Timestamp;

/// Hours that the usual gap is made from: a week.
pub const HOURS_OF_USUAL: u64 = 168;
/// Fewest hours with requests from which a gap is called usual.
const MIN_HOURS: usize = 3;
/// Fewest requests from which a gap is called usual.
const MIN_REQUESTS: u64 = 10;
/// The number of usual gaps that a silence has to exceed.
const TIMES: u32 = 3;
/// Shortest silence that is told, whatever is usual.
const MIN_SILENCE: Duration = Duration::from_secs(600);
/// Length of an hour in seconds.
const HOUR: u128 = 3600;

/// The gap between two requests that a moment drawn at random falls into, on average, over the hours with
/// the number of requests in each. `hours` is sorted by time. `None` if there were fewer than 10 requests
/// or 3 hours with any.
///
/// The plain average would take a source that sends a thousand requests every night for one that sends
/// every minute and a half. Here a long gap counts for as long as it lasts.
pub fn usual_gap(hours: &[(Hour, u64)]) -> Option<Duration> {
    let busy: Vec<_> = hours.iter().filter(|(_, requests)| *requests != 0).collect();
    let requests = busy.iter().fold(0_u64, |sum, (_, requests)| sum.saturating_add(*requests));
    if busy.len() < MIN_HOURS || requests < MIN_REQUESTS {
        return None;
    }
    let (mut squares, mut total, mut last) = (0, 0, None::<u64>);
    for (hour, requests) in busy {
        // Within an hour, requests are taken to come evenly.
        squares += HOUR * HOUR / u128::from(*requests);
        total += HOUR;
        if let Some(last) = last.replace(hour.0) {
            let between = u128::from(hour.0.saturating_sub(last).saturating_sub(1)) * HOUR;
            squares += between * between;
            total += between;
        }
    }
    let gap = u64::try_from(squares / total).unwrap_or(u64::MAX);
    Some(Duration::from_secs(gap.max(1)))
}

/// Whether a source whose last request was accepted at `last` is silent for longer than usual: for more
/// than three usual gaps, and for more than ten minutes.
pub fn is_silent(last: Timestamp, usual: Duration, now: Timestamp) -> bool {
    let silence = now.since(last);
    MIN_SILENCE < silence && usual.saturating_mul(TIMES) < silence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(of: impl IntoIterator<Item = (u64, u64)>) -> Vec<(Hour, u64)> {
        of.into_iter().map(|(hour, requests)| (Hour(hour), requests)).collect()
    }

    fn usual(of: impl IntoIterator<Item = (u64, u64)>) -> Option<u64> {
        usual_gap(&hours(of)).map(|gap| gap.as_secs())
    }

    #[test]
    fn the_usual_gap_is_the_one_that_most_of_the_time_lies_in() {
        // Sixty requests in every hour.
        assert_eq!(usual((0..168).map(|hour| (hour, 60))), Some(60));
        // One an hour.
        assert_eq!(usual((0..168).map(|hour| (hour, 1))), Some(3600));
        // A thousand at midnight, nothing else: most of a day, and not 86 s.
        let nightly = usual((0..7).map(|day| (day * 24, 1000))).expect("known");
        assert!((21 * 3600..22 * 3600).contains(&nightly), "{nightly}");
        // Five working days of eight hours: the weekend weighs most.
        let office = (0..5).flat_map(|day| (9..17).map(move |hour| (day * 24 + hour, 30)));
        let office = usual(office.chain([(7 * 24 + 9, 30)])).expect("known");
        assert!((24 * 3600..40 * 3600).contains(&office), "{office}");
    }

    #[test]
    fn a_few_requests_say_nothing_about_what_is_usual() {
        assert_eq!(usual([]), None);
        assert_eq!(usual([(1, 500), (2, 500)]), None, "two hours");
        assert_eq!(usual([(1, 3), (2, 3), (3, 3)]), None, "nine requests");
        assert_eq!(usual([(1, 3), (2, 0), (3, 3), (4, 4)]), Some(1725));
        assert_eq!(usual([(1, u64::MAX), (2, u64::MAX), (3, 1)]), Some(1200));
    }

    #[test]
    fn a_silence_is_told_after_three_usual_gaps_and_ten_minutes() {
        let now = Timestamp::from_secs(1_700_000_000);
        let ago = |seconds: u64| Timestamp(now.0 - seconds * 1000);
        for (seconds, usual, silent) in [
            (600, 1, false),
            (601, 1, true),
            (601, 200, true),
            (601, 201, false),
            (3 * 3600, 3600, false),
            (3 * 3600 + 1, 3600, true),
        ] {
            let usual = Duration::from_secs(usual);
            assert_eq!(is_silent(ago(seconds), usual, now), silent, "{seconds} s");
        }
        assert!(!is_silent(now.plus(Duration::from_secs(5)), Duration::from_secs(1), now));
    }
}
