//! Items that a newer version wrote, and that this one cannot read.

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use domain::id::JobId;
use serde_json::json;
use tests::{cloud::Cloud, faults::Faults};

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Writes a job as a newer version might.
async fn overwrite(cloud: &Cloud, job: &JobId) {
    let update = cloud.aws.clients().dynamodb().update_item().table_name(&cloud.aws.names().table);
    update
        .key("pk", s(&format!("JOB#{job}")))
        .key("sk", s("JOB"))
        .update_expression("SET doc = :doc")
        .expression_attribute_values(":doc", s(r#"{"from":"a newer version"}"#))
        .send()
        .await
        .expect("written");
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_put_off_and_hides_none_of_the_others() {
    let cloud = Cloud::start(Faults::default()).await;
    cloud.options(json!({ "deadline_seconds": 60, "mode": "only" })).await;
    let mut jobs = Vec::new();
    for number in 0..24 {
        let (job, call) = (format!("j{number}"), format!("c{number}"));
        jobs.push(cloud.expect("modal", &job, &call).await);
    }
    let (newer, ours) = jobs.split_at(8);
    for job in newer {
        overwrite(&cloud, job).await;
    }
    cloud.minutes(10).await;
    for job in ours {
        assert_eq!(cloud.job(job).await.status.word(), "timed_out");
    }
    let (status, list) = cloud.call(Method::GET, "/v1/jobs?limit=3", None).await;
    assert_eq!((status.as_u16(), list["data"].as_array().map(Vec::len)), (200, Some(3)), "{list}");
    let (_, list) = cloud.call(Method::GET, "/v1/jobs?limit=100", None).await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(16), "{list}");
    // Those are put off, and still there for a version that can read them.
    let page = cloud.sound_table().due(0, cloud.clock.now(), 100, None).await.expect("read");
    assert!(page.due.is_empty(), "{page:?}");
}
