//! Secrets in wrong places: no refusal repeats text of a body, whichever field of whichever Svix
//! route it stands in.

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::tests::{ADMIN, Answer, Relay};

/// Text that no refusal may repeat.
const PLANTED: &str = "whsec_planted0planted0planted0planted0";

/// The schema that a reference leads to, and its fields with those that it requires.
struct Shape<'d> {
    document: &'d Value,
    fields: Vec<(&'d str, &'d Value)>,
    required: Vec<&'d str>,
}

impl<'d> Shape<'d> {
    fn of(document: &'d Value, schema: &'d Value) -> Self {
        let mut shape = Self { document, fields: Vec::new(), required: Vec::new() };
        shape.collect(schema);
        shape
    }

    fn collect(&mut self, schema: &'d Value) {
        let schema = resolved(self.document, schema);
        for part in ["allOf", "oneOf"] {
            for schema in schema[part].as_array().into_iter().flatten() {
                self.collect(schema);
            }
        }
        let fields = schema["properties"].as_object().into_iter().flatten();
        self.fields.extend(fields.map(|(name, schema)| (name.as_str(), schema)));
        let required = schema["required"].as_array().into_iter().flatten();
        self.required.extend(required.filter_map(Value::as_str));
    }

    /// A body with the required fields.
    fn least(&self) -> Map<String, Value> {
        let required = self.fields.iter().filter(|(name, _)| self.required.contains(name));
        required.map(|(name, schema)| ((*name).to_owned(), self.value(name, schema))).collect()
    }

    /// A value that the field takes.
    fn value(&self, name: &str, schema: &'d Value) -> Value {
        let schema = resolved(self.document, schema);
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").cloned(),
            kind => Some(kind.clone()),
        };
        match (name, kind.as_ref().and_then(Value::as_str)) {
            ("url", _) => json!("https://subscriber.example/"),
            (_, Some("string")) if schema["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
            (_, Some("string")) => json!("a.b"),
            (_, Some("integer")) => schema.get("minimum").cloned().unwrap_or(json!(1)),
            (_, Some("boolean")) => json!(false),
            (_, Some("array")) => json!(["a.b"]),
            _ => json!({}),
        }
    }
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(place) => document.pointer(place).expect("a schema"),
        None => schema,
    }
}

/// Bodies with the planted text where it does not belong.
fn bodies(document: &Value, schema: &Value) -> Vec<Value> {
    let shape = Shape::of(document, schema);
    let mut bodies = vec![json!(PLANTED), json!([PLANTED])];
    for (name, schema) in &shape.fields {
        let wrong = [
            json!(PLANTED),
            json!([PLANTED]),
            json!([[PLANTED]]),
            json!({ "x": PLANTED }),
            json!({ "x": [PLANTED] }),
            json!(format!("{PLANTED} \u{1}")),
        ];
        let inner = Shape::of(document, schema);
        let inner = inner.fields.iter().flat_map(|(inner, _)| {
            [json!(PLANTED), json!([PLANTED]), json!({ "x": PLANTED })]
                .map(|wrong| json!({ *inner: wrong }))
        });
        for wrong in wrong.into_iter().chain(inner) {
            let mut body = shape.least();
            body.insert((*name).to_owned(), wrong);
            bodies.push(Value::Object(body));
        }
    }
    bodies
}

#[track_caller]
fn check(what: &str, answer: &Answer) -> bool {
    let whole = format!("{:?} {}", answer.headers, answer.text);
    let refused = !answer.status.is_success();
    assert!(answer.status != 500 && answer.status != 503, "{what}: {answer:?}");
    assert!(!refused || !whole.contains("planted0"), "{what}: {answer:?}");
    refused
}

/// The path of an operation with an application of its own that has the endpoint `e`.
async fn fresh(relay: &Relay, path: &str, message: &str, number: usize) -> String {
    let app = format!("app{number}");
    relay.application(&app).await;
    let endpoint = json!({ "url": "https://subscriber.example/", "uid": "e" });
    relay.post(&format!("/api/v1/app/{app}/endpoint"), endpoint).await.expect(201);
    path.replace("{app}", &app)
        .replace("{endpoint}", "e")
        .replace("{msg}", message)
        .replace("{name}", &format!("a.b{number}"))
}

#[tokio::test]
async fn no_text_of_a_body_gets_into_a_refusal_of_a_svix_route() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let message = relay.message("acme", "a.b", json!({})).await;
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    let (mut routes, mut refused, mut number) = (0, 0, 0);
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if !path.starts_with("/api/v1/") || schema.is_null() {
                continue;
            }
            routes += 1;
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let mut here = None;
            for body in bodies(&document, schema) {
                let path = match here.take() {
                    Some(path) => path,
                    None => {
                        number += 1;
                        fresh(&relay, path, &message, number).await
                    }
                };
                let answer = relay.ask(ADMIN, method.clone(), &path, body.to_string()).await;
                if check(&format!("{method} {path} {body}"), &answer) {
                    refused += 1;
                    // What an accepted body changed must not hide what the next one does.
                    here = Some(path);
                }
            }
            let quoted = format!("{{\"{PLANTED}");
            let bare = format!("{{\"x\":{PLANTED}}}");
            for broken in [quoted, bare, PLANTED.to_owned()] {
                let path = path.replace("{app}", "acme");
                let answer = relay.ask(ADMIN, method.clone(), &path, broken).await;
                assert!(check(&format!("{method} {path}"), &answer));
            }
        }
    }
    assert!(15 < routes && 300 < refused, "{routes} routes, {refused} refusals");
}
