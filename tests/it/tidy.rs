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
