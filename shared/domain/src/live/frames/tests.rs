//! Frames of each protocol from news and log lines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::{
    delivery::{Attempt, Delivery},
    endpoint::Endpoint,
    event::Event,
    id::{ApplicationId, AttemptId, BatchId, EndpointId, EventId, JobId, LetterId, TaskId, Tenure},
    job::Job,
    letter::{Letter, LetterFilter, LetterState, LetterSubject},
    live::{
        message::LineEntry,
        news::{DeliveryNews, EventNews, LetterNews, LinesNews, RefusalNews, TaskNews},
        protocol::Protocol,
        subscription::FactFilter,
        topic::Topic,
    },
    log::{Seq, StreamName},
    refusals::{RefusalReason, RefusalSample, RefusedRequest},
    retry::ErrorClass,
    task::Task,
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn subscriber(name: Option<&str>, filter: FactFilter) -> LiveSubscription {
    let name = name.map(str::to_owned);
    LiveSubscription {
        connection: "c".to_owned(),
        protocol: Protocol::Json,
        name,
        filter,
        refusals: true,
        after: BTreeMap::new(),
        caught_up: None,
    }
}

fn job(status: JobStatus) -> JobNews {
    let mut job = Job::unknown(Tenure::sample(), "modal", "modal-7", NOW);
    (job.project_id, job.batch_id) = (Some("p".to_owned()), Some("b".to_owned()));
    JobNews::of(&job, status, None)
}

fn event(number: usize, event_type: &str) -> News {
    let id = EventId::derive(&[&number.to_string()]);
    let event = Event::by_relay(id, ApplicationId::named("acme"), event_type, b"{}", NOW);
    News::Event(EventNews::of(&event))
}

fn said(_: &JobNews) -> JobSaid {
    JobSaid {
        result: RawValue::from_string("[1.50]".to_owned()).ok(),
        error: Some("boom".to_owned()),
        progress: Some(50.0),
        message: Some("meshing".to_owned()),
    }
}

/// The frames that a subscription receives of the news, as JSON.
fn heard(topic: Topic, news: Vec<News>, gap: bool, to: &LiveSubscription) -> Vec<Value> {
    let bulletin = Bulletin { topic, at: NOW, gap, news };
    let frames = frames(&bulletin, to, &said);
    assert!(frames.iter().all(|frame| frame.len() <= MAX_FRAME));
    frames.iter().map(|frame| serde_json::from_str(frame).expect("JSON")).collect()
}

fn acme() -> ApplicationId {
    ApplicationId::named("acme")
}

#[test]
fn states_of_a_job_are_told_as_s1_hears_them() {
    let topic = || Topic::job(acme(), JobId::derive(&["j"]));
    let to = subscriber(Some("my-name"), FactFilter::default());
    let id = job(JobStatus::Running).id.to_string();
    for (status, expected) in [
        (
            JobStatus::Succeeded,
            json!({ "event": "job_completed", "status": "completed", "result": [1.5] }),
        ),
        (JobStatus::Failed, json!({ "event": "job_failed", "status": "failed", "error": "boom" })),
        (
            JobStatus::TimedOut,
            json!({ "event": "job_failed", "status": "timed_out", "error": "boom" }),
        ),
        (
            JobStatus::Cancelled,
            json!({ "event": "job_failed", "status": "cancelled", "error": "boom" }),
        ),
        (
            JobStatus::Progress,
            json!({ "event": "job_progress", "status": "running", "progress": 50.0,
                "message": "meshing", "timestamp": NOW.rfc3339() }),
        ),
    ] {
        let frames = heard(topic(), vec![News::Job(job(status))], false, &to);
        let mut expected = expected.as_object().expect("an object").clone();
        for (name, value) in
            [("id", id.as_str()), ("job_id", "my-name"), ("project_id", "p"), ("batch_id", "b")]
        {
            expected.insert(name.to_owned(), value.into());
        }
        assert_eq!(frames, [Value::Object(expected)], "{status:?}");
    }
}

#[test]
fn a_job_bears_its_senders_name_where_the_client_named_something_else() {
    let to = subscriber(Some("p"), FactFilter::default());
    let project = Topic::project(acme(), "p".to_owned());
    let frames = heard(project, vec![News::Job(job(JobStatus::Succeeded))], false, &to);
    assert_eq!(frames[0]["job_id"], "modal-7");
    let batch = BatchNews {
        id: BatchId::derive(&["b"]),
        batch_id: "b".to_owned(),
        status: "in_progress".to_owned(),
        has_ended: false,
        ended: 3,
        total: 9,
        version: 4,
        at: NOW,
    };
    let topic = Topic::batch(acme(), batch.id.clone());
    let news = vec![News::Batch(batch), News::Job(job(JobStatus::Progress))];
    let to = subscriber(Some("batch_1"), FactFilter::default());
    let frames = heard(topic, news, false, &to);
    assert_eq!(frames[0]["batch_id"], "batch_1");
    assert_eq!((&frames[0]["completed_jobs"], &frames[0]["total_jobs"]), (&json!(3), &json!(9)));
    assert_eq!((&frames[1]["job_id"], &frames[1]["batch_id"]), (&json!("modal-7"), &json!("b")));
}

#[test]
fn events_come_in_lists_of_what_the_filter_lets_through() {
    let news: Vec<_> =
        (0..1000).map(|n| event(n, if n % 2 == 0 { "a.b" } else { "c.d" })).collect();
    let filter = FactFilter { event_type: Some("a.*".to_owned()), ..FactFilter::default() };
    for (filter, count, lists) in [(FactFilter::default(), 1000, 2), (filter, 500, 1)] {
        let frames = heard(Topic::events(acme()), news.clone(), true, &subscriber(None, filter));
        let (gap, found) = frames.split_last().expect("frames");
        assert_eq!(gap["event"], "gap");
        assert_eq!(gap["topic"], Topic::events(acme()).to_string());
        assert_eq!(found.len(), lists);
        let entries: Vec<_> =
            found.iter().flat_map(|list| list["events"].as_array().expect("a list")).collect();
        assert_eq!(entries.len(), count);
        let first = EventId::derive(&["0"]).event();
        let expected = json!({ "id": first, "type": "a.b", "source": null, "job_id": null,
            "batch_id": null, "created_at": NOW.rfc3339() });
        assert_eq!(*entries[0], expected);
    }
    // Who wants nothing of it hears nothing.
    let nobody = FactFilter { source: Some("x".to_owned()), ..FactFilter::default() };
    assert!(heard(Topic::events(acme()), news, false, &subscriber(None, nobody)).is_empty());
    let lines = LinesNews {
        job: JobId::derive(&["j"]),
        stream: StreamName::default(),
        from: Seq::Number(1),
        to: Seq::Number(2),
    };
    let to = subscriber(None, FactFilter::default());
    assert!(heard(Topic::events(acme()), vec![News::Lines(lines)], false, &to).is_empty());
}

#[test]
fn deliveries_and_letters_are_told_as_the_api_names_them() {
    let now = Timestamp(NOW.0 + 5);
    let event = Event::by_relay(EventId::derive(&["e"]), acme(), "a.b", b"{}", NOW);
    let endpoint =
        Endpoint::new(EndpointId::derive(&["p"]), acme(), "https://planted.example", NOW);
    let mut delivery = Delivery::new(&event, &endpoint, 0, NOW);
    let attempt = Attempt {
        id: AttemptId::of(&delivery.id, 0),
        at: NOW,
        duration_ms: 1,
        url: "https://planted.example".to_owned(),
        status: Some(500),
        error: Some(ErrorClass::Status),
        detail: String::new(),
        response: "planted".to_owned(),
        manual: false,
    };
    delivery.record(attempt);
    let letter = Letter {
        id: LetterId::of_delivery(&delivery.id),
        number: 7,
        what: LetterSubject::Delivery {
            event: event.id.clone(),
            delivery: delivery.id.clone(),
            endpoint: endpoint.id.clone(),
            application: acme(),
            scope: endpoint.scope.clone(),
            event_type: "a.b".to_owned(),
            url: "https://planted.example".to_owned(),
            job: None,
            batch_id: None,
        },
        error: "planted".to_owned(),
        error_class: ErrorClass::Status,
        attempts: 1,
        last_attempt_at: None,
        created_at: NOW,
        retried_at: None,
        retry_success: None,
        state: LetterState::Waiting,
        expires_at: None,
        version: 0,
    };
    let to = subscriber(None, FactFilter::default());
    let news = vec![
        News::Delivery(DeliveryNews::of(&delivery, &event, now)),
        News::Letter(LetterNews::of(&letter, now)),
    ];
    let frames = heard(Topic::events(acme()), news, false, &to);
    assert_eq!(frames[0]["event"], "deliveries");
    let expected = json!({ "id": delivery.id.as_str(), "event_id": event.id.event(),
        "endpoint_id": endpoint.id.as_str(), "type": "a.b", "state": "pending", "attempts_made": 1,
        "status": 500, "error_class": "status", "next_attempt_at": delivery.next_at.rfc3339(),
        "updated_at": now.rfc3339() });
    assert_eq!(frames[0]["deliveries"], json!([expected]));
    let expected = json!({ "id": 7, "letter_id": letter.id.as_str(), "state": "waiting",
        "error_class": "status", "endpoint_id": endpoint.id.as_str(), "event_type": "a.b",
        "updated_at": now.rfc3339() });
    assert_eq!(frames[1]["letters"], json!([expected]));
    assert!(!format!("{frames:?}").contains("planted"));
}

#[test]
fn tasks_and_refusals_are_told_with_the_names_of_the_api() {
    let task = Task {
        matched: 6,
        scanned: 7,
        redriven: 5,
        ..Task::redrive(TaskId::random([1; 16]), LetterFilter::default(), 10, NOW)
    };
    let ended = Task { finished_at: Some(NOW), cancelled: true, ..task.clone() };
    let to = subscriber(None, FactFilter::default());
    let entry = |state: &str| {
        json!({ "id": task.id.as_str(), "kind": "redrive", "state": state, "matched": 6,
            "scanned": 7, "redriven": 5, "rate": 10, "updated_at": NOW.rfc3339() })
    };
    for (task, state) in [(&task, "running"), (&ended, "cancelled")] {
        let news = vec![News::Task(TaskNews::of(task, NOW))];
        let frames = heard(Topic::tasks(ApplicationId::every()), news, false, &to);
        assert_eq!(frames, [json!({ "event": "tasks", "tasks": [entry(state)] })]);
    }
    let mut bulletin = Bulletin::new(Topic::tasks(acme()), NOW);
    bulletin.add(News::Task(TaskNews::of(&task, NOW)));
    bulletin.add(News::Task(TaskNews::of(&ended, NOW)));
    assert_eq!(bulletin.news.len(), 1, "the later state stands");

    let headers = http::HeaderMap::new();
    let request =
        RefusedRequest { at: NOW, source: "modal", caller: None, headers: &headers, bytes: 1 };
    let sample = RefusalSample::of(&request, RefusalReason::Mismatch, "No secret fits.");
    let refusal = || vec![News::Refusal(RefusalNews::of("modal", &sample))];
    let entry = json!({ "source": "modal", "reason": "mismatch", "sentence": "No secret fits.",
        "at": NOW.rfc3339() });
    let frames = heard(Topic::events(acme()), refusal(), false, &to);
    assert_eq!(frames, [json!({ "event": "refusals", "refusals": [entry] })]);
    let deaf = LiveSubscription { refusals: false, ..to.clone() };
    assert!(heard(Topic::events(acme()), refusal(), false, &deaf).is_empty());
    let other = FactFilter { source: Some("other".to_owned()), ..FactFilter::default() };
    assert!(heard(Topic::events(acme()), refusal(), false, &subscriber(None, other)).is_empty());
}

fn lines(count: usize, text: &str) -> Vec<LineEntry> {
    let line = |number: usize| LineEntry {
        seq: Seq::Number(number as u64),
        message: format!("{number} {text}"),
        timestamp: Timestamp(NOW.0 + number as u64).rfc3339(),
        stream: StreamName::default(),
        level: None,
    };
    (0..count).map(line).collect()
}

#[test]
fn json_clients_get_lines_joined_and_each_once() {
    for (count, text, frames) in [
        (0, "", 0),
        (1, "a", 1),
        (500, "usual text of a line", 1),
        (500, &"x".repeat(1000), 6),
        (40, &"\u{1}".repeat(16 * 1024), 40),
    ] {
        let lines = lines(count, text);
        let found = log_frames(Protocol::Json, "modal-7", &lines, 20);
        assert_eq!(found.len(), frames, "{count} × {}", text.len());
        let mut heard = Vec::new();
        for frame in found {
            assert!(frame.len() <= MAX_FRAME, "{}", frame.len());
            let message: Value = serde_json::from_str(&frame).expect("JSON");
            assert_eq!(message["job_id"], "modal-7");
            let lines: Vec<LineEntry> =
                serde_json::from_value(message["lines"].clone()).expect("lines");
            heard.extend(lines);
        }
        assert_eq!(heard, lines);
    }
}

#[test]
fn socket_io_clients_get_lines_one_by_one_and_joined_beyond_the_rate() {
    let lines = lines(50, "text");
    let found = log_frames(Protocol::SocketIo, "modal-7", &lines, 20);
    assert_eq!(found.len(), 21);
    let mut texts = Vec::new();
    for (index, frame) in found.iter().enumerate() {
        let event: Value =
            serde_json::from_str(frame.strip_prefix("42").expect("an event")).expect("JSON");
        assert_eq!(event[0], "log_line");
        assert_eq!(event[1]["job_id"], "modal-7");
        assert_eq!(event[1]["timestamp"], lines[index].timestamp.as_str());
        assert_eq!(event[1].get("lines"), (index == 20).then_some(&json!(30)));
        texts.extend(event[1]["message"].as_str().expect("text").split('\n').map(str::to_owned));
    }
    assert_eq!(texts, lines.iter().map(|line| line.message.clone()).collect::<Vec<_>>());
    assert_eq!(log_frames(Protocol::SocketIo, "j", &lines, 0).len(), 1);
    assert_eq!(log_frames(Protocol::SocketIo, "j", &lines, 99).len(), 50);
    assert!(log_frames(Protocol::SocketIo, "j", &[], 5).is_empty());
}

#[test]
fn a_connection_gets_twenty_lines_a_second_one_by_one() {
    let mut rate = LineRate::default();
    for (after, wanted, taken) in [
        (0, 5, 5),
        (100, 10, 10),
        (200, 10, 5),
        (999, 1, 0),
        (1000, 50, 20),
        (1500, 1, 0),
        (5000, 3, 3),
    ] {
        assert_eq!(rate.take(wanted, Timestamp(NOW.0 + after)), taken, "after {after} ms");
    }
}
