//! A system's variables, read from a file and the environment. Errors name a variable and never quote
//! its value.

use std::{collections::BTreeMap, env, ops::RangeInclusive, path::Path};

use domain::secret::Secret;

/// Variables by name. All values are treated as secrets.
#[derive(Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Secret>);

/// The reason why variables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidVariables {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    File(String, std::io::Error),
    /// A line of the file is not `NAME=value`.
    #[error("{0}, line {1}: expected NAME=value")]
    Line(String, usize),
    /// A required variable is missing or empty.
    #[error("{0} is not set; set it in the environment or in the file of --env-file")]
    Missing(&'static str),
    /// WEPPcloud has no variable for the URL.
    #[error("--endpoint-url is required for wepp, whose variables contain no URL")]
    NoEndpointUrl,
    /// The value is not one that the variable allows.
    #[error("{0} {1}")]
    Invalid(&'static str, String),
}

impl Variables {
    /// Reads the environment and then the file, whose values take precedence.
    ///
    /// # Errors
    /// [`InvalidVariables`] if the file cannot be read or parsed.
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

    /// Parses lines of `NAME=value` as a shell or Docker does, with `export`, quotes and comments.
    ///
    /// # Errors
    /// [`InvalidVariables::Line`] for the first line that is not `NAME=value`.
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

    /// The value of a variable; `None` if it is missing or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// The value of a required variable.
    ///
    /// # Errors
    /// [`InvalidVariables::Missing`] if the variable is missing or empty.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, InvalidVariables> {
        self.text(name).ok_or(InvalidVariables::Missing(name))
    }

    /// A boolean: `true`, `1`, `yes` or `on`, and their opposites, in any case. `usual` is the default.
    ///
    /// # Errors
    /// [`InvalidVariables::Invalid`] for any other text.
    pub(super) fn flag(&self, name: &'static str, usual: bool) -> Result<bool, InvalidVariables> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(usual),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some("false" | "0" | "no" | "off") => Ok(false),
            Some(_) => Err(InvalidVariables::Invalid(name, "must be true or false".to_owned())),
        }
    }

    /// A whole number within `range`. `usual` is the default.
    ///
    /// # Errors
    /// [`InvalidVariables::Invalid`] for any other text.
    pub(super) fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<u32>,
        usual: u32,
    ) -> Result<u32, InvalidVariables> {
        let Some(text) = self.text(name) else { return Ok(usual) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let why = format!("must be a whole number from {} to {}", range.start(), range.end());
            InvalidVariables::Invalid(name, why)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_are_read_as_they_were_written(
            name in "[A-Za-z_][A-Za-z0-9_]{0,20}",
            value in "[^\r\n'\\p{C}]{0,40}",
            quote in "['\"]",
            export in "(export )?",
        ) {
            prop_assume!(!value.contains(&quote));
            let line = format!("{export}{name}={quote}{value}{quote}  # a comment\n");
            let read = Variables::parse("env", &line).expect("variables");
            prop_assert_eq!(read.text(&name).unwrap_or_default(), value);
        }

        #[test]
        fn an_error_names_the_line_and_never_quotes_it(text in "[a-z =#'\"\n]{0,80}") {
            if let Err(error) = Variables::parse("env", &text) {
                let InvalidVariables::Line(file, line) = error else { panic!("{error}") };
                prop_assert_eq!(file, "env");
                prop_assert!((1..=text.lines().count()).contains(&line));
            }
        }
    }
}
