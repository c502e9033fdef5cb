//! Checks of a pattern before it is kept.

use super::pattern::Pattern;

/// The part of a pattern that cannot be used. The message may be shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct InvalidFilter {
    /// The place in the pattern, as a dotted path.
    pub path: String,
    /// The reason, as a sentence about that place.
    pub why: &'static str,
}

/// Deepest nesting of a pattern, so that matching needs little stack.
pub const MAX_DEPTH: usize = 12;
/// Most values, objects and lists in a pattern, so that matching takes little time.
pub const MAX_NODES: usize = 256;

const COMPARISONS: [&str; 11] = [
    "$eq",
    "$neq",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$exist",
    "$startsWith",
    "$endsWith",
];

pub(super) fn wrong(path: &str, why: &'static str) -> InvalidFilter {
    InvalidFilter { path: path.to_owned(), why }
}

fn below(path: &str, name: impl std::fmt::Display) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

pub(super) fn check_object(
    pattern: &[(Vec<u8>, Pattern)],
    path: &str,
    depth: usize,
    nodes: &mut usize,
) -> Result<(), InvalidFilter> {
    let named: Vec<_> =
        pattern.iter().map(|(key, value)| (String::from_utf8_lossy(key), value)).collect();
    let compares = named.iter().any(|(key, _)| COMPARISONS.contains(&key.as_ref()));
    for (key, value) in named {
        let here = below(path, &key);
        match key.as_ref() {
            "$or" | "$and" => {
                let Pattern::List(branches) = value else {
                    return Err(wrong(&here, "is a list of patterns"));
                };
                if branches.is_empty() {
                    return Err(wrong(&here, "must not be empty"));
                }
                for (index, branch) in branches.iter().enumerate() {
                    check(branch, &below(&here, index), depth + 1, nodes)?;
                }
            }
            "$not" => check(value, &here, depth + 1, nodes)?,
            name if COMPARISONS.contains(&name) => {
                *nodes += 1;
                if !operand(name, value) {
                    return Err(wrong(&here, "cannot be compared with that"));
                }
            }
            name if name.starts_with('$') => return Err(wrong(&here, "is no operator")),
            _ if compares => {
                return Err(wrong(&here, "a field cannot stand beside a comparison"));
            }
            _ => check(value, &here, depth + 1, nodes)?,
        }
    }
    Ok(())
}

fn check(
    pattern: &Pattern,
    path: &str,
    depth: usize,
    nodes: &mut usize,
) -> Result<(), InvalidFilter> {
    *nodes += 1;
    if MAX_NODES < *nodes {
        return Err(wrong(path, "is one too many: a filter has at most 256 parts"));
    }
    if MAX_DEPTH < depth {
        return Err(wrong(path, "is nested more than 12 deep"));
    }
    match pattern {
        Pattern::Object(fields) => check_object(fields, path, depth, nodes),
        Pattern::List(members) => {
            for (index, member) in members.iter().enumerate() {
                check(member, &below(path, index), depth + 1, nodes)?;
            }
            Ok(())
        }
        Pattern::Word(_) | Pattern::Number(_) | Pattern::Text(_) => Ok(()),
    }
}

/// Whether an operator can be given this value.
fn operand(operator: &str, value: &Pattern) -> bool {
    let is_text = |value: &Pattern| matches!(value, Pattern::Text(_));
    match operator {
        "$exist" => matches!(value, Pattern::Word("true" | "false")),
        "$gt" | "$gte" | "$lt" | "$lte" => matches!(value, Pattern::Number(_) | Pattern::Text(_)),
        "$startsWith" | "$endsWith" => match value {
            Pattern::List(list) => list.iter().all(is_text),
            value => is_text(value),
        },
        "$in" | "$nin" => !matches!(value, Pattern::Object(_)),
        _ => true,
    }
}
