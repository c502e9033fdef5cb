//! The cases of the crash matrix, and which of them a run makes.
//!
//! A case is one AWS call of one journey that fails in one way. There are about 11,500. A plain run
//! makes a sample of them, drawn by a seed that it prints; `.ci/run crash` makes all, and a whole
//! `.ci/run` a quarter, drawn by the commit. Variables:
//!
//! * `CRASH=all` makes every case.
//! * `CRASH_SAMPLE=500` sets the size of the sample.
//! * `CRASH_SEED=7` draws the sample of this seed again.
//! * `CRASH_SHARD=2/4` keeps the second of four parts, so that four processes share the cases.
//! * `CRASH_JOURNEYS=Broken,Gone` keeps these journeys only.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    str::FromStr,
};

use tests::{
    chance::Chance,
    faults::{AwsCall, FaultKind},
};

use super::journey::Journey;

/// Cases in a sample. Half a minute to a minute on two cores.
const SAMPLE: usize = 240;

/// One case: which call of which journey fails, and in which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) journey: Journey,
    /// Number of the call, counted from 0 over all handlers of the journey.
    pub(super) call: usize,
    pub(super) how: FaultKind,
    /// Handler and operation of the call, as it was made without faults.
    kind: String,
}

impl Case {
    /// Every case of a journey that makes these calls without faults.
    pub(super) fn all(journey: Journey, calls: &[AwsCall]) -> Vec<Self> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut cases = Vec::new();
        for (number, call) in calls.iter().enumerate() {
            let kind = format!("{} {}", call.by, call.operation);
            let count = seen.entry(kind.clone()).or_default();
            *count += 1;
            // The sweep repeats one read for each part of the index; eight of them stand for all. Each
            // round takes the lease and gives it back; one journey meets these with all weather.
            let most = match call.operation.ends_with("of the lease") {
                true if journey == Journey::Slow => 3,
                true => 2,
                false => 8,
            };
            if call.by == "sweep" && most < *count {
                continue;
            }
            // Of each kind of call, the first is throttled, the second denied, the third times out;
            // the first two read an index that lags.
            let turn = *count - 1;
            let is_met = |how: &FaultKind| match how {
                FaultKind::IndexLags => turn < 2,
                how if FaultKind::WEATHER.contains(how) => {
                    FaultKind::WEATHER.get(turn) == Some(how)
                }
                _ => true,
            };
            let case = |how| Self { journey, call: number, how, kind: kind.clone() };
            cases.extend(call.ways().into_iter().filter(is_met).map(case));
        }
        cases
    }
}

/// Which cases a run makes.
#[derive(Debug)]
pub(super) struct Selection {
    journeys: Vec<String>,
    /// Part and number of parts; the first part is 1.
    shard: (usize, usize),
    /// Size of the sample and its seed; none for every case.
    sample: Option<(usize, u64)>,
}

impl Selection {
    /// The selection that the environment asks for.
    pub(super) fn from_env() -> Self {
        Self::parse(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))
    }

    fn parse(variable: impl Fn(&str) -> Option<String>) -> Self {
        let all = variable("CRASH").inspect(|it| assert!(it == "all", "CRASH={it}: not `all`"));
        let seed = || number("CRASH_SEED", &variable).unwrap_or_else(random_seed);
        let size = || number("CRASH_SAMPLE", &variable).unwrap_or(SAMPLE);
        let shard = variable("CRASH_SHARD").map_or((1, 1), |text| {
            let parts = text.split_once('/').and_then(|(part, parts)| {
                let (part, parts) = (part.parse().ok()?, parts.parse().ok()?);
                (1 <= part && part <= parts).then_some((part, parts))
            });
            parts.unwrap_or_else(|| panic!("CRASH_SHARD={text}: not a part such as `1/4`"))
        });
        let named = variable("CRASH_JOURNEYS").unwrap_or_default();
        let journeys: Vec<_> = named.split(',').filter(|name| !name.is_empty()).collect();
        for name in &journeys {
            let known = Journey::ALL.iter().any(|journey| format!("{journey:?}") == *name);
            assert!(known, "CRASH_JOURNEYS names {name}; there are {:?}", Journey::ALL);
        }
        Self {
            journeys: journeys.into_iter().map(str::to_owned).collect(),
            shard,
            sample: all.is_none().then(|| (size(), seed())),
        }
    }

    /// The journeys that this run makes, each once without faults.
    pub(super) fn journeys(&self) -> Vec<Journey> {
        let is_named = |journey: &Journey| {
            self.journeys.is_empty() || self.journeys.contains(&format!("{journey:?}"))
        };
        Journey::ALL.into_iter().filter(is_named).collect()
    }

    /// The cases that this run makes, out of all cases of its journeys.
    pub(super) fn choose(&self, cases: Vec<Case>) -> Vec<Case> {
        let (part, parts) = self.shard;
        let mut cases: Vec<_> =
            cases.into_iter().filter(|case| case.call % parts == part - 1).collect();
        if let Some((size, seed)) = self.sample {
            Chance::of(seed).shuffle(&mut cases);
            // Every kind of call of every journey comes once before one comes twice.
            let mut drawn: BTreeMap<(String, String), usize> = BTreeMap::new();
            cases.sort_by_cached_key(|case| {
                let kind = (format!("{:?}", case.journey), case.kind.clone());
                let count = drawn.entry(kind).or_default();
                *count += 1;
                *count
            });
            cases.truncate(size);
        } else {
            // A journey that waits for its receiver is made beside others, which compute.
            Chance::of(0).shuffle(&mut cases);
        }
        cases
    }

    /// The calls that a spell of faults begins with, in a journey of so many calls: one by chance in a
    /// sample, and else eight that are as far apart as can be, of which each part takes its own.
    pub(super) fn beginnings(&self, calls: usize) -> Vec<usize> {
        let (part, parts) = self.shard;
        match self.sample {
            Some((_, seed)) => vec![Chance::of(seed).below(calls)],
            None => (0..8).filter(|n| n % parts == part - 1).map(|n| n * calls / 8).collect(),
        }
    }

    /// The size of the selection, and the variables that repeat it.
    pub(super) fn describe(&self, chosen: usize, of: usize) -> String {
        let (part, parts) = self.shard;
        let shard = if parts == 1 { String::new() } else { format!(", part {part} of {parts}") };
        match self.sample {
            None => format!("crash matrix: {chosen} of {of} cases{shard}"),
            Some((_, seed)) => format!(
                "crash matrix: a sample of {chosen} of {of} cases{shard}; CRASH_SEED={seed} repeats \
                 it, CRASH=all makes every case"
            ),
        }
    }
}

fn number<N: FromStr>(name: &str, variable: impl Fn(&str) -> Option<String>) -> Option<N> {
    let text = variable(name)?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number")))
}

/// A seed that differs from run to run: the standard library keys its hash maps by chance.
fn random_seed() -> u64 {
    RandomState::new().hash_one("seed") >> 32
}

fn selection(variables: &[(&str, &str)]) -> Selection {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    Selection::parse(|name| variables.get(name).map(|text| (*text).to_owned()))
}

/// Cases of two journeys with three kinds of calls each.
fn some_cases() -> Vec<Case> {
    let calls: Vec<_> = (0..60)
        .map(|number| AwsCall {
            by: ["process", "deliver", "redeliver"][number % 3],
            operation: "UpdateItem".to_owned(),
        })
        .collect();
    [Journey::Gone, Journey::Broken].iter().flat_map(|it| Case::all(*it, &calls)).collect()
}

#[test]
fn a_sample_is_drawn_again_by_its_seed_and_meets_every_kind_of_call() {
    let draw =
        |seed| selection(&[("CRASH_SEED", seed), ("CRASH_SAMPLE", "12")]).choose(some_cases());
    assert_eq!(draw("7"), draw("7"));
    assert_ne!(draw("7"), draw("8"));
    let mut kinds: Vec<_> =
        draw("7").iter().map(|case| format!("{:?} {}", case.journey, case.kind)).collect();
    kinds.sort();
    assert_eq!(kinds.len(), 12);
    kinds.dedup();
    assert_eq!(kinds.len(), 6);
}

#[test]
fn the_parts_of_the_matrix_are_the_whole_matrix_and_no_case_is_in_two() {
    let part = |part| selection(&[("CRASH", "all"), ("CRASH_SHARD", part)]).choose(some_cases());
    let mut parts: Vec<_> = ["1/3", "2/3", "3/3"].into_iter().flat_map(part).collect();
    let whole = selection(&[("CRASH", "all")]).choose(some_cases());
    assert_eq!(parts.len(), whole.len());
    parts.retain(|case| !whole.contains(case));
    assert_eq!(parts, []);
}

#[test]
#[should_panic(expected = "CRASH_SHARD=4/3: not a part")]
fn a_part_that_does_not_exist_is_refused() {
    selection(&[("CRASH_SHARD", "4/3")]);
}
