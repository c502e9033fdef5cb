//! Tickets, watched applications and the budget over DynamoDB in this process.

use std::time::Duration;

use domain::live::{grant::Grant, ticket};
use local::LocalAws;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

async fn table() -> (LocalAws, Table) {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let (client, name) = (aws.clients().dynamodb(), aws.names().table.clone());
    let table = Table::new(client, name, Duration::from_secs(86_400));
    (aws, table)
}

#[tokio::test]
async fn of_several_who_use_a_ticket_one_wins() {
    let (_aws, table) = table().await;
    let ticket = Ticket {
        grant: Grant {
            key: "k".to_owned(),
            scope: domain::key::KeyScope::Read,
            application: None,
            only: None,
            portal: None,
            expires_at: NOW,
        },
        origin: Some("https://app.example".to_owned()),
        expires_at: NOW.plus(ticket::LIFE),
    };
    let hash = Ticket::hash(&Ticket::text([7; 32])).expect("a ticket");
    assert_eq!(table.put_ticket(&hash, &ticket).await.expect("kept"), WriteOutcome::Done);
    assert_eq!(table.put_ticket(&hash, &ticket).await.expect("kept"), WriteOutcome::Refused);
    let tries = (0..8).map(|_| {
        let (table, hash) = (table.clone(), hash.clone());
        tokio::spawn(async move { table.take_ticket(&hash).await.expect("done") })
    });
    let mut won = Vec::new();
    for taken in tries.collect::<Vec<_>>() {
        won.extend(taken.await.expect("no panic"));
    }
    assert_eq!(won, [ticket]);
    assert_eq!(table.take_ticket(&hash).await.expect("done"), None);
}

#[tokio::test]
async fn an_application_is_watched_for_ten_minutes_after_the_last_look() {
    let (_aws, table) = table().await;
    let (acme, other) = (ApplicationId::named("acme"), ApplicationId::named("other"));
    assert!(table.watched().await.expect("read").is_empty());
    assert_eq!(table.watch(&acme, NOW).await.expect("kept"), NOW);
    let later = NOW.plus(Duration::from_secs(60));
    assert_eq!(table.watch(&acme, later).await.expect("kept"), NOW);
    assert_eq!(table.watch(&other, NOW).await.expect("kept"), NOW);
    let watched = table.watched().await.expect("read");
    assert_eq!(watched, [(acme.clone(), later.plus(KEPT)), (other, NOW.plus(KEPT))].into());
    let long_after = later.plus(KEPT);
    assert_eq!(table.watch(&acme, long_after).await.expect("kept"), long_after);
}

#[tokio::test]
async fn workers_share_the_budget_of_pushes() {
    let (_aws, table) = table().await;
    let budget = PushBudget::new(1000);
    let tries = (0..10).map(|_| {
        let table = table.clone();
        tokio::spawn(async move { table.take_pushes(budget, NOW).await.expect("a slice") })
    });
    let mut waits = Vec::new();
    for slice in tries.collect::<Vec<_>>() {
        waits.push(slice.await.expect("no panic").push(NOW).expect("a push"));
    }
    // A second's worth was saved up, and ten slices are that.
    assert_eq!(waits, [Duration::ZERO; 10]);
    let mut eleventh = table.take_pushes(budget, NOW).await.expect("a slice");
    let mut twelfth = table.take_pushes(budget, NOW).await.expect("a slice");
    assert_eq!(eleventh.push(NOW), Some(Duration::ZERO));
    assert_eq!(twelfth.push(NOW), Some(Duration::from_millis(100)));
}
