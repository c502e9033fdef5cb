//! Pages of `docs/` that a model may read. They are a part of the program, so that they describe its version.

use super::{arguments::ToolError, data::MAX_DATA};

/// The pages by name: those for people who use a relay. How-tos and decisions are for those who change it.
const PAGES: &[(&str, &str)] = &[
    ("api", include_str!("../../../docs/api.md")),
    ("command-line", include_str!("../../../docs/command-line.md")),
    ("dead-letters", include_str!("../../../docs/dead-letters.md")),
    ("destinations", include_str!("../../../docs/destinations.md")),
    ("figures", include_str!("../../../docs/figures.md")),
    ("first-steps", include_str!("../../../docs/first-steps.md")),
    ("glossary", include_str!("../../../docs/glossary.md")),
    ("job-logs", include_str!("../../../docs/job-logs.md")),
    ("jobs-and-batches", include_str!("../../../docs/jobs-and-batches.md")),
    ("keys", include_str!("../../../docs/keys.md")),
    ("limits", include_str!("../../../docs/limits.md")),
    ("live", include_str!("../../../docs/live.md")),
    ("policies", include_str!("../../../docs/policies.md")),
    ("receiving", include_str!("../../../docs/receiving.md")),
    ("requests", include_str!("../../../docs/requests.md")),
    ("secrets", include_str!("../../../docs/secrets.md")),
    ("senders", include_str!("../../../docs/senders.md")),
    ("sending", include_str!("../../../docs/sending.md")),
    ("svix", include_str!("../../../docs/svix.md")),
];

/// The pages, one a line: name and title.
pub(super) fn list() -> String {
    PAGES.iter().map(|(name, text)| format!("{name}: {}\n", title(text))).collect()
}

/// A part of a page, counted from 1. Parts end between lines.
///
/// # Errors
/// [`ToolError`] that lists the pages or says how many parts there are, if there is no such page or part.
pub(super) fn part(page: &str, number: u64) -> Result<String, ToolError> {
    let found = PAGES.iter().find(|(name, _)| *name == page);
    let (_, text) = found
        .ok_or_else(|| ToolError(format!("there is no such page; the pages are:\n{}", list())))?;
    let parts = parts(text);
    let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let part = parts
        .get(index)
        .ok_or_else(|| ToolError(format!("the page {page} has parts 1 to {}", parts.len())))?;
    Ok(match parts.len() {
        1 => (*part).to_owned(),
        all => format!("Part {number} of {all}.\n\n{part}"),
    })
}

fn title(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
}

/// The text in pieces of at most [`MAX_DATA`] bytes.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while MAX_DATA < rest.len() {
        let most = &rest[..rest.floor_char_boundary(MAX_DATA)];
        let end = most.rfind('\n').map_or(most.len(), |at| at + 1);
        parts.push(&rest[..end]);
        rest = &rest[end..];
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_a_title_and_is_read_whole() {
        for (name, text) in PAGES {
            assert!(!title(text).is_empty(), "{name}");
            assert!(part(name, 1).is_ok(), "{name}");
            assert_eq!(parts(text).concat(), *text, "{name}");
        }
    }

    #[test]
    fn a_long_text_comes_in_parts_that_end_between_lines() {
        let text = "0123456789\n".repeat(MAX_DATA / 5);
        let parts = parts(&text);
        assert_eq!(parts.concat(), text);
        assert!(
            parts.len() == 3
                && parts.iter().all(|part| part.len() <= MAX_DATA && part.ends_with('\n'))
        );
    }

    #[test]
    fn a_page_or_part_that_is_not_there_is_answered_with_those_that_are() {
        assert!(part("secret", 1).expect_err("none").to_string().contains("dead-letters: "));
        assert_eq!(
            part("keys", 2).expect_err("none").to_string(),
            "the page keys has parts 1 to 1"
        );
    }
}
