//! Metrics of a minute, and how late deliveries are.

use domain::{
    application::Application,
    figures::{Counter, Figure, Figures, FittedFigures, Minute},
    id::{ApplicationId, SourceId},
    refusals::{RefusalBatch, RefusalPlace, RefusalReason},
    retry::ErrorClass,
};

use super::*;
use crate::gauge;

async fn add(sweep: &Sweep, name: &str, add: Figures) {
    let Context { table, clock, .. } = sweep.context();
    let application =
        Application::new(ApplicationId::named(name), Some(name.to_owned()), name, clock.now());
    table.create_application(&application).await.expect("kept").either_way();
    let fitted = FittedFigures { add, remove: Vec::new() };
    table.add_figures(&application.id, Minute::of(clock.now()), 0, &fitted).await.expect("added");
}

fn figures(of: impl IntoIterator<Item = (Counter, u64)>) -> Figures {
    let mut figures = Figures::default();
    of.into_iter().for_each(|(counter, count)| figures.count_many(counter, None, count));
    figures
}

#[tokio::test]
async fn the_minute_before_the_last_is_told_of_all_applications_together() {
    let (_aws, sweep) = world().await;
    let mut one = figures([
        (Counter::Received, 5),
        (Counter::Attempts, 4),
        (Counter::Delivered, 3),
        (Counter::Failed(ErrorClass::Timeout), 1),
    ]);
    one.measure(Figure::Delivery, Duration::from_millis(40));
    add(&sweep, "one", one).await;
    add(&sweep, "two", figures([(Counter::Received, 2), (Counter::Parked, 1)])).await;
    let Context { table, clock, .. } = sweep.context();
    let minute = Minute::of(clock.now());
    let application = ApplicationId::named("two");
    let tenure = Tenure { source: SourceId::derive(&["s"]), application };
    let refused = |minute: Minute| ((minute, RefusalReason::Mismatch), 7);
    let batch = RefusalBatch {
        fresh: 0,
        place: RefusalPlace::Source { tenure, name: "s".to_owned() },
        hour: minute.hour(),
        counts: [refused(minute), refused(Minute(minute.0 + 1))].into(),
        samples: Vec::new(),
    };
    table.add_refusals(&batch, 0).await.expect("added");
    let told = async || gauge::metrics_of(&gauge::read(table, clock.now()).await.expect("read"));
    assert_eq!(told().await, [], "this minute is not over");
    clock.advance(Duration::from_secs(120));
    let values: Vec<_> = told().await.into_iter().map(|(name, _, value)| (name, value)).collect();
    let want = [
        ("received", 7.0),
        ("refused", 7.0),
        ("attempts", 4.0),
        ("delivered", 3.0),
        ("failed", 1.0),
        ("parked", 1.0),
        ("success_percent", 75.0),
        ("delivery_p95_ms", 50.0),
    ];
    assert_eq!(values, want);
    clock.advance(Duration::from_secs(60));
    let refused = told().await;
    assert_eq!(
        (refused.len(), refused[0].2, refused[1].2),
        (6, 0.0, 7.0),
        "zeros are told beside what is not"
    );
    clock.advance(Duration::from_secs(60));
    assert_eq!(told().await, [], "a minute in which nothing happened is not paid for");
}
