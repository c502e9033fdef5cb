//! Fifty thousand requests that nobody with the secret made, for every scheme of every profile: none
//! is accepted, none makes anything panic, and the right one is accepted all the same.

mod spoil;

use std::{collections::BTreeMap, io::Write};

use domain::{secret::Secret, signature::Algorithm, source::GateRefusal};

use self::spoil::{
    Forgery, forgeries,
    keys::{self, SMALL},
};
use crate::subject::Subject;

/// The kinds that are about the time.
const TIMES: [&str; 3] = ["stale", "from the future", "a time spelled otherwise"];
/// Fewest forgeries of one scheme.
const FEWEST: usize = 100;

#[test]
fn not_one_of_fifty_thousand_forgeries_is_accepted() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut accepted = Vec::new();
    let subjects = Subject::with_templates();
    for subject in &subjects {
        let control = subject.judge(&subject.right());
        assert!(control.is_ok(), "{}: the right request: {control:?}", subject.name);
        for Forgery { kind, what, sent } in forgeries(subject, &subjects) {
            *counts.entry(subject.name.clone()).or_default() += 1;
            *kinds.entry(kind).or_default() += 1;
            match subject.judge(&sent) {
                // Whoever is not known learns nothing of the body, not even that it is unreadable.
                Err(GateRefusal::Refused(_)) => (),
                other => {
                    let key = other.map(|accepted| accepted.key);
                    accepted.push(format!("{}: {kind}, {what}: {key:?}", subject.name));
                }
            }
        }
        let control = subject.judge(&subject.right());
        assert!(control.is_ok(), "{}: the right request, afterwards: {control:?}", subject.name);
    }
    let total: usize = counts.values().sum();
    // Past the test runner's capture: the count is a result.
    writeln!(
        std::io::stderr(),
        "forgeries: {} of {total} accepted, over {} schemes of every profile and of templates; {kinds:?}",
        accepted.len(),
        counts.len(),
    )
    .expect("written");
    assert!(accepted.is_empty(), "{} were accepted:\n{}", accepted.len(), accepted.join("\n"));
    assert!(50_000 <= total, "only {total} were made");
    assert_eq!(counts.len(), subjects.len());
    for (name, count) in counts {
        assert!(FEWEST <= count, "only {count} of {name}");
    }
}

#[test]
fn a_source_without_secrets_refuses_even_what_is_right() {
    for mut subject in Subject::all() {
        let right = subject.right();
        subject.gate.secrets.clear();
        assert!(subject.judge(&right).is_err(), "{}", subject.name);
        subject.gate.secrets.push(Secret::new(""));
        assert!(subject.judge(&right).is_err(), "{} with an empty secret", subject.name);
    }
}

#[test]
fn a_key_of_small_order_verifies_nothing() {
    let subjects = Subject::all();
    let signed = |subject: &&Subject| subject.scheme.algorithm == Algorithm::Ed25519;
    let mut subject = subjects.iter().find(signed).expect("fal").clone();
    let (right, name) = (subject.right(), subject.signature().to_owned());
    for key in SMALL {
        let bytes = hex::decode(key).expect("hex");
        subject.gate.secrets = vec![keys::secret(&subject, &bytes)];
        // For such a key one of these signs anything, if it is not refused for what it is.
        for point in SMALL {
            let signature = format!("{point}{}", "0".repeat(64));
            let sent = right.with(&name, signature.as_bytes()).expect("printable");
            assert!(subject.judge(&sent).is_err(), "key {key}, signature {signature}");
        }
        assert!(subject.judge(&right).is_err(), "key {key}");
    }
}

#[test]
fn a_source_that_signed_better_before_is_not_heard_when_it_signs_worse() {
    let mut met = 0;
    for mut subject in Subject::all() {
        if !subject.gate.profile.is_mixed() {
            continue;
        }
        let right = subject.right();
        let accepted = subject.judge(&right).expect("the right request");
        assert_eq!(subject.gate.locks(&accepted.verified), subject.scheme.is_replay_safe());
        subject.gate.locked = true;
        assert_eq!(
            subject.judge(&right).is_ok(),
            subject.scheme.is_replay_safe(),
            "{}",
            subject.name
        );
        met += 1;
    }
    assert!(4 <= met, "{met} schemes of mixed profiles");
}

#[test]
fn the_harness_notices_a_scheme_that_does_not_look_at_the_time() {
    let mut blind = 0;
    for mut subject in Subject::all().into_iter().filter(Subject::is_timed) {
        for scheme in
            [&mut subject.gate.profile.scheme].into_iter().chain(&mut subject.gate.profile.also)
        {
            (scheme.past_seconds, scheme.future_seconds) = (u64::MAX, u64::MAX);
        }
        let found = forgeries(&subject, &[]);
        let passed = found.iter().filter(|forgery| subject.judge(&forgery.sent).is_ok());
        // Those are right but for their time; nothing else passes.
        let passed: Vec<_> = passed.map(|forgery| forgery.kind).collect();
        assert!(passed.iter().all(|kind| TIMES.contains(kind)), "{passed:?}");
        assert!(10 <= passed.len(), "{}: {} passed", subject.name, passed.len());
        blind += 1;
    }
    assert!(10 <= blind, "{blind} schemes look at the time");
}
