//! The binary `relay`: parses the command line and runs one command.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
#[cfg(feature = "dev")]
use relay::dev;
#[cfg(unix)]
use relay::run;
use relay::{
    completion, connect, dlq, doctor, executions,
    exit::{CommandError, Exit, Failure, report},
    listen, login, logs, mcp,
    output::{Output, OutputArgs},
    pages, portal, replay, resources, signature, stats, tail, trigger,
};

/// A webhook relay that runs in your own AWS account.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Keep a relay and the key to it, so that commands find them.
    ///
    /// The key is read from standard input, where other users cannot see it, tried, and kept in
    /// `~/.config/relay/config.toml`, which only you can read.
    Login(login::LoginArgs),
    /// Choose among the relays that are known here.
    #[command(subcommand, arg_required_else_help = true)]
    Context(login::ContextCommand),
    /// Open the relay's page, logged in by a code that works once.
    Open(login::OpenArgs),
    /// Print the link to a portal: the pages on which a subscriber sees one application, its endpoints and
    /// its events.
    Portal(portal::PortalArgs),
    /// Print events and their deliveries as they happen.
    Tail(tail::TailArgs),
    /// Print the log of a job.
    Logs(logs::LogsArgs),
    /// Bring events to a server on this machine.
    ///
    /// What comes while nobody listens waits at the relay and comes when somebody does. A program that is
    /// killed loses nothing.
    #[command(
        after_help = "Examples:\n  relay listen --forward-to 3000\n  relay listen --forward-to http://localhost:3000/hooks --source stripe --events 'job.*'"
    )]
    Listen(listen::ListenArgs),
    #[command(flatten)]
    Resource(resources::ResourceCommand),
    /// Send past events again.
    Replay(replay::ReplayArgs),
    /// Look at dead letters, and try them again.
    #[command(subcommand, arg_required_else_help = true)]
    Dlq(dlq::DlqCommand),
    /// Print counts and times over a span of time.
    Stats(stats::StatsArgs),
    /// Run a command on this machine as a job: its output is the job's log, its exit code the job's end.
    ///
    /// The command runs as it would without relay: its output passes to the terminal at once, and relay
    /// exits with its exit code. Whatever happens to the log, the command neither fails nor waits, but
    /// for up to 2 s at its end.
    #[cfg(unix)]
    #[command(after_help = "Example:\n  relay run --source modal -- python train.py --epochs 3")]
    Run(run::RunArgs),
    /// Find out why completions do not arrive.
    ///
    /// Checks whether the relay answers, accepts the key, has the source, has the same secret as the
    /// sender, and has received and processed completions.
    Doctor(doctor::DoctorArgs),
    /// List the Modal calls that have not ended.
    #[command(after_help = "Example:\n  relay executions")]
    Executions(executions::ExecutionsArgs),
    /// Report a job's state in place of a source whose sender cannot.
    ///
    /// The event stays marked as reported by an operator.
    #[command(after_help = "Example:\n  relay inject --modal-call-id fc-1 --status success")]
    Inject(executions::InjectArgs),
    /// Move a system's webhook configuration to a relay.
    ///
    /// Reads the system's own variables from the environment or a file. Running the command again
    /// applies what has changed.
    #[command(after_help = "Example:\n  relay connect modal --env-file .env --dry-run")]
    Connect(connect::ConnectArgs),
    /// Offer the relay to a language model as tools of the Model Context Protocol, over standard input and
    /// output.
    Mcp(mcp::McpArgs),
    /// Print the headers that the sender of a profile would send with a body.
    #[command(
        after_help = "Example:\n  relay sign --profile github --secret \"$SECRET\" --body @body.json"
    )]
    Sign(signature::SignArgs),
    /// Send a signed request as a sender would, or one that the relay must refuse.
    ///
    /// There is a request for every profile. Ids and times in it are new each time, so that each is an
    /// event of its own.
    Trigger(trigger::TriggerArgs),
    /// Check the signature of a request and explain why it does not hold.
    #[command(
        after_help = "Example:\n  relay verify --profile github --secret \"$SECRET\" --headers @headers.txt --body @body.json"
    )]
    Verify(signature::VerifyArgs),
    /// Run the whole relay on this machine, with its data in one directory.
    ///
    /// For development and for a single machine. Receivers may listen on loopback over HTTP. The data
    /// is as durable as the disk of this machine.
    #[cfg(feature = "dev")]
    #[command(after_help = "Example:\n  relay dev --port 8788")]
    Dev(dev::DevArgs),
    /// Print a script with which a shell completes commands and options.
    Completion(completion::CompletionArgs),
    /// Print all help texts as Markdown: docs/cli.md.
    #[command(hide = true)]
    Pages,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Login(args) => finish(login::login(&args)),
        Command::Context(command) => ended(login::context(&command)),
        Command::Open(args) => finish(login::open(&args)),
        Command::Portal(args) => finish(portal::run(&args)),
        Command::Tail(args) => finish(tail::run(&args)),
        Command::Logs(args) => finish(logs::run(&args)),
        Command::Listen(args) => listen::run(args),
        Command::Resource(command) => finish(resources::run(&command)),
        Command::Replay(args) => finish(replay::run(&args)),
        Command::Dlq(command) => finish(dlq::run(&command)),
        Command::Stats(args) => finish(stats::run(&args)),
        #[cfg(unix)]
        Command::Run(args) => run::run(args),
        Command::Doctor(args) => print(doctor::examine(&args)),
        Command::Executions(args) => print(executions::list(&args)),
        Command::Inject(args) => print(executions::inject(&args)),
        Command::Connect(args) => print(connect::run(&args)),
        Command::Mcp(args) => finish(mcp::run(args)),
        Command::Sign(args) => signature::sign(args),
        Command::Trigger(args) => trigger::run(args),
        Command::Verify(args) => signature::verify(args),
        #[cfg(feature = "dev")]
        Command::Dev(args) => dev::main(args),
        Command::Completion(args) => print_text(&completion::script(&args, Cli::command())),
        Command::Pages => print_text(&pages::markdown(Cli::command())),
    }
}

/// Runs a command that prints by itself, and reports its error.
fn finish(command: impl Future<Output = Result<Exit, CommandError>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return report(&CommandError::Failed(error.to_string())),
    };
    let code = ended(runtime.block_on(command));
    // A name that is still being resolved does not hold the process.
    runtime.shutdown_background();
    code
}

fn ended(result: Result<Exit, CommandError>) -> ExitCode {
    match result {
        Ok(exit) => exit.into(),
        Err(error) => report(&error),
    }
}

/// Runs a command. Prints its text to standard output, or its error to standard error.
fn print<E: Failure>(command: impl Future<Output = Result<String, E>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(command)) {
        Ok(Ok(text)) => print_text(&text),
        Ok(Err(error)) => report(&error),
        Err(error) => report(&CommandError::Failed(error.to_string())),
    }
}

fn print_text(text: &str) -> ExitCode {
    let printed = Output::new(OutputArgs::default()).bytes(text.as_bytes());
    ended(printed.map(|()| Exit::Done).map_err(CommandError::Output))
}
