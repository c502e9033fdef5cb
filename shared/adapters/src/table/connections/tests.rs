//! Connections and subscriptions over DynamoDB in this process.

use domain::{
    id::{ApplicationId, JobId},
    live::{grant::Grant, subscription::FactFilter},
};
use local::LocalAws;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

async fn table() -> (LocalAws, Table) {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let (client, name) = (aws.clients().dynamodb(), aws.names().table.clone());
    let table = Table::new(client, name, Duration::from_secs(86_400));
    (aws, table)
}

fn connection(id: &str, protocol: Protocol) -> LiveConnection {
    let grant = Grant {
        scope: domain::key::KeyScope::Read,
        key: "k".to_owned(),
        application: Some(ApplicationId::named("acme")),
        only: None,
        portal: None,
        expires_at: NOW.plus(connection::LIFE),
    };
    LiveConnection { id: id.to_owned(), protocol, grant, opened_at: NOW }
}

fn subscription(id: &str) -> LiveSubscription {
    LiveSubscription {
        connection: id.to_owned(),
        protocol: Protocol::Json,
        name: Some("modal-7".to_owned()),
        filter: FactFilter::default(),
        refusals: true,
        after: BTreeMap::new(),
        caught_up: None,
    }
}

fn topic(name: &str) -> Topic {
    Topic::job(ApplicationId::named("acme"), JobId::derive(&[name]))
}

#[tokio::test]
async fn a_connection_hears_topics_and_leaves_nothing_when_it_ends() {
    let (_aws, table) = table().await;
    for (id, protocol) in [("one=", Protocol::SocketIo), ("two=", Protocol::Json)] {
        let connection = connection(id, protocol);
        assert_eq!(table.open_connection(&connection).await.expect("kept"), WriteOutcome::Done);
        let again = table.open_connection(&connection).await.expect("kept");
        assert_eq!(again, WriteOutcome::Refused);
        let stored = table.connection(id).await.expect("read").expect("there");
        assert_eq!((stored.connection, stored.entered), (connection, false));
    }
    // Of two that enter at once, one is let in.
    assert_eq!(table.enter("one=", NOW).await.expect("kept"), WriteOutcome::Done);
    assert_eq!(table.enter("one=", NOW).await.expect("kept"), WriteOutcome::Refused);
    for (id, name, outcome) in [
        ("one=", "a", SubscribeOutcome::Started),
        ("one=", "a", SubscribeOutcome::AlreadyActive),
        ("one=", "b", SubscribeOutcome::Started),
        ("two=", "a", SubscribeOutcome::Started),
        ("gone=", "a", SubscribeOutcome::Gone),
    ] {
        let done = table.subscribe(&topic(name), &subscription(id), 100, NOW).await;
        assert_eq!(done.expect("kept"), outcome, "{id} {name}");
    }
    let heard = async |name| {
        let mut heard = table.audience(&topic(name)).await.expect("read").subscriptions;
        heard.sort_by(|one, other| one.connection.cmp(&other.connection));
        heard
    };
    assert_eq!(heard("a").await, [subscription("one="), subscription("two=")]);
    table.unsubscribe(&topic("a"), "two=").await.expect("done");
    table.unsubscribe(&topic("a"), "two=").await.expect("done again");
    assert_eq!(heard("a").await, [subscription("one=")]);
    assert_eq!(table.awake().await.expect("read"), [("one=".to_owned(), NOW)].into());
    let stored = table.connections(["one=", "two=", "gone="]).await.expect("read");
    let mut counts: Vec<_> = stored.iter().map(|stored| stored.topics.len()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [0, 2]);
    for _ in 0..2 {
        table.close_connection("one=").await.expect("closed");
        assert!(heard("a").await.is_empty() && heard("b").await.is_empty());
        assert!(table.connection("one=").await.expect("read").is_none());
        assert!(table.awake().await.expect("read").is_empty());
    }
    assert!(table.connection("two=").await.expect("read").is_some());
}

#[tokio::test]
async fn a_connection_hears_a_bounded_number_of_topics() {
    let (_aws, table) = table().await;
    let opened = table.open_connection(&connection("c=", Protocol::Json)).await.expect("kept");
    assert_eq!(opened, WriteOutcome::Done);
    let subscribe = async |name: &str| {
        table.subscribe(&topic(name), &subscription("c="), 30, NOW).await.expect("kept")
    };
    for number in 0..30 {
        assert_eq!(subscribe(&number.to_string()).await, SubscribeOutcome::Started);
    }
    assert_eq!(subscribe("one more").await, SubscribeOutcome::TooMany);
    assert!(table.audience(&topic("one more")).await.expect("read").subscriptions.is_empty());
    assert_eq!(subscribe("7").await, SubscribeOutcome::AlreadyActive);
    table.unsubscribe(&topic("7"), "c=").await.expect("done");
    assert_eq!(subscribe("one more").await, SubscribeOutcome::Started);
    // More than one batch of removals.
    table.close_connection("c=").await.expect("closed");
    for number in 0..30 {
        let heard = table.audience(&topic(&number.to_string())).await.expect("read").subscriptions;
        assert!(heard.is_empty(), "{number}");
    }
}

#[tokio::test]
async fn a_connection_that_has_ended_is_not_made_again() {
    let (_aws, table) = table().await;
    assert_eq!(table.enter("gone=", NOW).await.expect("done"), WriteOutcome::Refused);
    table.unsubscribe(&topic("a"), "gone=").await.expect("done");
    assert!(table.connection("gone=").await.expect("read").is_none());
    assert!(
        !table.awake().await.expect("read").is_empty(),
        "what wakes it is told that it is gone"
    );
    table.close_connection("gone=").await.expect("closed");
    assert!(table.awake().await.expect("read").is_empty());
    let caught_up = table.caught_up(&topic("a"), &subscription("gone="), NOW).await;
    assert_eq!(caught_up.expect("done"), WriteOutcome::Refused);
}
