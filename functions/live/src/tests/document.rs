//! The AsyncAPI document of live updates. It is checked in, so that a change of a message is seen in
//! review. `UPDATE_ASYNCAPI=1 cargo test -p live` writes it anew.
//!
//! Schemas come from the types, bounds from the constants, and examples from the code that reads and
//! writes messages. `tests/openapi/test_messages.py` judges the same document by AsyncAPI's own schema
//! and each example by an outside validator.

mod examples;
mod judge;
mod schemas;
mod text;

use std::{fs, path::Path};

use domain::{
    job::JobStatus,
    live::{
        action::{ACTIONS, Action, MAX_NAME},
        engine_io::EnginePacket,
        message::EVENTS,
        protocol::Protocol,
        socket_io::{Heard, hear},
    },
};
use serde_json::{Map, Value, json};

use self::{
    examples::{action_examples, event_examples, job_example},
    judge::misfits,
    schemas::{MessageSchema, action_schemas, event_schemas},
};

/// Actions, each with the message that answers it if it is not refused.
const ANSWERS: [(&str, &str); 10] = [
    ("subscribe_logs", "subscribed"),
    ("unsubscribe_logs", "unsubscribed"),
    ("subscribe_project", "subscribed_project"),
    ("join_batch", "joined_batch"),
    ("subscribe_events", "subscribed"),
    ("subscribe_letters", "subscribed"),
    ("subscribe_tasks", "subscribed"),
    ("listen", "listening"),
    ("concluded", "confirmed"),
    ("ping", "pong"),
];
/// Messages that one of the protocols does not have, with the protocol that has them.
const ONE_PROTOCOL: [(&str, &str); 3] =
    [("hello", "json"), ("log_lines", "json"), ("log_line", "socket.io")];

/// A reference to a part of the document.
fn refer(path: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/{path}/{name}") })
}

/// The AsyncAPI document, as the types of the messages give it.
fn document() -> Value {
    let (actions, events) = (action_schemas(), event_schemas());
    let mut messages = Map::new();
    for schema in actions.iter().chain(&events) {
        messages.insert(schema.name.clone(), message(schema));
    }
    let listed: Map<String, Value> =
        messages.keys().map(|name| (name.clone(), refer("components/messages", name))).collect();
    let mut operations = Map::new();
    for schema in &actions {
        operations.insert(schema.name.clone(), receives(schema));
    }
    for schema in &events {
        operations.insert(schema.name.clone(), operation(schema, "send"));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": text::info(),
        "defaultContentType": "application/json",
        "servers": text::servers(),
        "channels": { "live": {
            "address": "/live",
            "title": "Live updates",
            "description": text::channel(),
            "messages": listed,
            "bindings": { "ws": { "method": "GET", "query": text::query(), "bindingVersion": "0.1.0" } },
            "x-limits": text::limits(),
            "x-socket-io": text::socket_io(),
        } },
        "operations": operations,
        "components": { "messages": messages, "securitySchemes": text::security() },
    })
}

/// A message as the document describes it.
fn message(schema: &MessageSchema) -> Value {
    let name = schema.name.as_str();
    let (mut examples, mut frames) = (Vec::new(), Vec::new());
    for (summary, action) in action_examples().iter().filter(|(_, it)| it["action"] == name) {
        examples.push(json!({ "summary": summary, "payload": action }));
        frames.push(client_frame(action));
    }
    for (summary, event) in event_examples().iter().filter(|(_, it)| it.name() == name) {
        let payload: Value = serde_json::from_str(&event.frame(Protocol::Json)).expect("JSON");
        examples.push(json!({ "summary": summary, "payload": payload }));
        frames.push(event.frame(Protocol::SocketIo));
    }
    let mut message = json!({
        "name": name,
        "summary": schema.summary,
        "payload": schema.payload,
        "examples": examples,
        "x-protocols": protocols(name),
    });
    if protocols(name).contains(&"socket.io") {
        // The examples as Socket.IO carries them.
        message["x-socket-io-frames"] = frames.into();
    }
    message
}

/// An action as one frame of a Socket.IO client.
fn client_frame(action: &Value) -> String {
    let mut fields = action.as_object().expect("an object").clone();
    let name = fields.remove("action").expect("a name");
    let packet = format!("2{}", json!([name, fields]));
    EnginePacket::Message(&packet).print()
}

fn protocols(name: &str) -> Vec<&'static str> {
    match ONE_PROTOCOL.iter().find(|(only, _)| *only == name) {
        Some((_, protocol)) => vec![*protocol],
        None => vec!["json", "socket.io"],
    }
}

fn operation(schema: &MessageSchema, direction: &str) -> Value {
    json!({
        "action": direction,
        "summary": schema.summary,
        "channel": refer("channels", "live"),
        "messages": [refer("channels/live/messages", &schema.name)],
    })
}

fn receives(schema: &MessageSchema) -> Value {
    let (_, answer) = ANSWERS.iter().find(|(action, _)| *action == schema.name).expect("an answer");
    let answers = [*answer, "error"].map(|name| refer("channels/live/messages", name));
    let mut operation = operation(schema, "receive");
    operation["reply"] = json!({ "channel": refer("channels", "live"), "messages": answers });
    operation
}

/// The schema of a message of the document.
fn payload<'d>(document: &'d Value, name: &str) -> &'d Value {
    let payload = &document["components"]["messages"][name]["payload"];
    assert!(payload.is_object(), "{name} is not described");
    payload
}

#[test]
fn the_document_is_the_one_that_is_checked_in() {
    let made = serde_json::to_string_pretty(&document()).expect("serialises") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../asyncapi.json");
    if std::env::var_os("UPDATE_ASYNCAPI").is_some() {
        fs::write(&path, &made).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "asyncapi.json is not what the code says: UPDATE_ASYNCAPI=1 cargo test -p live"
    );
}

#[test]
fn every_action_and_every_message_is_described_with_an_example() {
    let document = document();
    let of = |direction: &str| -> Vec<String> {
        let operations = document["operations"].as_object().expect("operations");
        let of = operations.iter().filter(|(_, it)| it["action"] == direction);
        of.map(|(name, _)| name.clone()).collect()
    };
    let sorted = |names: &[&str]| {
        let mut names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(of("receive"), sorted(&ACTIONS));
    assert_eq!(of("send"), sorted(EVENTS));
    for name in ACTIONS.iter().chain(EVENTS) {
        let message = &document["components"]["messages"][name];
        assert!(message["summary"].as_str().is_some_and(|text| 5 < text.len()), "{name}");
        assert!(message["examples"].as_array().is_some_and(|all| !all.is_empty()), "{name}");
        let tag = if ACTIONS.contains(name) { "action" } else { "event" };
        let payload = &message["payload"];
        assert_eq!(payload["properties"][tag]["const"], *name);
        for (field, schema) in payload["properties"].as_object().expect("fields") {
            assert!(field == tag || schema["description"].is_string(), "{name}: {field}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => (),
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(60 < found.len(), "{} references", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("of this document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_example_fits_its_schema_and_is_read_by_the_code() {
    let document = document();
    for (_, action) in action_examples() {
        let read = Action::parse(&action.to_string()).expect("accepted");
        assert_eq!(misfits(payload(&document, read.name()), &action), Vec::<String>::new());
        let Heard::Call { name, fields, .. } = hear(&client_frame(&action), true) else {
            panic!("no call: {action}")
        };
        assert_eq!(Action::read(&name, fields), Ok(read));
    }
    for (_, event) in event_examples() {
        let frame: Value = serde_json::from_str(&event.frame(Protocol::Json)).expect("JSON");
        assert_eq!(misfits(payload(&document, event.name()), &frame), Vec::<String>::new());
    }
}

#[test]
fn an_example_that_is_changed_does_not_fit() {
    let document = document();
    let mut seen = 0;
    for message in document["components"]["messages"].as_object().expect("messages").values() {
        let schema = &message["payload"];
        for example in message["examples"].as_array().expect("examples") {
            let whole = example["payload"].as_object().expect("an object");
            for name in schema["required"].as_array().expect("names").iter() {
                let mut without = whole.clone();
                without.remove(name.as_str().expect("a name")).expect("there");
                assert!(!misfits(schema, &Value::Object(without)).is_empty(), "{name}: {example}");
            }
            // Any value fits a result.
            for name in whole.keys().filter(|name| *name != "result") {
                let mut wrong = whole.clone();
                // No field takes such an object, nor one of a request or a filter.
                wrong[name] = json!({ "x": [] });
                assert!(!misfits(schema, &Value::Object(wrong)).is_empty(), "{name}: {example}");
                seen += 1;
            }
        }
    }
    assert!(80 < seen, "{seen} fields");
}

#[test]
fn a_schema_refuses_what_the_code_refuses_and_takes_what_it_takes() {
    let document = document();
    let long = |length: usize| "x".repeat(length);
    let streams = |count: usize| -> Value {
        (1..=count).map(|stream| (stream.to_string(), json!(stream))).collect::<Map<_, _>>().into()
    };
    let id = domain::id::MAX_EXTERNAL_ID;
    for (action, fits) in [
        (json!({ "action": "subscribe_logs" }), false),
        (json!({ "action": "subscribe_logs", "job_id": "" }), false),
        (json!({ "action": "subscribe_logs", "job_id": 7 }), true),
        (json!({ "action": "subscribe_logs", "job_id": 7.5 }), false),
        (json!({ "action": "subscribe_logs", "job_id": null }), false),
        (json!({ "action": "subscribe_logs", "job_id": long(id) }), true),
        (json!({ "action": "subscribe_logs", "job_id": long(id + 1) }), false),
        (json!({ "action": "subscribe_logs", "job_id": "j", "project_id": null }), true),
        (json!({ "action": "subscribe_logs", "job_id": "j", "jobId": "j" }), false),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": streams(32) }), true),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": streams(33) }), false),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": { "a": -1 } }), false),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": { long(129): 1 } }), false),
        (json!({ "action": "subscribe_logs", "job_id": "j", "after": { "a": "7" } }), true),
        (json!({ "action": "subscribe_logs", "job_id": "j", "source": long(MAX_NAME) }), true),
        (json!({ "action": "subscribe_logs", "job_id": "j", "source": long(MAX_NAME + 1) }), false),
        (json!({ "action": "unsubscribe_logs", "job_id": "j", "after": {} }), false),
        (json!({ "action": "subscribe_project", "project_id": ["p"] }), false),
        (json!({ "action": "join_batch", "batch_id": long(id + 1) }), false),
        (json!({ "action": "join_batch", "batch_id": "b", "application": "" }), false),
        (json!({ "action": "subscribe_events", "filter": { "type": long(MAX_NAME) } }), true),
        (json!({ "action": "subscribe_events", "filter": { "type": long(MAX_NAME + 1) } }), false),
        (json!({ "action": "subscribe_events", "filter": { "job": long(id + 1) } }), false),
        (json!({ "action": "subscribe_events", "filter": { "typ": "a" } }), false),
        (json!({ "action": "subscribe_events", "filter": [] }), false),
        (json!({ "action": "subscribe_letters", "application": null }), true),
        (json!({ "action": "subscribe_letters", "filter": {} }), false),
        (json!({ "action": "subscribe_tasks", "application": "acme" }), true),
        (json!({ "action": "subscribe_tasks", "application": "" }), false),
        (json!({ "action": "ping" }), true),
        (json!({ "action": "ping", "id": 1 }), false),
    ] {
        assert_eq!(Action::parse(&action.to_string()).is_ok(), fits, "{action}");
        let name = action["action"].as_str().expect("a name");
        assert_eq!(misfits(payload(&document, name), &action).is_empty(), fits, "{action}");
    }
}

#[test]
fn the_message_of_every_state_of_a_job_fits() {
    let document = document();
    for status in [
        JobStatus::Pending,
        JobStatus::Running,
        JobStatus::Progress,
        JobStatus::Succeeded,
        JobStatus::Failed,
        JobStatus::TimedOut,
        JobStatus::Cancelled,
    ] {
        let event = job_example(status);
        let frame = serde_json::from_str(&event.frame(Protocol::Json)).expect("JSON");
        let wrong = misfits(payload(&document, event.name()), &frame);
        assert!(wrong.is_empty(), "{status:?}: {wrong:?}");
    }
}

#[test]
fn the_page_on_live_updates_shows_messages_as_they_are() {
    let document = document();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/live.md");
    let page = fs::read_to_string(path).expect("text");
    let mut seen = Vec::new();
    for block in page.split("```json\n").skip(1) {
        let block = block.split("```").next().expect("an end");
        for shown in serde_json::Deserializer::from_str(block).into_iter::<Value>() {
            let mut shown = shown.expect("JSON");
            if let Value::Array(event) = &mut shown {
                let mut fields = event.pop().expect("an object");
                fields["event"] = event.pop().expect("a name");
                shown = fields;
            }
            let name = shown["event"].as_str().expect("a message").to_owned();
            let wrong = misfits(payload(&document, &name), &shown);
            assert!(wrong.is_empty(), "{wrong:?}: {shown}");
            seen.push(name);
        }
    }
    let unseen: Vec<_> =
        EVENTS.iter().filter(|name| !seen.contains(&(**name).to_owned())).collect();
    assert!(unseen.is_empty(), "docs/live.md shows no {unseen:?}");
    let codes = &payload(&document, "error")["properties"]["code"]["oneOf"];
    let codes = codes.as_array().expect("codes").iter();
    let codes = codes.map(|code| code["const"].as_str().expect("a word"));
    for row in codes.chain(ACTIONS) {
        assert!(page.contains(&format!("| `{row}`")), "docs/live.md has no row for {row}");
    }
}
