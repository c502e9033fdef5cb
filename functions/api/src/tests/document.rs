//! The OpenAPI document, which is checked in so that a change of the API is seen in review.
//! `UPDATE_OPENAPI=1 cargo test -p api` writes it anew.

mod bounds;
mod scopes;

use std::{fs, path::Path};

use axum::{body::Body, http::Request};
use serde_json::Value;

use super::{Relay, contract};

#[tokio::test]
async fn the_document_is_the_one_that_is_checked_in_and_the_one_that_is_served() {
    let made = crate::openapi().to_pretty_json().expect("serialises") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &made).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "openapi.json is not what the code says: UPDATE_OPENAPI=1 cargo test -p api"
    );
    let relay = Relay::start().await;
    let request = Request::get("/openapi.json").body(Body::empty()).expect("a request");
    let served = relay.send(request).await;
    let document = served.expect(200);
    assert_eq!(document, serde_json::from_str::<Value>(&kept).expect("JSON"));
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
}

#[tokio::test]
async fn the_document_of_live_updates_is_served() {
    let relay = Relay::start().await;
    let request = Request::get("/asyncapi.json").body(Body::empty()).expect("a request");
    let document = relay.send(request).await.expect(200);
    assert_eq!(document["asyncapi"], "3.0.0");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../asyncapi.json");
    let kept: Value = serde_json::from_str(&fs::read_to_string(path).expect("text")).expect("JSON");
    assert_eq!(document, kept);
}

#[test]
fn every_operation_is_described_and_named_once() {
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    let mut names = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(operation["summary"].is_string(), "{method} {path} is not described");
            names.push(operation["operationId"].as_str().expect("a name").to_owned());
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn every_operation_describes_the_parameters_of_its_path_and_the_bodies_of_its_errors() {
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    let keyed = crate::contracts().into_iter().filter(|contract| contract.errors.is_some());
    for ((path, method), operation) in keyed.flat_map(|contract| contract.routes.operations) {
        let described = &document["paths"][&path][method.as_str().to_lowercase()];
        let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
        for name in path.split('{').skip(1).filter_map(|part| part.split('}').next()) {
            let is = |one: &&Value| one["name"] == name && one["in"] == "path";
            assert_eq!(parameters.iter().filter(is).count(), 1, "{method} {path}: {name}");
        }
        let responses = described["responses"].as_object().expect("responses");
        assert!(responses.contains_key("401"), "{method} {path}");
        let restricted = operation.scope != domain::key::KeyScope::Read;
        assert!(responses.contains_key("403") || !restricted, "{method} {path}");
        let has_body = !described["requestBody"].is_null();
        let has_key = parameters.iter().any(|one| one["name"] == "idempotency-key");
        let has_input = has_body || has_key || !operation.parameters.is_empty();
        let refusals = [("400", has_body), ("409", has_key), ("413", has_body), ("422", has_input)];
        for (status, is_made) in refusals {
            assert!(responses.contains_key(status) || !is_made, "{method} {path}: {status}");
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            assert!(response["content"].is_object(), "{method} {path}: {status} has no body");
            assert_ne!(response["description"], "", "{method} {path}: {status}");
        }
    }
}

#[test]
fn no_two_types_share_the_name_of_a_schema() {
    let mut names = Vec::new();
    declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
    assert!(100 < names.len(), "only {} types were found", names.len());
    names.sort();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "the document keeps one of two: {twice:?}");
}

/// Names of the types with a schema in the files of a folder.
fn declared(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            declared(&path, names);
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        let mut has_schema = false;
        for line in text.lines().map(str::trim_start) {
            has_schema |= line.starts_with("#[derive(") && line.contains("ToSchema");
            let words: Vec<_> = line.split([' ', '<', '(', ';', '{']).collect();
            let at = words.iter().position(|word| ["struct", "enum"].contains(word));
            if let Some(at) = at.filter(|_| has_schema && !line.starts_with("//")) {
                // A macro's own name for a type is none.
                names.extend(Some(words[at + 1].to_owned()).filter(|name| !name.starts_with('$')));
                has_schema = false;
            }
        }
    }
}

/// The names that a file's types have in the document.
fn schema_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split("#[derive(").skip(1) {
        let (derived, rest) = part.split_once(")]").unwrap_or((part, ""));
        if !derived.contains("ToSchema") {
            continue;
        }
        let head = rest.split('{').next().unwrap_or_default();
        let named = head.split("as = ").nth(1).and_then(|rest| rest.split([')', ',']).next());
        let kept = head.split_whitespace().skip_while(|word| !["struct", "enum"].contains(word));
        let kept = kept.skip(1).map(|name| name.split(['(', '<', ';']).next().unwrap_or_default());
        names.extend(named.or_else(|| kept.last()).map(str::to_owned));
    }
    names
}

#[test]
fn no_two_types_have_one_name_in_the_document() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut names = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").path())
        {
            if entry.is_dir() && !entry.ends_with("tests") {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                names.extend(schema_names(&fs::read_to_string(entry).expect("text")));
            }
        }
    }
    names.retain(|name| !name.starts_with('$'));
    let count = names.len();
    names.sort();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(100 < count, "{count} types");
}

#[test]
fn every_webhook_of_ours_is_described_and_its_example_fits() {
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    let mut types: Vec<&str> = crate::document::own_event_types().collect();
    types.sort_unstable();
    assert_eq!(webhooks.keys().map(String::as_str).collect::<Vec<_>>(), types);
    for (name, item) in webhooks {
        let content = &item["post"]["requestBody"]["content"]["application/json"];
        let example = &content["example"];
        let wrong = misfits(&document, &content["schema"], example, name);
        assert!(wrong.is_empty(), "{wrong:?}: {example}");
        assert_eq!(example["type"], **name);
        // It notices what is missing.
        let mut broken = example.clone();
        broken["data"] = serde_json::json!({});
        assert!(!misfits(&document, &content["schema"], &broken, name).is_empty(), "{name}");
        let known = contract::fields(&document, &content["schema"]);
        let mut told = Vec::new();
        paths(example, "", &mut told);
        let free = |path: &str| ["data.result.", "data.error."].iter().any(|f| path.starts_with(f));
        let unknown: Vec<_> =
            told.iter().filter(|path| !known.contains(path) && !free(path)).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
}

/// The places at which a value does not fit a schema, by the keywords that the relay's own schemas have. An
/// outside validator checks the same in `tests/openapi`.
fn misfits(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return misfits(document, &document["components"]["schemas"][name], value, at);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |wanted: &Value| wanted.as_str() == Some(kind);
    let fits = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(is),
        Value::Null => true,
        wanted => is(wanted),
    };
    let mut wrong: Vec<String> =
        (!fits).then(|| format!("{at} is no {}", schema["type"])).into_iter().collect();
    for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(field).is_none() {
            wrong.push(format!("{at} has no {field}"));
        }
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            wrong.extend(misfits(document, schema, value, &format!("{at}.{name}")));
        }
    }
    wrong
}

fn paths(value: &Value, prefix: &str, told: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        told.push(format!("{prefix}{name}"));
        paths(value, &format!("{prefix}{name}."), told);
    }
}

#[tokio::test]
async fn our_own_document_can_be_imported_as_event_types() {
    let relay = Relay::start().await;
    let spec = serde_json::to_value(crate::openapi()).expect("serialises");
    // What is imported is the webhooks and what they refer to.
    let parts =
        serde_json::json!({ "webhooks": spec["webhooks"], "components": spec["components"] });
    let body = serde_json::json!({ "spec": parts });
    let done = relay.post("/api/v1/event-type/import/openapi", body).await.expect(200);
    let count = crate::document::own_event_types().count();
    assert_eq!(done["data"]["modified"].as_array().map(Vec::len), Some(count));
    let kind = relay.get("/api/v1/event-type/job.succeeded").await.expect(200);
    assert_eq!(kind["schemas"]["1"]["examples"][0]["type"], "job.succeeded");
}
