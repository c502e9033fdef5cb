//! Tables of waits, bounds and verdicts.

use super::*;
use crate::{delivery::MAX_PUT_OFF, letter::LATEST_PARKING};

fn answered(status: u16) -> CallOutcome {
    CallOutcome::Answered { status, retry_after: None }
}

#[test]
fn the_verdict_follows_the_status() {
    let policy = Policy::default();
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(
            judge(&policy, &SuccessStatuses::default(), &answered(status), 1, 0.5),
            RetryVerdict::Delivered
        );
    }
    for status in [100, 199, 301, 302, 303, 307, 308, 400, 401, 404, 500, 503] {
        let retry = RetryVerdict::Retry(Duration::from_secs(5));
        assert_eq!(
            judge(&policy, &SuccessStatuses::default(), &answered(status), 1, 0.5),
            retry,
            "{status}"
        );
    }
    assert_eq!(
        judge(&policy, &SuccessStatuses::default(), &answered(410), 1, 0.5),
        RetryVerdict::Gone
    );
    let only_ok = SuccessStatuses::List(vec![200]);
    assert_eq!(judge(&policy, &only_ok, &answered(200), 1, 0.5), RetryVerdict::Delivered);
    for status in [201, 204] {
        let retry = RetryVerdict::Retry(Duration::from_secs(5));
        assert_eq!(judge(&policy, &only_ok, &answered(status), 1, 0.5), retry, "{status}");
    }
    assert_eq!(judge(&policy, &only_ok, &answered(410), 1, 0.5), RetryVerdict::Gone);
    for why in [ErrorClass::ForbiddenAddress, ErrorClass::Unfit] {
        let failed = CallOutcome::Failed(why);
        assert_eq!(
            judge(&policy, &SuccessStatuses::default(), &failed, 1, 0.5),
            RetryVerdict::Dead
        );
    }
}

#[test]
fn rules_about_single_statuses_come_before_what_is_usual() {
    let list = |given: serde_json::Value| {
        StatusList::parse(given.as_array().expect("a list")).expect("valid")
    };
    let policy = Policy {
        rules: StatusRules {
            retry_on: list(serde_json::json!(["5xx", 410])),
            give_up_on: list(serde_json::json!([501])),
            success_on: list(serde_json::json!(["2xx", 409])),
        },
        ..Policy::default()
    };
    let retry = RetryVerdict::Retry(Duration::from_secs(5));
    for (outcome, verdict) in [
        (answered(409), RetryVerdict::Delivered),
        (answered(204), RetryVerdict::Delivered),
        (answered(503), retry.clone()),
        (answered(410), retry.clone()),
        (answered(501), RetryVerdict::Dead),
        (answered(404), RetryVerdict::Dead),
        (CallOutcome::Failed(ErrorClass::Timeout), retry),
    ] {
        assert_eq!(
            judge(&policy, &SuccessStatuses::default(), &outcome, 1, 0.5),
            verdict,
            "{outcome:?}"
        );
    }
    // Whoever is asked for too much says so, and is left alone for a while.
    let usual = Policy::default();
    for (retry_after, wait) in [(None, 60), (Some(7), 7), (Some(600), 600)] {
        let retry_after = retry_after.map(Duration::from_secs);
        let outcome = CallOutcome::Answered { status: 429, retry_after };
        let verdict = RetryVerdict::Retry(Duration::from_secs(wait));
        assert_eq!(judge(&usual, &SuccessStatuses::default(), &outcome, 1, 0.5), verdict);
    }
}

#[test]
fn the_longest_policy_ends_before_anything_expires() {
    let delays = vec![i64::from(MAX_DELAY); MAX_DELAYS];
    let policy = Policy::of(Some(MAX_RETRIES.into()), None, Some(delays)).expect("valid");
    let waits = (1..=u32::from(MAX_RETRIES))
        .map(|tried| policy.delay(tried, 1.0, Some(MAX_RETRY_AFTER)).expect("a retry"));
    let longest: Duration = waits.sum();
    let retention = Duration::from_secs(MIN_RETENTION_DAYS * 86_400);
    assert!(longest <= MAX_PUT_OFF, "{longest:?} of retries, {MAX_PUT_OFF:?} are allowed");
    assert!(MAX_PUT_OFF < retention && LATEST_PARKING <= retention);
}

#[test]
fn a_timeout_that_the_function_does_not_have_is_refused() {
    let seconds = Duration::from_secs;
    let policy = |timeout| Policy::of(None, Some(timeout), None).expect("valid");
    assert_eq!(policy(300).fits(seconds(360)), Ok(()));
    assert_eq!(policy(300).fits(seconds(330)), Err(299));
    assert_eq!(policy(29).fits(seconds(60)), Ok(()));
    assert_eq!(policy(30).fits(seconds(60)), Err(29));
}

#[test]
fn the_ladder_has_ten_attempts_and_every_step_stays_within_its_jitter() {
    let policy = Policy::default();
    for (index, seconds) in LADDER.iter().enumerate() {
        let tried = u32::try_from(index).expect("small") + 1;
        for dice in [0.0, 0.25, 0.5, 0.999] {
            let wait = policy.delay(tried, dice, None).expect("a retry").as_secs_f64();
            let ratio = wait / f64::from(*seconds);
            assert!((0.8..=1.2).contains(&ratio), "step {index}: {ratio}");
        }
    }
    assert_eq!(
        judge(&policy, &SuccessStatuses::default(), &answered(500), 10, 0.5),
        RetryVerdict::Dead
    );
}

#[test]
fn retry_after_only_lengthens() {
    let policy = Policy::of(None, None, Some(vec![10])).expect("valid");
    let after = |secs| policy.delay(1, 0.5, Some(Duration::from_secs(secs)));
    assert_eq!(after(3), Some(Duration::from_secs(10)));
    assert_eq!(after(120), Some(Duration::from_secs(120)));
    assert_eq!(retry_after("120", 0, |_| None), Some(Duration::from_secs(120)));
    assert_eq!(retry_after("soon", 0, |_| None), None);
    assert_eq!(retry_after("Sun", 100, |_| Some(160)), Some(Duration::from_secs(60)));
    assert_eq!(retry_after("99999999999", 0, |_| None), Some(MAX_RETRY_AFTER));
    assert_eq!(retry_after("-5", 0, |_| None), None);
}

/// The one place that has the bounds as numbers: the other tests take them from the constants, and so
/// would follow a constant that was changed by mistake.
#[test]
fn the_bounds_are_the_published_ones() {
    assert_eq!((MAX_RETRIES, MAX_DELAYS, MAX_DELAY), (10, 10, 86_400));
    assert_eq!((MIN_TIMEOUT, MAX_TIMEOUT), (5, 300));
}

#[test]
fn a_policy_is_checked() {
    let of = |retries, timeout, delays| Policy::of(retries, timeout, delays);
    assert_eq!(of(Some(0), None, None).map(|policy| policy.max_retries), Ok(0), "no retry");
    for bad in [i64::from(MAX_RETRIES) + 1, -1] {
        assert_eq!(of(Some(bad), None, None), Err(InvalidPolicy::MaxRetries));
    }
    for bad in [i64::from(MIN_TIMEOUT) - 1, i64::from(MAX_TIMEOUT) + 1] {
        assert_eq!(of(None, Some(bad), None), Err(InvalidPolicy::Timeout));
    }
    for bad in [vec![], vec![1; MAX_DELAYS + 1], vec![-1], vec![i64::from(MAX_DELAY) + 1]] {
        assert_eq!(of(None, None, Some(bad)), Err(InvalidPolicy::Delays));
    }
    let policy = of(None, Some(5), Some(vec![1, 2])).expect("valid");
    assert_eq!((policy.max_retries, policy.timeout_seconds), (2, 5));
    let repeated = of(Some(3), None, Some(vec![7])).expect("valid");
    assert_eq!(repeated.delay(3, 0.5, None), Some(Duration::from_secs(7)));
    assert_eq!(repeated.delay(4, 0.5, None), None);
}

#[test]
fn a_bell_that_fails_outlasts_most_of_an_hour() {
    let hidden = |receives| bell_hidden_after(receives).as_secs() / 60;
    assert_eq!([0, 1, 2, 3, 4, 5, u32::MAX].map(hidden), [1, 1, 5, 15, 30, 30, 30]);
    // Of five receives, four are followed by another.
    assert_eq!((1..5).map(hidden).sum::<u64>(), 51);
}

#[test]
fn a_message_that_cannot_be_processed_is_tried_for_days_at_growing_distances() {
    let hidden = |receives| hidden_after(receives).as_secs();
    assert_eq!([0, 1, 2, 3, 8, 9, 300, u32::MAX].map(hidden), [5, 5, 10, 20, 640, 900, 900, 900]);
    let days = (1..=300).map(hidden).sum::<u64>() / 86_400;
    assert_eq!(days, 3);
}

#[test]
fn a_class_has_the_word_that_it_serialises_with_and_some_are_notes() {
    use ErrorClass::{CircuitOpen, EndpointDisabled, Expunged, NoListener};
    for class in ErrorClass::ALL {
        assert_eq!(serde_json::to_value(class).expect("JSON"), class.word());
        let note = [CircuitOpen, EndpointDisabled, Expunged, NoListener].contains(&class);
        assert_eq!(class.is_note(), note, "{class:?}");
    }
}
