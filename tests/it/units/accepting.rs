//! What it costs to accept: events with and without a job, messages, duplicates, bodies of several sizes,
//! batches, registered jobs.

use axum::http::Method;
use domain::retry::Policy;
use serde_json::json;

use super::setting::{Counted, Setting, Work};

/// Times that a piece of work is done. Each event is in an invocation of its own.
const TIMES: u32 = 5;

pub(super) fn all() -> Vec<Work> {
    vec![
        Box::pin(without_endpoints()),
        Box::pin(with_endpoints("job, 1 endpoint", 1, 0)),
        Box::pin(with_endpoints("job, 3 endpoints", 3, 0)),
        Box::pin(with_endpoints("job, 90 endpoints", 90, 0)),
        Box::pin(with_endpoints("job, 1 of 90 endpoints", 1, 89)),
        Box::pin(bodies()),
        Box::pin(batch()),
        Box::pin(registered()),
    ]
}

async fn without_endpoints() -> Vec<Counted> {
    let setting = Setting::new(0, 0, Policy::default()).await;
    let cloud = &setting.cloud;
    let job = setting.count("job, no endpoint", TIMES, async {
        for n in 0..TIMES {
            setting.job(&format!("c{n}"), 1024).await;
            cloud.work().await;
        }
    });
    let job = job.await;
    let duplicate = setting.count("duplicate", TIMES, async {
        for n in 0..TIMES {
            setting.job(&format!("c{n}"), 1024).await;
            cloud.work().await;
        }
    });
    let duplicate = duplicate.await;
    let plain = setting.count("no job, no endpoint", TIMES, async {
        for n in 0..TIMES {
            setting.plain(&format!("p{n}"), 1024).await;
            cloud.work().await;
        }
    });
    let plain = plain.await;
    let published = setting.count("published, no endpoint", TIMES, async {
        for n in 0..TIMES {
            setting.publish(&format!("m{n}"), 1024).await;
            cloud.work().await;
        }
    });
    vec![job, duplicate, plain, published.await]
}

async fn with_endpoints(name: &'static str, wanting: usize, others: usize) -> Vec<Counted> {
    let setting = Setting::new(wanting, others, Policy::default()).await;
    let cloud = &setting.cloud;
    let job = setting.count(name, TIMES, async {
        for n in 0..TIMES {
            setting.job(&format!("c{n}"), 1024).await;
            cloud.work().await;
        }
    });
    let mut counted = vec![job.await];
    let arrived = setting.receiver.received().len();
    assert_eq!(arrived, wanting * (TIMES as usize + 3), "each at its first attempt");
    if wanting == 1 && others == 0 {
        let plain = setting.count("no job, 1 endpoint", TIMES, async {
            for n in 0..TIMES {
                setting.plain(&format!("p{n}"), 1024).await;
                cloud.work().await;
            }
        });
        counted.push(plain.await);
        let published = setting.count("published, 1 endpoint", TIMES, async {
            for n in 0..TIMES {
                setting.publish(&format!("m{n}"), 1024).await;
                cloud.work().await;
            }
        });
        counted.push(published.await);
    }
    counted
}

async fn bodies() -> Vec<Counted> {
    let setting = Setting::new(1, 0, Policy::default()).await;
    let mut counted = Vec::new();
    for (name, bytes) in [
        ("job of 256 B, 1 endpoint", 256),
        ("job of 4 KB, 1 endpoint", 4096),
        ("job of 9 KB, 1 endpoint", 9 * 1024),
        ("job of 64 KB, 1 endpoint", 65_536),
    ] {
        let job = setting.count(name, TIMES, async {
            for n in 0..TIMES {
                setting.job(&format!("{bytes}-{n}"), bytes).await;
                setting.cloud.work().await;
            }
        });
        counted.push(job.await);
    }
    counted
}

async fn batch() -> Vec<Counted> {
    let setting = Setting::new(0, 0, Policy::default()).await;
    let batch = json!({ "id": "b1", "application": "acme", "size": 100 });
    setting.done(Method::POST, "/v1/batches", batch).await;
    let jobs = setting.count("job of a batch of 100", 100, async {
        for n in 0..100 {
            let metadata = json!({ "job_id": format!("job-{n}"), "batch_id": "b1" });
            setting.job_with(&format!("b{n}"), 1024, &metadata).await;
        }
        assert!(setting.cloud.settle(4).await);
    });
    vec![jobs.await]
}

async fn registered() -> Vec<Counted> {
    let setting = Setting::new(0, 0, Policy::default()).await;
    let url = setting.receiver.url("/job");
    let registration = setting.count("registration with webhook and deadline", TIMES, async {
        for n in 0..TIMES {
            let job =
                json!({ "source": "modal", "webhook": { "url": url }, "deadline_seconds": 3600 });
            setting.done(Method::PUT, &format!("/v1/jobs/job-r{n}"), job).await;
        }
    });
    let registration = registration.await;
    let completion = setting.count("completion with webhook and deadline", TIMES, async {
        for n in 0..TIMES {
            setting.job(&format!("r{n}"), 1024).await;
            setting.cloud.work().await;
        }
    });
    let completion = completion.await;
    assert_eq!(setting.receiver.received().len(), TIMES as usize, "each webhook heard its end");
    vec![registration, completion]
}
