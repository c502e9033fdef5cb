//! The ordinary part of the run: jobs, batches and messages, failures and letters.

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{profile::Profile, secret::Secret, signature, time::Timestamp};
use serde_json::json;
use tests::cloud::ADMIN;
use tower::ServiceExt;

use super::{
    places::{Place, Witness},
    setting::text,
};

fn signed(secret: &str, body: &[u8], at: Timestamp) -> [(&'static str, String); 2] {
    let scheme = &Profile::named("modal-omtx").expect("known").scheme;
    let made = signature::sign(scheme, &Secret::new(secret), None, None, body).expect("signs");
    [("x-modal-signature", made), ("x-modal-timestamp", at.secs().to_string())]
}

/// Sends a completion to the source `worker`, and keeps what it is answered.
pub(super) async fn complete(
    witness: &mut Witness<'_>,
    secret: &str,
    job: &str,
    status: &str,
) -> u16 {
    let body = json!({ "call_id": format!("c-{job}"), "status": status, "metadata": { "job_id": job }, "result": "x".repeat(9000) });
    let body = body.to_string().into_bytes();
    // What the sender shows besides its signature: to the relay, and to an endpoint that asks for it.
    let uri = format!("/in/worker?a=1&token={}", text("request"));
    let mut request = Request::post(uri).header("x-gitlab-token", text("passed"));
    for name in ["authorization", "cookie", "x-api-key"] {
        request = request.header(name, text("request"));
    }
    for (name, value) in signed(secret, &body, witness.cloud.clock.now()) {
        request = request.header(name, value);
    }
    send_in(witness, request.body(Body::from(body)).expect("one")).await
}

pub(super) async fn send_in(witness: &mut Witness<'_>, request: Request<Body>) -> u16 {
    let name = format!("answer to {}", request.uri());
    let answer = witness.cloud.ingest().oneshot(request).await.expect("infallible");
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let said = String::from_utf8_lossy(&body);
    let text = format!("{:?} {said}", parts.headers);
    witness.places.push(Place { name, text, shows: None });
    parts.status.as_u16()
}

/// Jobs and batches with webhooks of their own, completions, a cancellation.
pub(super) async fn work(witness: &mut Witness<'_>, echo: &str) {
    let headers = json!({ "Authorization": format!("Basic {}", STANDARD.encode(text("basic"))) });
    let webhook = |secret: &str| json!({ "url": format!("{echo}/500/job"), "secret": text(secret), "headers": headers, "max_retries": 1 });
    for job in ["j1", "j2", "j3", "j4"] {
        let body =
            json!({ "source": "worker", "call_id": format!("c-{job}"), "webhook": webhook("job") });
        witness.done(Method::PUT, &format!("/v1/jobs/{job}"), body).await;
    }
    let again = json!({ "source": "worker", "webhook": webhook("job2") });
    witness.done(Method::PUT, "/v1/jobs/j1", again).await;
    let batch = json!({ "input_file_id": "file-1", "application": "acme", "size": 1, "webhook": webhook("batch") });
    let batch = witness.done(Method::POST, "/v1/batches", batch).await;
    let bare = json!({ "id": "b2", "application": "acme", "size": 1, "webhook_url": format!("{echo}/500/batch") });
    witness.done(Method::POST, "/v1/batches", bare).await;
    let external = batch["external_id"].as_str().expect("an id");
    let member = json!({ "source": "worker", "batch_id": external });
    witness.done(Method::PUT, "/v1/jobs/m1", member).await;
    let source = text("source");
    for (job, status) in
        [("j1", "success"), ("j2", "failure"), ("m1", "success"), ("j1", "success")]
    {
        assert_eq!(complete(witness, &source, job, status).await, 202);
    }
    assert_eq!(complete(witness, &text("wrong"), "j1", "success").await, 401);
    for name in ["x-modal-signature", "authorization", "webhook-signature", "cookie"] {
        let request = Request::post("/in/worker").header(name, text("source"));
        let request = request.header("x-modal-timestamp", text("source")).body(Body::from("{}"));
        assert_eq!(send_in(witness, request.expect("one")).await, 401);
    }
    let message = json!({ "eventType": "order.paid", "payload": { "n": 1 } });
    witness.done(Method::POST, "/api/v1/app/acme/msg", message).await;
    witness.cloud.work().await;
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str())];
    witness.send(Method::POST, "/v1/jobs/j3/cancel", &headers, "").await;
    // Letters, a platform that is asked and answers with what it was given, tasks.
    witness.cloud.minutes(14).await;
}
