//! Items that a newer version wrote, and that this one cannot read.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use domain::{
    id::{EndpointId, JobId},
    task::Task,
};
use serde_json::json;
use tests::{cloud::Cloud, faults::Faults, items};

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

/// Keys of one item of each kind that can be due, and of a kind that is not known.
const KINDS: [(&str, &str); 7] = [
    ("EVT#newer", "DLV#newer"),
    ("EVT#newer", "EVT"),
    ("JOB#newer", "JOB"),
    ("BATCH#newer", "BATCH"),
    ("APP#newer", "LISTENER#newer"),
    ("TASKS", "newer"),
    ("NEWER#newer", "NEWER"),
];

#[tokio::test]
async fn an_item_of_any_kind_that_cannot_be_read_hides_nothing_of_its_shard() {
    let cloud = Cloud::start(Faults::default()).await;
    let (table, now) = (cloud.sound_table(), cloud.clock.now());
    let tasks: Vec<_> =
        (0..20).map(|n| Task::recover(&EndpointId::derive(&[&n.to_string()]), now)).collect();
    for task in &tasks {
        table.create_task(task, now).await.expect("kept").either_way();
    }
    let shards: BTreeSet<_> = items::scan(&cloud)
        .await
        .iter()
        .map(|it| items::text(it, "due_shard").to_owned())
        .collect();
    for shard in shards.iter().filter(|shard| !shard.is_empty()) {
        for (pk, sk) in KINDS {
            // Each stands before what can be read.
            let due = AttributeValue::N((now.0 - 1000).to_string());
            let put = cloud.sound.dynamodb().put_item().table_name(&cloud.aws.names().table);
            put.item("pk", s(&if pk == "TASKS" { pk.to_owned() } else { format!("{pk}{shard}") }))
                .item("sk", s(&if pk == "TASKS" { format!("{sk}{shard}") } else { sk.to_owned() }))
                .item("doc", s(r#"{"from":"a newer version"}"#))
                .item("due_shard", s(shard))
                .item("due_at", due)
                .send()
                .await
                .expect("written");
        }
    }
    let rung = async || cloud.aws.queue_depth(&cloud.aws.names().dead_letters).1;
    cloud.sweep().await;
    assert_eq!(rung().await, 20, "every task");
    for item in items::scan(&cloud).await {
        let due = item.get("due_at").and_then(|at| at.as_n().ok()?.parse::<u64>().ok());
        let key = (items::text(&item, "pk"), items::text(&item, "sk"));
        assert!(due.is_none_or(|due| now.0 < due), "{key:?} is put off");
    }
    // It stays there for a version that can read it, and is put off again.
    cloud.pass(Duration::from_secs(61));
    cloud.sweep().await;
    assert_eq!(rung().await, 40);
}
