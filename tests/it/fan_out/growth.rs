//! What a delivery of a fan-out costs does not depend on how many endpoints the application has, and no
//! message of it works for long.

use std::time::{Duration, Instant};

use adapters::table::WriteOutcome;
use domain::{endpoint::Endpoint, id::EndpointId};
use futures::{StreamExt, stream};
use serde_json::json;
use tests::{cloud::Cloud, shown, sizes::size};

use super::publish;

/// Endpoints of the larger application. `FAN_OUT=10000` sets another number.
const MANY: usize = 1000;

/// Creates so many endpoints of `acme`, at which nobody listens.
pub(super) async fn create(cloud: &Cloud, count: usize) {
    let model = cloud.endpoint("https://subscriber.example/", Default::default()).await;
    let create = |number: usize| {
        let id = EndpointId::derive(&["many", &number.to_string()]);
        let at = model.created_at.plus(Duration::from_secs(number as u64));
        let endpoint = Endpoint { id, created_at: at, ..model.clone() };
        let table = cloud.sound_table();
        async move { table.create_endpoint(&endpoint).await.expect("kept") }
    };
    let created: Vec<_> = (1..count).map(create).collect();
    let mut created = stream::iter(created).buffer_unordered(4);
    while let Some(created) = created.next().await {
        assert_eq!(created, WriteOutcome::Done);
    }
}

/// Write units, read units and messages for each delivery of one event to so many endpoints, until all
/// deliveries are created and rung for; and how many messages worked on it, and the longest of them.
async fn fan_out(count: usize) -> ([f64; 3], usize, Duration) {
    let cloud = Cloud::counting().await;
    create(&cloud, count).await;
    let before = cloud.aws.ledger();
    publish(&cloud, json!({ "text": "x".repeat(500) })).await;
    let (mut messages, mut longest) = (0, Duration::ZERO);
    loop {
        let began = Instant::now();
        if !cloud.step(&cloud.aws.names().inbox.clone()).await {
            break;
        }
        messages += 1;
        longest = longest.max(began.elapsed());
    }
    let ledger = cloud.aws.ledger().since(&before);
    let deliveries = cloud.aws.queue_depth(&cloud.aws.names().outbox).0;
    assert_eq!(usize::try_from(deliveries), Ok(count), "a bell for each");
    let capacity = ledger.capacity(|line| !line.kind.starts_with("STATS"));
    let sends = ledger.messages(&["SendMessage", "SendMessageBatch"]) as f64;
    let each = [capacity.written(), capacity.read, sends].map(|units| units / count as f64);
    (each, messages, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_costs_the_same_however_many_endpoints_there_are() {
    let many = size("FAN_OUT", MANY);
    let mut costs = Vec::new();
    for count in [1, 90, 91, 300, many] {
        let ([written, read, sends], messages, longest) = fan_out(count).await;
        shown!(
            "{count} endpoints: for each delivery {written:.2} write units, {read:.2} read units, \
             {sends:.2} messages; {messages} messages of the inbox, the longest {longest:.1?}"
        );
        if 90 < count {
            // A thousand endpoints each, or fewer on a slow machine; the last may find the end.
            assert!(longest < Duration::from_secs(25), "{longest:?}");
            assert!(messages <= 3 * (count / 1000 + 1), "{messages}");
            costs.push((written, read));
        }
    }
    for (written, read) in &costs {
        assert!(*written <= 2.3 && *read <= 0.7, "{costs:?}");
    }
    let (last, first) = (costs[costs.len() - 1], costs[0]);
    assert!(last.0 <= first.0 && last.1 <= first.1, "{costs:?}");
}
