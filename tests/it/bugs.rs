//! `docs/bugs.md`: each bug of the five systems has its line, and the tests that it names exist.

use std::collections::BTreeSet;

use crate::tidy::{read, root, walk};

/// Number of bugs of each system, S0 first.
const BUGS: [usize; 5] = [14, 10, 7, 7, 6];

/// The numbers with a line, and the tests that are named there.
fn lines(text: &str) -> Vec<(&str, Vec<&str>)> {
    let rows = text.lines().filter(|line| line.starts_with("| S"));
    rows.map(|row| {
        let cells: Vec<_> = row.split(" | ").collect();
        let number = cells[0].trim_start_matches("| ");
        let shown = cells.get(3).copied().unwrap_or_default();
        (number, shown.split('`').skip(1).step_by(2).collect())
    })
    .collect()
}

/// Every function of every test file, in Rust and in Python.
fn functions() -> BTreeSet<String> {
    let mut files = Vec::new();
    for (top, extension) in
        [("functions", "rs"), ("shared", "rs"), ("relay", "rs"), ("tests", "rs"), ("tests", "py")]
    {
        walk(&root().join(top), extension, &mut files);
    }
    let named = |line: &str| {
        let line = line.trim_start().trim_start_matches("async ");
        let name = line.strip_prefix("fn ").or_else(|| line.strip_prefix("def "))?;
        name.split_once('(').map(|(name, _)| name.to_owned())
    };
    files.iter().flat_map(|(_, text)| text.lines().filter_map(named)).collect()
}

/// The faults of the table, one line each.
fn wrong(text: &str, known: &BTreeSet<String>) -> Vec<String> {
    let lines = lines(text);
    let wanted = (0..)
        .zip(BUGS)
        .flat_map(|(system, bugs)| (1..=bugs).map(move |bug| format!("S{system}.{bug}")));
    let mut found: Vec<_> = wanted
        .filter(|number| lines.iter().filter(|(known, _)| known == number).count() != 1)
        .map(|number| format!("{number} has not exactly one line"))
        .collect();
    for (number, tests) in &lines {
        if tests.is_empty() {
            found.push(format!("{number} names no test"));
        }
        found.extend(
            tests
                .iter()
                .filter(|test| !known.contains(**test))
                .map(|test| format!("{number}: {test} is no test")),
        );
    }
    found
}

#[test]
fn every_bug_has_its_line_and_every_test_it_names_exists() {
    let found = wrong(&read(&root().join("docs/bugs.md")), &functions());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_line_that_names_what_does_not_exist_is_noticed() {
    let text = read(&root().join("docs/bugs.md"));
    let (known, all) = (functions(), BUGS.iter().sum::<usize>());
    assert_eq!(lines(&text).len(), all);
    let renamed = text.replace("no_failure_undoes_a_success", "a_failure_is_forgotten");
    let removed = text.replace("| S3.4 |", "|");
    for changed in [renamed, removed] {
        assert!(!wrong(&changed, &known).is_empty());
    }
}
