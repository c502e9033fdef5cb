//! Rules of the documents: links lead somewhere, files that are named exist, and every decision
//! record is complete.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use domain::retry::{LADDER, MAX_DELAY, MAX_DELAYS, MAX_RETRIES, MAX_TIMEOUT, MIN_TIMEOUT, Policy};
use serde_json::Value;

use crate::tidy::{read, root, walk};

/// Folders with documents of ours.
const FOLDERS: [&str; 5] = ["docs", "bench", "examples", "tests", "local"];
/// Documents at the root.
const ROOT: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
/// The headings of a decision record, in their order.
const HEADINGS: [&str; 5] = ["Status", "Context", "Decision", "Alternatives", "Consequences"];

/// Every document, by its path in the repository.
fn documents() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        walk(&root().join(folder), "md", &mut found);
    }
    found.extend(ROOT.map(|name| (name.to_owned(), read(&root().join(name)))));
    assert!(60 < found.len(), "{} documents", found.len());
    found
}

/// The lines of a document that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The targets of the links in a document.
fn links(text: &str) -> Vec<&str> {
    let targets = |line| str::split(line, "](").skip(1).filter_map(|rest| rest.split(')').next());
    prose(text).flat_map(targets).collect()
}

/// The anchors that a document offers, as GitHub makes them of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|line| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| title.strip_prefix(' ')).flatten()
    });
    let anchor = |title: &str| {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let kept: String = title.to_lowercase().chars().filter(kept).collect();
        kept.replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The links of a document that lead nowhere. Links to other hosts are not followed.
fn dead(name: &str, text: &str) -> Vec<String> {
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let leads = |link: &str| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = match file {
            "" => PathBuf::from(name),
            file => plain(&folder.join(file)),
        };
        let path = root().join(path);
        match anchor {
            "" => path.exists(),
            anchor => path.is_file() && anchors(&read(&path)).contains(anchor),
        }
    };
    links(text)
        .into_iter()
        .filter(|link| !link.contains("://") && !link.starts_with("mailto:") && !leads(link))
        .map(|link| format!("{name}: {link} leads nowhere"))
        .collect()
}

/// The files of ours that a document names in code marks and that do not exist. A name with a
/// placeholder (`<name>`, `…`, `*`, `{a,b}`) is not looked for.
fn missing(name: &str, text: &str) -> Vec<String> {
    const TOPS: [&str; 9] = [
        "functions/",
        "shared/",
        "local/",
        "relay/",
        "tests/",
        "events/",
        "examples/",
        "bench/",
        ".ci/",
    ];
    let named = prose(text).flat_map(|line| line.split('`').skip(1).step_by(2));
    named
        .filter(|path| TOPS.iter().any(|top| path.starts_with(top)))
        .filter(|path| !path.contains(['<', '…', '*', '{', ' ', ':']))
        .filter(|path| !root().join(path).exists())
        .map(|path| format!("{name}: {path} does not exist"))
        .collect()
}

/// The parts that a decision record lacks.
fn incomplete(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let number = name.rsplit('/').next().unwrap_or_default().get(..4).unwrap_or_default();
    if !text.starts_with(&format!("# {number}: ")) {
        found.push(format!("{name}: the title does not begin with {number}"));
    }
    let is_date = |line: &str| {
        let date = line.strip_prefix("Date: ").unwrap_or_default();
        date.len() == 10 && date.chars().all(|c| c.is_ascii_digit() || c == '-')
    };
    if !text.lines().any(is_date) {
        found.push(format!("{name}: no line `Date: YYYY-MM-DD`"));
    }
    let sections: Vec<_> = text.split("\n## ").skip(1).collect();
    let titles: Vec<_> = sections.iter().filter_map(|section| section.lines().next()).collect();
    if titles != HEADINGS {
        found.push(format!("{name}: the headings are {titles:?}, not {HEADINGS:?}"));
    }
    if sections.iter().any(|section| section.lines().filter(|line| !line.is_empty()).count() < 2) {
        found.push(format!("{name}: a section is empty"));
    }
    found
}

/// Every decision record, by its path.
fn records() -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root().join("docs/adr"), "md", &mut found);
    found.retain(|(name, _)| !name.ends_with("README.md"));
    found.sort();
    found
}

#[test]
fn no_local_link_is_dead() {
    let found: Vec<_> = documents().iter().flat_map(|(name, text)| dead(name, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_dead_link_is_noticed() {
    for link in ["nowhere.md", "../nowhere.md", "README.md#no-such-heading", "#no-such-heading"] {
        assert_eq!(dead("docs/x.md", &format!("see [it]({link})")).len(), 1, "{link}");
    }
    let good = "# A `b` c\n[a](README.md) [b](../README.md#run-it-here) [c](https://example.com/x)";
    assert!(dead("docs/README.md", good).is_empty());
    assert!(anchors(good).contains("a-b-c"));
}

#[test]
fn every_file_that_a_document_names_exists() {
    // Decision records and the changelog tell of their own time.
    let now = |name: &str| !name.starts_with("docs/adr/") && name != "CHANGELOG.md";
    let documents = documents();
    let current = documents.iter().filter(|(name, _)| now(name));
    let found: Vec<_> = current.flat_map(|(name, text)| missing(name, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(missing("x.md", "see `shared/domain/src/nowhere.rs`").len(), 1);
}

#[test]
fn every_decision_record_is_complete() {
    let records = records();
    let mut found: Vec<_> =
        records.iter().flat_map(|(name, text)| incomplete(name, text)).collect();
    let index = read(&root().join("docs/adr/README.md"));
    for (at, (name, text)) in records.iter().enumerate() {
        let file = name.trim_start_matches("docs/adr/");
        if !file.starts_with(&format!("{:04}-", at + 1)) {
            found.push(format!("{name}: the number before it is missing or taken twice"));
        }
        let title = text.lines().next().unwrap_or_default();
        let title = title.split_once(": ").map_or("", |(_, title)| title);
        if !index.contains(&format!("]({file}) | {title} |")) {
            found.push(format!("{name}: the index does not list it under its title"));
        }
    }
    assert!(20 < records.len(), "{} records", records.len());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn an_incomplete_decision_record_is_noticed() {
    let (name, text) = records().swap_remove(0);
    assert!(incomplete(&name, &text).is_empty());
    for (from, to) in [
        ("# 0001", "# 0002"),
        ("Date: ", "On "),
        ("## Alternatives", "## Other"),
        ("## Context", ""),
    ] {
        assert!(!incomplete(&name, &text.replacen(from, to, 1)).is_empty(), "{from}");
    }
}

#[test]
fn every_profile_has_a_row_among_the_senders() {
    let mut profiles = Vec::new();
    walk(&root().join("shared/domain/src/profile/known"), "json", &mut profiles);
    let rows = read(&root().join("docs/senders.md"));
    let rows: String = rows.lines().filter(|line| line.starts_with("| `")).collect();
    for (path, _) in &profiles {
        let name = path.rsplit('/').next().and_then(|file| file.strip_suffix(".json"));
        let name = name.expect("a file of JSON");
        let first = format!("`{name}`");
        assert!(rows.contains(&first), "docs/senders.md has no row for the profile {name}");
    }
    assert!(20 < profiles.len(), "{} profiles", profiles.len());
}

/// A duration as the documents write it: seconds, minutes or hours, whichever is whole.
fn in_words(seconds: u32) -> String {
    match seconds {
        hours if hours % 3600 == 0 => format!("{} h", hours / 3600),
        minutes if minutes % 60 == 0 => format!("{} min", minutes / 60),
        seconds => format!("{seconds} s"),
    }
}

#[test]
fn the_page_on_policies_states_the_bounds_and_the_defaults_of_the_code() {
    let page = read(&root().join("docs/policies.md"));
    let row = |field: &str| {
        let start = format!("| `{field}`");
        let row = page.lines().find(|line| line.starts_with(&start));
        row.unwrap_or_else(|| panic!("docs/policies.md has no row for {field}"))
    };
    let schedule = LADDER.map(in_words).join(", ");
    let default = Policy::default();
    for (field, stated) in [
        ("delays", format!("1 to {MAX_DELAYS} waits")),
        ("delays", format!("each at most {MAX_DELAY}")),
        ("delays", schedule.clone()),
        ("maxRetries", format!("0 to {MAX_RETRIES}")),
        ("maxRetries", format!("| {}, or as many", default.max_retries)),
        ("timeoutSeconds", format!("{MIN_TIMEOUT} to {MAX_TIMEOUT}")),
        ("timeoutSeconds", format!("| {} |", default.timeout_seconds)),
    ] {
        assert!(row(field).contains(&stated), "{field}: docs/policies.md does not say {stated:?}");
    }
    let (last, others) = schedule.rsplit_once(", ").map(|(a, b)| (b, a)).expect("several");
    let sentence = format!("at once, then after {others} and {last}");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains(&sentence), "docs/policies.md does not say {sentence:?}");
}

#[test]
fn the_openapi_document_states_the_bounds_of_a_policy_that_the_code_has() {
    let document = read(&root().join("openapi.json"));
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut seen = 0;
    for (name, schema) in schemas {
        for (fields, bounds, least, most) in [
            (["maxRetries", "max_retries"], ["minimum", "maximum"], 0, u64::from(MAX_RETRIES)),
            (
                ["timeoutSeconds", "timeout"],
                ["minimum", "maximum"],
                MIN_TIMEOUT.into(),
                MAX_TIMEOUT.into(),
            ),
            (["delays", "delays"], ["minItems", "maxItems"], 1, MAX_DELAYS as u64),
        ] {
            for field in fields {
                let property = &schema["properties"][field];
                // What is shown has no bounds, what is taken has both.
                if property[bounds[1]].is_null() {
                    continue;
                }
                let stated = bounds.map(|bound| property[bound].as_u64());
                assert_eq!(stated, [Some(least), Some(most)], "{field} of {name}");
                seen += 1;
            }
        }
    }
    assert!(9 <= seen, "{seen} bounds");
}
