//! Instants, and the forms in which senders spell the time of signing.

use domain::{signature::TimestampForm, time::Timestamp};
use proptest::prelude::*;

use crate::config;

/// 9999-12-31T23:59:59.999Z, the last instant that RFC 3339 can spell.
const LAST: u64 = 253_402_300_799_999;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_instant_is_read_as_it_is_printed(millis in 0..=LAST) {
        let at = Timestamp(millis);
        prop_assert_eq!(Timestamp::parse_rfc3339(&at.rfc3339()), Some(at));
    }

    #[test]
    fn printed_instants_sort_by_time(one in 0..=LAST, other in 0..=LAST) {
        let printed = Timestamp(one).rfc3339().cmp(&Timestamp(other).rfc3339());
        prop_assert_eq!(printed, one.cmp(&other));
    }

    #[test]
    fn an_offset_says_how_far_the_clock_on_the_wall_is_ahead(
        millis in 86_400_000..LAST - 86_400_000,
        minutes in -1439i64..=1439,
    ) {
        let wall = Timestamp(millis.checked_add_signed(minutes * 60_000).expect("in range"));
        let wall = wall.rfc3339();
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        let text = format!("{}{sign}{hours:02}:{rest:02}", wall.trim_end_matches('Z'));
        prop_assert_eq!(Timestamp::parse_rfc3339(&text), Some(Timestamp(millis)), "{}", text);
    }

    #[test]
    fn any_text_is_an_instant_or_none(
        text in prop_oneof![
            any::<String>(),
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,12})?(Z|[+-][0-9]{2}:[0-9]{2})?",
            r"[0-9TZ:.+-]{0,40}",
        ],
    ) {
        if let Some(at) = Timestamp::parse_rfc3339(&text) {
            prop_assert_eq!(Timestamp::parse_rfc3339(&at.rfc3339()), Some(at), "{}", text);
        }
        for form in [TimestampForm::Seconds, TimestampForm::Millis, TimestampForm::Iso] {
            let _ = form.parse(&text);
        }
    }

    #[test]
    fn a_time_of_signing_is_read_as_it_is_spelled(millis in 0..=LAST) {
        let at = Timestamp(millis);
        for form in [TimestampForm::Seconds, TimestampForm::Millis, TimestampForm::Iso] {
            prop_assert_eq!(form.parse(&form.print(at)), Some(at.secs()));
        }
    }
}
