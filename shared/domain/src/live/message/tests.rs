//! Tests of the messages in both protocols: plain JSON and Socket.IO.

use serde_json::{Value, json};

use super::*;
use crate::{id::ApplicationId, live::refusal::RefusalCode};

/// One message of each kind, with its data.
fn samples() -> Vec<(LiveEvent, Value)> {
    let text = |text: &str| Some(text.to_owned());
    let result = RawValue::from_string("{\"nodes\": 1.50}".to_owned()).expect("JSON");
    vec![
        (
            LiveEvent::Hello(Hello { session: "c=".to_owned(), expires_at: "2026".to_owned() }),
            json!({ "session": "c=", "expires_at": "2026" }),
        ),
        (
            LiveEvent::Subscribed(Subscribed {
                action: "subscribe_logs".to_owned(),
                job_id: text("modal-7"),
                status: Some(SubscriptionStatus::AlreadyActive),
                job_type: Some(JobType::of("modal-7")),
                warning: text("the job has ended"),
                application: None,
            }),
            json!({ "action": "subscribe_logs", "job_id": "modal-7", "status": "already_active",
                "type": "modal", "warning": "the job has ended" }),
        ),
        (
            LiveEvent::LogLine(LineText {
                job_id: "j".to_owned(),
                message: "a\nb".to_owned(),
                timestamp: "2026".to_owned(),
                lines: Some(2),
            }),
            json!({ "job_id": "j", "message": "a\nb", "timestamp": "2026", "lines": 2 }),
        ),
        (
            LiveEvent::JobCompleted(JobCompleted {
                id: "job_1".to_owned(),
                job_id: "modal-7".to_owned(),
                project_id: text("p"),
                batch_id: None,
                status: "completed".to_owned(),
                result: Some(result),
            }),
            json!({ "id": "job_1", "job_id": "modal-7", "project_id": "p", "batch_id": null,
                "status": "completed", "result": { "nodes": 1.5 } }),
        ),
        (
            LiveEvent::Gap(Gap { topic: Topic::events(ApplicationId::named("acme")) }),
            json!({ "topic": format!("events:{}", ApplicationId::named("acme")) }),
        ),
        (LiveEvent::Pong(Pong {}), json!({})),
        (
            LiveEvent::Error(LiveRefusal::not_found("join_batch")),
            json!({ "code": "not_found", "action": "join_batch",
                "message": "there is no such thing, or it is not yours" }),
        ),
        (
            LiveEvent::Error(LiveRefusal::new(RefusalCode::TooLarge, "x")),
            json!({ "code": "too_large", "action": null, "message": "x" }),
        ),
    ]
}

#[test]
fn a_message_is_an_object_with_its_name_and_an_event_of_its_name() {
    for (message, data) in samples() {
        let mut object = data.as_object().expect("an object").clone();
        object.insert("event".to_owned(), message.name().into());
        let frame = message.frame(Protocol::Json);
        assert_eq!(serde_json::from_str::<Value>(&frame).expect("JSON"), Value::Object(object));
        let frame = message.frame(Protocol::SocketIo);
        let event = frame.strip_prefix("42").expect("an event");
        let event: Value = serde_json::from_str(event).expect("JSON");
        assert_eq!(event, json!([message.name(), data]));
        assert!(EVENTS.contains(&message.name()));
    }
}

#[test]
fn a_result_keeps_the_spelling_of_its_sender() {
    let (message, _) = samples().swap_remove(3);
    for protocol in [Protocol::Json, Protocol::SocketIo] {
        assert!(message.frame(protocol).contains(r#""result":{"nodes": 1.50}"#));
    }
}
