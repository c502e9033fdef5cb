//! The error of a start that failed; `relay dev` prints its message.

use std::path::PathBuf;

/// The reason why [`LocalAws::start`](crate::LocalAws::start) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalAwsError {
    /// Another process holds the data directory.
    #[error(
        "the data directory {} is in use by another process; stop the other `relay dev` or name another \
         directory with --data",
        .0.display()
    )]
    InUse(PathBuf),
    /// The data directory, or a file in it, cannot be created, opened or read.
    #[error("cannot use {}: {reason}; --data names another data directory", .path.display())]
    Data {
        /// The file or directory.
        path: PathBuf,
        /// The message of the operating system or the database.
        reason: String,
    },
    /// The operating system refused to bind a port.
    #[error(
        "cannot listen on 127.0.0.1:{port} for {service}: {reason}; stop the program that uses the port or \
         choose other ports with --aws-port"
    )]
    Port {
        /// The service that listens on the port, such as `SQS`.
        service: &'static str,
        /// The requested port; 0 requests any free port.
        port: u16,
        /// The error of the operating system.
        reason: std::io::Error,
    },
    /// A table, queue or bucket cannot be created.
    #[error("cannot create {resource}: {reason}")]
    Resource {
        /// The kind and name of the resource, such as `queue relay-inbox`.
        resource: String,
        /// The service's message.
        reason: String,
    },
}
