//! Patterns as they are compared.

use super::number::Decimal;
use crate::json_form::read::{self, Tree, Value};

/// Deepest nesting of a value that an operator is given.
const MAX_OPERAND_DEPTH: usize = 64;

/// A value of a pattern.
#[derive(Debug, PartialEq)]
pub(super) enum Pattern {
    /// `true`, `false` or `null`.
    Word(&'static str),
    Number(Decimal),
    Text(Vec<u8>),
    List(Vec<Pattern>),
    Object(Vec<(Vec<u8>, Pattern)>),
}

impl Pattern {
    /// The value at this place of a document; `None` if it is nested too deep.
    pub(super) fn of(tree: &Tree<'_>, at: usize, depth: usize) -> Option<Self> {
        if MAX_OPERAND_DEPTH < depth {
            return None;
        }
        let part = |at: &usize| Self::of(tree, *at, depth + 1);
        Some(match &tree.0[at] {
            Value::Word(word) => Self::Word(word),
            Value::Number(source) => Self::Number(Decimal::of(source)),
            Value::Text(text) => Self::Text(text.to_vec()),
            Value::Array(members) => Self::List(members.iter().map(part).collect::<Option<_>>()?),
            Value::Object(members) => {
                let field = |(key, at): &(read::Text<'_>, usize)| Some((key.to_vec(), part(at)?));
                Self::Object(members.iter().map(field).collect::<Option<_>>()?)
            }
        })
    }
}
