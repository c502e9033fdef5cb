//! `relay`: the whole bundle on one machine, and what its operators need.

use clap::{Parser, Subcommand};
use relay::dev;

/// A webhook relay for one's own AWS account.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole relay on this machine, its data in a directory.
    ///
    /// A development and single-machine mode: it may call receivers on this machine (loopback), and
    /// its durability is this machine's.
    Dev(dev::Args),
}

fn main() -> std::process::ExitCode {
    let Cli { command: Command::Dev(args) } = Cli::parse();
    dev::main(args)
}
