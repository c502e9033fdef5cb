//! What is spent around the events: a minute in which nothing happens.

use std::time::Duration;

use super::setting::{Counted, Setting, Work};
use domain::retry::Policy;

pub(super) fn all() -> Vec<Work> {
    vec![Box::pin(idle())]
}

async fn idle() -> Vec<Counted> {
    let setting = Setting::new(1, 0, Policy::default()).await;
    let cloud = &setting.cloud;
    assert!(cloud.settle(4).await);
    // The hours that the figures above belong to are added up.
    for _ in 0..3 {
        cloud.pass(Duration::from_secs(3600));
        cloud.sweep().await;
        cloud.work().await;
    }
    let minutes = setting.count("idle minute", 10, async {
        for _ in 0..10 {
            cloud.pass(Duration::from_secs(60));
            cloud.watching_sweeper().handle().await.expect("sweeps");
            cloud.work().await;
        }
    });
    vec![minutes.await]
}
