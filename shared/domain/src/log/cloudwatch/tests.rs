//! Tests of the events that subscription filters of CloudWatch Logs send.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const LINES: &str = include_str!("../../../tests/vectors/cloudwatch-logs.json");
const CONTROL: &str = include_str!("../../../tests/vectors/cloudwatch-control-message.json");

/// The data of a sample event.
fn data(event: &str) -> String {
    let event: Value = serde_json::from_str(event).expect("JSON");
    event["awslogs"]["data"].as_str().expect("data").to_owned()
}

fn packed(content: &[u8]) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("written");
    STANDARD.encode(encoder.finish().expect("packed"))
}

fn message(events: &Value) -> String {
    let content = json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/modal/jobs/fc-1",
        "logStream": "job-fc-1", "subscriptionFilters": ["relay"], "logEvents": events,
    });
    packed(content.to_string().as_bytes())
}

fn batches(data: &str) -> Vec<LogBatch> {
    match read(data, NOW) {
        Ok(SubscriptionEvent::Lines(lines)) => lines.batches,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_brings_its_lines_under_the_ids_that_cloudwatch_gave_them() {
    let now = Timestamp(1_796_000_000_000);
    let Ok(SubscriptionEvent::Lines(lines)) = read(&data(LINES), now) else { panic!("lines") };
    assert_eq!((lines.owner.as_str(), lines.group.as_str()), ("123456789012", "/modal/jobs"));
    assert_eq!(lines.job.as_deref(), Some("fc-01HZX"));
    let [batch] = lines.batches.as_slice() else { panic!("one batch") };
    let texts: Vec<_> = batch.lines.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(texts, ["[INFO] loading the mesh", "100%", "[SUCCESS] done"]);
    assert_eq!(batch.lines[0].at, Timestamp(1_795_999_999_000));
    assert_eq!(batch.lines[0].seq, batch.first);
    assert!(batch.lines.is_sorted_by(|one, other| one.seq < other.seq));
    // The same event again is the same batch.
    assert_eq!(batches(&data(LINES))[0].first, batch.first);
}

#[test]
fn a_control_message_is_ignored() {
    assert_eq!(read(&data(CONTROL), NOW), Ok(SubscriptionEvent::Control));
}

#[test]
fn the_job_is_named_by_group_or_stream() {
    for (group, stream, job) in [
        ("/modal/jobs/fc-1", "job-fc-1", Some("fc-1")),
        ("/modal/jobs/fc-1", "other", Some("fc-1")),
        ("/modal/jobs", "job-fc-1", Some("fc-1")),
        ("/ours", "job-fc-1", Some("fc-1")),
        ("/ours", "job-", None),
        ("/ours", "other", None),
        ("/modal/jobs/", "other", None),
        ("/modal/jobs/a/b", "job-c", Some("c")),
        ("", "", None),
    ] {
        assert_eq!(job_of(group, stream).as_deref(), job, "{group} {stream}");
    }
    assert_eq!(job_of("/ours", &format!("job-{}", "a".repeat(MAX_EXTERNAL_ID + 1))), None);
}

#[test]
fn what_is_no_event_is_refused() {
    let form = |content: Value| packed(content.to_string().as_bytes());
    let event = json!([{ "id": "x", "timestamp": 1, "message": "a" }]);
    for (data, fault) in [
        ("not base64!".to_owned(), SubscriptionFault::Base64),
        (STANDARD.encode("{}"), SubscriptionFault::Gzip),
        (packed(b"{}")[..20].to_owned(), SubscriptionFault::Gzip),
        (packed(b"{}"), SubscriptionFault::Form),
        (packed(b"[1]"), SubscriptionFault::Form),
        (form(json!({ "messageType": "OTHER" })), SubscriptionFault::Form),
        (form(json!({ "messageType": "DATA_MESSAGE", "logStream": "" })), SubscriptionFault::Form),
        (message(&event), SubscriptionFault::Form),
        (packed(&vec![b' '; MAX_UNPACKED + 1]), SubscriptionFault::TooLarge),
    ] {
        assert_eq!(read(&data, NOW), Err(fault));
    }
}

#[test]
fn a_bomb_is_refused_before_it_fills_the_memory() {
    let bomb = packed(&vec![0; 200 * 1024 * 1024]);
    assert!(bomb.len() < 2_000_000, "{}", bomb.len());
    assert_eq!(read(&bomb, NOW), Err(SubscriptionFault::TooLarge));
}

#[test]
fn many_lines_are_kept_in_several_batches() {
    let many = |count: usize, text: &str| {
        let event =
            |id: usize| json!({ "id": format!("{id:056}"), "timestamp": 0, "message": text });
        batches(&message(&(0..count).map(event).collect()))
    };
    let sizes = |batches: &[LogBatch]| batches.iter().map(|it| it.lines.len()).collect::<Vec<_>>();
    assert_eq!(sizes(&many(1201, "a")), [500, 500, 201]);
    let large = many(40, &"x".repeat(15_000));
    assert_eq!(sizes(&large), [17, 17, 6]);
    assert!(many(0, "a").is_empty());
    let bytes = |batch: &LogBatch| batch.lines.iter().map(|line| line.message.len()).sum::<usize>();
    assert!(large.iter().all(|batch| bytes(batch) <= MAX_TEXT));
}
