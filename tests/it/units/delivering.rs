//! What it costs to deliver when that takes more than one attempt: retries, a ladder that fails to its end,
//! letters that are put back.

use std::time::Duration;

use axum::http::Method;
use domain::{delivery::DeliveryState, retry::Policy};
use serde_json::json;
use tests::invariants::World;

use super::setting::{Counted, Setting, Work};

pub(super) fn all() -> Vec<Work> {
    vec![
        Box::pin(retries()),
        Box::pin(ladder("ladder, short answers", "")),
        Box::pin(ladder("ladder, 1 KB answers", &ANSWER)),
        Box::pin(redriven()),
    ]
}

/// An answer of 1 KB, as a server in distress gives it.
static ANSWER: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| "Internal Server Error: no connection.\n".repeat(27));

/// Lets time pass until the only pending delivery is due, and attempts it.
async fn attempt_again(setting: &Setting) {
    let cloud = &setting.cloud;
    let deliveries = World::read(cloud).await.deliveries;
    let pending = deliveries.iter().find(|it| it.state == DeliveryState::Pending);
    let wait = pending.expect("one that waits").next_at.since(cloud.clock.now());
    let made = setting.receiver.received().len();
    cloud.pass(wait + Duration::from_secs(1));
    cloud.work().await;
    if setting.receiver.received().len() == made {
        // Beyond fifteen minutes no message rings.
        cloud.sweep().await;
        cloud.work().await;
    }
    assert_eq!(setting.receiver.received().len(), made + 1, "one attempt");
}

async fn retries() -> Vec<Counted> {
    let policy = Policy::of(None, Some(5), Some(vec![60; 10])).expect("valid");
    let setting = Setting::new(1, 0, policy).await;
    setting.receiver.answer(500);
    setting.job("c", 1024).await;
    setting.cloud.work().await;
    let mut counted = Vec::new();
    for number in 1..=9 {
        let name = match number {
            1 => "retry 1",
            9 => "retry 9",
            _ => "retry between",
        };
        counted.push(setting.count(name, 1, attempt_again(&setting)).await);
    }
    counted.retain(|counted| counted.name != "retry between");
    counted
}

async fn ladder(name: &'static str, answer: &str) -> Vec<Counted> {
    let setting = Setting::new(1, 0, Policy::default()).await;
    setting.receiver.answer(500);
    setting.receiver.says(answer);
    let ladder = setting.count(name, 1, async {
        setting.job("c", 1024).await;
        setting.cloud.work().await;
        for _ in 1..10 {
            attempt_again(&setting).await;
        }
        setting.cloud.work().await;
    });
    let ladder = ladder.await;
    assert_eq!(World::read(&setting.cloud).await.letters.len(), 1, "parked");
    vec![ladder]
}

async fn redriven() -> Vec<Counted> {
    let once = Policy::of(Some(0), Some(5), None).expect("valid");
    let setting = Setting::new(1, 0, once).await;
    setting.receiver.answer(500);
    for n in 0..20 {
        setting.job(&format!("c{n}"), 1024).await;
    }
    setting.cloud.work().await;
    assert_eq!(World::read(&setting.cloud).await.letters.len(), 20);
    setting.receiver.answer(200);
    let before = setting.receiver.received().len();
    let letters = setting.count("redriven letter", 20, async {
        let asked = json!({ "filter": { "event_type": "job.succeeded" }, "rate": 500 });
        setting.done(Method::POST, "/v1/webhooks/dead-letter/redrive", asked).await;
        for _ in 0..30 {
            setting.cloud.work().await;
            if before + 20 <= setting.receiver.received().len() {
                break;
            }
            setting.cloud.pass(Duration::from_secs(1));
        }
        assert_eq!(setting.receiver.received().len(), before + 20, "each once");
    });
    vec![letters.await]
}
