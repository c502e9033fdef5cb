//! A flood of requests to sources that do not exist: it costs one read each, and healthy senders pay
//! nothing for it.

use axum::{body::Body, http::Request};
use tests::{cloud::Cloud, faults::Faults, sender, sender::completion};
use tower::ServiceExt;

/// Requests of the flood, each to another name: more than `ingest` remembers.
const FLOOD: usize = 3000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_sources_makes_ingest_forget_no_source() {
    let cloud = Cloud::start(Faults::default()).await;
    let ingest = cloud.ingest();
    let status = async |path: &str, job: &str| {
        let body = completion(job, "success", "1");
        let headers = sender::headers(&body, cloud.clock.now());
        let mut request = Request::post(path).body(Body::from(body)).expect("a request");
        *request.headers_mut() = headers;
        ingest.clone().oneshot(request).await.expect("infallible").status().as_u16()
    };
    assert_eq!(status("/in/modal", "first").await, 202);
    let before = cloud.faults.calls().len();
    for number in 0..FLOOD {
        assert_eq!(status(&format!("/in/nobody-{number}"), "flood").await, 401);
        if number % 100 == 0 {
            assert_eq!(status("/in/modal", &format!("job-{number}")).await, 202);
        }
    }
    let calls = cloud.faults.calls().split_off(before);
    let count = |operation: &str| calls.iter().filter(|it| it.operation == operation).count();
    let healthy = FLOOD / 100;
    assert_eq!((count("GetItem"), count("SendMessage")), (FLOOD, healthy), "{}", calls.len());
    // All names that no source has are counted together, in one write every ten seconds.
    let writes = calls.iter().filter(|call| call.operation.starts_with("UpdateItem")).count();
    assert_eq!((writes, calls.len()), (1, FLOOD + healthy + 1));
}
