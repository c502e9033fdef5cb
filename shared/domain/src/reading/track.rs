//! Notes that are taken while a value is read.

use std::{cell::RefCell, fmt};

use super::fault::{Fault, Reason};

/// A field or parameter that the declared type does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Names from the outermost field to the unknown one.
    pub path: Vec<String>,
    /// Names that are known where the unknown one stands.
    pub known: &'static [&'static str],
}

/// Notes that are taken while one value is read.
#[derive(Default)]
pub(super) struct Track {
    /// Whether fields are passed over that a type refuses.
    pub(super) lenient: bool,
    pub(super) path: RefCell<Vec<String>>,
    /// Known fields of the structs that are being read, innermost last.
    pub(super) fields: RefCell<Vec<&'static [&'static str]>>,
    pub(super) unknown: RefCell<Vec<Unknown>>,
    /// An error of the type on its way through serde_json, whose own errors hold text only.
    pub(super) fault: RefCell<Option<Fault>>,
}

impl Track {
    /// Whether a field of the struct that is being read is passed over.
    pub(super) fn passes_over(&self, name: &str) -> bool {
        let fields = self.fields.borrow();
        // A map has no declared fields.
        self.lenient
            && fields.last().is_some_and(|known| !known.is_empty() && !known.contains(&name))
    }

    /// The fault that an error of serde_json stands for: one of the type, kept on its way, or else
    /// one of the parser.
    pub(super) fn recover(&self, error: &impl fmt::Display) -> Fault {
        let fault = self.fault.borrow_mut().take();
        fault.unwrap_or_else(|| Fault::new(Reason::Syntax(error.to_string())))
    }
}
