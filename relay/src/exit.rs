//! Exit codes of the commands, which scripts may rely on, and the way an error is reported.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use crate::{live::LiveError, output::shown, remote::RemoteError};

/// The result of a command, by which the process exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything that was asked for was done.
    Done,
    /// 1: it was tried and did not succeed, or a check found something wrong.
    Failed,
    /// 2: the command line or the settings are wrong. Nothing was sent.
    Usage,
    /// 3: the relay has no such thing, or the key may not see it.
    NotFound,
    /// 4: the relay refuses the key (401), or its scope is too small (403).
    Refused,
    /// 5: the relay cannot be reached, or has trouble of its own (502, 503, 504).
    Unreachable,
    /// 6: some of it was done and some not. The output says which.
    Partly,
    /// 130: Ctrl-C ended the command.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
            Self::Partly => 6,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that ends a command.
pub trait Failure: fmt::Display {
    /// The exit code of the command.
    fn exit(&self) -> Exit;

    /// The advice on what to type next, if there is any.
    fn next_step(&self) -> Option<String> {
        None
    }
}

impl Failure for RemoteError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoRelay
            | Self::NoKey(_)
            | Self::InvalidKey
            | Self::Ended(_)
            | Self::Contexts(_) => Exit::Usage,
            Self::Unreachable { .. } | Self::Refused { status: 502..=504, .. } => Exit::Unreachable,
            Self::Refused { status: 401 | 403, .. } => Exit::Refused,
            Self::Refused { status: 404, .. } => Exit::NotFound,
            Self::Refused { .. } | Self::Unreadable(_) => Exit::Failed,
        }
    }

    fn next_step(&self) -> Option<String> {
        let advice = match self {
            Self::NoRelay | Self::NoKey(_) => {
                "log in with `relay login`, set RELAY_URL and RELAY_KEY, or start a relay here with `relay dev`"
            }
            Self::Ended(_) => "log in again with `relay login`",
            Self::Unreachable { .. } => {
                "`relay context list` shows the relays that are known here; choose one with --context, or name it with --url"
            }
            Self::Refused { status: 401, .. } => {
                "the relay does not know the key; log in again with `relay login`, or check RELAY_KEY"
            }
            Self::Refused { status: 403, .. } => {
                "the key's scope is too small; make one with `relay keys create --scope admin`, and use it with `relay login`"
            }
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

/// The reason why a command of this crate's own verbs ended early.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The relay did not carry out a request.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The command line is wrong in a way that the parser does not see, or a file that it names is.
    #[error("{0}")]
    Usage(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The relay refuses what was presented to it.
    #[error("{0}")]
    Refused(String),
    /// The command was tried and did not succeed.
    #[error("{0}")]
    Failed(String),
    /// The output cannot be written, or nobody reads it any more.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl From<LiveError> for CommandError {
    fn from(error: LiveError) -> Self {
        match error {
            LiveError::Remote(error) => Self::Remote(error),
            LiveError::None(_) => Self::Failed(error.to_string()),
        }
    }
}

impl Failure for CommandError {
    fn exit(&self) -> Exit {
        match self {
            Self::Remote(error) => error.exit(),
            Self::Usage(_) => Exit::Usage,
            Self::NotFound(_) => Exit::NotFound,
            Self::Refused(_) => Exit::Refused,
            // `relay events list | head` has what it wanted.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Failed(_) | Self::Output(_) => Exit::Failed,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.next_step(),
            _ => None,
        }
    }
}

/// Prints an error and what to type next to standard error, unless the command ended well. Returns the
/// command's exit code.
pub fn report(error: &dyn Failure) -> ExitCode {
    let exit = error.exit();
    if exit != Exit::Done {
        let mut stderr = io::stderr().lock();
        // The text of a refusal comes from elsewhere.
        let text =
            error.to_string().lines().map(|line| shown(line).into_owned()).collect::<Vec<_>>();
        // Standard error that nobody reads is no reason for another exit code.
        let _ = writeln!(stderr, "relay: {}", text.join("\n"));
        if let Some(step) = error.next_step() {
            let _ = writeln!(stderr, "relay: {}", shown(&step));
        }
    }
    exit.into()
}
