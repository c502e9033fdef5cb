//! Figures of an invocation: one write for each application, after the work.

use domain::figures::{Counter, Figure, Figures, Minute};

use super::*;

fn acme() -> ApplicationId {
    ApplicationId::named("acme")
}

async fn minute(table: &Table, application: &ApplicationId, minute: Minute) -> Figures {
    let mut sum = Figures::default();
    for (_, figures) in table.minutes_of(application, minute, minute).await.expect("read") {
        sum.merge(&figures);
    }
    sum
}

#[tokio::test]
async fn what_an_invocation_noted_is_written_at_its_end_and_once() {
    let world = World::start().await;
    let context = world.calls.context.clone().counting_figures();
    let delivery = Counter::Parked;
    for name in ["acme", "acme", "other"] {
        let application = ApplicationId::named(name);
        context.figures.note(&application, |figures| figures.count(delivery, None));
    }
    let now = Minute::of(START);
    assert_eq!(minute(&context.table, &acme(), now).await, Figures::default());
    context.end_invocation().await;
    context.end_invocation().await;
    let count = |figures: &Figures| figures.get(Figure::Count(delivery));
    assert_eq!(count(&minute(&context.table, &acme(), now).await), 2);
    let other = ApplicationId::named("other");
    assert_eq!(count(&minute(&context.table, &other, now).await), 1);
    // Without being asked to, nothing is counted.
    let silent = world.calls.context.clone();
    silent.figures.note(&acme(), |figures| figures.count(delivery, None));
    silent.end_invocation().await;
    assert_eq!(count(&minute(&context.table, &acme(), now).await), 2);
}

#[tokio::test]
async fn figures_of_many_applications_are_written_a_bounded_number_at_a_time() {
    let world = World::start().await;
    let context = world.calls.context.clone().counting_figures();
    let names: Vec<_> = (0..40).map(|number| format!("app-{number}")).collect();
    let ids: Vec<_> = names.iter().map(|name| ApplicationId::named(name)).collect();
    for application in &ids {
        context.figures.note(application, |figures| figures.count(Counter::Parked, None));
    }
    let mut written = Vec::new();
    for _ in 0..3 {
        context.end_invocation().await;
        let mut there = 0;
        for application in &ids {
            let figures = minute(&context.table, application, Minute::of(START)).await;
            there += figures.get(Figure::Count(Counter::Parked));
        }
        written.push(there);
    }
    assert_eq!(written, [16, 32, 40]);
}
