//! Rules of doc comments that no compiler holds.

use crate::tidy::{root, walk};

/// Folders whose public items say when they fail.
const FALLIBLE: [&str; 4] = ["shared", "functions", "relay", "local"];
/// Folders whose doc comments name their subject.
const PLAIN: [&str; 4] = ["shared/domain/src", "shared/manage/src", "functions", "relay/src"];
/// Words that a doc comment does not begin with, because they stand for a subject that is not named.
const SUBJECTLESS: [&str; 7] = ["What", "Who", "Whoever", "Whom", "It", "Its", "The same"];

/// Product files below some folders, by their path in the repository.
fn product(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    folders.iter().for_each(|folder| walk(&root().join(folder), "rs", &mut found));
    found.retain(|(name, _)| !name.contains("/tests/") && !name.ends_with("/tests.rs"));
    assert!(50 < found.len(), "{} files", found.len());
    found
}

/// The text of a line's doc comment, if the line is one.
fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim)
}

/// Public functions of a file that return a `Result` and do not say when they fail.
fn silent_failures(name: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_public = |line: &str| {
        let line = line.trim_start();
        ["pub fn ", "pub async fn ", "pub const fn "].iter().any(|start| line.starts_with(start))
    };
    let public = lines.iter().enumerate().filter(|(_, line)| is_public(line));
    let silent = public.filter(|(at, _)| {
        let signature = lines[*at..].iter().copied().map(str::trim).collect::<Vec<_>>().join(" ");
        let signature = signature.split(['{', ';']).next().unwrap_or_default();
        // The bound of a closure has an arrow as well.
        let signature = signature.split(" where ").next().unwrap_or_default();
        let returned = signature.rsplit_once("->").map_or("", |(_, returned)| returned.trim());
        let above = lines[..*at].iter().rev();
        let mut above = above.take_while(|line| line.trim_start().starts_with(['/', '#']));
        returned.starts_with("Result<") && !above.any(|line| doc(line) == Some("# Errors"))
    });
    silent.map(|(at, line)| format!("{name}:{}: {}", at + 1, line.trim())).collect()
}

/// Doc comments of a file that begin without a subject.
fn subjectless(name: &str, text: &str) -> Vec<String> {
    let begins = |comment: &str| {
        // `It` is the beginning of `Its`, and `Who` of `Whoever`: each word is tried.
        let mut rests = SUBJECTLESS.iter().filter_map(|word| comment.strip_prefix(word));
        rests.any(|rest| rest.starts_with([' ', '.', ',', ':']))
    };
    let mut within = false;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let comment = doc(line);
        if !within && comment.is_some_and(begins) {
            found.push(format!("{name}:{}: {}", at + 1, line.trim()));
        }
        within = comment.is_some();
    }
    found
}

#[test]
fn every_public_function_that_can_fail_says_when() {
    let files = product(&FALLIBLE);
    for folder in ["domain", "adapters", "dispatch", "manage"] {
        let within =
            |(name, _): &(String, String)| name.starts_with(&format!("shared/{folder}/src/"));
        assert!(files.iter().any(within), "{folder}");
    }
    let found: Vec<_> = files.iter().flat_map(|(name, text)| silent_failures(name, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_doc_comment_names_its_subject() {
    let files = product(&PLAIN);
    let found: Vec<_> = files.iter().flat_map(|(name, text)| subjectless(name, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_silent_failure_and_a_comment_without_a_subject_are_noticed() {
    let silent = "/// Reads.\npub async fn read(\n    a: u8,\n) -> Result<u8, E> {\n";
    assert_eq!(silent_failures("a.rs", silent).len(), 1);
    let told = "/// Reads.\n///\n/// # Errors\n///\n/// Always.\n#[must_use]\npub fn read() -> Result<u8, E> {\n";
    assert!(silent_failures("a.rs", told).is_empty());
    assert!(silent_failures("a.rs", "pub fn read() -> Option<u8> {\n").is_empty());
    let bounded = "pub fn each<F>(f: F) -> Result<u8, E>\nwhere\n    F: Fn() -> u8,\n{\n";
    assert_eq!(silent_failures("a.rs", bounded).len(), 1);
    for wrong in ["/// What it did.\n", "//! It runs.\n", "    /// Its name.\n", "/// The same.\n"]
    {
        assert_eq!(subjectless("a.rs", wrong).len(), 1, "{wrong}");
    }
    for right in ["/// Items.\n", "/// A job.\n/// It ended.\n", "/// Whatever is left.\n"] {
        assert!(subjectless("a.rs", right).is_empty(), "{right}");
    }
}
