//! Requests made of arguments: path, query and body.

use std::{collections::BTreeMap, fs, io::Read, path::Path};

use clap::{Arg, ArgMatches};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::table::{Kind, Parameter, Verb};
use crate::{exit::CommandError, moment, remote::Remote};

/// An object whose values stay as they were written: `1.0` is no `1`, and a number may have any length.
type Fields = BTreeMap<String, Box<RawValue>>;

/// Everything but letters, digits and the marks that mean nothing in a path or query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as a part of a path or query.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// The option with which a whole body is given.
pub(super) fn body_arg() -> Arg {
    let about =
        "Body as JSON: an object, @FILE, or - for standard input. Other options are put into it";
    Arg::new("body").long("body").value_name("JSON").help(about)
}

/// The path of a verb.
pub(super) fn path(verb: &Verb, matches: &ArgMatches) -> String {
    let mut path = verb.path.to_owned();
    let places = verb.places.iter().map(|(name, _)| *name);
    let options = verb.query.iter().map(|parameter| parameter.flag);
    for name in places.chain(options) {
        let place = format!("{{{name}}}");
        if path.contains(&place)
            && let Some(value) = matches.get_one::<String>(name)
        {
            path = path.replace(&place, &escaped(value));
        }
    }
    path
}

/// The query of a verb, without a question mark.
///
/// # Errors
/// [`CommandError::Usage`] for a time that cannot be read.
pub(super) fn query(verb: &Verb, matches: &ArgMatches) -> Result<String, CommandError> {
    let mut query = Query::default();
    for parameter in verb.query {
        if verb.path.contains(&format!("{{{}}}", parameter.flag)) {
            continue;
        }
        match parameter.kind {
            Kind::Flag(value) if matches.get_flag(parameter.flag) => {
                query.add(parameter.name, &value.to_string());
            }
            Kind::Flag(_) => {}
            Kind::Number => {
                let number = matches.get_one::<i64>(parameter.flag).map(ToString::to_string);
                query.add_some(parameter.name, number.as_deref());
            }
            kind => {
                let text = matches.get_one::<String>(parameter.flag);
                let text = match kind {
                    Kind::Moment => text.map(|text| moment::parse(text)).transpose()?,
                    _ => text.cloned(),
                };
                query.add_some(parameter.name, text.as_deref());
            }
        }
    }
    Ok(query.0)
}

/// A query string to which parameters are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(pub(crate) String);

impl Query {
    /// Adds a parameter, its value percent-encoded.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.extend([name, "=", &escaped(value)]);
    }

    /// Adds a parameter that has a value.
    pub(crate) fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

/// The body of a verb; empty if it has none.
///
/// # Errors
/// [`CommandError::Usage`] if a value is no JSON, or a file cannot be read.
pub(super) fn body(verb: &Verb, matches: &ArgMatches) -> Result<Vec<u8>, CommandError> {
    if !verb.takes_body() {
        return Ok(Vec::new());
    }
    let mut body: Fields = match matches.get_one::<String>("body") {
        None => Fields::new(),
        Some(text) => serde_json::from_str(&text_of(text)?).map_err(|error| {
            CommandError::Usage(format!("--body is not a JSON object: {error}"))
        })?,
    };
    for parameter in verb.fields {
        if let Some(value) = value(parameter, matches)? {
            set(&mut body, parameter.name, value);
        }
    }
    Ok(raw(&body).get().as_bytes().to_vec())
}

/// The value of a field; `None` if its option is not given.
fn value(
    parameter: &Parameter,
    matches: &ArgMatches,
) -> Result<Option<Box<RawValue>>, CommandError> {
    let flag = parameter.flag;
    match parameter.kind {
        Kind::Flag(value) => return Ok(matches.get_flag(flag).then(|| raw(&value))),
        Kind::Number => return Ok(matches.get_one::<i64>(flag).map(raw)),
        _ => {}
    }
    let Some(text) = matches.get_one::<String>(flag) else { return Ok(None) };
    let texts = || text.split(',').map(str::trim).filter(|text| !text.is_empty());
    let value = match parameter.kind {
        Kind::Moment => raw(&moment::parse(text)?),
        Kind::Texts => raw(&texts().collect::<Vec<_>>()),
        Kind::Json => json(flag, text_of(text)?)?,
        Kind::Secret => raw(&secret(flag, text)?),
        Kind::Secrets => raw(&[secret(flag, text)?]),
        Kind::Text | Kind::Flag(_) | Kind::Number => raw(text),
    };
    Ok(Some(value))
}

fn raw<T: Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("texts, numbers and JSON serialise")
}

/// Puts a value into an object, at a name or at names parted by dots.
fn set(body: &mut Fields, name: &str, value: Box<RawValue>) {
    let Some((first, rest)) = name.split_once('.') else {
        return drop(body.insert(name.to_owned(), value));
    };
    let there = body.get(first).and_then(|there| serde_json::from_str(there.get()).ok());
    let mut within: Fields = there.unwrap_or_default();
    set(&mut within, rest, value);
    body.insert(first.to_owned(), raw(&within));
}

fn json(flag: &str, text: String) -> Result<Box<RawValue>, CommandError> {
    let read = RawValue::from_string(text);
    read.map_err(|error| CommandError::Usage(format!("--{flag} is not JSON: {error}")))
}

/// The text itself, that of the file behind `@`, or standard input for `-`.
///
/// # Errors
/// [`CommandError::Usage`] if the file cannot be read.
pub(crate) fn text_of(given: &str) -> Result<String, CommandError> {
    match given.strip_prefix('@') {
        Some(path) => read(path),
        None if given == "-" => read(given),
        None => Ok(given.to_owned()),
    }
}

/// The secret in a file, or in standard input, without the line break at its end.
fn secret(flag: &str, path: &str) -> Result<String, CommandError> {
    let text = read(path)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    match secret.is_empty() {
        true => Err(CommandError::Usage(format!("--{flag}: {path} holds no secret"))),
        false => Ok(secret.to_owned()),
    }
}

fn read(path: &str) -> Result<String, CommandError> {
    let mut text = String::new();
    let read = match path {
        "-" => std::io::stdin().read_to_string(&mut text),
        path => fs::File::open(Path::new(path)).and_then(|mut file| file.read_to_string(&mut text)),
    };
    let name = if path == "-" { "standard input" } else { path };
    read.map_err(|error| CommandError::Usage(format!("cannot read {name}: {error}")))?;
    Ok(text)
}

/// A body for a route that replaces everything: what is there, under these names, and over it what was
/// given.
///
/// # Errors
/// [`CommandError`] if it is not there, or the relay does not answer.
pub(super) async fn merged(
    remote: &Remote,
    path: &str,
    names: &[&str],
    given: &[u8],
) -> Result<Vec<u8>, CommandError> {
    let there: Fields = remote.ask(Method::GET, path, Vec::new()).await?.json()?;
    let mut body: Fields =
        there.into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect();
    body.extend(serde_json::from_slice::<Fields>(given).unwrap_or_default());
    Ok(raw(&body).get().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_what_it_does_not_touch_as_it_was_written() {
        let text = r#"{"payload":{"n":12345678901234567890.10,"b":{"c":1.0}},"x":1e400}"#;
        let mut body: Fields = serde_json::from_str(text).expect("JSON");
        set(&mut body, "payload.b.d", raw("é"));
        set(&mut body, "new.a", raw(&7));
        let want = r#"{"new":{"a":7},"payload":{"b":{"c":1.0,"d":"é"},"n":12345678901234567890.10},"x":1e400}"#;
        assert_eq!(raw(&body).get(), want);
    }

    #[test]
    fn a_part_of_a_path_is_one_part() {
        assert_eq!(escaped("a/b?c=d&é %.-_~"), "a%2Fb%3Fc%3Dd%26%C3%A9%20%25.-_~");
        let mut query = Query::default();
        query.add_some("none", None);
        query.add("type", "job.*");
        query.add("id", "a&b");
        assert_eq!(query.0, "type=job.%2A&id=a%26b");
    }
}
