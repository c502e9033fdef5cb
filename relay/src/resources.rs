//! `relay events`, `relay jobs` and so on: what the API lists, shows and changes, by a table. A verb is an
//! entry of the table: its route, its parameters with the names of the API, and the columns that it prints.

mod batches;
mod endpoints;
mod events;
mod jobs;
mod keys;
pub(crate) mod list;
pub(crate) mod request;
pub(crate) mod show;
mod sources;
mod table;
mod tasks;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Subcommand};
use http::Method;

use self::{
    list::Pages,
    table::{Resource, Shape, Verb},
};
use crate::{
    exit::{CommandError, Exit},
    output::{Output, OutputArgs},
    remote::Remote,
};

/// The nouns of the command line.
const RESOURCES: [&Resource; 7] = [
    &events::EVENTS,
    &jobs::JOBS,
    &batches::BATCHES,
    &endpoints::ENDPOINTS,
    &sources::SOURCES,
    &keys::KEYS,
    &tasks::TASKS,
];

/// A verb of a resource, with its arguments.
#[derive(Clone, Debug)]
pub struct ResourceCommand {
    verb: &'static Verb,
    matches: ArgMatches,
}

impl FromArgMatches for ResourceCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (noun, within) = matches.subcommand().ok_or_else(missing)?;
        let (word, matches) = within.subcommand().ok_or_else(missing)?;
        let resource = RESOURCES.into_iter().find(|resource| resource.name == noun);
        let verb =
            resource.and_then(|resource| resource.verbs.iter().find(|verb| verb.name == word));
        Ok(Self { verb: verb.ok_or_else(missing)?, matches: matches.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for ResourceCommand {
    fn augment_subcommands(command: Command) -> Command {
        RESOURCES.into_iter().fold(command, |command, resource| command.subcommand(noun(resource)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        RESOURCES.iter().any(|resource| resource.name == name)
    }
}

fn noun(resource: &'static Resource) -> Command {
    let command = Command::new(resource.name)
        .about(resource.about)
        .subcommand_required(true)
        .arg_required_else_help(true);
    resource.verbs.iter().fold(command, |command, verb| command.subcommand(self::verb(verb)))
}

/// The command of a verb: its path's placeholders, its parameters and fields, and the options of all.
fn verb(verb: &'static Verb) -> Command {
    let mut command = Command::new(verb.name)
        .about(verb.about)
        .after_help(format!("Example:\n  {}", verb.example));
    if let Some(more) = verb.more {
        command = command.long_about(format!("{}\n\n{more}", verb.about));
    }
    for (name, about) in verb.places {
        command = command.arg(
            Arg::new(*name)
                .value_name(if *name == "name" { "NAME" } else { "ID" })
                .help(*about)
                .required(true),
        );
    }
    for parameter in verb.query.iter().chain(verb.fields) {
        command = command.arg(parameter.arg());
    }
    if verb.takes_body() {
        command = command.arg(request::body_arg());
    }
    if let Shape::List { paged: true, .. } = verb.shape {
        command = Pages::augment_args(command);
    }
    OutputArgs::augment_args(Remote::augment_args(command))
}

/// Runs one verb on a resource.
///
/// # Errors
/// [`CommandError`] if an argument is wrong, or the relay does not answer or refuses.
pub async fn run(given: &ResourceCommand) -> Result<Exit, CommandError> {
    let ResourceCommand { verb, matches } = given;
    let parsed = |error: clap::Error| CommandError::Usage(error.to_string());
    let remote = Remote::from_arg_matches(matches).map_err(parsed)?;
    let out = Output::new(OutputArgs::from_arg_matches(matches).map_err(parsed)?);
    let (path, query) = (request::path(verb, matches), request::query(verb, matches)?);
    if let Shape::List { columns, paged } = verb.shape {
        let pages = match paged {
            true => Some(Pages::from_arg_matches(matches).map_err(parsed)?),
            false => None,
        };
        return list::print(&remote, &out, (&path, &query), columns, pages).await;
    }
    let body = request::body(verb, matches)?;
    let path = match query.is_empty() {
        true => path,
        false => format!("{path}?{query}"),
    };
    let method: Method = verb.way.into();
    match verb.shape {
        Shape::List { .. } => Ok(Exit::Done),
        Shape::Lines => list::print_lines(&remote, &out, path).await,
        Shape::Bytes => {
            let answer = remote.ask(method, &path, body).await?;
            out.bytes(&answer.body)?;
            Ok(Exit::Done)
        }
        Shape::One { tables } => {
            let body = match verb.keeps {
                None => body,
                Some(names) => request::merged(&remote, &path, names, &body).await?,
            };
            let answer = remote.ask(method, &path, body).await?;
            out.warn_of_ignored(&answer.headers);
            show::detail(&out, &answer, tables)?;
            Ok(Exit::Done)
        }
    }
}
