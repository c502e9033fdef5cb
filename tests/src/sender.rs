//! Signed completions, as a platform sends them.

use axum::http::{HeaderMap, HeaderValue};
use domain::{profile::Profile, secret::Secret, signature, time::Timestamp};

/// The secret of the sources in these tests.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A completion by the profile `modal-omtx`.
pub fn completion(call_id: &str, status: &str, result: &str) -> Vec<u8> {
    format!(
        r#"{{"call_id":"{call_id}","status":"{status}","result":{result},"metadata":{{"job_id":"job-{call_id}","batch_id":"b1","timestamp":"2026-11-22T00:00:00Z"}}}}"#
    )
    .into_bytes()
}

/// The headers that go with a body of the profile `modal-omtx`.
pub fn headers(body: &[u8], now: Timestamp) -> HeaderMap {
    let scheme = &Profile::named("modal-omtx").expect("part of the build").scheme;
    let signed = signature::sign(scheme, &Secret::new(SECRET), None, None, body).expect("signs");
    let mut headers = HeaderMap::new();
    let value = |text: String| HeaderValue::try_from(text).expect("a header");
    headers.insert("x-modal-signature", value(signed));
    headers.insert("x-modal-timestamp", value(now.secs().to_string()));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers
}
