//! `docs/cli.md`, made of the help texts.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command};

/// The page. Options that many commands have stand in it once.
pub fn markdown(mut command: Command) -> String {
    command.build();
    let mut page = HEAD.to_owned();
    let mut common = Vec::new();
    collect(&command, &mut common);
    for heading in ["Relay", "Output"] {
        let options: Vec<_> =
            common.iter().filter(|arg| arg.get_help_heading() == Some(heading)).collect();
        let _ = writeln!(page, "\n### {heading}\n");
        for option in options {
            page.push_str(&line(option));
        }
    }
    for part in visible(&command) {
        section(&mut page, part, "relay", 2);
    }
    page
}

const HEAD: &str = "# The commands

This page is made of the help texts of `relay`; `UPDATE_CLI=1 cargo test -p relay --test cli pages::`
writes it anew. [The command line](command-line.md) explains contexts, output and exit codes.

## Options of many commands

Commands that ask a relay have the options under *Relay*, commands that print data those under *Output*
that fit.
";

/// The options of many commands, each once.
fn collect<'c>(command: &'c Command, common: &mut Vec<&'c Arg>) {
    for arg in command.get_arguments() {
        let known = common.iter().any(|other| other.get_id() == arg.get_id());
        if arg.get_help_heading().is_some() && !known {
            common.push(arg);
        }
    }
    for part in visible(command) {
        collect(part, common);
    }
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|part| !part.is_hide_set() && part.get_name() != "help")
}

fn section(page: &mut String, command: &Command, before: &str, level: usize) {
    let name = format!("{before} {}", command.get_name());
    let _ = write!(page, "\n{} {name}\n\n", "#".repeat(level));
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let stop = if about.trim_end().ends_with('.') { "" } else { "." };
    let _ = writeln!(page, "{}{stop}", about.trim_end());
    if command.has_subcommands() {
        for part in visible(command) {
            section(page, part, &name, level + 1);
        }
        return;
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let _ = write!(page, "\n```text\n{usage}\n```\n");
    let own = |arg: &&Arg| {
        arg.get_help_heading().is_none() && !arg.is_hide_set() && arg.get_id() != "help"
    };
    let options: String = command.get_arguments().filter(own).map(line).collect();
    if !options.is_empty() {
        let _ = write!(page, "\n{options}");
    }
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples: Vec<_> = after.lines().skip(1).map(str::trim).collect();
    if !examples.is_empty() {
        let _ = write!(page, "\n```sh\n{}\n```\n", examples.join("\n"));
    }
}

/// An argument as an entry of a list.
fn line(arg: &Arg) -> String {
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let names = arg.get_value_names().unwrap_or_default();
    let value =
        names.first().map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
    let name = match (arg.get_long(), arg.get_short()) {
        (None, _) => value,
        (Some(long), short) => {
            let short = short.map(|short| format!("-{short}, ")).unwrap_or_default();
            let value = if takes_value { format!(" {value}") } else { String::new() };
            format!("{short}--{long}{value}")
        }
    };
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string);
    let help = help.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = format!("- `{name}`: {}", help.trim_end_matches('.'));
    let possible: Vec<_> = arg
        .get_possible_values()
        .iter()
        .filter(|_| takes_value)
        .map(|value| value.get_name().to_owned())
        .collect();
    if !possible.is_empty() {
        let _ = write!(text, ". One of `{}`", possible.join("`, `"));
    }
    let default: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes_value && !default.is_empty() && !default[0].is_empty() {
        let _ = write!(text, ". Default: `{}`", default.join("`, `"));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(text, ". Variable: `{}`", variable.to_string_lossy());
    }
    text.push_str(".\n");
    text
}
