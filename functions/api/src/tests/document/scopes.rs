//! Scopes of all operations, compared with a list that is checked in, so that a changed scope is seen
//! in review. `UPDATE_OPENAPI=1 cargo test -p api scopes` writes the list anew.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

/// Operations and their scopes as the routes state them, by path and method.
fn stated() -> BTreeMap<(String, String), String> {
    let routes = crate::contracts().into_iter().flat_map(|contract| contract.routes.operations);
    let stated = routes.map(|((path, method), operation)| {
        ((path, method.as_str().to_lowercase()), format!("{:?}", operation.scope).to_lowercase())
    });
    stated.collect()
}

/// Operations of the OpenAPI document, each with whether it needs a key.
fn described() -> BTreeMap<(String, String), bool> {
    let document = serde_json::to_value(crate::openapi()).expect("serialises");
    assert_eq!(document["security"], json!([{ "key": [] }]), "a key is needed unless said");
    let mut described = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let keyed = match &operation["security"] {
                Value::Null => true,
                open => {
                    assert_eq!(*open, json!([{}]), "{method} {path}");
                    false
                }
            };
            described.insert((path.clone(), method.clone()), keyed);
        }
    }
    described
}

#[test]
fn every_operation_that_needs_a_key_states_a_scope_and_no_other_does() {
    let (stated, described) = (stated(), described());
    for (operation, keyed) in &described {
        assert_eq!(stated.contains_key(operation), *keyed, "{operation:?}");
    }
    for operation in stated.keys() {
        assert!(described.contains_key(operation), "{operation:?} is not described");
    }
}

#[test]
fn the_scopes_are_those_that_are_checked_in() {
    let stated = stated();
    let line = |(path, method): &(String, String)| {
        let scope = stated.get(&(path.clone(), method.clone())).map_or("none", String::as_str);
        format!("{scope:<7} {:<6} {path}\n", method.to_uppercase())
    };
    let list: String = described().keys().map(line).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/document/scopes.txt");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &list).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == list,
        "scopes.txt is not what the routes say: UPDATE_OPENAPI=1 cargo test -p api"
    );
}
