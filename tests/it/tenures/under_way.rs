//! Requests that are under way while their source is deleted or moves.

use super::*;

impl Meeting {
    /// The number of events of an application.
    async fn count(&self, application: &str) -> usize {
        self.events(application).await.len()
    }
}

#[tokio::test]
async fn what_was_accepted_before_a_change_is_the_former_tenant_s() {
    for change in CHANGES {
        let at = Meeting::start().await;
        let mut a = at.tenant("a", "a", ["s", "t"]).await;
        for source in a.sources {
            at.source(source, "a").await;
        }
        assert!(at.send("/in/s", &completion("c1", "success", "1")).await);
        at.cloud.pass(std::time::Duration::from_secs(1));
        let b = at.change(change, &mut a).await;
        at.cloud.work().await;
        assert_eq!(at.count(&a.application).await, 1, "{change:?}");
        assert_eq!(at.count(&b.application).await, 0, "{change:?}");
        // Of an application that was deleted nothing is sent.
        let sent = usize::from(change != Change::ApplicationRecreated);
        assert_eq!(at.heard("/a/hook", "job-c1"), sent, "{change:?}");
        assert_eq!(at.heard("/b/hook", "job-c1"), 0, "{change:?}");
    }
}

#[tokio::test]
async fn a_secret_of_a_deleted_source_never_speaks_for_the_next_one() {
    let at = Meeting::start().await;
    let a = at.tenant("a", "a", ["s", "t"]).await;
    let b = at.tenant("b", "b", ["s", "t"]).await;
    at.source("s", "a").await;
    assert!(at.send("/in/s", &completion("c1", "success", "1")).await);
    at.cloud.work().await;
    at.done(&a.key, Method::DELETE, "/v1/sources/s", Value::Null).await;
    let other = "another-secret-of-24-characters";
    let body = json!({ "profile": "modal-omtx", "secrets": [other], "application": "b" });
    at.done(ADMIN, Method::PUT, "/v1/sources/s", body).await;
    at.cloud.pass(std::time::Duration::from_secs(1));
    // This process remembers the former source, and its sender has not heard.
    assert!(at.send("/in/s", &completion("c2", "success", "1")).await);
    at.cloud.work().await;
    assert_eq!((at.count(&a.application).await, at.count(&b.application).await), (2, 0));
    at.cloud.pass(std::time::Duration::from_secs(61));
    assert!(!at.send("/in/s", &completion("c3", "success", "1")).await);
}

#[tokio::test]
async fn a_token_of_a_job_stays_good_for_it_after_a_move_and_ends_with_the_source() {
    let at = Meeting::start().await;
    let a = at.tenant("a", "a", ["s", "t"]).await;
    let b = at.tenant("b", "b", ["s", "t"]).await;
    at.source("t", "a").await;
    let register = json!({ "id": "rp-1", "source": "t" });
    let job = at.done(&a.key, Method::POST, "/v1/jobs", register).await;
    let callback = job["callback_url"].as_str().expect("a URL");
    let callback = callback.replace("https://relay.example", "");
    let report = |status: &str| format!(r#"{{"id":"rp-1","status":"{status}"}}"#).into_bytes();
    assert!(at.send(&callback, &report("IN_QUEUE")).await);
    at.source("t", "b").await;
    // The first request meets a process that remembers the source, the second one that does not.
    assert!(at.send(&callback, &report("IN_PROGRESS")).await);
    at.cloud.pass(std::time::Duration::from_secs(61));
    assert!(at.send(&callback, &report("COMPLETED")).await);
    at.cloud.work().await;
    assert_eq!((at.count(&a.application).await, at.count(&b.application).await), (3, 0));
    at.done(&b.key, Method::DELETE, "/v1/sources/t", Value::Null).await;
    at.source("t", "a").await;
    at.cloud.pass(std::time::Duration::from_secs(61));
    assert!(!at.send(&callback, &report("COMPLETED")).await, "another source");
}

#[tokio::test]
async fn a_platform_is_not_asked_about_jobs_of_a_former_tenure() {
    let at = Meeting::start().await;
    at.tenant("b", "b", ["s", "t"]).await;
    let options = json!({ "deadline_seconds": 60, "mode": "only" });
    at.cloud.options(options).await;
    let running = at.cloud.expect("modal", "j1", "c1").await;
    let body = json!({ "profile": "modal-omtx", "application": "b", "deadline_seconds": 60, "mode": "only" });
    at.done(ADMIN, Method::PUT, "/v1/sources/modal", body).await;
    at.cloud.minutes(10).await;
    let job = at.cloud.job(&running).await;
    assert_eq!((job.status.word(), job.poll_at), ("pending", None));
}
