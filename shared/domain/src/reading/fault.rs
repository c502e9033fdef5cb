//! Errors of reading, by kind and place.

use std::fmt;

use crate::spelling::{misspelt, nearest, unknown_name};
use serde::de::{self, Expected, Unexpected};

/// Reason for which a value cannot be read, and the place in the value.
#[derive(Debug)]
pub struct Fault {
    /// Names and indexes from the outermost field to the wrong one.
    pub path: Vec<String>,
    /// The kind of the fault.
    pub reason: Reason,
}

/// Kind of a fault. No variant holds text of the value that was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Reason {
    /// The text is not JSON; what the parser says.
    Syntax(String),
    /// A value of another type, or out of a type's range.
    Type {
        /// Type of the value that was found.
        found: String,
        /// Value that would have been right.
        expected: String,
    },
    /// A word that is none of these.
    Word(&'static [&'static str]),
    /// A field that must be there is not.
    Missing,
    /// A field stands there twice.
    Twice,
    /// A field that a type which refuses such fields does not know.
    Unknown(&'static [&'static str]),
    /// A field that such a type does not know, but for this name that is near to it.
    Misspelt(&'static str),
    /// A type's own check; what it says.
    Check(String),
}

impl Fault {
    /// A fault at the place that is being read.
    pub(super) fn new(reason: Reason) -> Self {
        Self { path: Vec::new(), reason }
    }

    fn at(field: &str, reason: Reason) -> Self {
        Self { path: vec![field.to_owned()], reason }
    }

    /// The fault as seen from around the field or entry `name`.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.path.insert(0, name.to_owned());
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(why) | Self::Check(why) => f.write_str(why),
            Self::Type { found, expected } => {
                write!(f, "invalid type: {found}, expected {expected}")
            }
            Self::Word(words) => write!(f, "is one of {}", words.join(", ")),
            Self::Missing => f.write_str("is missing"),
            Self::Twice => f.write_str("stands there twice"),
            Self::Unknown(known) => f.write_str(&unknown_name(known)),
            Self::Misspelt(nearest) => f.write_str(&misspelt(nearest)),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path.join("."))?;
        }
        self.reason.fmt(f)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self::new(Reason::Check(why.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(_) => "string".to_owned(),
            Unexpected::Char(_) => "character".to_owned(),
            Unexpected::Bytes(_) => "bytes".to_owned(),
            Unexpected::Unit => "null".to_owned(),
            Unexpected::Seq => "list".to_owned(),
            Unexpected::Map => "object".to_owned(),
            other => other.to_string(),
        };
        Self::new(Reason::Type { found, expected: expected.to_string() })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(_: &str, words: &'static [&'static str]) -> Self {
        Self::new(Reason::Word(words))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        // A name that is near to none may be a secret in the wrong place: it is not repeated.
        match nearest(field, known) {
            Some(nearest) => Self::at(field, Reason::Misspelt(nearest)),
            None => Self::new(Reason::Unknown(known)),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::at(field, Reason::Missing)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::at(field, Reason::Twice)
    }
}
