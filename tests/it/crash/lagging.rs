//! Indexes that lag by up to five seconds: every journey ends as it does without, and every list is
//! complete once the lag is over.

use std::{ops::RangeInclusive, time::Duration};

use futures::{StreamExt, stream};
use tests::{
    cloud::Sabotage,
    faults::{FaultKind, Faults},
    shown,
};

use super::{AT_ONCE, Journey, make, make_over, matrix::Selection, weather::SPELL};

const LONGEST: Duration = Duration::from_secs(5);

/// All writes by the whole time, and each by another.
const LAGS: [RangeInclusive<Duration>; 2] = [LONGEST..=LONGEST, Duration::ZERO..=LONGEST];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_journey_ends_as_it_does_though_its_indexes_lag() {
    let selection = Selection::from_env();
    let cases = selection
        .journeys()
        .into_iter()
        .flat_map(|journey| LAGS.into_iter().map(move |lag| (journey, lag)));
    let run = |(journey, lag): (Journey, RangeInclusive<Duration>)| async move {
        let made = make_over(journey, Faults::default(), Sabotage::None, Some(lag.clone()));
        let (found, _) = tokio::spawn(made).await.expect("no panic");
        (!found.is_empty()).then(|| format!("{journey:?} {lag:?}: {found:?}"))
    };
    let results: Vec<_> = stream::iter(cases).map(run).buffer_unordered(AT_ONCE).collect().await;
    let of = results.len();
    let failed: Vec<_> = results.into_iter().flatten().collect();
    shown!("indexes that lag: {} of {of} journeys held", of - failed.len());
    assert!(failed.is_empty(), "{} of {of} failed\n{}", failed.len(), failed.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_spell_over_indexes_that_lag_loses_nothing() {
    let selection = Selection::from_env();
    let run = |(journey, from): (Journey, usize)| async move {
        let faults = Faults::spell(from, FaultKind::Throttled, SPELL);
        let made = make_over(journey, faults, Sabotage::None, Some(LONGEST..=LONGEST));
        let (found, _) = tokio::spawn(made).await.expect("no panic");
        (!found.is_empty()).then(|| format!("{journey:?} from call {from}: {found:?}"))
    };
    let mut cases = Vec::new();
    for journey in selection.journeys() {
        let sound = tokio::spawn(make(journey, Faults::default(), Sabotage::None));
        let calls = sound.await.expect("no panic").1.calls().len();
        cases.extend(selection.beginnings(calls).into_iter().map(|from| (journey, from)));
    }
    let results: Vec<_> = stream::iter(cases).map(run).buffer_unordered(AT_ONCE).collect().await;
    let of = results.len();
    let failed: Vec<_> = results.into_iter().flatten().collect();
    shown!("spells over indexes that lag: {} of {of} held", of - failed.len());
    assert!(failed.is_empty(), "{} of {of} failed\n{}", failed.len(), failed.join("\n"));
}
