//! `relay`: the whole bundle on one machine, and what its operators need.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use relay::{connect, dev, doctor, executions, signature};

/// A webhook relay for one's own AWS account.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Move a system's configuration over: its own variables, from the environment or a file.
    Connect(connect::ConnectArgs),
    /// Run the whole relay on this machine, its data in a directory.
    ///
    /// A development and single-machine mode: it may call receivers on this machine (loopback), and
    /// its durability is this machine's.
    Dev(dev::DevArgs),
    /// Look at what may keep completions from arriving.
    Doctor(doctor::DoctorArgs),
    /// List the calls of Modal that have not ended.
    Executions(executions::ExecutionsArgs),
    /// Say in a source's place that a job has ended, when its sender cannot.
    Inject(executions::InjectArgs),
    /// Print the headers that a sender of some kind would send with a body.
    Sign(signature::SignArgs),
    /// Say whether a request's signature holds, and if not, why.
    Verify(signature::VerifyArgs),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Connect(args) => print(connect::run(&args)),
        Command::Dev(args) => dev::main(args),
        Command::Doctor(args) => print(doctor::examine(&args)),
        Command::Executions(args) => print(executions::list(&args)),
        Command::Inject(args) => print(executions::inject(&args)),
        Command::Sign(args) => signature::sign(args),
        Command::Verify(args) => signature::verify(args),
    }
}

/// Prints what a command has to say, or why it has nothing.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "that is what a command is for")]
fn print<E: std::error::Error>(said: impl Future<Output = Result<String, E>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(said)) {
        Ok(Ok(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Err(error)) => eprintln!("relay: {error}"),
        Err(error) => eprintln!("relay: {error}"),
    }
    ExitCode::FAILURE
}
