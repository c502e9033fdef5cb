//! Lines for a job's log, signed as the source signs its completions.

use axum::http::header;
use dispatch::logs::Logs;
use domain::{
    id::{JobId, Tenure},
    job::Job,
    log::LogEntry,
};
use serde_json::json;

use super::*;

fn tenure(source: &str) -> Tenure {
    let application = ApplicationId::named("acme");
    Tenure { source: SourceId::derive(&[source]), application }
}

/// A body of lines, and the headers with which the source `mesh` signs it.
fn signed(body: &Value) -> (Vec<(String, String)>, String) {
    let body = body.to_string();
    let scheme = &Profile::named("modal-mesh").expect("there").scheme;
    let signature = sign(scheme, &Secret::new(SECRET), None, None, body.as_bytes());
    (vec![("x-modal-signature".to_owned(), signature.expect("signs"))], body)
}

fn lines(job: &str, first: u64, lines: &[&str]) -> Value {
    json!({ "job_id": job, "stream": "out", "first_seq": first, "lines": lines })
}

impl World {
    async fn send_lines(&self, job: &str, body: &Value) -> (StatusCode, Value) {
        let (headers, body) = signed(body);
        self.post(&format!("/in/mesh/jobs/{job}/logs"), &headers, &body).await
    }

    /// The lines of a job's log.
    async fn log(&self, job: &str) -> Vec<String> {
        let job = Job::unknown(tenure("mesh"), "mesh", job, self.clock.now());
        let page = Logs::new(self.table.clone()).newest(&job, 100).await.expect("read");
        let text = |entry| match entry {
            LogEntry::Line(line) => line.message,
            LogEntry::Missing { lines, .. } => format!("{lines} missing"),
        };
        page.entries.into_iter().map(text).collect()
    }
}

#[tokio::test]
async fn r1_6_signed_lines_are_kept_once() {
    let world = World::start().await;
    for _ in 0..2 {
        let (status, answer) = world.send_lines("j1", &lines("j1", 1, &["one", "two"])).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(answer, json!({ "status": "accepted", "next_seq": 3, "conflict": false }));
    }
    let (_, answer) = world.send_lines("j1", &lines("j1", 1, &["other"])).await;
    assert_eq!(answer["conflict"], true);
    assert_eq!(world.log("j1").await, ["one", "two"]);
    assert!(world.inbox().await.is_empty(), "lines are no events");
    // An id with a slash in it, as it is spelt in a path.
    let (status, _) = world.send_lines("a%2Fb", &lines("a/b", 1, &["x"])).await;
    assert_eq!((status, world.log("a/b").await), (StatusCode::ACCEPTED, vec!["x".to_owned()]));
}

#[tokio::test]
async fn lines_that_nobody_signed_are_refused_as_completions_are() {
    let world = World::start().await;
    let (headers, body) = signed(&lines("j1", 1, &["one"]));
    let path = "/in/mesh/jobs/j1/logs";
    let refused = world.post(path, &[], &body).await;
    assert_eq!(refused.0, StatusCode::UNAUTHORIZED);
    assert_eq!(world.post(path, &headers, &body.replace("one", "two")).await, refused);
    assert_eq!(world.post("/in/nobody/jobs/j1/logs", &headers, &body).await, refused);
    assert_eq!(world.post("/in/modal/jobs/j1/logs", &headers, &body).await, refused);
    world.source("cog", "cog", SECRET).await;
    assert_eq!(world.post("/in/cog/jobs/j1/logs", &headers, &body).await, refused);
    assert!(world.log("j1").await.is_empty());
}

#[tokio::test]
async fn a_signature_is_good_for_the_job_that_its_body_names() {
    let world = World::start().await;
    let (headers, body) = signed(&lines("j1", 1, &["one"]));
    let (status, answer) = world.post("/in/mesh/jobs/j2/logs?first_seq=7", &headers, &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer["detail"].as_str().is_some_and(|why| why.starts_with("job_id: ")), "{answer}");
    let (status, _) = world.send_lines("j1", &json!({ "first_seq": 1, "lines": ["a"] })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut text = headers.clone();
    text.push((header::CONTENT_TYPE.to_string(), "text/plain".to_owned()));
    let (status, _) = world.post("/in/mesh/jobs/j1/logs?first_seq=7", &text, &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for (body, status) in [
        (json!(["a"]), StatusCode::UNPROCESSABLE_ENTITY),
        (
            json!({ "job_id": "j1", "first_seq": 0, "lines": ["a"] }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!({ "job_id": "j1", "first_seq": 1, "lnes": ["a"] }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (lines("j1", 1, &["x".repeat(300_000).as_str()]), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        assert_eq!(world.send_lines("j1", &body).await.0, status);
    }
    assert!(world.log("j1").await.is_empty() && world.log("j2").await.is_empty());
}

#[tokio::test]
async fn a_strict_source_has_no_log_of_a_job_that_nobody_registered() {
    let world = World::start().await;
    let options = SourceOptions { strict: true, ..SourceOptions::default() };
    world.source_with("mesh", "modal-mesh", &[SECRET], options).await;
    let (status, _) = world.send_lines("j1", &lines("j1", 1, &["one"])).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let mut job = Job::unknown(tenure("mesh"), "mesh", "j1", world.clock.now());
    assert_eq!(job.id, JobId::of(&tenure("mesh"), "j1"));
    job.version = 1;
    assert_eq!(world.table.keep_job(&job).await.expect("kept"), WriteOutcome::Done);
    let (status, _) = world.send_lines("j1", &lines("j1", 1, &["one"])).await;
    assert_eq!(status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn more_lines_than_a_job_may_log_wait_and_hold_up_no_event() {
    let world = World::start().await;
    let many = ["x"; 500];
    for turn in 0..10 {
        let (status, _) = world.send_lines("j1", &lines("j1", 1 + turn * 500, &many)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{turn}");
    }
    let (status, _) = world.send_lines("j1", &lines("j1", 5001, &many)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(world.send(MESH, |_| ()).await.0, StatusCode::OK);
    let (status, _) = world.send_lines("j2", &lines("j2", 1, &many)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
}
