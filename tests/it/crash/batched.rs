//! The journey of a batch: it is created, its jobs end, one of them registered, and it is closed.

use axum::http::Method;
use serde_json::json;
use tests::{cloud::Cloud, receiver::Receiver, sender::completion};

use super::{success, until_it_works};

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    let success = success();
    let batch = json!({ "id": "b1", "source": "modal", "progress_every": 1,
        "webhook": { "url": receiver.url("/batch"), "delays": [1, 1] } });
    until_it_works(cloud, Method::POST, "/v1/batches", batch).await;
    cloud.send(&success).await;
    cloud.work().await;
    // Before it speaks, and after.
    for job in ["c1", "c2"] {
        let url = receiver.url(&format!("/{job}"));
        let job = json!({ "source": "modal", "batch_id": "b1", "id": format!("job-{job}"),
            "webhook": { "url": url, "delays": [1, 1] } });
        until_it_works(cloud, Method::POST, "/v1/jobs", job).await;
    }
    cloud.settle_for(3).await;
    cloud.send(&completion("c2", "failure", "null")).await;
    cloud.work().await;
    until_it_works(cloud, Method::POST, "/v1/batches/b1/close", json!({})).await;
}
