//! Live updates.

mod document;
