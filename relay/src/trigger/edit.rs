//! Changes to the body of a fixture: `--override`, `--add` and `--remove` by path, `--edit` by hand.
//! The rest of the body keeps its bytes, but for white space within the objects on the way.

#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::{fmt, fs, io::Write, process::Command};

use adapters::random;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use url::form_urlencoded;

/// One change to a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Gives a field that is there another value.
    Override(String, String),
    /// Adds a field.
    Add(String, String),
    /// Removes a field.
    Remove(String),
}

/// The reason why a body cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum EditError {
    /// A change has no value.
    #[error("{0:?} has no value; write PATH=VALUE, such as data.object.amount=100")]
    NoValue(String),
    /// Nothing is at the path.
    #[error("the body has no {0}; --add adds a field")]
    Absent(String),
    /// The path leads through a value that has no fields.
    #[error("{0} is neither an object nor a list, so that nothing is within it")]
    NoContainer(String),
    /// Something is at the path already.
    #[error("the body has {0} already; --override changes it")]
    Exists(String),
    /// The editor could not be run, or says that it failed.
    #[error("the editor {0} failed: {1}; set EDITOR to another one")]
    Editor(String, String),
    /// The temporary file cannot be written or read.
    #[error("cannot keep the body in {0}: {1}")]
    File(String, std::io::Error),
}

impl Change {
    /// Splits a text of the form `PATH=VALUE`.
    fn parts(text: &str) -> Result<(String, String), EditError> {
        let parts = text.split_once('=').filter(|(path, _)| !path.is_empty());
        let (path, value) = parts.ok_or_else(|| EditError::NoValue(text.to_owned()))?;
        Ok((path.to_owned(), value.to_owned()))
    }

    /// The changes of the three options, in that order.
    ///
    /// # Errors
    /// [`EditError::NoValue`] if an override or addition has no `=`.
    pub(super) fn read(
        overrides: &[String],
        add: &[String],
        remove: &[String],
    ) -> Result<Vec<Self>, EditError> {
        let mut changes = Vec::new();
        for text in overrides {
            let (path, value) = Self::parts(text)?;
            changes.push(Self::Override(path, value));
        }
        for text in add {
            let (path, value) = Self::parts(text)?;
            changes.push(Self::Add(path, value));
        }
        changes.extend(remove.iter().cloned().map(Self::Remove));
        Ok(changes)
    }

    fn path(&self) -> &str {
        match self {
            Self::Override(path, _) | Self::Add(path, _) | Self::Remove(path) => path,
        }
    }

    /// The new value as JSON: the text itself if it is JSON, else the text as a string.
    fn json(&self) -> Option<String> {
        let (Self::Override(_, value) | Self::Add(_, value)) = self else { return None };
        let json = serde_json::from_str::<&RawValue>(value).map(|raw| raw.get().to_owned());
        Some(json.unwrap_or_else(|_| serde_json::Value::from(value.as_str()).to_string()))
    }
}

/// A body with the changes made, one after another.
///
/// # Errors
/// [`EditError`] if a path leads nowhere, or somewhere that an addition would overwrite.
pub(super) fn apply(body: &str, form: bool, changes: &[Change]) -> Result<String, EditError> {
    changes.iter().try_fold(body.to_owned(), |body, change| match form {
        true => in_form(&body, change),
        false => {
            let path: Vec<&str> = change.path().split('.').collect();
            in_json(&body, &path, change)
        }
    })
}

fn in_form(body: &str, change: &Change) -> Result<String, EditError> {
    let parsed = form_urlencoded::parse(body.as_bytes()).into_owned();
    let mut fields: Vec<(String, String)> = parsed.collect();
    let at = fields.iter().position(|(name, _)| name == change.path());
    let value = |value: &String| value.clone();
    settle(&mut fields, at, change, value)?;
    Ok(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

fn in_json(json: &str, path: &[&str], change: &Change) -> Result<String, EditError> {
    let Some((name, rest)) = path.split_first() else { return Ok(json.to_owned()) };
    let is_object = json.trim_start().starts_with('{');
    let before = change.path().len() - path.join(".").len();
    let outer = change.path()[..before].trim_end_matches('.').to_owned();
    let outer = || if outer.is_empty() { "the body".to_owned() } else { outer.clone() };
    let mut fields = fields(json).ok_or_else(|| EditError::NoContainer(outer()))?;
    let at = fields.iter().position(|(known, _)| known == name);
    match at {
        _ if rest.is_empty() => {
            let value = |_: &String| change.json().unwrap_or_default();
            settle(&mut fields, at, change, value)?;
        }
        Some(at) => fields[at].1 = in_json(&fields[at].1, rest, change)?,
        None => return Err(EditError::Absent(change.path().to_owned())),
    }
    let write = |(name, value): &(String, String)| match is_object {
        true => format!("{}:{value}", serde_json::Value::from(name.as_str())),
        false => value.clone(),
    };
    let written: Vec<String> = fields.iter().map(write).collect();
    let (open, close) = if is_object { ('{', '}') } else { ('[', ']') };
    Ok(format!("{open}{}{close}", written.join(",")))
}

/// Makes the change in the fields of one level, of which `at` is the one that the path names.
fn settle(
    fields: &mut Vec<(String, String)>,
    at: Option<usize>,
    change: &Change,
    value: impl Fn(&String) -> String,
) -> Result<(), EditError> {
    let path = change.path().to_owned();
    match (change, at) {
        (Change::Override(_, new), Some(at)) => fields[at].1 = value(new),
        (Change::Remove(_), Some(at)) => drop(fields.remove(at)),
        (Change::Override(..) | Change::Remove(_), None) => return Err(EditError::Absent(path)),
        (Change::Add(..), Some(_)) => return Err(EditError::Exists(path)),
        (Change::Add(_, new), None) => {
            let name = path.rsplit('.').next().unwrap_or_default().to_owned();
            fields.push((name, value(new)));
        }
    }
    Ok(())
}

/// The fields of an object in their order, or the elements of a list under their numbers, each as it
/// stands in the text.
fn fields(json: &str) -> Option<Vec<(String, String)>> {
    let own = |(name, raw): (String, &RawValue)| (name, raw.get().to_owned());
    match json.trim_start().as_bytes().first()? {
        b'{' => {
            let Pairs(pairs) = serde_json::from_str(json).ok()?;
            Some(pairs.into_iter().map(own).collect())
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            let number = |(at, raw): (usize, &RawValue)| (at.to_string(), raw.get().to_owned());
            Some(items.into_iter().enumerate().map(number).collect())
        }
        _ => None,
    }
}

/// The fields of an object in their order.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The body as the user leaves it in an editor: `VISUAL`, `EDITOR`, or `vi`.
///
/// # Errors
/// [`EditError`] if the editor cannot be run or fails, or the temporary file cannot be kept.
pub(super) fn by_hand(body: &str) -> Result<String, EditError> {
    let variable = |name| std::env::var(name).ok().filter(|it| !it.trim().is_empty());
    let editor = variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_else(|| "vi".into());
    let path = std::env::temp_dir().join(format!("relay-trigger-{}", random::token()));
    let failed = |error| EditError::File(path.display().to_string(), error);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&path).map_err(failed)?;
    file.write_all(body.as_bytes()).map_err(failed)?;
    drop(file);
    // An editor may be given with arguments, such as `code --wait`.
    let mut words = editor.split_whitespace();
    let run = Command::new(words.next().unwrap_or("vi")).args(words).arg(&path).status();
    let edited = fs::read_to_string(&path).map_err(failed);
    let _ = fs::remove_file(&path);
    match run {
        Ok(status) if status.success() => edited,
        Ok(status) => Err(EditError::Editor(editor, status.to_string())),
        Err(error) => Err(EditError::Editor(editor, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"b":1.0,"a":{"list":[1,{"x":2E1}],"s":"é"},"c":null}"#;

    fn changed(body: &str, form: bool, change: Change) -> Result<String, String> {
        apply(body, form, &[change]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_body_is_changed_where_a_path_leads_and_nowhere_else() {
        let over = |path: &str, value: &str| {
            changed(BODY, false, Change::Override(path.to_owned(), value.to_owned())).expect(path)
        };
        assert_eq!(over("b", "2"), r#"{"b":2,"a":{"list":[1,{"x":2E1}],"s":"é"},"c":null}"#);
        assert_eq!(over("c", "paid"), r#"{"b":1.0,"a":{"list":[1,{"x":2E1}],"s":"é"},"c":"paid"}"#);
        assert_eq!(
            over("a.list.1.x", r#"{"y":[]}"#),
            r#"{"b":1.0,"a":{"list":[1,{"x":{"y":[]}}],"s":"é"},"c":null}"#
        );
        assert_eq!(
            over("a.s", r#""5""#),
            r#"{"b":1.0,"a":{"list":[1,{"x":2E1}],"s":"5"},"c":null}"#
        );
        let add = Change::Add("a.new".to_owned(), "true".to_owned());
        assert_eq!(
            changed(BODY, false, add).as_deref(),
            Ok(r#"{"b":1.0,"a":{"list":[1,{"x":2E1}],"s":"é","new":true},"c":null}"#)
        );
        let remove = Change::Remove("a.list.0".to_owned());
        assert_eq!(
            changed(BODY, false, remove).as_deref(),
            Ok(r#"{"b":1.0,"a":{"list":[{"x":2E1}],"s":"é"},"c":null}"#)
        );
    }

    #[test]
    fn a_form_is_changed_by_its_fields() {
        let change = Change::Override("To".to_owned(), "+1 5".to_owned());
        assert_eq!(changed("A=1&To=x", true, change).as_deref(), Ok("A=1&To=%2B1+5"));
        let change = Change::Add("B".to_owned(), "é".to_owned());
        assert_eq!(changed("A=1", true, change).as_deref(), Ok("A=1&B=%C3%A9"));
        assert_eq!(changed("A=1&B=2", true, Change::Remove("A".to_owned())).as_deref(), Ok("B=2"));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_named() {
        let why = |change| changed(BODY, false, change).expect_err("refused");
        let over = |path: &str| Change::Override(path.to_owned(), "1".to_owned());
        assert_eq!(why(over("a.t")), "the body has no a.t; --add adds a field");
        assert_eq!(why(over("z.t")), "the body has no z.t; --add adds a field");
        assert!(why(over("b.t")).starts_with("b is neither an object nor a list"), "{BODY}");
        assert_eq!(why(Change::Remove("z".to_owned())), "the body has no z; --add adds a field");
        let add = Change::Add("a.s".to_owned(), "1".to_owned());
        assert_eq!(why(add), "the body has a.s already; --override changes it");
        let read = Change::read(&["a.b".to_owned()], &[], &[]).expect_err("no value").to_string();
        assert!(read.contains("has no value"), "{read}");
    }
}
