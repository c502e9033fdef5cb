//! Content filters: a JSON pattern over the payload that an endpoint would receive. Operators and
//! their meaning are Outpost's, so that a filter written for Outpost works here.
//!
//! A value matches an equal value, an object matches an object that has these fields, a list
//! matches a list that has these members. A pattern for one value matches a list if it matches a
//! member; an operator sees the list as a whole. An absent field matches `{"$exist": false}` and
//! nothing else.

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A pattern that was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentFilter(Map<String, Value>);

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
/// Longest pattern, in bytes of JSON.
pub const MAX_BYTES: usize = 8 * 1024;

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

impl ContentFilter {
    /// Checks a pattern.
    ///
    /// # Errors
    /// If the pattern is too long, too deep or has too many parts, or an operator is unknown or
    /// cannot be given its operand.
    pub fn parse(pattern: Map<String, Value>) -> Result<Self, InvalidFilter> {
        let text = serde_json::to_string(&pattern).unwrap_or_default();
        if MAX_BYTES < text.len() {
            return Err(wrong("", "is longer than 8192 bytes"));
        }
        let mut nodes = 0;
        check_object(&pattern, "", 0, &mut nodes)?;
        Ok(Self(pattern))
    }

    /// Whether the pattern is empty and so matches every payload.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pattern, as the owner gave it.
    pub const fn pattern(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether a payload matches. A payload that is no JSON matches only the empty pattern.
    pub fn matches(&self, payload: &Payload<'_>) -> bool {
        self.is_empty() || payload.json().is_some_and(|payload| object(&self.0, payload))
    }
}

/// A payload that filters look at. It is parsed at most once, by the first filter that needs it.
#[derive(Debug)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    parsed: OnceCell<Option<Value>>,
}

impl<'a> Payload<'a> {
    /// A payload that is not parsed yet.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, parsed: OnceCell::new() }
    }

    fn json(&self) -> Option<&Value> {
        self.parsed.get_or_init(|| serde_json::from_slice(self.bytes).ok()).as_ref()
    }
}

fn wrong(path: &str, why: &'static str) -> InvalidFilter {
    InvalidFilter { path: path.to_owned(), why }
}

fn below(path: &str, name: impl std::fmt::Display) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

fn check_object(
    pattern: &Map<String, Value>,
    path: &str,
    depth: usize,
    nodes: &mut usize,
) -> Result<(), InvalidFilter> {
    let compares = pattern.keys().any(|key| COMPARISONS.contains(&key.as_str()));
    for (key, value) in pattern {
        let here = below(path, key);
        match key.as_str() {
            "$or" | "$and" => {
                let Value::Array(branches) = value else {
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
    pattern: &Value,
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
        Value::Object(fields) => check_object(fields, path, depth, nodes),
        Value::Array(members) => {
            for (index, member) in members.iter().enumerate() {
                check(member, &below(path, index), depth + 1, nodes)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether an operator can be given this value.
fn operand(operator: &str, value: &Value) -> bool {
    let texts = |value: &Value| match value {
        Value::String(_) => true,
        Value::Array(list) => list.iter().all(Value::is_string),
        _ => false,
    };
    match operator {
        "$exist" => value.is_boolean(),
        "$gt" | "$gte" | "$lt" | "$lte" => value.is_number() || value.is_string(),
        "$startsWith" | "$endsWith" => texts(value),
        "$in" | "$nin" => !value.is_object(),
        _ => true,
    }
}

fn any(pattern: &Value, input: &Value) -> bool {
    match (pattern, input) {
        (Value::Object(fields), _) => object(fields, input),
        (Value::Array(wanted), Value::Array(members)) => {
            wanted.iter().all(|wanted| members.iter().any(|member| any(wanted, member)))
        }
        (Value::Array(_), _) => false,
        (_, Value::Array(members)) => members.iter().any(|member| any(pattern, member)),
        _ => equal(pattern, input),
    }
}

fn object(pattern: &Map<String, Value>, input: &Value) -> bool {
    let has_operator = pattern.keys().any(|key| key.starts_with('$'));
    if let Value::Array(members) = input
        && !has_operator
    {
        return members.iter().any(|member| object(pattern, member));
    }
    if !has_operator && !input.is_object() {
        return false;
    }
    pattern.iter().all(|(key, value)| match (key.as_str(), value) {
        ("$or", Value::Array(branches)) => branches.iter().any(|branch| any(branch, input)),
        ("$and", Value::Array(branches)) => branches.iter().all(|branch| any(branch, input)),
        ("$not", _) => !any(value, input),
        (operator, _) if operator.starts_with('$') => compare(operator, input, value),
        (name, _) => match input.get(name) {
            Some(input) => any(value, input),
            None => value.get("$exist") == Some(&Value::Bool(false)),
        },
    })
}

/// Whether two values are equal; numbers are compared by value, however they are written.
fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn compare(operator: &str, input: &Value, wanted: &Value) -> bool {
    let order = || match (input, wanted) {
        (Value::String(input), Value::String(wanted)) => Some(input.cmp(wanted)),
        _ => input.as_f64()?.partial_cmp(&wanted.as_f64()?),
    };
    match operator {
        "$eq" => equal(input, wanted),
        "$neq" => !equal(input, wanted),
        "$gt" => order().is_some_and(|order| order.is_gt()),
        "$gte" => order().is_some_and(|order| order.is_ge()),
        "$lt" => order().is_some_and(|order| order.is_lt()),
        "$lte" => order().is_some_and(|order| order.is_le()),
        "$in" => within(input, wanted) == Some(true),
        "$nin" => within(input, wanted) == Some(false),
        "$exist" => wanted == &Value::Bool(true),
        "$startsWith" => edge(input, wanted, |text, edge| text.starts_with(edge)),
        "$endsWith" => edge(input, wanted, |text, edge| text.ends_with(edge)),
        _ => false,
    }
}

/// Whether a value is in a list, a text in a text, or a value in the list that was received. `None`
/// if the two cannot be compared.
fn within(input: &Value, wanted: &Value) -> Option<bool> {
    match (input, wanted) {
        (Value::Object(_) | Value::Array(_), Value::Array(_)) => None,
        (_, Value::Array(list)) => Some(list.iter().any(|member| equal(input, member))),
        (Value::Array(members), _) => Some(members.iter().any(|member| equal(member, wanted))),
        (Value::String(text), Value::String(part)) => Some(text.contains(part.as_str())),
        _ => None,
    }
}

fn edge(input: &Value, wanted: &Value, is: impl Fn(&str, &str) -> bool) -> bool {
    let Value::String(text) = input else { return false };
    match wanted {
        Value::String(wanted) => is(text, wanted),
        Value::Array(list) => list.iter().filter_map(Value::as_str).any(|one| is(text, one)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
