//! Figures over DynamoDB in this process.

use std::time::Duration;

use domain::{
    figures::{self, Counter, Figure, Subject},
    id::EndpointId,
    retry::ErrorClass,
    time::Timestamp,
};
use local::LocalAws;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

async fn table() -> (LocalAws, Table, ApplicationId) {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let (client, name) = (aws.clients().dynamodb(), aws.names().table.clone());
    (aws, Table::new(client, name, Duration::from_secs(86_400)), ApplicationId::named("acme"))
}

fn endpoint(number: usize) -> Option<Subject> {
    Some(Subject::endpoint(&EndpointId::derive(&[&number.to_string()])))
}

fn one_delivered() -> Figures {
    let mut figures = Figures::default();
    figures.count(Counter::Attempts, endpoint(1));
    figures.count(Counter::Delivered, endpoint(1));
    figures.measure(Figure::Delivery, Duration::from_millis(70));
    figures
}

fn all(figures: &Figures) -> FittedFigures {
    FittedFigures { add: figures.clone(), remove: Vec::new() }
}

#[tokio::test]
async fn a_minute_adds_up_and_says_what_it_holds() {
    let (_aws, table, acme) = table().await;
    let minute = Minute::of(NOW);
    let mut wanted = one_delivered();
    let held = table.add_figures(&acme, minute, 0, &all(&one_delivered())).await.expect("added");
    assert_eq!(held, wanted);
    wanted.merge(&one_delivered());
    let held = table.add_figures(&acme, minute, 0, &all(&one_delivered())).await.expect("added");
    assert_eq!(held, wanted);
    let other = table.add_figures(&acme, minute, 1, &all(&one_delivered())).await.expect("added");
    assert_eq!(other, one_delivered(), "another item of the same minute");
    let next = Minute(minute.0 + 1);
    table.add_figures(&acme, next, 3, &all(&one_delivered())).await.expect("added");
    let read = table.minutes_of(&acme, minute, minute).await.expect("read");
    assert_eq!(read, [(minute, wanted), (minute, other)]);
    assert_eq!(table.minutes_of(&acme, minute, next).await.expect("read").len(), 3);
    assert_eq!(table.minutes_of(&acme, next, minute).await.expect("read"), []);
    let nobody = ApplicationId::named("other");
    assert_eq!(table.minutes_of(&nobody, minute, next).await.expect("read"), []);
}

#[tokio::test]
async fn an_endpoint_that_was_left_out_is_removed_from_the_item() {
    let (_aws, table, acme) = table().await;
    let (minute, mut held) = (Minute::of(NOW), Figures::default());
    for number in 0..100 {
        let mut figures = Figures::default();
        figures.count(Counter::Failed(ErrorClass::Timeout), endpoint(number));
        figures.count(Counter::Delivered, endpoint(number));
        let fitted = figures::fit(&figures, &held);
        held = table.add_figures(&acme, minute, 0, &fitted).await.expect("added");
        let parts = held.iter().filter(|(figure, _)| matches!(figure, Figure::Part(_))).count();
        assert!(parts <= figures::MAX_ENDPOINT_PARTS, "{parts}");
    }
    assert_eq!(held.get(Figure::Count(Counter::Delivered)), 100);
    // The one that fails most has its place, whoever was there before.
    let mut failing = Figures::default();
    failing.count_many(Counter::Failed(ErrorClass::Tls), endpoint(500), 9);
    let fitted = figures::fit(&failing, &held);
    assert!(!fitted.remove.is_empty());
    held = table.add_figures(&acme, minute, 0, &fitted).await.expect("added");
    let own = held.of(endpoint(500).expect("some"));
    assert_eq!(own.get(Figure::Count(Counter::Failed(ErrorClass::Tls))), 9);
}

#[tokio::test]
async fn an_hour_is_added_to_the_totals_once() {
    let (_aws, table, acme) = table().await;
    let (hour, counted) = (Hour::of(NOW), one_delivered());
    assert_eq!(table.figure_totals(&acme).await.expect("read"), None);
    let add = |hour, known| {
        let (table, acme, counted) = (table.clone(), acme.clone(), counted.clone());
        async move { table.add_hour(&acme, hour, &counted, known).await.expect("written") }
    };
    assert_eq!(add(hour, None).await, WriteOutcome::Done);
    assert_eq!(add(hour, None).await, WriteOutcome::Refused, "another round did");
    let totals = table.figure_totals(&acme).await.expect("read").expect("there");
    assert_eq!((totals.through, &totals.figures), (hour, &counted.own()));
    assert_eq!(add(hour.next(), Some(&totals)).await, WriteOutcome::Done);
    assert_eq!(add(hour.next(), Some(&totals)).await, WriteOutcome::Refused);
    let totals = table.figure_totals(&acme).await.expect("read").expect("there");
    assert_eq!(totals.figures.get(Figure::Count(Counter::Delivered)), 2);
    let own = table.hours_of(&acme, HourPart::Own, hour, hour.next()).await.expect("read");
    assert_eq!(own, [(hour, counted.own()), (hour.next(), counted.own())]);
    let parts = table.hours_of(&acme, HourPart::Parts, hour, hour).await.expect("read");
    assert_eq!(parts, [(hour, counted.split().1)]);
    assert_eq!(table.hours_of(&acme, HourPart::Own, hour.next(), hour).await.expect("read"), []);
}

#[tokio::test]
async fn the_progress_is_kept() {
    let (_aws, table, _) = table().await;
    assert_eq!(table.fold_progress().await.expect("read"), FoldProgress::default());
    let progress = FoldProgress { hour: 5, after: Some("app_a".to_owned()) };
    table.note_folded(&progress).await.expect("kept");
    assert_eq!(table.fold_progress().await.expect("read"), progress);
}
