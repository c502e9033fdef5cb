//! Actions that are read, and those that are refused.

use serde_json::json;

use super::*;

fn refused(message: &str) -> LiveRefusal {
    Action::parse(message).expect_err(message)
}

#[test]
fn actions_are_read() {
    let named = |job_id: &str| LogsWanted {
        job_id: job_id.to_owned(),
        source: None,
        project_id: None,
        after: BTreeMap::new(),
    };
    let after = BTreeMap::from([("job-7".to_owned(), Seq::Number(120))]);
    let filter = EventFilter { event_type: Some("job.*".to_owned()), ..EventFilter::default() };
    for (message, action) in [
        (json!({ "job_id": "modal-7" }), Action::SubscribeLogs(named("modal-7"))),
        (json!({ "job_id": 7 }), Action::SubscribeLogs(named("7"))),
        (
            json!({ "job_id": "j", "project_id": 12, "after": { "job-7": 120 } }),
            Action::SubscribeLogs(LogsWanted {
                project_id: Some("12".to_owned()),
                after,
                ..named("j")
            }),
        ),
        (
            json!({ "job_id": "j", "project_id": null }),
            Action::UnsubscribeLogs(JobNamed {
                job_id: "j".to_owned(),
                source: None,
                project_id: None,
            }),
        ),
        (
            json!({ "project_id": "p", "application": "acme" }),
            Action::SubscribeProject(ProjectNamed {
                project_id: "p".to_owned(),
                application: Some("acme".to_owned()),
            }),
        ),
        (
            json!({ "batch_id": "b" }),
            Action::JoinBatch(BatchNamed { batch_id: "b".to_owned(), application: None }),
        ),
        (
            json!({ "filter": { "type": "job.*" } }),
            Action::SubscribeEvents(EventsWanted { application: None, filter }),
        ),
        (json!({}), Action::SubscribeLetters(LettersWanted { application: None })),
        (json!({}), Action::SubscribeTasks(TasksWanted { application: None })),
        (json!({}), Action::Ping),
    ] {
        let mut fields = message.as_object().expect("an object").clone();
        // Over Socket.IO the name stands beside the fields.
        assert_eq!(Action::read(action.name(), fields.clone()), Ok(action.clone()));
        fields.insert("action".to_owned(), action.name().into());
        assert_eq!(Action::parse(&Value::Object(fields).to_string()), Ok(action));
    }
}

#[test]
fn an_unknown_action_is_refused_with_the_known_ones() {
    let refusal = refused(r#"{"action":"subscribe_log","job_id":"j"}"#);
    assert_eq!(refusal.code, RefusalCode::UnknownAction);
    assert!(refusal.message.contains("did you mean `subscribe_logs`?"), "{refusal:?}");
    for action in ACTIONS {
        assert!(refusal.message.contains(action), "{action}");
    }
    let secret = refused(r#"{"action":"rk_abc_0123456789abcdef01234567"}"#);
    assert!(!secret.message.contains("rk_abc"), "{secret:?}");
    assert_eq!(secret.action, None);
}

#[test]
fn an_unknown_field_is_refused_with_the_nearest() {
    for (message, words) in [
        (json!({ "action": "subscribe_logs", "jobId": "j" }), "job_id"),
        (json!({ "action": "subscribe_logs", "job_id": "j", "aftr": {} }), "`after`"),
        (json!({ "action": "subscribe_events", "filter": { "typ": "a" } }), "`type`"),
        (json!({ "action": "subscribe_events", "filters": {} }), "`filter`"),
        (json!({ "action": "ping", "a_secret": 1 }), "there are none"),
        (json!({ "action": "join_batch", "batch_id": "b", "zzzzzzzz": 1 }), "known are batch_id"),
    ] {
        let refusal = refused(&message.to_string());
        assert_eq!(refusal.code, RefusalCode::Invalid, "{message}");
        assert!(refusal.message.contains(words), "{message}: {}", refusal.message);
        assert!(!refusal.message.contains("zzz") && !refusal.message.contains("a_secret"));
        assert_eq!(refusal.action.as_deref(), message["action"].as_str());
    }
}

#[test]
fn what_is_missing_wrong_or_too_long_is_refused_with_its_place() {
    let long = "j".repeat(10 * 1024);
    let streams: Map<String, Value> = (0..33).map(|n| (n.to_string(), json!(n))).collect();
    let stream = "s".repeat(MAX_STREAM + 1);
    for (message, words) in [
        (json!({ "action": "subscribe_logs" }), "job_id: is missing"),
        (json!({ "action": "subscribe_logs", "job_id": "" }), "job_id: is 1 to 2048 bytes"),
        (json!({ "action": "subscribe_logs", "job_id": long }), "job_id: is 1 to 2048 bytes"),
        (json!({ "action": "subscribe_logs", "job_id": null }), "job_id: "),
        (json!({ "action": "subscribe_logs", "job_id": ["j"] }), "job_id: "),
        (json!({ "action": "subscribe_logs", "job_id": 1.5 }), "job_id: "),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": 7 }), "after: "),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": { "a": -1 } }), "after.a: "),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": streams }), "at most 32"),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": { stream: 1 } }), "128"),
        (json!({ "action": "unsubscribe_logs", "job_id": long }), "job_id: "),
        (json!({ "action": "subscribe_project", "project_id": long }), "project_id: "),
        (json!({ "action": "join_batch", "batch_id": long }), "batch_id: "),
        (json!({ "action": "join_batch", "batch_id": "b", "application": long }), "application: "),
        (json!({ "action": "subscribe_letters", "application": "" }), "application: "),
        (json!({ "action": "subscribe_tasks", "application": "" }), "application: "),
        (json!({ "action": "subscribe_events", "filter": { "source": "" } }), "filter.source: "),
        (json!({ "action": "subscribe_events", "filter": { "type": long } }), "filter.type: "),
        (json!({ "action": "subscribe_events", "filter": { "job": long } }), "filter.job: "),
        (json!({ "action": "subscribe_events", "filter": { "batch": long } }), "filter.batch: "),
        (json!({ "action": "subscribe_events", "filter": [] }), "filter: "),
        (json!({ "action": 7 }), "action: is not text"),
        (json!({}), "action: is missing"),
    ] {
        let refusal = refused(&message.to_string());
        assert_eq!(refusal.code, RefusalCode::Invalid, "{}", refusal.message);
        assert!(refusal.message.contains(words), "{words}: {}", refusal.message);
        assert!(refusal.message.len() < 200, "{}", refusal.message);
    }
}

#[test]
fn what_is_no_json_object_is_unreadable() {
    let deep = format!("{}{}", "[".repeat(100_000 / 2), "]".repeat(100_000 / 2));
    for message in ["", "hello", "{", "[]", "7", "null", "{}{}", "42[\"ping\"]", &deep] {
        assert_eq!(refused(message).code, RefusalCode::Unreadable, "{message}");
    }
    let fits = format!(r#"{{"action":"ping"}}{}"#, " ".repeat(MAX_MESSAGE - 17));
    assert_eq!(Action::parse(&fits), Ok(Action::Ping));
    assert_eq!(refused(&format!("{fits} ")).code, RefusalCode::TooLarge);
}
