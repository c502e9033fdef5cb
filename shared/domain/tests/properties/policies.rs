//! Properties of retry policies.

use std::time::Duration;

use domain::retry::{
    MAX_DELAY, MAX_DELAYS, MAX_RETRIES, MAX_RETRY_AFTER, MAX_TIMEOUT, MIN_TIMEOUT, Policy,
    StatusList, StatusRules, retry_after,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config;

/// A status, or a kind of statuses in either case.
fn status() -> impl Strategy<Value = Value> {
    prop_oneof![
        (100u16..600).prop_map(Value::from),
        (1u8..=5, "xx|XX|xX").prop_map(|(kind, rest)| json!(format!("{kind}{rest}"))),
    ]
}

fn list() -> impl Strategy<Value = StatusList> {
    prop::collection::vec(status(), 0..8).prop_map(|list| StatusList::parse(&list).expect("valid"))
}

prop_compose! {
    fn policy()(
        delays in prop::collection::vec(0..=i64::from(MAX_DELAY), 1..=MAX_DELAYS),
        retries in 0..=i64::from(MAX_RETRIES),
        timeout in i64::from(MIN_TIMEOUT)..=i64::from(MAX_TIMEOUT),
        retry_on in list(),
        give_up_on in list(),
        success_on in list(),
    ) -> Policy {
        let policy = Policy::of(Some(retries), Some(timeout), Some(delays)).expect("valid");
        Policy { rules: StatusRules { retry_on, give_up_on, success_on }, ..policy }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_policy_is_read_as_it_is_stored(policy in policy()) {
        let stored = serde_json::to_string(&policy).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Policy>(&stored).expect("ours"), policy);
    }

    #[test]
    fn a_policy_is_valid_or_refused(
        retries in any::<Option<i64>>(),
        timeout in any::<Option<i64>>(),
        delays in any::<Option<Vec<i64>>>(),
    ) {
        if let Ok(policy) = Policy::of(retries, timeout, delays) {
            prop_assert!(policy.max_retries <= MAX_RETRIES);
            prop_assert!((MIN_TIMEOUT..=MAX_TIMEOUT).contains(&policy.timeout_seconds));
            prop_assert!((1..=MAX_DELAYS).contains(&policy.delays.len()));
            prop_assert!(policy.delays.iter().all(|delay| *delay <= MAX_DELAY));
        }
    }

    #[test]
    fn a_delay_stays_near_its_step_and_ends_with_the_retries(
        policy in policy(),
        tried in 1u32..20,
        dice in 0.0..1.0f64,
        asked in prop::option::of(0..200_000u64),
    ) {
        let asked = asked.map(Duration::from_secs);
        let delay = policy.delay(tried, dice, asked);
        prop_assert_eq!(delay.is_none(), u32::from(policy.max_retries) < tried);
        if let Some(delay) = delay {
            let step = policy.delays[(tried as usize - 1).min(policy.delays.len() - 1)];
            let step = Duration::from_secs(step.into());
            let shortest = step.mul_f64(0.8).max(asked.unwrap_or_default());
            let longest = step.mul_f64(1.2).max(asked.unwrap_or_default());
            prop_assert!((shortest..=longest).contains(&delay), "{:?}", delay);
        }
    }

    #[test]
    fn a_list_of_statuses_is_read_as_it_is_stored(given in prop::collection::vec(status(), 0..50)) {
        let list = StatusList::parse(&given).expect("valid");
        let stored = serde_json::to_value(&list).expect("JSON");
        prop_assert_eq!(StatusList::parse(stored.as_array().expect("a list")), Ok(list));
    }

    #[test]
    fn a_wait_that_is_asked_for_has_a_bound(text in any::<String>(), now in any::<u64>(), at in any::<u64>()) {
        let wait = retry_after(&text, now, |_| Some(at)).expect("a date at least");
        prop_assert!(wait <= MAX_RETRY_AFTER);
    }
}
