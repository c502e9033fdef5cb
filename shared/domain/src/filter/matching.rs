//! Matching of a payload against a pattern. Recursion follows the pattern, whose depth is bounded, and never the payload.

use std::cmp::Ordering;

use super::{number::Decimal, pattern::Pattern};
use crate::json_form::read::{Tree, Value};

/// A value of a payload.
#[derive(Clone, Copy)]
pub(super) struct Input<'t> {
    tree: &'t Tree<'t>,
    at: usize,
}

impl<'t> Input<'t> {
    /// The whole payload.
    pub(super) const fn whole(tree: &'t Tree<'t>) -> Self {
        Self { tree, at: 0 }
    }

    fn value(self) -> &'t Value<'t> {
        &self.tree.0[self.at]
    }

    fn at(self, at: usize) -> Self {
        Self { at, ..self }
    }

    fn field(self, name: &[u8]) -> Option<Self> {
        let Value::Object(members) = self.value() else { return None };
        members.iter().find(|(key, _)| key.as_ref() == name).map(|(_, at)| self.at(*at))
    }

    /// The members of a list, those of lists in it in their place.
    fn leaves(self) -> Vec<Self> {
        let (mut open, mut leaves) = (vec![self], Vec::new());
        while let Some(input) = open.pop() {
            match input.value() {
                Value::Array(members) => open.extend(members.iter().map(|at| self.at(*at))),
                _ => leaves.push(input),
            }
        }
        leaves
    }
}

fn any(pattern: &Pattern, input: Input<'_>) -> bool {
    match (pattern, input.value()) {
        (Pattern::Object(fields), _) => object(fields, input),
        (Pattern::List(wanted), Value::Array(members)) => {
            wanted.iter().all(|wanted| members.iter().any(|member| any(wanted, input.at(*member))))
        }
        (_, Value::Array(_)) => input.leaves().into_iter().any(|leaf| equal(pattern, leaf)),
        _ => equal(pattern, input),
    }
}

/// Whether a value has these fields and fits these operators.
pub(super) fn object(pattern: &[(Vec<u8>, Pattern)], input: Input<'_>) -> bool {
    let has_operator = pattern.iter().any(|(key, _)| key.starts_with(b"$"));
    match input.value() {
        Value::Array(_) if !has_operator => {
            input.leaves().into_iter().any(|leaf| object(pattern, leaf))
        }
        Value::Object(_) => fields(pattern, input),
        _ => has_operator && fields(pattern, input),
    }
}

fn fields(pattern: &[(Vec<u8>, Pattern)], input: Input<'_>) -> bool {
    pattern.iter().all(|(key, value)| match (key.as_slice(), value) {
        (b"$or", Pattern::List(branches)) => branches.iter().any(|branch| any(branch, input)),
        (b"$and", Pattern::List(branches)) => branches.iter().all(|branch| any(branch, input)),
        (b"$not", _) => !any(value, input),
        ([b'$', operator @ ..], _) => compare(operator, input, value),
        (name, _) => match input.field(name) {
            Some(input) => any(value, input),
            None => is_absent(value),
        },
    })
}

/// Whether a pattern is for a field that is not there.
fn is_absent(pattern: &Pattern) -> bool {
    let Pattern::Object(fields) = pattern else { return false };
    fields.iter().any(|(key, value)| key == b"$exist" && matches!(value, Pattern::Word("false")))
}

/// Whether two values are equal; numbers are compared by value, however they are written.
fn equal(wanted: &Pattern, input: Input<'_>) -> bool {
    match (wanted, input.value()) {
        (Pattern::Word(wanted), Value::Word(word)) => wanted == word,
        (Pattern::Number(wanted), Value::Number(source)) => *wanted == Decimal::of(source),
        (Pattern::Text(wanted), Value::Text(text)) => wanted.as_slice() == text.as_ref(),
        (Pattern::List(wanted), Value::Array(members)) => {
            wanted.len() == members.len()
                && wanted.iter().zip(members).all(|(one, at)| equal(one, input.at(*at)))
        }
        (Pattern::Object(wanted), Value::Object(members)) => {
            let same = |(key, value): &(Vec<u8>, Pattern)| {
                input.field(key).is_some_and(|found| equal(value, found))
            };
            wanted.len() == members.len() && wanted.iter().all(same)
        }
        _ => false,
    }
}

fn compare(operator: &[u8], input: Input<'_>, wanted: &Pattern) -> bool {
    let order = || match (input.value(), wanted) {
        (Value::Text(text), Pattern::Text(wanted)) => Some((**text).cmp(wanted.as_slice())),
        (Value::Number(source), Pattern::Number(wanted)) => Some(Decimal::of(source).cmp(wanted)),
        _ => None,
    };
    match operator {
        b"eq" => equal(wanted, input),
        b"neq" => !equal(wanted, input),
        b"gt" => order().is_some_and(Ordering::is_gt),
        b"gte" => order().is_some_and(Ordering::is_ge),
        b"lt" => order().is_some_and(Ordering::is_lt),
        b"lte" => order().is_some_and(Ordering::is_le),
        b"in" => within(input, wanted) == Some(true),
        b"nin" => within(input, wanted) == Some(false),
        b"exist" => matches!(wanted, Pattern::Word("true")),
        b"startsWith" => edge(input, wanted, <[u8]>::starts_with),
        b"endsWith" => edge(input, wanted, <[u8]>::ends_with),
        _ => false,
    }
}

/// Whether a value is in a list, a text in a text, or a value in the list that was received. `None`
/// if the two cannot be compared.
fn within(input: Input<'_>, wanted: &Pattern) -> Option<bool> {
    match (input.value(), wanted) {
        (Value::Object(_) | Value::Array(_), Pattern::List(_)) => None,
        (_, Pattern::List(list)) => Some(list.iter().any(|member| equal(member, input))),
        (Value::Array(members), _) => {
            Some(members.iter().any(|member| equal(wanted, input.at(*member))))
        }
        (Value::Text(text), Pattern::Text(part)) => Some(contains(text, part)),
        _ => None,
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

fn edge(input: Input<'_>, wanted: &Pattern, is: impl Fn(&[u8], &[u8]) -> bool) -> bool {
    let Value::Text(text) = input.value() else { return false };
    match wanted {
        Pattern::Text(wanted) => is(text, wanted),
        Pattern::List(list) => {
            list.iter().any(|one| matches!(one, Pattern::Text(one) if is(text, one)))
        }
        _ => false,
    }
}
