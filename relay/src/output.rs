//! The output of commands: tables for people, JSON for programs, progress and warnings on standard error.
//!
//! Texts of the relay were written by somebody else: senders write event types and bodies, receivers write
//! answers. [`shown`] makes text of them that cannot control a terminal.

mod json;
mod table;
mod text;

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Args;
use http::HeaderMap;
use serde_json::{Value, value::RawValue};

pub use self::{
    json::one_line,
    table::{Column, Table},
    text::{cut, shown, shown_with_colours},
};

/// The options of commands that print what a program may read.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct OutputArgs {
    /// Print JSON: one object, or for a list one object a line, with the names of the API.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// A colour, or none. Nothing is told by colour alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Text in the terminal's own colour.
    #[default]
    Plain,
    /// Titles, which stand out from other text.
    Strong,
    /// Text that matters less than what stands around it.
    Faint,
    /// A word for something that went well.
    Good,
    /// A word for something that waits, or may go wrong.
    Uncertain,
    /// A word for something that went wrong.
    Bad,
}

impl Tone {
    /// The tone of a word for a state, wherever the API has it.
    pub fn of_state(word: &str) -> Self {
        match word {
            "delivered" | "succeeded" | "completed" | "finished" | "resolved" | "healthy"
            | "ok" => Self::Good,
            "failing" | "pending" | "waiting" | "running" | "in_progress" | "slow" | "redriven" => {
                Self::Uncertain
            }
            "dead" | "failed" | "timed_out" | "conflict" | "open" | "disabled" | "error" => {
                Self::Bad
            }
            "nobody" | "cancelled" | "noted" | "stale" => Self::Faint,
            _ => Self::Plain,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Uncertain => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// Standard output and standard error of a command.
#[derive(Debug)]
pub struct Output {
    json: bool,
    colours: bool,
    width: Option<usize>,
    progress: bool,
    /// Whether the last text on standard error was progress, which is written over.
    unfinished: AtomicBool,
}

impl Output {
    /// The output that the options and the terminal ask for.
    pub fn new(args: OutputArgs) -> Self {
        let terminal = io::stdout().is_terminal();
        // https://no-color.org: present and not empty.
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json: args.json,
            colours: terminal && !refused && !dumb && !args.json,
            width: width(terminal),
            progress: io::stderr().is_terminal() && !dumb,
            unfinished: AtomicBool::new(false),
        }
    }

    /// Whether JSON was asked for.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether text may have colours.
    pub const fn has_colours(&self) -> bool {
        self.colours
    }

    /// Columns of the terminal; `None` if the output goes elsewhere, where nothing is cut.
    pub const fn width(&self) -> Option<usize> {
        self.width
    }

    /// A text in a tone. The text must be one that was made [`shown`].
    pub fn toned(&self, tone: Tone, text: &str) -> String {
        match self.colours && tone != Tone::Plain && !text.is_empty() {
            true => format!("{}{text}\x1b[0m", tone.code()),
            false => text.to_owned(),
        }
    }

    /// Prints a line at once.
    ///
    /// # Errors
    /// Fails if standard output cannot be written, for example because nobody reads it any more.
    pub fn line(&self, line: &str) -> io::Result<()> {
        self.end_progress();
        let mut stdout = io::stdout().lock();
        stdout.write_all(line.as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// Fails if standard output cannot be written.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.end_progress();
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// Prints a JSON value on one line, with its numbers as they were written.
    ///
    /// # Errors
    /// Fails if standard output cannot be written.
    pub fn raw(&self, value: &RawValue) -> io::Result<()> {
        self.line(&one_line(value.get()))
    }

    /// Prints a JSON value on one line.
    ///
    /// # Errors
    /// Fails if standard output cannot be written.
    pub fn value(&self, value: &Value) -> io::Result<()> {
        self.line(&one_line(&value.to_string()))
    }

    /// Says something to people, on standard error.
    pub fn note(&self, text: &str) {
        self.end_progress();
        // Standard error that nobody reads is no reason to stop.
        let _ = writeln!(io::stderr().lock(), "relay: {}", shown(text));
    }

    /// Shows how far something is, on the last line of a terminal. Elsewhere nothing is printed.
    pub fn progress(&self, text: &str) {
        if self.progress {
            self.unfinished.store(true, Ordering::Relaxed);
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K{}", shown(text));
            let _ = stderr.flush();
        }
    }

    /// Takes the line with the progress away.
    pub fn end_progress(&self) {
        if self.unfinished.swap(false, Ordering::Relaxed) {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K");
            let _ = stderr.flush();
        }
    }

    /// Warns of parameters that the relay did not know: the header `relay-ignored` lists them.
    pub fn warn_of_ignored(&self, headers: &HeaderMap) {
        if let Some(names) = headers.get("relay-ignored").and_then(|names| names.to_str().ok()) {
            self.note(&format!("warning: the relay does not know, and ignored: {names}"));
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.end_progress();
    }
}

/// Columns of the terminal. COLUMNS goes before what the terminal says, as elsewhere.
fn width(terminal: bool) -> Option<usize> {
    let given = env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    given.or_else(|| terminal.then(size_of_terminal).flatten()).filter(|width| 20 <= *width)
}

#[cfg(unix)]
fn size_of_terminal() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col))
}

#[cfg(not(unix))]
fn size_of_terminal() -> Option<usize> {
    None
}
