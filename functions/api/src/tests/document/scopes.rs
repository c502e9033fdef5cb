//! Scopes of all operations, and which portals may call them, compared with lists that are checked in, so
//! that a change is seen in review. `UPDATE_OPENAPI=1 cargo test -p api scopes` writes the lists anew.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::web::PortalAccess;

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
    must_be_kept("scopes.txt", &list);
}

/// Requires that a file beside this one holds a list, or writes it.
fn must_be_kept(file: &str, list: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/document").join(file);
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, list).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == list, "{file} is not what the routes say: UPDATE_OPENAPI=1 cargo test -p api");
}

/// Every operation that needs a caller, with the portals that it says beside its path.
#[test]
fn the_access_of_portals_is_the_one_that_is_checked_in() {
    let routes = crate::contracts().into_iter().flat_map(|contract| contract.routes.operations);
    let lines: BTreeMap<_, _> = routes
        .map(|((path, method), operation)| {
            let access = match operation.portal {
                PortalAccess::Closed => "closed".to_owned(),
                PortalAccess::Session => "every portal".to_owned(),
                PortalAccess::With(capability) => format!("{capability:?}"),
            };
            let line = format!("{access:<20} {:<6} {path}\n", method.as_str());
            ((path, method.to_string()), line)
        })
        .collect();
    must_be_kept("portals.txt", &lines.into_values().collect::<String>());
}
