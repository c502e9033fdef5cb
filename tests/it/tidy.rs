//! Rules of the repository that no compiler holds.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every Rust file of ours, by its path in the repository.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for top in ["functions", "shared", "local", "relay", "tests"] {
        walk(&root().join(top), "rs", &mut found);
    }
    assert!(100 < found.len(), "{} files", found.len());
    found
}

/// Every file below a folder with this extension, by its path in the repository.
pub(crate) fn walk(folder: &Path, wanted: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
            walk(&path, wanted, found);
        } else if path.extension().is_some_and(|extension| extension == wanted) {
            let name = path.strip_prefix(root()).expect("below").display().to_string();
            found.push((name, read(&path)));
        }
    }
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("text")
}

/// The rules that a file breaks, one line each.
fn untidy(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if !text.starts_with("//!") {
        found.push(format!("{name}: does not say what lives here"));
    }
    if 400 < lines {
        found.push(format!("{name}: {lines} lines ask to be split"));
    }
    if name.starts_with("functions/") && name.ends_with("/main.rs") && 30 < lines {
        found.push(format!("{name}: {lines} lines, but a main only wires"));
    }
    // In pieces, so that this file does not find itself.
    for banned in [["to", "do!("], ["unimple", "mented!("], ["#[ig", "nore"], ["FIX", "ME"]] {
        if text.contains(&banned.concat()) {
            found.push(format!("{name}: {}", banned.concat()));
        }
    }
    found
}

/// Contracts of the API, none of which names another.
const CONTRACTS: [&str; 3] = ["v1", "svix", "systems"];

/// Contracts that a file of the API names although it must not. A contract names itself only; `web`
/// and `document` name none. Nothing in them climbs two modules at once, past its own folder.
fn foreign_names(name: &str, text: &str) -> Vec<String> {
    let Some(within) = name.strip_prefix("functions/api/src/") else { return Vec::new() };
    let part = within.split(['/', '.']).next().unwrap_or_default();
    if !CONTRACTS.contains(&part) && !["web", "document"].contains(&part) {
        return Vec::new();
    }
    let code: String = text.split_whitespace().collect();
    let mut found = Vec::new();
    for other in CONTRACTS.into_iter().filter(|other| *other != part) {
        let direct = ["crate::", "super::"].iter().any(|root| names(&code, root, other));
        if direct {
            found.push(format!("{name}: names the contract {other}"));
        }
    }
    if code.contains("super::super::") {
        found.push(format!("{name}: climbs out of its folder"));
    }
    found
}

/// Whether a module is named below a root such as `crate::`, alone or in braces.
fn names(code: &str, root: &str, module: &str) -> bool {
    code.match_indices(root).any(|(at, _)| {
        let rest = &code[at + root.len()..];
        match rest.strip_prefix('{') {
            None => first_name(rest) == module,
            Some(group) => heads(group).contains(&module),
        }
    })
}

fn first_name(path: &str) -> &str {
    let end = path.find(|char: char| !char.is_alphanumeric() && char != '_');
    &path[..end.unwrap_or(path.len())]
}

/// First names of the paths in a group, up to the brace that closes it.
fn heads(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut heads) = (0, 0, Vec::new());
    for (at, char) in group.char_indices() {
        match char {
            ',' | '}' if depth == 0 => {
                heads.push(first_name(&group[from..at]));
                from = at + 1;
                if char == '}' {
                    break;
                }
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => (),
        }
    }
    heads
}

#[test]
fn no_contract_names_another() {
    let found: Vec<_> =
        sources().iter().flat_map(|(name, text)| foreign_names(name, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_contract_that_names_another_is_noticed() {
    let wrong = [
        ("svix/x.rs", "use crate::v1::tasks;"),
        ("svix.rs", "use super::v1;"),
        ("v1/jobs/x.rs", "use crate::{\n    web::{Routes, error::Error},\n    svix,\n};"),
        ("v1/x.rs", "use crate::{web::page, systems::{wepp, omtx}};"),
        ("systems/omtx/x.rs", "fn x() { crate::v1::jobs::list() }"),
        ("systems/wepp.rs", "use super::super::svix;"),
        ("web/page.rs", "use crate::svix::page::ListResponse;"),
        ("document.rs", "use crate::{\n    v1::{self, jobs},\n};"),
    ];
    for (name, text) in wrong {
        assert!(!foreign_names(&format!("functions/api/src/{name}"), text).is_empty(), "{name}");
    }
    let right = [
        ("svix/x.rs", "use crate::{svix::page, web::{v1, Routes}};"),
        ("v1/x.rs", "use crate::v1::events; use super::jobs;"),
        ("document.rs", "fn x() { crate::openapi() }"),
        ("lib.rs", "use crate::{svix, v1};"),
        ("tests/svix.rs", "use crate::svix;"),
    ];
    for (name, text) in right {
        assert!(foreign_names(&format!("functions/api/src/{name}"), text).is_empty(), "{name}");
    }
}

/// Files that may say which application a uid first stood for. All others have an id, or ask
/// `manage::applications`, because a uid may have been given to another application since.
const RESOLVERS: [&str; 5] = [
    "relay/src/dev/welcome.rs",
    "shared/adapters/src/table/applications.rs",
    "shared/domain/src/event_type/ours.rs",
    "shared/manage/src/applications.rs",
    "shared/manage/src/applications/names.rs",
];

#[test]
fn an_application_is_resolved_in_one_place() {
    let derives = |name: &str, text: &str| {
        let deployed = !name.starts_with("tests/") && !name.contains("tests");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        deployed && code.contains("ApplicationId::named(")
    };
    let all = sources();
    let found = all.iter().filter(|(name, text)| derives(name, text)).map(|(name, _)| name);
    let mut found: Vec<&str> = found.map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, RESOLVERS);
}

#[test]
fn every_file_is_tidy() {
    let found: Vec<_> = sources().iter().flat_map(|(name, text)| untidy(name, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn an_untidy_file_is_noticed() {
    let long = "//! x\n".repeat(401);
    let ignored = format!("//! x\n{}{}]\n", "#[ig", "nore");
    for (name, text) in [
        ("a.rs", "fn main() {}\n"),
        ("a.rs", long.as_str()),
        ("functions/x/src/main.rs", &long[..6 * 40]),
        ("a.rs", ignored.as_str()),
    ] {
        assert!(!untidy(name, text).is_empty(), "{name}");
    }
}

#[test]
fn every_sample_event_is_used_by_a_test() {
    let all: String = sources().into_iter().map(|(_, text)| text).collect();
    let mut samples = 0;
    for folder in fs::read_dir(root().join("events")).expect("a folder") {
        let folder = folder.expect("an entry").path();
        for sample in fs::read_dir(&folder).expect("a folder") {
            let sample = sample.expect("an entry").path();
            let name = sample.file_name().and_then(|name| name.to_str()).expect("text");
            assert!(all.contains(name), "{} is used by no test", sample.display());
            samples += 1;
        }
    }
    assert!(8 < samples, "{samples}");
}
