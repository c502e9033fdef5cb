//! Answers of the API, as rows of a table or as one thing with its fields.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::{
    exit::CommandError,
    output::{Column, Output, Table, Tone, cut, one_line, shown},
    remote::{Answer, RemoteError},
};

/// A column of a table, and where its cells come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show {
    column: Column,
    /// Names of the field, parted by dots; of several, parted by `|`, the first that is there.
    from: &'static str,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// The text of the value as it is.
    Plain,
    /// The word for a state, in its tone.
    State,
    /// A time, to the second.
    Time,
    /// The numbers `delivered` and `total` of an object.
    Progress,
    /// How many entries a list has.
    Count,
}

impl Show {
    const fn of(column: Column, from: &'static str, how: How) -> Self {
        Self { column, from, how }
    }

    /// A text that is never cut, such as an id.
    pub(crate) const fn whole(title: &'static str, from: &'static str) -> Self {
        Self::of(Column::whole(title), from, How::Plain)
    }

    /// A text that may be cut.
    pub(crate) const fn text(title: &'static str, from: &'static str) -> Self {
        Self::of(Column::text(title), from, How::Plain)
    }

    /// A column with the number in this field.
    pub(crate) const fn number(title: &'static str, from: &'static str) -> Self {
        Self::of(Column::number(title), from, How::Plain)
    }

    /// The word for a state.
    pub(crate) const fn state(from: &'static str) -> Self {
        Self::of(Column::whole("STATE"), from, How::State)
    }

    /// A column with the time in this field.
    pub(crate) const fn time(title: &'static str, from: &'static str) -> Self {
        Self::of(Column::time(title), from, How::Time)
    }

    /// A column with the number of deliveries that arrived, of all.
    pub(crate) const fn progress(from: &'static str) -> Self {
        Self::of(Column::number("DELIVERED"), from, How::Progress)
    }

    /// How many entries a list has.
    pub(crate) const fn count(title: &'static str, from: &'static str) -> Self {
        Self::of(Column::number(title), from, How::Count)
    }

    /// The cell of an entry.
    fn cell(&self, entry: &Value) -> (String, Tone) {
        let found = self.from.split('|').map(|path| at(entry, path)).find(|value| !value.is_null());
        let Some(value) = found else { return ("-".to_owned(), Tone::Faint) };
        match self.how {
            How::Plain => (text(value), Tone::Plain),
            How::State => (text(value), Tone::of_state(&text(value))),
            How::Time => (to_the_second(&text(value)), Tone::Faint),
            How::Count => (value.as_array().map_or(0, Vec::len).to_string(), Tone::Plain),
            How::Progress => {
                let (delivered, total) = (&value["delivered"], &value["total"]);
                let tone = if delivered == total { Tone::Good } else { Tone::Plain };
                (format!("{delivered}/{total}"), tone)
            }
        }
    }
}

fn at<'v>(entry: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(entry, |value, name| &value[name])
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) if entries.iter().all(Value::is_string) => {
            entries.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        value => value.to_string(),
    }
}

/// `2026-11-27T12:00:00.123Z` without its fraction. Other texts stay.
fn to_the_second(text: &str) -> String {
    match text.split_once('.') {
        Some((time, rest)) if rest.ends_with('Z') => format!("{time}Z"),
        _ => text.to_owned(),
    }
}

/// A table with a row for each entry.
pub(crate) fn table<'e>(
    columns: &[Show],
    entries: impl IntoIterator<Item = &'e RawValue>,
) -> Table {
    let mut table = Table::new(columns.iter().map(|show| show.column).collect::<Vec<_>>());
    for entry in entries {
        let entry = serde_json::from_str(entry.get()).unwrap_or_default();
        table.row(columns.iter().map(|show| show.cell(&entry)));
    }
    table
}

/// An object's fields in their order, each as it was written.
struct Ordered(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Ordered;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Ordered(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Prints the object of an answer: with `--json` as it came, else a field a line, and the lists in
/// `tables` below.
///
/// # Errors
/// [`CommandError`] if the answer is no JSON, or standard output cannot be written.
pub(crate) fn detail(
    out: &Output,
    answer: &Answer,
    tables: &[(&str, &[Show])],
) -> Result<(), CommandError> {
    if answer.body.is_empty() {
        if out.is_json() {
            out.line("{}")?;
        } else {
            out.note("done");
        }
        return Ok(());
    }
    let raw: Box<RawValue> = answer.json()?;
    if out.is_json() {
        return Ok(out.raw(&raw)?);
    }
    let Ok(Ordered(fields)) = serde_json::from_str(raw.get()) else {
        // A result may be any JSON.
        return Ok(out.raw(&raw)?);
    };
    let widest = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in &fields {
        if tables.iter().any(|(table, _)| table == name) {
            continue;
        }
        let text = match serde_json::from_str(value.get()).map_err(RemoteError::Unreadable)? {
            Value::Null => continue,
            Value::String(text) => shown(&text).into_owned(),
            _ => one_line(value.get()),
        };
        let text = out.width().map_or(text.as_str().into(), |width| {
            cut(&text, width.saturating_sub(widest.min(40) + 2).max(20))
        });
        let tone =
            if name == "state" || name == "status" { Tone::of_state(&text) } else { Tone::Plain };
        let name = format!("{:widest$}", shown(name), widest = widest.min(40));
        out.line(&format!("{}  {}", out.toned(Tone::Strong, &name), out.toned(tone, &text)))?;
    }
    for (name, columns) in tables {
        let Some((_, value)) = fields.iter().find(|(field, _)| field == name) else { continue };
        let entries: Vec<Box<RawValue>> = serde_json::from_str(value.get()).unwrap_or_default();
        if !entries.is_empty() {
            out.line("")?;
            out.line(&out.toned(Tone::Strong, name))?;
            table(columns, entries.iter().map(AsRef::as_ref)).print(out, false)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_found_by_its_path() {
        let entry = json!({ "a": { "b": "x" }, "state": "dead", "types": ["a", "b"], "n": 7,
            "progress": { "delivered": 2, "total": 3 }, "at": "2026-11-27T12:00:00.123Z" });
        let cell = |show: Show| show.cell(&entry).0;
        assert_eq!(cell(Show::text("X", "a.b")), "x");
        assert_eq!(cell(Show::text("X", "none|a.c|n")), "7");
        assert_eq!(cell(Show::text("X", "types")), "a,b");
        assert_eq!(cell(Show::count("X", "types")), "2");
        assert_eq!(cell(Show::text("X", "a.b.c")), "-");
        assert_eq!(cell(Show::progress("progress")), "2/3");
        assert_eq!(cell(Show::time("X", "at")), "2026-11-27T12:00:00Z");
        assert_eq!(Show::state("state").cell(&entry).1, Tone::Bad);
    }
}
