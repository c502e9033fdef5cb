//! The journey of a request under every limit: the source's rate, the message's size, and the rates of
//! application and endpoint.

use adapters::table::WriteOutcome;
use domain::{application::Application, endpoint::Endpoint};
use serde_json::json;
use tests::{cloud::Cloud, invariants::World, sender::completion};

pub(super) async fn walk(cloud: &mut Cloud) {
    let table = cloud.sound_table();
    let old = World::read(cloud).await.endpoints.remove(0);
    let new = Endpoint { throttle_rate: Some(5), ..old.clone() };
    assert_eq!(table.update_endpoint(&old, &new).await.expect("kept"), WriteOutcome::Done);
    let old = table.application(&old.application).await.expect("read").expect("there");
    let new = Application { throttle_rate: Some(5), ..old.clone() };
    assert_eq!(table.update_application(&old, &new).await.expect("kept"), WriteOutcome::Done);
    let limit = json!({ "requests": 100, "per": "minute" });
    cloud.options(json!({ "rate_limit": limit, "strict": true })).await;
    cloud.expect("modal", "job-c1", "c1").await;
    let large = format!("\"{}\"", "x".repeat(1_100_000));
    cloud.send(&completion("c1", "success", &large)).await;
}
