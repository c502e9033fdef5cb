//! The binary `relay`: parses the command line and runs one command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use relay::{connect, dev, doctor, executions, run, signature};

/// A webhook relay that runs in your own AWS account.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Move a system's webhook configuration to a relay.
    ///
    /// Reads the system's own variables from the environment or a file. Running the command again
    /// applies what has changed.
    Connect(connect::ConnectArgs),
    /// Run the whole relay on this machine, with its data in one directory.
    ///
    /// For development and for a single machine. Receivers may listen on loopback over HTTP. The data
    /// is as durable as the disk of this machine.
    Dev(dev::DevArgs),
    /// Find out why completions do not arrive.
    ///
    /// Checks whether the relay answers, accepts the key, has the source, has the same secret as the
    /// sender, and has received and processed completions.
    Doctor(doctor::DoctorArgs),
    /// List the Modal calls that have not ended.
    Executions(executions::ExecutionsArgs),
    /// Report a job's state in place of a source whose sender cannot.
    ///
    /// The event stays marked as reported by an operator.
    Inject(executions::InjectArgs),
    /// Run a command on this machine as a job: its output is the job's log, its exit code the job's end.
    ///
    /// The command runs as it would without relay: its output passes to the terminal at once, and relay
    /// exits with its exit code. Whatever happens to the log, the command neither fails nor waits, but
    /// for up to 2 s at its end.
    Run(run::RunArgs),
    /// Print the headers that the sender of a profile would send with a body.
    Sign(signature::SignArgs),
    /// Check the signature of a request and explain why it does not hold.
    Verify(signature::VerifyArgs),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Connect(args) => print(connect::run(&args)),
        Command::Dev(args) => dev::main(args),
        Command::Doctor(args) => print(doctor::examine(&args)),
        Command::Executions(args) => print(executions::list(&args)),
        Command::Inject(args) => print(executions::inject(&args)),
        Command::Run(args) => run::run(args),
        Command::Sign(args) => signature::sign(args),
        Command::Verify(args) => signature::verify(args),
    }
}

/// Runs a command. Prints its text to standard output, or its error to standard error.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of a command")]
fn print<E: std::error::Error>(command: impl Future<Output = Result<String, E>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(command)) {
        Ok(Ok(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Err(error)) => eprintln!("relay: {error}"),
        Err(error) => eprintln!("relay: {error}"),
    }
    ExitCode::FAILURE
}
