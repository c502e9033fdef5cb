//! The command line of `relay listen`.

use clap::{Args, ValueEnum};

use crate::{output::OutputArgs, remote::Remote};

/// The arguments of `relay listen`.
#[derive(Clone, Debug, Args)]
pub struct ListenArgs {
    /// The relay to listen to.
    #[command(flatten)]
    pub remote: Remote,
    /// Where to send the requests: a port of this machine, or a URL. Without it they are printed and
    /// answered with 200.
    #[arg(long, value_name = "URL|PORT")]
    pub forward_to: Option<String>,
    /// Name of the listener, 1 to 64 of A-Z a-z 0-9 - _ . The default is made of your name and that of
    /// this machine. What waits for a name comes to whoever listens under it.
    #[arg(long)]
    pub name: Option<String>,
    /// Only events of this source.
    #[arg(long)]
    pub source: Option<String>,
    /// The application (id or uid) whose events are wanted, if the key sees several.
    #[arg(long)]
    pub application: Option<String>,
    /// Only these event types, separated by commas; a family such as job.* too.
    #[arg(long, value_delimiter = ',', value_name = "TYPES")]
    pub events: Vec<String>,
    /// Only contents that match this pattern, in JSON.
    #[arg(long, value_name = "JSON")]
    pub filter: Option<String>,
    /// Keep the order of deliveries of one key: job, channel, or a path such as $.data.customer.id
    #[arg(long, value_name = "KEY")]
    pub ordering: Option<String>,
    /// Send each request as its sender sent it to the relay: method, headers and bytes.
    #[arg(long)]
    pub raw: bool,
    /// A header to send along, as name:value. May be given several times.
    #[arg(long, value_name = "NAME:VALUE")]
    pub headers: Vec<String>,
    /// How to show what comes [default: interactive on a terminal, else compact].
    #[arg(long, value_enum)]
    pub output: Option<ListenOutput>,
    /// JSON lines, as of every command.
    #[command(flatten)]
    pub json: OutputArgs,
    /// Leave what waits waiting; only what comes from now on is sent.
    #[arg(long)]
    pub skip_waiting: bool,
    /// Stop after the first event.
    #[arg(long)]
    pub once: bool,
    /// Print the secret that signs the requests, and stop.
    #[arg(long)]
    pub print_secret: bool,
}

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListenOutput {
    /// A screen with the newest events: j and k choose, Enter shows details, r sends again, o opens the
    /// page, p pauses, q ends.
    Interactive,
    /// One line per event: time, type, event, answer, milliseconds.
    Compact,
    /// One JSON object per event.
    Json,
}
