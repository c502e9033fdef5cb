//! Refusals over DynamoDB in this process.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    id::Tenure,
    refusals::{RefusalSample, RefusedRequest},
    time::Timestamp,
};
use local::LocalAws;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

async fn table() -> (LocalAws, Table) {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let (client, name) = (aws.clients().dynamodb(), aws.names().table.clone());
    (aws, Table::new(client, name, Duration::from_secs(86_400)))
}

fn place(application: &str, source: &str) -> RefusalPlace {
    let application = ApplicationId::named(application);
    let tenure = Tenure { source: SourceId::derive(&[source]), application };
    RefusalPlace::Source { tenure, name: source.to_owned() }
}

fn sample(source: &str, at: Timestamp) -> RefusalSample {
    let headers = http::HeaderMap::new();
    let request = RefusedRequest { at, source, caller: None, headers: &headers, bytes: 3 };
    RefusalSample::of(&request, RefusalReason::Mismatch, "It does not match.")
}

fn batch(place: RefusalPlace, hour: Hour, counts: &[(u64, RefusalReason, u64)]) -> RefusalBatch {
    let minute = |minute: u64| Minute(hour.minute().0 + minute);
    let counts = counts.iter().map(|(at, reason, count)| ((minute(*at), *reason), *count));
    let samples = vec![sample("modal", hour.start())];
    RefusalBatch { place, hour, counts: counts.collect::<BTreeMap<_, _>>(), samples, fresh: 0 }
}

#[tokio::test]
async fn refusals_add_up_by_source_and_nobody_else_reads_them() {
    let (_aws, table) = table().await;
    let hour = Hour::of(NOW);
    let (mismatch, past) = (RefusalReason::Mismatch, RefusalReason::TimestampPast);
    let add = async |place, hour, counts: &[_], shard| {
        table.add_refusals(&batch(place, hour, counts), shard).await.expect("added");
    };
    add(place("acme", "modal"), hour, &[(0, mismatch, 2), (59, past, 1)], 0).await;
    add(place("acme", "modal"), hour, &[(0, mismatch, 3)], 0).await;
    add(place("acme", "modal"), hour, &[(0, mismatch, 7)], 1).await;
    add(place("acme", "mesh"), hour.next(), &[(1, past, 1)], 0).await;
    add(RefusalPlace::Nowhere, hour, &[(5, RefusalReason::UnknownSource, 9)], 2).await;
    let acme = ApplicationId::named("acme");
    let read = async |application, first, last| {
        table.refusals(application, first, last, 100).await.expect("read")
    };
    let part = read(Some(&acme), hour, hour).await;
    assert_eq!((part.items.len(), part.cut_at), (2, None));
    let mut counts = part.items.iter().flat_map(|item| item.counts.clone()).collect::<Vec<_>>();
    counts.sort_by_key(|(minute, reason, count)| (*minute, *reason, *count));
    let minute = |minute: u64| Minute(hour.minute().0 + minute);
    let wanted = [(minute(0), mismatch, 5), (minute(0), mismatch, 7), (minute(59), past, 1)];
    assert_eq!(counts, wanted);
    let name = Some((SourceId::derive(&["modal"]), "modal".to_owned()));
    assert!(part.items.iter().all(|item| item.source == name && item.samples.len() == 1));
    assert_eq!(read(Some(&acme), hour, hour.next()).await.items.len(), 3);
    let other = ApplicationId::named("other");
    assert_eq!(read(Some(&other), hour, hour.next()).await.items, []);
    let nowhere = read(None, hour, hour.next()).await;
    assert_eq!(nowhere.items.len(), 1);
    assert_eq!(nowhere.items[0].source, None);
    assert_eq!(nowhere.items[0].counts, [(minute(5), RefusalReason::UnknownSource, 9)]);
    assert_eq!(read(None, hour.next(), hour).await, RefusalPart::default());
}

#[tokio::test]
async fn the_newest_are_read_if_there_are_too_many() {
    let (_aws, table) = table().await;
    let hour = Hour::of(NOW);
    for ago in 0..120 {
        let at = Hour(hour.0 - ago);
        let counts = [(0, RefusalReason::Mismatch, 1)];
        table.add_refusals(&batch(place("acme", "modal"), at, &counts), 0).await.expect("added");
    }
    let acme = ApplicationId::named("acme");
    let part = table.refusals(Some(&acme), Hour(0), hour, 100).await.expect("read");
    assert_eq!(part.items.len(), 100);
    assert_eq!(part.cut_at, Some(Hour(hour.0 - 99)));
    let part = table.refusals(Some(&acme), Hour(0), hour, 101).await.expect("read");
    assert_eq!((part.items.len(), part.cut_at), (120, None));
}
