//! `relay completion`: what a shell loads to complete the commands and options of `relay`.

use clap::{Command, Parser, ValueEnum};
use clap_complete::{generate, shells};

/// The arguments of `relay completion`.
#[derive(Clone, Debug, Parser)]
#[command(
    after_help = "Examples:\n  relay completion bash > ~/.local/share/bash-completion/completions/relay\n  relay completion zsh > ~/.zfunc/_relay\n  relay completion fish > ~/.config/fish/completions/relay.fish"
)]
pub struct CompletionArgs {
    /// The shell.
    pub shell: Shell,
}

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash 4 or later, with the package bash-completion.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    #[value(name = "powershell")]
    PowerShell,
}

/// The script for a shell.
pub fn script(args: &CompletionArgs, mut command: Command) -> String {
    let (mut script, name) = (Vec::new(), "relay");
    match args.shell {
        Shell::Bash => generate(shells::Bash, &mut command, name, &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut command, name, &mut script),
        Shell::Fish => generate(shells::Fish, &mut command, name, &mut script),
        Shell::PowerShell => generate(shells::PowerShell, &mut command, name, &mut script),
    }
    String::from_utf8_lossy(&script).into_owned()
}
