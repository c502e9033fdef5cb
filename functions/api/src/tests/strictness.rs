//! Every operation of the document refuses or names what it does not know: a table over all of them, so
//! that a new one cannot be forgotten.

use axum::{body::Body, http::Method};
use serde_json::{Map, Value, json};

use super::{ADMIN, Answer, Relay};

/// An operation of the document.
struct Described {
    method: Method,
    path: String,
    parameters: Vec<String>,
    /// Names of the fields of the body; empty if the operation takes none, or what its owner likes.
    fields: Vec<String>,
    /// Whether unknown names are tolerated: on routes of the Svix contract.
    tolerant: bool,
}

/// The operations whose unknown names are judged: those with a key, and those of `/v1` without one.
fn described() -> Vec<Described> {
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    let mut all = Vec::new();
    for contract in crate::contracts().into_iter().filter(|contract| contract.base != "/") {
        let (base, tolerant) = (contract.base, contract.tolerant);
        let (_, mut open) = contract.open.split_for_parts();
        let keyed = contract.routes.operations.into_keys();
        let open = open.paths.paths.iter_mut().flat_map(|(path, item)| {
            let methods = [(Method::GET, item.get.is_some()), (Method::POST, item.post.is_some())];
            methods
                .into_iter()
                .filter(|(_, there)| *there)
                .map(|(method, _)| (path.clone(), method))
        });
        let open: Vec<_> = open.filter(|_| !tolerant && base == "/v1").collect();
        for (path, method) in keyed.chain(open) {
            let operation = &document["paths"][&path][method.as_str().to_lowercase()];
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let query = parameters.iter().filter(|one| one["in"] == "query");
            let name = |one: &Value| one["name"].as_str().expect("a name").to_owned();
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            all.push(Described {
                parameters: query.map(name).collect(),
                fields: fields(&document, schema),
                method,
                path,
                tolerant,
            });
        }
    }
    assert!(60 < all.len(), "only {} operations were found", all.len());
    all
}

fn fields(document: &Value, schema: &Value) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return fields(document, &document["components"]["schemas"][name]);
    }
    let all = schema["allOf"].as_array().into_iter().flatten();
    let all = all.flat_map(|part| fields(document, part));
    let own = schema["properties"].as_object().cloned().unwrap_or_default();
    own.into_iter().map(|(name, _)| name).chain(all).collect()
}

impl Described {
    async fn ask(&self, relay: &Relay, query: &str, body: Body) -> Answer {
        let path = self.path.replace("{app}", "default");
        let path = path.replace("{name}", "modal").replace("{source}", "modal");
        // Of the rest, the name alone is enough: unknown names are judged before anything is looked up.
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        relay.ask(ADMIN, self.method.clone(), &format!("{path}{query}"), body).await
    }
}

fn ignored(answer: &Answer) -> &str {
    let header = answer.headers.get("relay-ignored");
    header.map_or("", |names| names.to_str().expect("text"))
}

#[tokio::test]
async fn every_operation_judges_a_parameter_that_it_does_not_know() {
    let relay = Relay::start().await;
    relay.source("modal", "default").await;
    let mut misspelt = 0;
    for operation in described() {
        let at = format!("{} {}", operation.method, operation.path);
        let answer = operation.ask(&relay, "?zzzz_unknown_zzzz=1", Body::empty()).await;
        if operation.tolerant {
            assert_eq!(ignored(&answer), "query.zzzz_unknown_zzzz", "{at}: {answer:?}");
            continue;
        }
        assert_eq!(answer.status.as_u16(), 422, "{at}: {answer:?}");
        assert!(!answer.text.contains("zzzz"), "{at} repeats a name: {answer:?}");
        for name in &operation.parameters {
            let answer = operation.ask(&relay, &format!("?{name}z=1"), Body::empty()).await;
            assert_eq!(answer.status.as_u16(), 422, "{at}: {name}: {answer:?}");
            assert!(answer.text.contains(&format!("`{name}`")), "{at}: {name}: {answer:?}");
            misspelt += 1;
        }
    }
    assert!(50 < misspelt, "only {misspelt} parameters were misspelt");
}

#[tokio::test]
async fn every_operation_judges_a_field_that_it_does_not_know() {
    let relay = Relay::start().await;
    relay.source("modal", "default").await;
    let mut judged = 0;
    for operation in described().into_iter().filter(|operation| !operation.tolerant) {
        let at = format!("{} {}", operation.method, operation.path);
        for name in &operation.fields {
            let body = Map::from_iter([(format!("{name}z"), Value::Null)]);
            let answer = operation.ask(&relay, "", Body::from(json!(body).to_string())).await;
            assert_eq!(answer.status.as_u16(), 422, "{at}: {name}: {answer:?}");
            let missing =
                answer.text.contains("is missing") || answer.text.contains("missing field");
            // A field may have two spellings, and either is as near.
            let plain = |text: &str| text.replace('_', "").to_lowercase();
            let suggested = answer.text.split("did you mean `").nth(1).unwrap_or_default();
            let suggested = suggested.split('`').next().unwrap_or_default();
            assert!(missing || plain(suggested) == plain(name), "{at}: {name}: {answer:?}");
            judged += usize::from(!missing);
        }
    }
    assert!(40 < judged, "only {judged} fields were judged");
}
