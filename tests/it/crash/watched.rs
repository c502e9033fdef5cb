//! The journey of those who watch: a connection, lines of a log, the end of the job; and whoever missed
//! something finds it when it comes back.

use std::collections::BTreeMap;

use axum::http::Method;
use domain::{
    id::{ApplicationId, JobId},
    live::topic::Topic,
    time::Timestamp,
};
use serde_json::{Value, json};
use tests::{cloud::Cloud, gateway::Gateway, invariants::World, sender};

use super::until_it_works;

const LOG: &str = "/v1/jobs/job-c1/logs?source=modal";

/// A client of the JSON protocol, which drops lines that it has.
struct Viewer {
    gateway: Gateway,
    /// The connections that it had, and the present one at the end.
    connections: usize,
    /// The number of the last line of each stream.
    last: BTreeMap<String, u64>,
    lines: Vec<String>,
    ended: bool,
}

impl Viewer {
    fn id(&self) -> String {
        format!("{}=", self.connections)
    }

    /// Connects and subscribes until it is let in and answered, as a client does.
    async fn connect(&mut self, cloud: &mut Cloud) {
        let job = JobId::of(&Cloud::tenure(), "job-c1");
        let topic = Topic::job(ApplicationId::named("acme"), job);
        for _ in 0..60 {
            if 0 < self.connections {
                // The gateway tells of the end of the one before, sooner or later.
                cloud.leave(&self.id()).await;
            }
            self.connections += 1;
            if cloud.connect(&self.id(), &cloud.live_token(topic.clone())).await {
                cloud.work().await;
                let wanted = json!({ "action": "subscribe_logs", "job_id": "job-c1",
                    "source": "modal", "after": self.last });
                for _ in 0..3 {
                    cloud.say(&self.id(), &wanted).await;
                    if self.hear("subscribed") {
                        cloud.work().await;
                        self.hear("");
                        return;
                    }
                }
            }
            cloud.waits_for_better_weather();
        }
        panic!("nobody is let in");
    }

    /// Reads what was pushed. Whether a message of this name was among it.
    fn hear(&mut self, wanted: &str) -> bool {
        let heard = self.gateway.take_json(&self.id());
        for message in &heard {
            match message["event"].as_str() {
                Some("log_lines") => self.lines(message),
                Some("job_completed") => self.ended = true,
                _ => (),
            }
        }
        heard.iter().any(|message| message["event"] == wanted)
    }

    fn lines(&mut self, message: &Value) {
        for line in message["lines"].as_array().into_iter().flatten() {
            let stream = line["stream"].as_str().expect("a stream").to_owned();
            let last = self.last.entry(stream).or_default();
            let seq = line["seq"].as_u64().expect("a number");
            if *last < seq {
                *last = seq;
                self.lines.push(line["message"].as_str().expect("text").to_owned());
            }
        }
    }
}

pub(super) async fn walk(cloud: &mut Cloud) {
    let gateway = cloud.let_watch().await;
    // Somebody watches already: whoever begins waits two seconds until everybody who tells knows.
    let earlier = Timestamp(cloud.clock.now().0 - 10_000);
    cloud.sound_table().watch(&ApplicationId::named("acme"), earlier).await.expect("kept");
    let mut viewer =
        Viewer { gateway, connections: 0, last: BTreeMap::new(), lines: Vec::new(), ended: false };
    cloud.expect("modal", "job-c1", "c1").await;
    viewer.connect(cloud).await;
    for (first, texts) in [(1, vec!["one", "two"]), (3, vec!["three"])] {
        let lines = json!({ "stream": "out", "first_seq": first, "lines": texts });
        until_it_works(cloud, Method::POST, LOG, lines).await;
        cloud.work().await;
        viewer.hear("");
    }
    cloud.send(&sender::completion("c1", "success", "1")).await;
    cloud.settle_for(4).await;
    viewer.hear("");
    if !viewer.ended || viewer.lines.len() < 3 {
        // A push is a hint. Who comes back finds the rest.
        viewer.connect(cloud).await;
    }
    assert_eq!(viewer.lines, ["one", "two", "three"], "each line once and in order");
    assert!(viewer.ended, "the end of the job");
    for _ in 0..3 {
        cloud.leave(&viewer.id()).await;
    }
    cloud.settle_for(2).await;
}

/// The completion has arrived.
pub(super) fn arrived(world: &World) -> bool {
    super::logged::arrived(world)
}
