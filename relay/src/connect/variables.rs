//! A system's variables, from a file and the environment. Errors name them and never quote a value.

use std::{collections::BTreeMap, env, ops::RangeInclusive, path::Path};

use domain::secret::Secret;

/// Variables by name.
#[derive(Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Secret>);

/// Why variables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidVariables {
    /// The file.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// Not `NAME=value`.
    #[error("{0}, line {1}: not NAME=value")]
    Line(String, usize),
    /// It must be there.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// It says what cannot be.
    #[error("{0} {1}")]
    Invalid(&'static str, String),
}

impl Variables {
    /// Those of the environment, and over them those of a file.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, InvalidVariables> {
        let mut variables = Self::default();
        let of_text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, Secret::new(value.into_string().ok()?)))
        };
        variables.0.extend(env::vars_os().filter_map(of_text));
        if let Some(path) = file {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| InvalidVariables::File(name.clone(), error))?;
            variables.0.extend(Self::parse(&name, &text)?.0);
        }
        Ok(variables)
    }

    /// Reads lines of `NAME=value`, as a shell or Docker does: `export`, quotes and comments.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, InvalidVariables> {
        let mut variables = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let invalid = || InvalidVariables::Line(file.to_owned(), number + 1);
            let line = line.strip_prefix("export ").unwrap_or(line);
            let (name, value) = line.split_once('=').ok_or_else(invalid)?;
            let (name, value) = (name.trim(), value.trim());
            let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(plain) {
                return Err(invalid());
            }
            let quoted = ['"', '\''].into_iter().find(|quote| value.starts_with(*quote));
            let value = match quoted {
                Some(quote) => value[1..].split_once(quote).ok_or_else(invalid)?.0,
                None => value.split_once(" #").map_or(value, |(value, _)| value.trim_end()),
            };
            variables.0.insert(name.to_owned(), Secret::new(value));
        }
        Ok(variables)
    }

    /// A value, if it says something.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A value that must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, InvalidVariables> {
        self.text(name).ok_or(InvalidVariables::Missing(name))
    }

    /// A yes or a no.
    pub(super) fn flag(&self, name: &'static str, usual: bool) -> Result<bool, InvalidVariables> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(usual),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some("false" | "0" | "no" | "off") => Ok(false),
            Some(_) => Err(InvalidVariables::Invalid(name, "is true or false".to_owned())),
        }
    }

    /// A whole number.
    pub(super) fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<u32>,
        usual: u32,
    ) -> Result<u32, InvalidVariables> {
        let Some(text) = self.text(name) else { return Ok(usual) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let why = format!("is a whole number from {} to {}", range.start(), range.end());
            InvalidVariables::Invalid(name, why)
        })
    }
}
