//! Why the local services did not start, in words for whoever typed the command.

use std::path::PathBuf;

/// Why [`LocalAws::start`](crate::LocalAws::start) gave up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalAwsError {
    /// Another process holds the data directory.
    #[error("{} is in use: is another `relay dev` running on it?", .0.display())]
    InUse(PathBuf),
    /// The data directory, or something in it, cannot be created, opened or read.
    #[error("cannot use {}: {reason}", .path.display())]
    Data {
        /// What was to be opened.
        path: PathBuf,
        /// What the operating system or the store said.
        reason: String,
    },
    /// A port is taken.
    #[error("cannot listen on 127.0.0.1:{port} for {service}: {reason}")]
    Port {
        /// The service that wanted it.
        service: &'static str,
        /// The port asked for; 0 is any.
        port: u16,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// A table, queue or bucket cannot be created.
    #[error("cannot create {resource}: {reason}")]
    Resource {
        /// The table's, queue's or bucket's name.
        resource: String,
        /// What its service said.
        reason: String,
    },
}
