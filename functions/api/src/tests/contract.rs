//! Compares the API's document with Svix's contract: `contract.json` has the 41 operations of the open-source
//! Svix server's document with their parameters and the fields of their bodies.

use std::io::Write;

use serde::Deserialize;
use serde_json::Value;

/// An operation of the contract.
#[derive(Deserialize)]
struct Operation {
    method: String,
    path: String,
    id: Option<String>,
    /// Place and name, such as `query limit`.
    #[serde(default)]
    parameters: Vec<String>,
    /// Fields by their paths; a list's entries are behind `[]`.
    #[serde(default)]
    request: Vec<String>,
    responses: std::collections::BTreeMap<String, Vec<String>>,
}

/// Operations that are not there yet: whoever adds one takes it off this list.
const OWED: usize = 0;

#[test]
fn the_document_covers_the_contract() {
    let contract: Vec<Operation> =
        serde_json::from_str(include_str!("contract.json")).expect("reads");
    assert_eq!(contract.len(), 41);
    let ours = serde_json::to_value(crate::openapi()).expect("serialises");
    let lacking: Vec<(&Operation, Vec<String>)> = contract
        .iter()
        .map(|operation| (operation, lacks(&ours, operation)))
        .filter(|(_, lacks)| !lacks.is_empty())
        .collect();
    let said: Vec<String> = lacking
        .iter()
        .map(|(operation, lacks)| format!("{} {}: {lacks:?}", operation.method, operation.path))
        .collect();
    let covered = contract.len() - lacking.len();
    // Past the test runner's capture: the count is a result.
    writeln!(
        std::io::stderr(),
        "Svix contract: {covered} of {} operations\n{}",
        contract.len(),
        said.join("\n")
    )
    .expect("written");
    assert!(lacking.len() == OWED, "{} of the contract are lacking", lacking.len());
}

/// The parts of an operation that the relay's document lacks.
fn lacks(ours: &Value, theirs: &Operation) -> Vec<String> {
    let plain = |path: &str| {
        let part =
            |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    };
    let paths = ours["paths"].as_object().expect("paths");
    let item = paths.iter().find(|(path, _)| plain(path) == plain(&theirs.path));
    let Some(operation) = item.map(|(_, item)| &item[&theirs.method]).filter(|op| op.is_object())
    else {
        return vec!["there is no such operation".to_owned()];
    };
    let mut lacking = Vec::new();
    if let Some(id) = &theirs.id
        && operation["operationId"] != *id
    {
        lacking.push(format!("operationId {id}"));
    }
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    for wanted in &theirs.parameters {
        let is = |known: &Value| {
            let said = format!("{} {}", text(&known["in"]), text(&known["name"]));
            said.eq_ignore_ascii_case(wanted)
        };
        if !parameters.iter().any(is) {
            lacking.push(wanted.clone());
        }
    }
    let schema = |body: &Value| body["content"]["application/json"]["schema"].clone();
    let request = fields(ours, &schema(&operation["requestBody"]));
    lacking.extend(
        theirs.request.iter().filter(|field| !request.contains(field)).map(|f| format!("in {f}")),
    );
    for (status, wanted) in &theirs.responses {
        let Some(response) = operation["responses"].get(status) else {
            lacking.push(format!("status {status}"));
            continue;
        };
        let answer = fields(ours, &schema(response));
        lacking.extend(
            wanted.iter().filter(|field| !answer.contains(field)).map(|f| format!("out {f}")),
        );
    }
    lacking
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every field that a schema has, by its path.
pub(super) fn fields(document: &Value, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(document, schema, "", &mut found);
    found
}

fn collect(document: &Value, schema: &Value, prefix: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return collect(document, &document["components"]["schemas"][name], prefix, found);
    }
    for part in ["allOf", "oneOf", "anyOf"] {
        for schema in schema[part].as_array().into_iter().flatten() {
            collect(document, schema, prefix, found);
        }
    }
    if schema["items"].is_object() {
        collect(document, &schema["items"], &format!("{}[].", prefix.trim_end_matches('.')), found);
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        found.push(path.clone());
        collect(document, schema, &format!("{path}."), found);
    }
}
