//! Tables of what follows from what.

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const LEASE: Duration = Duration::from_secs(60);

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn called(sign: HealthSignal, token: &str, began: Timestamp) -> CallReport<'_> {
    CallReport { sign, token, began }
}

/// The health after calls that begin and end at the same time.
fn after(health: &Health, signs: &[HealthSignal], now: Timestamp) -> Health {
    signs.iter().fold(health.clone(), |health, sign| {
        match health.judge(called(*sign, "t", now), CircuitBreaker::default(), now) {
            HealthChange::Same => health,
            HealthChange::Changed { next, .. } => *next,
        }
    })
}

fn open() -> Health {
    after(&Health::default(), &[HealthSignal::Trouble; 5], NOW)
}

#[test]
fn an_outcome_says_something_about_the_endpoint_or_nothing() {
    let answered = |status| CallOutcome::Answered { status, retry_after: None };
    for status in [429, 500, 502, 503, 504, 599] {
        assert_eq!(HealthSignal::of(&answered(status), false), HealthSignal::Trouble, "{status}");
    }
    for status in [301, 400, 401, 404, 410, 422] {
        assert_eq!(HealthSignal::of(&answered(status), false), HealthSignal::Refusal, "{status}");
    }
    assert_eq!(HealthSignal::of(&answered(200), true), HealthSignal::Success);
    assert_eq!(HealthSignal::of(&answered(200), false), HealthSignal::Refusal);
    use ErrorClass::{Connect, Dns, ForbiddenAddress, Protocol, Relay, Timeout, Tls};
    for class in [Timeout, Connect, Tls, Dns, Protocol] {
        assert_eq!(
            HealthSignal::of(&CallOutcome::Failed(class), false),
            HealthSignal::Trouble,
            "{class:?}"
        );
    }
    assert_eq!(
        HealthSignal::of(&CallOutcome::Failed(ForbiddenAddress), false),
        HealthSignal::Refusal
    );
    assert_eq!(HealthSignal::of(&CallOutcome::Failed(Relay), false), HealthSignal::None);
}

#[test]
fn an_endpoint_that_answers_is_not_written_about() {
    let well = Health::default();
    for sign in [HealthSignal::Success, HealthSignal::None] {
        assert_eq!(
            well.judge(called(sign, "t", NOW), CircuitBreaker::default(), NOW),
            HealthChange::Same
        );
    }
    assert_eq!(well.admit(false, NOW), Admission::Go);
}

#[test]
fn five_troubles_in_a_row_open_the_circuit_and_nothing_less() {
    use HealthSignal::{Refusal, Success, Trouble};
    for (signs, opens) in [
        (&[Trouble; 4][..], false),
        (&[Trouble; 5][..], true),
        (&[Trouble, Trouble, Trouble, Trouble, Success, Trouble], false),
        (&[Trouble, Trouble, Trouble, Trouble, Refusal, Trouble], false),
        (&[Refusal; 40], false),
    ] {
        let health = after(&Health::default(), signs, NOW);
        assert_eq!(health.circuit != Circuit::Closed, opens, "{signs:?}");
    }
    assert_eq!(open().circuit, Circuit::Open { until: later(60) });
}

#[test]
fn while_it_is_open_one_asks_and_the_others_wait() {
    let open = open();
    for (asked, at, admission) in [
        (false, NOW, Admission::Defer(later(60))),
        (false, later(59), Admission::Defer(later(60))),
        (false, later(60), Admission::Probe),
        (true, NOW, Admission::Probe),
    ] {
        assert_eq!(open.admit(asked, at), admission, "{asked} {at:?}");
    }
    let probing = open.probing("mine", LEASE, later(60));
    for (asked, at, admission) in [
        (false, later(60), Admission::Defer(later(120))),
        (true, later(60), Admission::Go),
        // Whoever asked has died.
        (false, later(120), Admission::Probe),
    ] {
        assert_eq!(probing.admit(asked, at), admission, "{asked} {at:?}");
    }
}

#[test]
fn only_who_holds_the_probe_closes_or_opens_it_again() {
    let open = open();
    let breaker = CircuitBreaker::default();
    for sign in [HealthSignal::Success, HealthSignal::Trouble, HealthSignal::Refusal] {
        let late = called(sign, "late", NOW);
        assert_eq!(open.judge(late, breaker, later(1)), HealthChange::Same, "{sign:?}");
        let probing = open.probing("mine", LEASE, later(60));
        assert_eq!(probing.judge(late, breaker, later(61)), HealthChange::Same, "{sign:?}");
        // Its lease ended and somebody else took the probe.
        let taken = probing.probing("other", LEASE, later(121));
        let mine = called(sign, "mine", later(60));
        assert_eq!(taken.judge(mine, breaker, later(122)), HealthChange::Same, "{sign:?}");
    }
    let probing = open.probing("mine", LEASE, later(60));
    let next = |sign| match probing.judge(called(sign, "mine", later(60)), breaker, later(61)) {
        HealthChange::Changed { next, .. } => *next,
        HealthChange::Same => panic!("{sign:?} changes nothing"),
    };
    assert!(next(HealthSignal::Success).fares_well());
    assert_eq!(next(HealthSignal::Trouble).circuit, Circuit::Open { until: later(61 + 120) });
    // It answers, so it is called; but nothing succeeded.
    let refused = next(HealthSignal::Refusal);
    assert_eq!((refused.circuit, refused.attempts), (Circuit::Closed, 6));
    // What began before the circuit closed says nothing about it any more.
    let closed = next(HealthSignal::Success);
    let old = called(HealthSignal::Trouble, "old", NOW);
    assert_eq!(closed.judge(old, breaker, later(62)), HealthChange::Same);
}

#[test]
fn it_stays_open_ever_longer_up_to_a_quarter_of_an_hour() {
    let grown = |opened| open_for(CircuitBreaker::default(), opened).as_secs();
    let times: Vec<_> = (1..=8).map(grown).collect();
    assert_eq!(times, [60, 120, 240, 480, 900, 900, 900, 900]);
    let long = CircuitBreaker { threshold: 1, recovery_seconds: 900 };
    assert_eq!(open_for(long, 40).as_secs(), 900);
}

#[test]
fn after_five_days_and_a_hundred_attempts_without_success_it_is_given_up() {
    let breaker = CircuitBreaker::default();
    let failing = |attempts, warned| Health {
        failing_since: Some(NOW),
        attempts,
        warned,
        ..Health::default()
    };
    let day = 86_400;
    for (attempts, warned, at, news) in [
        (48, false, 3 * day, None),
        (49, false, 2 * day, None),
        (49, false, 5 * day / 2, Some(HealthNotice::Failing)),
        (60, true, 3 * day, None),
        (98, true, 6 * day, None),
        (99, true, 5 * day - 1, None),
        (99, true, 5 * day, Some(HealthNotice::GivenUp)),
        // Until it is disabled, every attempt says so again.
        (400, true, 9 * day, Some(HealthNotice::GivenUp)),
    ] {
        let call = called(HealthSignal::Refusal, "t", later(at));
        let HealthChange::Changed { news: said, next } =
            failing(attempts, warned).judge(call, breaker, later(at))
        else {
            panic!("a failure is written down");
        };
        assert_eq!(said, news, "{attempts} attempts in {at} s");
        assert_eq!(next.warned, warned || news.is_some());
    }
    let success = called(HealthSignal::Success, "t", later(day));
    for (warned, news) in [(true, Some(HealthNotice::Recovered)), (false, None)] {
        match failing(60, warned).judge(success, breaker, later(day)) {
            HealthChange::Changed { next, news: said } => {
                assert_eq!(said, news);
                assert!(next.fares_well() && !next.warned && next.attempts == 0);
            }
            HealthChange::Same => panic!("a success after failures is written down"),
        }
    }
}

#[test]
fn the_metric_has_a_number_for_every_state() {
    let open = open();
    let probing = open.probing("t", LEASE, NOW);
    let states = [Health::default().circuit, open.circuit, probing.circuit];
    let shown: Vec<_> = states.iter().map(|state| (state.number(), state.word())).collect();
    assert_eq!(shown, [(0, "closed"), (1, "open"), (2, "half_open")]);
}

#[test]
fn a_success_ends_the_row_and_leaves_what_is_not_about_it() {
    let breaker = CircuitBreaker::default();
    let failing = Health {
        failing_since: Some(NOW),
        failures: 1,
        attempts: 1,
        changed_at: later(5),
        slow_until: Some(later(100)),
        version: 7,
        ..Health::default()
    };
    let kept = Health {
        changed_at: later(5),
        slow_until: Some(later(100)),
        version: 7,
        ..Health::default()
    };
    let probing = failing.probing("mine", LEASE, later(60));
    // A circuit that closes makes everything that began before out of date.
    for (health, changed_at) in [(failing, later(5)), (probing, later(61))] {
        let next = Health { changed_at, ..kept.clone() };
        let success = called(HealthSignal::Success, "mine", later(60));
        let changed = HealthChange::Changed { next: Box::new(next), news: None };
        assert_eq!(health.judge(success, breaker, later(61)), changed);
    }
}

#[test]
fn what_began_with_the_last_change_still_counts() {
    let changed = Health { changed_at: later(5), ..Health::default() };
    let breaker = CircuitBreaker::default();
    for (began, counts) in [(later(4), false), (later(5), true), (later(6), true)] {
        let trouble = called(HealthSignal::Trouble, "t", began);
        let judged = changed.judge(trouble, breaker, later(7));
        assert_eq!(judged != HealthChange::Same, counts, "{began:?}");
    }
}

#[test]
fn an_endpoint_fares_well_if_nothing_is_left_of_its_troubles() {
    let well = Health { attempts: 3, changed_at: NOW, version: 9, ..Health::default() };
    let fares = |health: &Health| health.fares_well();
    assert!(fares(&well));
    assert!(!fares(&Health { failures: 1, ..well.clone() }));
    assert!(!fares(&Health { failing_since: Some(NOW), ..well.clone() }));
    assert!(!fares(&Health { circuit: Circuit::Open { until: NOW }, ..well.clone() }));
}

#[test]
fn a_circuit_opens_at_the_threshold_of_its_endpoint() {
    let breaker = CircuitBreaker { threshold: 2, recovery_seconds: 30 };
    let mut health = Health::default();
    for (opened, circuit) in [(0, Circuit::Closed), (1, Circuit::Open { until: later(30) })] {
        let trouble = called(HealthSignal::Trouble, "t", NOW);
        let HealthChange::Changed { next, .. } = health.judge(trouble, breaker, NOW) else {
            panic!("a failure is written down");
        };
        health = *next;
        assert_eq!((health.opened, &health.circuit), (opened, &circuit));
    }
}
