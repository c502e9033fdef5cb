//! Weather: for twenty minutes AWS refuses every call of every handler. Nothing is lost, nothing is
//! parked, and nobody is needed.

use std::time::Duration;

use futures::{StreamExt, stream};
use tests::{
    cloud::Sabotage,
    faults::{FaultKind, Faults},
    shown,
};

use super::{AT_ONCE, Journey, make, matrix::Selection};

/// How long a spell lasts.
pub(super) const SPELL: Duration = Duration::from_secs(20 * 60);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_minutes_of_any_weather_lose_nothing_and_need_nobody() {
    let selection = Selection::from_env();
    let run = |(journey, how, from): (Journey, FaultKind, usize)| async move {
        let faults = Faults::spell(from, how, SPELL);
        let run = tokio::spawn(make(journey, faults, Sabotage::None));
        let (found, faults) = run.await.expect("no panic");
        let failed = format!("{journey:?} {how:?} from call {from}: {found:?}");
        (faults.hits(), (!found.is_empty()).then_some(failed))
    };
    let mut cases = Vec::new();
    for journey in selection.journeys() {
        let sound = tokio::spawn(make(journey, Faults::default(), Sabotage::None));
        let calls = sound.await.expect("no panic").1.calls().len();
        for how in FaultKind::WEATHER {
            cases.extend(selection.beginnings(calls).into_iter().map(|from| (journey, how, from)));
        }
    }
    let results: Vec<_> = stream::iter(cases).map(run).buffer_unordered(AT_ONCE).collect().await;
    let hits: usize = results.iter().map(|(hits, _)| hits).sum();
    let of = results.len();
    let failed: Vec<_> = results.into_iter().filter_map(|(_, failed)| failed).collect();
    shown!("weather: {} of {of} spells held; {hits} calls were refused", of - failed.len());
    assert!(of * 10 <= hits, "only {hits} calls were refused in {of} spells");
    assert!(failed.is_empty(), "{} of {of} failed\n{}", failed.len(), failed.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_notices_a_request_that_is_dropped_in_bad_weather() {
    let (_, sound) = tokio::spawn(make(Journey::Gone, Faults::default(), Sabotage::None))
        .await
        .expect("no panic");
    let first = sound.calls().iter().position(|call| call.by == "process").expect("it calls");
    let spell = Faults::spell(first, FaultKind::Throttled, SPELL);
    let (found, _) = tokio::spawn(make(Journey::Gone, spell, Sabotage::AcksTheUnfinished))
        .await
        .expect("no panic");
    assert!(found.iter().any(|violation| violation.starts_with("I1")), "{found:?}");
}
