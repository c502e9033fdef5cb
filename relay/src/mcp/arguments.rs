//! The arguments of a call, checked before anything is asked of the relay.

use serde_json::{Map, Value};

use super::catalogue::{Kind, MAX_DOCUMENT, MAX_TEXT, Parameter, Tool};
use crate::{
    exit::{CommandError, Failure},
    moment,
};

/// The reason why a call did not do what it should, in words that the model reads.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ToolError(pub(super) String);

impl From<CommandError> for ToolError {
    fn from(error: CommandError) -> Self {
        let step = error.next_step().map(|step| format!("; {step}"));
        Self(format!("{error}{}", step.unwrap_or_default()))
    }
}

impl From<crate::remote::RemoteError> for ToolError {
    fn from(error: crate::remote::RemoteError) -> Self {
        CommandError::from(error).into()
    }
}

/// The arguments of a call. Each is of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arguments(Map<String, Value>);

impl Arguments {
    /// Checks what a model passed.
    ///
    /// # Errors
    /// [`ToolError`] that names the argument and what it may be, if one is unknown, missing or not of its kind.
    pub(super) fn of(tool: &Tool, given: Map<String, Value>) -> Result<Self, ToolError> {
        let known = || tool.parameters.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
        for name in given.keys() {
            if !tool.parameters.iter().any(|one| one.name == name) {
                let shown = name.chars().take(64).collect::<String>();
                let why = format!("{} has no argument {shown:?}; it has: {}", tool.name, known());
                return Err(ToolError(why));
            }
        }
        let mut checked = Map::new();
        for parameter in tool.parameters {
            // Clients write an argument that is not given as null, too.
            match given.get(parameter.name).filter(|value| !value.is_null()) {
                Some(value) => {
                    checked.insert(parameter.name.to_owned(), parameter.checked(value)?);
                }
                None if parameter.required => {
                    return Err(ToolError(format!("{} needs {}", tool.name, parameter.name)));
                }
                None => {}
            }
        }
        Ok(Self(checked))
    }

    /// The text of an argument.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The text of an argument that the tool requires.
    pub(super) fn needed(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// The number of an argument.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    /// Whether an argument is true.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value == true)
    }

    /// The texts of an argument, by name.
    pub(super) fn texts(&self, name: &str) -> Map<String, Value> {
        self.0.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// These arguments without the one of this name.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut rest = self.clone();
        rest.0.remove(name);
        rest
    }
}

impl Parameter {
    /// The value in the form that the API takes.
    fn checked(&self, value: &Value) -> Result<Value, ToolError> {
        let wrong = |what: &str| ToolError(format!("{} is {what}", self.name));
        match (self.kind, value) {
            (Kind::Text, Value::String(text))
                if text.is_empty() || MAX_TEXT < text.chars().count() =>
            {
                Err(wrong(&format!("a text of 1 to {MAX_TEXT} characters")))
            }
            (Kind::Document, Value::String(text)) if MAX_DOCUMENT < text.len() => {
                Err(wrong(&format!("a text of at most {MAX_DOCUMENT} bytes")))
            }
            (Kind::Text | Kind::Document, Value::String(_)) | (Kind::Flag, Value::Bool(_)) => {
                Ok(value.clone())
            }
            (Kind::Moment, Value::String(text)) => Ok(moment::parse(text)?.into()),
            (Kind::Number(most), Value::Number(number))
                if number.as_u64().is_some_and(|number| (1..=most).contains(&number)) =>
            {
                Ok(value.clone())
            }
            (Kind::Texts, Value::Object(texts)) if texts.values().all(Value::is_string) => {
                Ok(value.clone())
            }
            (Kind::Text | Kind::Document | Kind::Moment, _) => Err(wrong("a text")),
            (Kind::Number(most), _) => Err(wrong(&format!("a whole number from 1 to {most}"))),
            (Kind::Flag, _) => Err(wrong("true or false")),
            (Kind::Texts, _) => Err(wrong("an object of texts")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp::catalogue::TOOLS;

    fn check(tool: &str, given: Value) -> Result<Arguments, String> {
        let tool = TOOLS.iter().find(|one| one.name == tool).expect("a tool");
        let Value::Object(given) = given else { panic!("an object") };
        Arguments::of(tool, given).map_err(|error| error.to_string())
    }

    #[test]
    fn an_argument_that_is_unknown_missing_or_of_another_kind_is_named() {
        for (tool, given, why) in [
            ("get_event", json!({}), "get_event needs event"),
            ("get_event", json!({ "event": null }), "get_event needs event"),
            ("get_event", json!({ "event": "" }), "event is a text of 1 to 512 characters"),
            ("get_event", json!({ "event": 7 }), "event is a text"),
            (
                "get_event",
                json!({ "evnt": "evt_1" }),
                "get_event has no argument \"evnt\"; it has: event",
            ),
            ("list_events", json!({ "limit": 0 }), "limit is a whole number from 1 to 100"),
            ("list_events", json!({ "limit": 101 }), "limit is a whole number from 1 to 100"),
            ("list_events", json!({ "limit": 1.5 }), "limit is a whole number from 1 to 100"),
            ("list_events", json!({ "limit": "5" }), "limit is a whole number from 1 to 100"),
            (
                "list_events",
                json!({ "since": "yesterday" }),
                "\"yesterday\" is neither how long ago",
            ),
            ("retry_letter", json!({ "letter": "1", "force": "yes" }), "force is true or false"),
        ] {
            let error = check(tool, given.clone()).expect_err("refused");
            assert!(error.starts_with(why), "{tool} {given}: {error}");
        }
    }

    #[test]
    fn arguments_of_their_kinds_are_kept_and_times_become_rfc_3339() {
        let given = json!({ "source": "s", "since": "2026-11-22T02:13:33+01:00", "limit": 5, "type": null });
        let arguments = check("list_events", given).expect("good");
        assert_eq!(arguments.text("source"), Some("s"));
        assert_eq!(arguments.text("since"), Some("2026-11-22T01:13:33.000Z"));
        assert_eq!(arguments.number("limit"), Some(5));
        assert_eq!(arguments.text("type"), None);
    }

    #[test]
    fn every_tool_has_its_own_name_and_every_argument_a_text() {
        for (at, tool) in TOOLS.iter().enumerate() {
            assert!(TOOLS[..at].iter().all(|other| other.name != tool.name), "{}", tool.name);
            assert!(tool.parameters.iter().all(|one| !one.about.is_empty()), "{}", tool.name);
            assert_eq!(tool.writes, tool.parameters.iter().any(|one| one.name == "confirm"));
        }
    }
}
