//! Every profile's policy, words, bodies and headers, checked the way the systems' own documents
//! verify them.

mod calls;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    envelope::StoredBody,
    event::{EventOutcome, Origin},
    id::{ApplicationId, EventId, JobId, SourceId, Tenure},
    retry,
    time::Timestamp,
};

const AT: Timestamp = Timestamp(1_704_067_200_000);

fn out(profile: &str) -> &'static OutgoingProfile {
    OutgoingProfile::of(profile).expect("it calls subscribers")
}

fn event(event_type: &str, published: bool) -> Event {
    let origin = match published {
        true => Origin::Published { event_id: None },
        false => Origin::Source {
            id: SourceId::derive(&["s"]),
            name: "s".to_owned(),
            key: "k".to_owned(),
            arrival: "a".to_owned(),
            trust: Default::default(),
        },
    };
    Event {
        id: EventId::derive(&["e"]),
        application: ApplicationId::named("acme"),
        event_type: event_type.to_owned(),
        origin,
        fingerprint: String::new(),
        payload: StoredBody::inline(b""),
        said: None,
        encoded: None,
        has_request: false,
        job: event_type.starts_with("job.").then(|| JobId::of(&Tenure::sample(), "j")),
        batch_id: None,
        outcome: EventOutcome::Announced,
        channels: Vec::new(),
        created_at: AT,
        duplicates: 0,
        conflicts: 0,
        webhooks: 0,
        asked: crate::event::PublishOptions::default(),
        in_pages: false,
        expunged_at: None,
    }
}

/// A job's notice, as its fields are given.
fn notice(event_type: &str, status: &str, rest: &Value) -> Vec<u8> {
    let mut data = json!({ "job": {
        "id": "job_1", "external_id": "abc123-def456", "source": "rq", "status": status, "run_id": "test-run-2024",
    } });
    data.as_object_mut().expect("one").extend(rest.as_object().expect("one").clone());
    json!({ "id": "evt_1", "type": event_type, "timestamp": "2024-01-01T00:00:00.000Z", "data": data })
        .to_string()
        .into_bytes()
}

fn rendered(profile: &str, event: &Event, payload: &[u8], include_traceback: bool) -> String {
    let render = || body(out(profile), BodyContext { event, include_traceback }, payload);
    assert_eq!(render(), render(), "every attempt sends the same");
    String::from_utf8(render()).expect("UTF-8")
}

#[test]
fn every_system_keeps_its_own_ladder_timeout_and_idea_of_success() {
    let of = |name: &str| {
        let policy = out(name).policy();
        let waits = policy.delays.iter().take(policy.max_retries.into()).copied();
        (waits.collect::<Vec<_>>(), policy.timeout_seconds)
    };
    assert_eq!(of("wepp"), (vec![1, 2], 30), "R4.4: three tries");
    assert_eq!(of("batch"), (vec![1, 2], 30), "R3.3, C8: three tries");
    for name in ["hokusai", "hokusai-prefixed", "hokusai-deltaone"] {
        assert_eq!(of(name), (vec![2, 4, 8, 16, 32], 30), "R2.6: five retries");
    }
    assert_eq!(of("omtx-out"), (vec![5, 15, 30], 30), "S0.14");
    let is = |name: &str, status| out(name).success.is(status);
    for (status, wepp, batch, hokusai, omtx) in [
        (199, false, false, false, false),
        (200, true, true, true, true),
        (201, true, true, true, false),
        (202, true, true, true, false),
        (203, true, false, true, false),
        (204, true, true, true, false),
        (299, true, false, true, false),
        (300, false, false, false, false),
        (410, false, false, false, false),
        (500, false, false, false, false),
    ] {
        let judged = (
            is("wepp", status),
            is("batch", status),
            is("hokusai", status),
            is("omtx-out", status),
        );
        assert_eq!(judged, (wepp, batch, hokusai, omtx), "{status}");
    }
}

#[test]
fn a_limit_of_attempts_is_counted_as_its_system_counts() {
    let retries = |name: &str, given| out(name).policy_of(Some(given), None).map(|p| p.max_retries);
    assert_eq!(retries("batch", 1), Ok(0), "R3.3: one try in all");
    let most = i64::from(retry::MAX_RETRIES);
    assert_eq!(retries("batch", most), Ok(retry::MAX_RETRIES - 1));
    assert_eq!(retries("wepp", 3), Ok(2));
    assert_eq!(retries("hokusai", 5), Ok(5), "R2.6: after the first");
    for bad in [0, most + 1, -1] {
        assert_eq!(retries("batch", bad), Err(InvalidPolicy::MaxRetries));
    }
    let timeout = |given| out("batch").policy_of(None, Some(given)).map(|p| p.timeout_seconds);
    assert_eq!(
        (
            timeout(60),
            timeout(i64::from(retry::MIN_TIMEOUT) - 1),
            timeout(i64::from(retry::MAX_TIMEOUT) + 1)
        ),
        (Ok(60), Err(InvalidPolicy::Timeout), Err(InvalidPolicy::Timeout))
    );
    let longest = out("batch").policy_of(Some(10), None).expect("valid");
    let wait = longest.delay(9, 0.5, None).expect("a retry").as_secs();
    assert_eq!(wait, 256, "it doubles on");
}

#[test]
fn words_are_the_system_s_and_it_speaks_of_nothing_else() {
    for (profile, ours, word) in [
        ("wepp", "job.succeeded", "job.success"),
        ("wepp", "job.failed", "job.failure"),
        ("wepp", "job.timed_out", "job.failure"),
        ("wepp", "job.cancelled", "job.stopped"),
        ("batch", "batch.completed", "completed"),
        ("batch", "batch.failed", "failed"),
        ("batch", "batch.progress", "progress"),
        ("omtx-out", "job.succeeded", "job.completed"),
        ("omtx-out", "job.failed", "job.failed"),
        ("omtx-out", "batch.completed", "batch.completed"),
        ("hokusai", "model.registered", "model.registered"),
    ] {
        assert_eq!(out(profile).word(ours), word);
        assert!(out(profile).speaks_of(ours));
    }
    assert!(
        !out("wepp").speaks_of("job.started") && !out("omtx-out").speaks_of("model.registered")
    );
    let mut failures: Vec<_> = out("wepp").types_of("job.failure").collect();
    failures.sort_unstable();
    assert_eq!(failures, ["job.failed", "job.timed_out"]);
}

#[test]
fn r4_2_wepp_bodies_are_as_the_document_has_them() {
    let success = event("job.succeeded", false);
    let sent = rendered(
        "wepp",
        &success,
        &notice("job.succeeded", "succeeded", &json!({ "result": { "status": "complete" } })),
        false,
    );
    let want = r#"{"event":"job.success","job_id":"abc123-def456","runid":"test-run-2024","timestamp":1704067200.0,"result":{"status":"complete"}}"#;
    assert_eq!(sent, want);
    let nothing =
        rendered("wepp", &success, &notice("job.succeeded", "succeeded", &json!({})), false);
    assert!(nothing.ends_with(r#""result":null}"#), "{nothing}");
    let error = json!({ "error": { "type": "ValueError", "message": "Invalid landuse mode", "traceback": "Traceback: secret/path.py" } });
    let failure = event("job.failed", false);
    let payload = notice("job.failed", "failed", &error);
    let sent = rendered("wepp", &failure, &payload, false);
    let want = r#"{"event":"job.failure","job_id":"abc123-def456","runid":"test-run-2024","timestamp":1704067200.0,"error":{"type":"ValueError","message":"Invalid landuse mode"}}"#;
    assert_eq!(sent, want, "no traceback leaves unasked");
    let asked = rendered("wepp", &failure, &payload, true);
    assert!(asked.contains(r#","traceback":"Traceback: secret/path.py"}"#), "{asked}");
    for (error, kind, message) in [
        (json!("it broke"), "Exception", "it broke"),
        (json!({ "name": "KeyError", "error": "x" }), "KeyError", "x"),
        (json!({ "code": 7 }), "Exception", r#"{"code":7}"#),
        (json!(null), "Exception", "the job failed"),
    ] {
        let sent = rendered(
            "wepp",
            &failure,
            &notice("job.failed", "failed", &json!({ "error": error })),
            false,
        );
        let sent: Value = serde_json::from_str(&sent).expect("JSON");
        assert_eq!(sent["error"], json!({ "type": kind, "message": message }));
    }
    let timed_out = rendered(
        "wepp",
        &event("job.timed_out", false),
        &notice("job.timed_out", "timed_out", &json!({})),
        false,
    );
    assert!(
        timed_out
            .contains(r#""error":{"type":"JobTimeoutException","message":"the job timed_out"}"#),
        "{timed_out}"
    );
    let stopped = rendered(
        "wepp",
        &event("job.cancelled", false),
        &notice("job.cancelled", "cancelled", &json!({})),
        false,
    );
    assert_eq!(
        stopped,
        r#"{"event":"job.stopped","job_id":"abc123-def456","runid":"test-run-2024","timestamp":1704067200.0}"#
    );
}

#[test]
fn r3_11_batch_bodies_are_python_s_sorted_dump() {
    let batch = json!({
        "id": "batch_1", "status": "completed", "endpoint": "/v1/chat/completions", "total": 3, "completed": 2, "failed": 1,
        "created_at": "2024-01-01T00:00:00Z", "completed_at": "2024-01-01T00:01:00Z",
        "metadata": { "b": 1.0, "a": "é😀" },
    });
    let payload = json!({ "id": "evt_1", "type": "batch.completed", "timestamp": "2024-01-01T00:01:00.000Z", "data": { "batch": batch } });
    let sent =
        rendered("batch", &event("batch.completed", false), payload.to_string().as_bytes(), false);
    // Printed by Python 3.11: json.dumps(payload, sort_keys=True).
    let want = r#"{"completed_at": 1704067260, "created_at": 1704067200, "endpoint": "/v1/chat/completions", "error_file_url": "/v1/batches/batch_1/errors", "id": "batch_1", "metadata": {"a": "\u00e9\ud83d\ude00", "b": 1.0}, "object": "batch", "output_file_url": "/v1/batches/batch_1/results", "request_counts": {"completed": 2, "failed": 1, "total": 3}, "status": "completed"}"#;
    assert_eq!(sent, want);
    let mut payload = payload;
    payload["data"]["batch"] = json!({ "id": "batch_1", "status": "failed", "total": 1, "completed": 0, "failed": 1, "created_at": "2024-01-01T00:00:00Z" });
    let sent =
        rendered("batch", &event("batch.failed", false), payload.to_string().as_bytes(), false);
    for part in [
        r#""completed_at": null"#,
        r#""endpoint": null"#,
        r#""output_file_url": null"#,
        r#""metadata": null"#,
    ] {
        assert!(sent.contains(part), "{part}: {sent}");
    }
}

#[test]
fn a_job_is_a_batch_of_one() {
    for (event_type, status, want) in [
        (
            "job.succeeded",
            "succeeded",
            json!({ "status": "completed", "counts": [1, 0], "ended": true, "output": true }),
        ),
        (
            "job.failed",
            "failed",
            json!({ "status": "failed", "counts": [0, 1], "ended": true, "output": false }),
        ),
        (
            "job.timed_out",
            "timed_out",
            json!({ "status": "failed", "counts": [0, 1], "ended": true, "output": false }),
        ),
        (
            "job.cancelled",
            "cancelled",
            json!({ "status": "cancelled", "counts": [0, 0], "ended": true, "output": false }),
        ),
        (
            "job.progress",
            "running",
            json!({ "status": "in_progress", "counts": [0, 0], "ended": false, "output": false }),
        ),
    ] {
        let sent = rendered(
            "batch",
            &event(event_type, false),
            &notice(event_type, status, &json!({})),
            false,
        );
        let sent: Value = serde_json::from_str(&sent).expect("JSON");
        let counts = &sent["request_counts"];
        let got = json!({
            "status": sent["status"], "counts": [counts["completed"], counts["failed"]],
            "ended": !sent["completed_at"].is_null(), "output": sent["output_file_url"] == "/v1/jobs/job_1/result",
        });
        assert_eq!(got, want, "{event_type}: {sent}");
        assert_eq!(
            (&sent["id"], &sent["object"], &counts["total"]),
            (&json!("abc123-def456"), &json!("batch"), &json!(1))
        );
    }
}

#[test]
fn r2_3_hokusai_bodies_are_what_node_would_write_again() {
    let payload = r#"{ "model_id": "m", "idempotency_key": "k", "baseline_metrics": {"accuracy": 0.850, "loss": 1.0, "tiny": 1e-7, "big": 1E21}, "10": 1, "9": -0, "name": "caf\u00e9" }"#;
    let want = "{\"9\":0,\"10\":1,\"model_id\":\"m\",\"idempotency_key\":\"k\",\"baseline_metrics\":{\"accuracy\":0.85,\"loss\":1,\"tiny\":1e-7,\"big\":1e+21},\"name\":\"café\"}";
    let published = event("model.registered", true);
    assert_eq!(rendered("hokusai", &published, payload.as_bytes(), false), want);
    let passed_on =
        format!(r#"{{"id":"evt_1","type":"model.registered","timestamp":"x","data":{payload}}}"#);
    let from_source = event("model.registered", false);
    assert_eq!(
        rendered("hokusai", &from_source, passed_on.as_bytes(), false),
        want,
        "a source's own words, unwrapped"
    );
    assert_eq!(rendered("hokusai", &published, b"not JSON", false), "not JSON");
}

#[test]
fn s0_14_omtx_bodies_name_job_status_and_data() {
    let sent = |event_type: &str, status: &str, rest: Value| -> Value {
        let sent = rendered(
            "omtx-out",
            &event(event_type, false),
            &notice(event_type, status, &rest),
            false,
        );
        serde_json::from_str(&sent).expect("JSON")
    };
    let done = sent("job.succeeded", "succeeded", json!({ "result": { "affinity": 0.5 } }));
    let user = ApplicationId::named("acme");
    let at = "2024-01-01T00:00:00.000Z";
    let want = json!({
        "event": "job.completed", "timestamp": at, "job_id": "abc123-def456", "user_id": user, "status": "completed",
        "data": { "results": { "affinity": 0.5 }, "job_type": "individual", "completion_time": at },
    });
    assert_eq!(done, want);
    let failed = sent("job.failed", "failed", json!({ "error": { "message": "no GPU" } }));
    assert_eq!(
        (&failed["event"], &failed["status"], &failed["data"]["error"]),
        (&json!("job.failed"), &json!("failed"), &json!("no GPU"))
    );
    let batch = json!({ "batch": { "id": "batch_1", "status": "completed", "total": 4, "completed": 3, "failed": 1 } });
    let payload =
        json!({ "id": "evt_1", "type": "batch.completed", "timestamp": at, "data": batch })
            .to_string();
    let sent = rendered("omtx-out", &event("batch.completed", false), payload.as_bytes(), false);
    let sent: Value = serde_json::from_str(&sent).expect("JSON");
    assert_eq!(
        (&sent["event"], &sent["job_id"], &sent["data"]["success_rate"]),
        (&json!("batch.completed"), &json!("batch_1"), &json!(75.0))
    );
}

#[test]
fn what_a_system_has_no_words_for_goes_out_in_ours() {
    let payload = br#"{"id":"evt_1","type":"custom.thing","data":{}}"#;
    for profile in ["wepp", "omtx-out", "hokusai"] {
        let sent = rendered(profile, &event("custom.thing", true), payload, false);
        assert_eq!(sent.as_bytes(), payload, "{profile}");
    }
    assert_eq!(rendered("batch", &event("custom.thing", true), b"[", false), "[");
}

#[test]
fn bodies_of_any_size_hash_as_they_are() {
    let payload = json!({ "x": "é".repeat(1 << 20) }).to_string();
    let sent = rendered("hokusai", &event("model.registered", true), payload.as_bytes(), false);
    assert_eq!(Sha256::digest(sent), Sha256::digest(payload));
}
