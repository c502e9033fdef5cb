//! The check of endpoint drafts.
