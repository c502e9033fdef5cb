//! Logs of jobs over HTTP.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use super::{ADMIN, Answer, Relay, SOURCE_SECRET};

async fn relay() -> Relay {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay
}

async fn send(relay: &Relay, key: &str, job: &str, body: &Value) -> Answer {
    relay.ask(key, Method::POST, &format!("/v1/jobs/{job}/logs"), body.to_string()).await
}

async fn text(relay: &Relay, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header("authorization", format!("Bearer {ADMIN}"));
    let request = request.header("content-type", "text/plain; charset=utf-8");
    relay.send(request.body(body.into()).expect("a request")).await
}

fn lines(stream: &str, first: u64, lines: &[&str]) -> Value {
    json!({ "stream": stream, "first_seq": first, "lines": lines })
}

fn messages(log: &Value) -> Vec<&str> {
    let data = log["data"].as_array().expect("lines");
    data.iter().map(|line| line["message"].as_str().expect("text")).collect()
}

#[tokio::test]
async fn r1_6_lines_are_kept_once_and_read_in_their_order() {
    let relay = relay().await;
    let job = relay.put("/v1/jobs/j1", json!({})).await.expect(201);
    let sent = send(&relay, ADMIN, "j1", &lines("out", 1, &["one", "two"])).await.expect(202);
    let wanted =
        json!({ "status": "accepted", "job_id": job["id"], "next_seq": 3, "conflict": false });
    assert_eq!(sent, wanted);
    let again = send(&relay, ADMIN, "j1", &lines("out", 1, &["one", "two"])).await.expect(202);
    assert_eq!(again, wanted);
    let other = send(&relay, ADMIN, "j1", &lines("out", 1, &["other"])).await.expect(202);
    assert_eq!((&other["conflict"], &other["next_seq"]), (&json!(true), &json!(2)));
    let plain =
        text(&relay, "/v1/jobs/j1/logs?stream=out&first_seq=15", "three\n50%\r100%\n").await;
    assert_eq!(plain.expect(202)["next_seq"], 17);
    let line = json!({ "message": "bad", "level": "ERROR", "timestamp": 0 });
    let body = json!({ "stream": "err", "first_seq": 1, "lines": [line] });
    send(&relay, ADMIN, job["id"].as_str().expect("an id"), &body).await.expect(202);

    let log = relay.get("/v1/jobs/j1/logs").await.expect(200);
    assert_eq!(messages(&log), ["one", "two", "12 lines missing", "three", "100%", "bad"]);
    assert_eq!((&log["conflicts"], &log["dropped"]), (&json!(1), &json!(0)));
    assert_eq!((&log["has_more"], &log["job_id"]), (&json!(false), &job["id"]));
    let (hole, bad) = (&log["data"][2], &log["data"][5]);
    assert_eq!((&hole["seq"], &hole["missing"]), (&json!(3), &json!(12)));
    assert_eq!(
        (&bad["level"], &bad["stream"], &bad["seq"]),
        (&json!("error"), &json!("err"), &json!(1))
    );
    assert!(bad["timestamp"].as_str().is_some_and(|at| !at.starts_with("1970")));
    let text = relay.get("/v1/jobs/j1/logs.txt").await;
    assert_eq!(text.text, "one\ntwo\n[12 lines missing]\nthree\n100%\nbad\n");
    assert_eq!(text.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(text.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_log_is_followed_by_token_and_by_number() {
    let relay = relay().await;
    relay.put("/v1/jobs/j1", json!({})).await.expect(201);
    let empty = relay.get("/v1/jobs/j1/logs").await.expect(200);
    assert!(messages(&empty).is_empty());
    send(&relay, ADMIN, "j1", &lines("out", 1, &["1", "2", "3", "4"])).await.expect(202);
    let token = empty["follow_token"].as_str().expect("a token");
    let first = relay.get(&format!("/v1/jobs/j1/logs?limit=3&follow_token={token}")).await;
    let first = first.expect(200);
    assert_eq!((messages(&first), &first["has_more"]), (vec!["1", "2", "3"], &json!(true)));
    let token = first["follow_token"].as_str().expect("a token");
    let rest = relay.get(&format!("/v1/jobs/j1/logs?follow_token={token}")).await.expect(200);
    assert_eq!((messages(&rest), &rest["has_more"]), (vec!["4"], &json!(false)));
    for (after, wanted) in [("0", &["1", "2", "3", "4"][..]), ("2", &["3", "4"]), ("4", &[])] {
        let log = relay.get(&format!("/v1/jobs/j1/logs?after={after}")).await.expect(200);
        assert_eq!(messages(&log), wanted, "{after}");
    }
    let newest = relay.get("/v1/jobs/j1/logs?limit=2").await.expect(200);
    assert_eq!(messages(&newest), ["3", "4"]);
    for (query, field) in [
        ("after=x", "after"),
        ("after=-1", "after"),
        ("follow_token=x", "follow_token"),
        ("after=1&follow_token=W10", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("folow_token=W10", "folow_token"),
    ] {
        let answer = relay.get(&format!("/v1/jobs/j1/logs?{query}")).await;
        answer.expect(422);
        assert!(answer.at("detail").starts_with(field), "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_body_that_brings_no_lines_is_refused_with_the_reason() {
    let relay = relay().await;
    relay.put("/v1/jobs/j1", json!({})).await.expect(201);
    for (body, status, detail) in [
        ("{", 400, "the body is not JSON"),
        ("[]", 422, "body: is an object"),
        (r#"{"first_seq":1,"lines":[]}"#, 422, "lines: has 1 to 500"),
        (r#"{"lines":["a"]}"#, 422, "first_seq: is missing"),
        (
            r#"{"first_seq":9223372036854775808,"lines":["a"]}"#,
            422,
            "first_seq: is a whole number from 1 to 9223372036854775807",
        ),
        (
            r#"{"first_seq":1,"lines":["a"],"streem":"x"}"#,
            422,
            "streem: is not known here; did you mean `stream`?",
        ),
        (
            r#"{"first_seq":1,"lines":[{"mesage":"a"}]}"#,
            422,
            "lines.0.mesage: is not known here; did you mean `message`?",
        ),
        (r#"{"first_seq":1,"lines":["a"],"job_id":"j2"}"#, 422, "job_id: is not the job"),
    ] {
        let answer = relay.ask(ADMIN, Method::POST, "/v1/jobs/j1/logs", body).await;
        answer.expect(status);
        assert!(answer.at("detail").starts_with(detail), "{body}: {}", answer.text);
    }
    let large = text(&relay, "/v1/jobs/j1/logs?first_seq=1", "x".repeat(256 * 1024 + 1)).await;
    large.expect(413);
    assert!(large.at("detail").contains("262144"), "{}", large.text);
    let many = text(&relay, "/v1/jobs/j1/logs?first_seq=1", "x\n".repeat(501)).await;
    many.expect(422);
    text(&relay, "/v1/jobs/j1/logs", "x").await.expect(422);
    text(&relay, "/v1/jobs/j1/logs?first_seq=x", "x").await.expect(422);
    text(&relay, "/v1/jobs/j1/logs?frist_seq=1", "x").await.expect(422);
    assert!(messages(&relay.get("/v1/jobs/j1/logs").await.expect(200)).is_empty());
    // What a job prints is not refused, whatever it is.
    let odd = text(&relay, "/v1/jobs/j1/logs?first_seq=1", &b"a\0b\nc\xff\n\x1b["[..]).await;
    odd.expect(202);
    let log = relay.get("/v1/jobs/j1/logs").await.expect(200);
    assert_eq!(messages(&log), ["a\u{fffd}b", "c\u{fffd}", "\u{1b}["]);
    // A line of 1 MB does not fit into a body; one of 200 KB is cut.
    let cut = text(&relay, "/v1/jobs/j1/logs?first_seq=4", "x".repeat(200_000)).await;
    cut.expect(202);
    let log = relay.get("/v1/jobs/j1/logs?after=3").await.expect(200);
    assert!(messages(&log)[0].ends_with("…[cut 183,656 bytes]"), "{}", &log.to_string()[16_000..]);
}

#[tokio::test]
async fn more_lines_in_a_second_than_a_job_may_log_are_429() {
    let relay = relay().await;
    relay.put("/v1/jobs/j1", json!({})).await.expect(201);
    let mut refused = None;
    for turn in 0..60 {
        let path = format!("/v1/jobs/j1/logs?first_seq={}", 1 + turn * 500);
        let answer = text(&relay, &path, "x\n".repeat(500)).await;
        if answer.status != 202 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("too many at some point");
    refused.expect(429);
    assert_eq!(refused.headers["retry-after"], "1");
}

#[tokio::test]
async fn lines_of_a_job_that_nobody_registered_wait_for_it() {
    let relay = relay().await;
    let sent = send(&relay, ADMIN, "late", &lines("out", 1, &["before"])).await.expect(202);
    relay.get("/v1/jobs/late/logs").await.expect(404);
    let job = relay.put("/v1/jobs/late", json!({})).await.expect(201);
    assert_eq!(job["id"], sent["job_id"]);
    let log = relay.get("/v1/jobs/late/logs").await.expect(200);
    assert_eq!(messages(&log), ["before"]);
    // Which source's job it will be has to be clear.
    let strict = json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": "acme", "strict": true });
    relay.put("/v1/sources/strict", strict).await.expect(201);
    let unclear = send(&relay, ADMIN, "other", &lines("out", 1, &["x"])).await;
    unclear.expect(422);
    assert!(unclear.at("detail").starts_with("source: "), "{}", unclear.text);
    let path = |source: &str| format!("/v1/jobs/other/logs?source={source}");
    let body = || lines("out", 1, &["x"]).to_string();
    relay.ask(ADMIN, Method::POST, &path("modal"), body()).await.expect(202);
    relay.ask(ADMIN, Method::POST, &path("strict"), body()).await.expect(404);
    relay.ask(ADMIN, Method::POST, &path("nobody"), body()).await.expect(404);
    relay.put("/v1/jobs/other", json!({ "source": "strict" })).await.expect(201);
    relay.ask(ADMIN, Method::POST, &path("strict"), body()).await.expect(202);
}

#[tokio::test]
async fn a_log_token_appends_to_its_job_and_does_nothing_else() {
    let relay = relay().await;
    let job = relay.put("/v1/jobs/j1", json!({ "call_id": "fc-1" })).await.expect(201);
    let other = relay.put("/v1/jobs/j2", json!({})).await.expect(201);
    let token = job["log_token"].as_str().expect("a token");
    let id = job["id"].as_str().expect("an id");
    for (first, name) in [(1, id), (2, "j1"), (3, "fc-1")] {
        send(&relay, token, name, &lines("out", first, &["x"])).await.expect(202);
    }
    let unknown = send(&relay, "lt_00_1_00", "j1", &lines("out", 9, &["x"])).await;
    unknown.expect(401);
    for job in ["j2", other["id"].as_str().expect("an id"), "nobody"] {
        let refused = send(&relay, token, job, &lines("out", 9, &["x"])).await;
        assert_eq!((refused.status, &refused.text), (unknown.status, &unknown.text), "{job}");
    }
    for (method, path) in [
        (Method::GET, "/v1/jobs/j1/logs"),
        (Method::GET, "/v1/jobs/j1/logs.txt"),
        (Method::GET, "/v1/jobs/j1"),
        (Method::PUT, "/v1/jobs/j1"),
        (Method::POST, "/v1/jobs/j1/cancel"),
        (Method::GET, "/api/v1/app"),
    ] {
        relay.ask(token, method.clone(), path, "{}").await.expect(401);
    }
    // A token with another end is none.
    let (begin, code) = token.rsplit_once('.').expect("a code");
    let (begin, until) = begin.rsplit_once('.').expect("an end");
    let longer = format!("{begin}.{}.{code}", until.parse::<u64>().expect("a time") + 1);
    send(&relay, &longer, "j1", &lines("out", 9, &["x"])).await.expect(401);
    let log = relay.get("/v1/jobs/j1/logs").await.expect(200);
    assert_eq!(messages(&log), ["x", "x", "x"]);
}

#[tokio::test]
async fn a_key_of_another_tenant_neither_sees_nor_writes_a_log() {
    let relay = relay().await;
    relay.application("other").await;
    let job = relay.put("/v1/jobs/j1", json!({})).await.expect(201);
    let id = job["id"].as_str().expect("an id");
    send(&relay, ADMIN, "j1", &lines("out", 1, &["x"])).await.expect(202);
    let own = relay.key("publish", Some("acme")).await;
    let foreign = relay.key("publish", Some("other")).await;
    let reader = relay.key("read", Some("acme")).await;
    send(&relay, &own, "j1", &lines("out", 2, &["y"])).await.expect(202);
    send(&relay, &reader, "j1", &lines("out", 3, &["z"])).await.expect(403);
    send(&relay, "rk_none_0123456789abcdef01234567", "j1", &lines("out", 3, &["z"]))
        .await
        .expect(401);
    for name in ["j1", id] {
        for path in [format!("/v1/jobs/{name}/logs"), format!("/v1/jobs/{name}/logs.txt")] {
            relay.ask(&foreign, Method::GET, &path, Body::empty()).await.expect(404);
            relay.ask(&reader, Method::GET, &path, Body::empty()).await.status.is_success();
        }
    }
    send(&relay, &foreign, id, &lines("out", 3, &["z"])).await.expect(404);
    let path = "/v1/jobs/j1/logs?source=modal";
    let body = lines("out", 3, &["z"]).to_string();
    relay.ask(&foreign, Method::POST, path, body).await.expect(404);
    let log = relay.get("/v1/jobs/j1/logs").await.expect(200);
    assert_eq!(messages(&log), ["x", "y"]);
}
