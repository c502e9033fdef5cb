//! Hours of figures are added up once they are over, each once.

use adapters::table::HourPart;
use domain::{
    application::Application,
    figures::{Counter, Figure, Figures, FittedFigures, Hour, Minute, Subject},
    id::{ApplicationId, SourceId},
    refusals::{RefusalBatch, RefusalPlace, RefusalReason},
};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

async fn application(sweep: &Sweep, name: &str) -> ApplicationId {
    let (table, now) = (&sweep.context().table, sweep.context().clock.now());
    let application =
        Application::new(ApplicationId::named(name), Some(name.to_owned()), name, now);
    let created = table.create_application(&application).await.expect("kept");
    assert_eq!(created, WriteOutcome::Done);
    application.id
}

/// Counts events that an application receives now.
async fn receive(sweep: &Sweep, application: &ApplicationId, count: u64) {
    let Context { table, clock, .. } = sweep.context();
    let mut add = Figures::default();
    add.count_many(Counter::Received, Some(Subject::source(&SourceId::derive(&["s"]))), count);
    let fitted = FittedFigures { add, remove: Vec::new() };
    let minute = Minute::of(clock.now());
    table.add_figures(application, minute, 0, &fitted).await.expect("added");
}

async fn total(sweep: &Sweep, application: &ApplicationId, counter: Counter) -> u64 {
    let totals = sweep.context().table.figure_totals(application).await.expect("read");
    totals.unwrap_or_default().figures.get(Figure::Count(counter))
}

#[tokio::test]
async fn an_hour_is_added_up_ten_minutes_after_its_end_and_once() {
    let (_aws, sweep) = world().await;
    let acme = application(&sweep, "acme").await;
    let idle = application(&sweep, "idle").await;
    let hour = Hour::of(sweep.context().clock.now());
    receive(&sweep, &acme, 2).await;
    let folded = async || sweep.run().await.expect("swept").folded;
    assert_eq!(folded().await, 0, "the hour is not over");
    sweep.context().clock.advance(HOUR);
    receive(&sweep, &acme, 5).await;
    sweep.context().clock.advance(Duration::from_secs(600));
    assert_eq!(folded().await, 1);
    assert_eq!(total(&sweep, &acme, Counter::Received).await, 2);
    assert_eq!(folded().await, 0, "each hour once");
    sweep.context().clock.advance(HOUR);
    assert_eq!(folded().await, 1);
    assert_eq!(total(&sweep, &acme, Counter::Received).await, 7);
    let table = &sweep.context().table;
    assert_eq!(table.figure_totals(&idle).await.expect("read"), None, "nothing happened there");
    let part = async |part| table.hours_of(&acme, part, hour, hour.next()).await.expect("read");
    let count = |figures: &Figures| figures.get(Figure::Count(Counter::Received));
    let counts: Vec<_> = part(HourPart::Own).await.iter().map(|(_, own)| count(own)).collect();
    assert_eq!(counts, [2, 5]);
    assert_eq!(part(HourPart::Parts).await.len(), 2);
}

#[tokio::test]
async fn refused_requests_of_the_hour_are_added_up_with_it() {
    let (_aws, sweep) = world().await;
    let acme = application(&sweep, "acme").await;
    let Context { table, clock, .. } = sweep.context();
    let minute = Minute::of(clock.now());
    let tenure = Tenure { source: SourceId::derive(&["s"]), application: acme.clone() };
    let batch = RefusalBatch {
        place: RefusalPlace::Source { tenure, name: "s".to_owned() },
        hour: minute.hour(),
        counts: [((minute, RefusalReason::Mismatch), 3), ((minute, RefusalReason::Address), 1)]
            .into(),
        samples: Vec::new(),
        fresh: 0,
    };
    table.add_refusals(&batch, 0).await.expect("added");
    clock.advance(2 * HOUR);
    assert_eq!(sweep.run().await.expect("swept").folded, 1);
    assert_eq!(total(&sweep, &acme, Counter::Refused).await, 4);
}

#[tokio::test]
async fn hours_that_were_missed_are_made_good_for_within_two_days() {
    let (_aws, sweep) = world().await;
    let ids = [application(&sweep, "a").await, application(&sweep, "b").await];
    for _ in 0..60 {
        for id in &ids {
            receive(&sweep, id, 1).await;
        }
        sweep.context().clock.advance(HOUR);
    }
    let folded = sweep.run().await.expect("swept").folded;
    assert!((90..=96).contains(&folded), "{folded} hours of two applications");
    for id in &ids {
        assert_eq!(total(&sweep, id, Counter::Received).await * 2, folded as u64);
    }
}
