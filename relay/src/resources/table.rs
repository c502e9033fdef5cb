//! The parts of the table of verbs.

use clap::{Arg, ArgAction};
use http::Method;

use super::show::Show;

/// A noun of the command line.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) verbs: &'static [Verb],
}

/// The method of a route. `http::Method` cannot stand in a table that is made at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl From<Way> for Method {
    fn from(way: Way) -> Self {
        match way {
            Way::Get => Self::GET,
            Way::Post => Self::POST,
            Way::Put => Self::PUT,
            Way::Patch => Self::PATCH,
            Way::Delete => Self::DELETE,
        }
    }
}

/// A verb: a route of the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verb {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Further text of the help.
    pub(super) more: Option<&'static str>,
    pub(super) example: &'static str,
    pub(super) way: Way,
    /// Path with `{placeholders}`: `places`, or parameters that are not sent elsewhere.
    pub(super) path: &'static str,
    /// Arguments that stand in the path, with their help.
    pub(super) places: &'static [(&'static str, &'static str)],
    /// Parameters of the query, and those of the path that have a default.
    pub(super) query: &'static [Parameter],
    /// Parameters that become fields of the body.
    pub(super) fields: &'static [Parameter],
    /// Fields that are read and sent again unless the body has them, where the route replaces everything.
    pub(super) keeps: Option<&'static [&'static str]>,
    pub(super) shape: Shape,
}

impl Verb {
    /// A verb that gets something and has no parameters, to be changed.
    pub(super) const fn get(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            about: "",
            more: None,
            example: "",
            way: Way::Get,
            path,
            places: &[],
            query: &[],
            fields: &[],
            keeps: None,
            shape: Shape::One { tables: &[] },
        }
    }

    /// Whether the request has a body.
    pub(super) fn takes_body(&self) -> bool {
        !self.fields.is_empty()
    }
}

/// The form in which a verb prints the answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// The entries of `data`, a row each; over several pages if the route has them.
    List { columns: &'static [Show], paged: bool },
    /// An object; lists in these fields are tables of their own.
    One { tables: &'static [(&'static str, &'static [Show])] },
    /// JSON lines as they come. `Link` leads to the rest.
    Lines,
    /// The bytes as they are.
    Bytes,
}

/// An option that is sent to the relay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    /// Name of the option, behind `--`.
    pub(super) flag: &'static str,
    /// Name in the API. Fields within fields are parted by dots.
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) kind: Kind,
    /// Value if the option is not given. Such a parameter stands in the path.
    pub(super) default: Option<&'static str>,
    pub(super) required: bool,
}

/// The kind of value that an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text, sent as it is.
    Text,
    /// A whole number, sent as a JSON number.
    Number,
    /// No value: the option says `true` or `false`.
    Flag(bool),
    /// A time in RFC 3339, or how long ago, such as 2h.
    Moment,
    /// A list of texts, separated by commas.
    Texts,
    /// JSON.
    Json,
    /// A file that holds a secret; `-` is standard input.
    Secret,
    /// A file that holds a secret, sent as a list with that one secret.
    Secrets,
}

impl Parameter {
    const fn of(flag: &'static str, name: &'static str, about: &'static str, kind: Kind) -> Self {
        Self { flag, name, about, kind, default: None, required: false }
    }

    /// Text.
    pub(super) const fn text(flag: &'static str, name: &'static str, about: &'static str) -> Self {
        Self::of(flag, name, about, Kind::Text)
    }

    /// This parameter with another kind of value.
    pub(super) const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// A parameter that has to be given.
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The option for the command line.
    pub(super) fn arg(&self) -> Arg {
        let arg = Arg::new(self.flag).long(self.flag).help(self.about).required(self.required);
        let arg = match self.default {
            Some(default) => arg.default_value(default),
            None => arg,
        };
        match self.kind {
            Kind::Flag(_) => arg.action(ArgAction::SetTrue),
            Kind::Number => arg.value_name("NUMBER").value_parser(clap::value_parser!(i64)),
            Kind::Moment => arg.value_name("TIME"),
            Kind::Texts => arg.value_name("TEXT,…"),
            Kind::Json => arg.value_name("JSON"),
            Kind::Secret | Kind::Secrets => arg.value_name("FILE"),
            Kind::Text => arg.value_name("TEXT"),
        }
    }
}

/// The application that a path names.
pub(super) const APPLICATION: Parameter = Parameter {
    default: Some("default"),
    ..Parameter::text("application", "application", "Id or uid of the application")
};
/// The application that a list is narrowed to.
pub(super) const OF_APPLICATION: Parameter =
    Parameter::text("application", "application", "Only those of this application, by id or uid");
/// The application, where several have the same name.
pub(super) const IN_APPLICATION: Parameter = Parameter::text(
    "application",
    "application",
    "Application that is meant, where several have something of this name",
);
/// The beginning of a span of time.
pub(super) const SINCE: Parameter = Parameter::text(
    "since",
    "since",
    "Only from this time on: 2h for two hours ago, or 2026-11-22T01:13:33Z",
)
.kind(Kind::Moment);
/// The end of a span of time.
pub(super) const UNTIL: Parameter =
    Parameter::text("until", "until", "Only before this time, in the same form").kind(Kind::Moment);
