//! How the cost of one piece of work grows with what there is: endpoints of an application, jobs of a batch,
//! rows behind a page of a list, deliveries that wait.
//!
//! `SCALE=10` multiplies the numbers. What grows today is named in [`GROWS`]; everything else is held flat.

use std::time::Duration;

use axum::http::Method;
use domain::retry::Policy;
use serde_json::json;
use tests::{cloud::Cloud, shown, sizes::size};

use super::setting::Setting;
use crate::lists::{self, LISTS, rows::Rows};

/// Work whose cost grows with what there is.
const GROWS: [&str; 1] = [
    // Letters of every state are counted, up to 20,000. Those that wait have counters.
    "GET /v1/webhooks/dead-letter",
];

/// Units of one piece of work at each of several sizes.
struct Curve {
    what: String,
    unit: &'static str,
    points: Vec<(usize, f64)>,
}

impl Curve {
    /// Whether the work costs about the same at each size.
    fn is_flat(&self) -> bool {
        let (first, last) = (self.points[0].1, self.points[self.points.len() - 1].1);
        last <= first * 1.5 + 1.0
    }
}

fn scaled(number: usize) -> usize {
    number * size("SCALE", 1)
}

/// Write and read units of an event by the number of its deliveries.
async fn endpoints() -> Vec<Curve> {
    let (mut written, mut read) = (Vec::new(), Vec::new());
    for count in [1, 10, 80, 120] {
        let setting = Setting::new(count, 0, Policy::default()).await;
        let event = setting.count("event", 1, async {
            setting.plain("c", 1024).await;
            setting.cloud.work().await;
        });
        let event = event.await;
        let each = f64::from(u32::try_from(count).expect("few"));
        written.push((count, event.written.values().sum::<f64>() / each));
        read.push((count, event.read / each));
    }
    let curve = |unit, points| Curve { what: "a delivery, by endpoints".to_owned(), unit, points };
    vec![curve("written", written), curve("read", read)]
}

/// Write units of a job by the number of jobs in its batch.
async fn batches() -> Vec<Curve> {
    let mut points = Vec::new();
    for count in [30, scaled(300)] {
        let setting = Setting::new(0, 0, Policy::default()).await;
        let batch = json!({ "id": "b1", "application": "acme", "size": count });
        setting.done(Method::POST, "/v1/batches", batch).await;
        let jobs = u32::try_from(count).expect("few");
        let counted = setting.count("jobs", jobs, async {
            for n in 0..count {
                let metadata = json!({ "job_id": format!("job-{n}"), "batch_id": "b1" });
                setting.job_with(&format!("b{n}"), 400, &metadata).await;
            }
            assert!(setting.cloud.settle(4).await);
        });
        points.push((count, counted.await.written.values().sum()));
    }
    vec![Curve { what: "a job, by jobs of its batch".to_owned(), unit: "written", points }]
}

/// Read units of a page of every list, and for each row that is due of a round of the sweep, by the rows that
/// there are.
async fn pages() -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for (at, count) in [200, scaled(800)].into_iter().enumerate() {
        let cloud = Cloud::counting().await;
        let rows = Rows::fill(&cloud, count).await;
        let mut point = |what: String, read: f64| {
            if at == 0 {
                curves.push(Curve { what: what.clone(), unit: "read", points: Vec::new() });
            }
            let curve = curves.iter_mut().find(|curve| curve.what == what);
            curve.expect("begun").points.push((count, read));
        };
        for list in LISTS {
            let path = format!("{}?limit=20{}", lists::path(&rows, list.route), list.query);
            let before = cloud.aws.ledger();
            let (status, answer) = cloud.call(Method::GET, &path, None).await;
            assert!(status.is_success(), "{path}: {answer}");
            let read = cloud.aws.ledger().since(&before).capacity(|_| true).read;
            point(format!("GET {}", list.route), read);
        }
        cloud.pass(Duration::from_secs(1));
        let before = cloud.aws.ledger();
        cloud.sweep().await;
        let swept = cloud.aws.ledger().since(&before);
        let read = swept.capacity(|line| line.kind.starts_with("due ")).read;
        let rung = swept.messages(&["SendMessage", "SendMessageBatch"]);
        assert_ne!(rung, 0, "some rows are due");
        let rows = f64::from(u32::try_from(count).expect("few"));
        point("a hundred rows, in a round of the sweep".to_owned(), 100.0 * read / rows);
    }
    curves
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_flat_stays_flat() {
    let mut curves = endpoints().await;
    curves.extend(batches().await);
    curves.extend(pages().await);
    let mut steep = Vec::new();
    for curve in &curves {
        let points: Vec<_> =
            curve.points.iter().map(|(size, units)| format!("{size}: {units:.2}")).collect();
        let grows = if curve.is_flat() { "flat" } else { "grows" };
        shown!("{} ({}): {}; {grows}", curve.what, curve.unit, points.join(", "));
        if !curve.is_flat() && !GROWS.contains(&curve.what.as_str()) {
            steep.push(curve.what.clone());
        }
    }
    assert!(steep.is_empty(), "{steep:?}");
}
