//! Whether a value fits a schema, by the keywords that the document's schemas have. A keyword that is
//! not judged here is a misfit, so that none goes unnoticed.

use serde_json::Value;

/// Keywords that say nothing about a value, or that `tests/openapi/test_messages.py` judges.
const UNJUDGED: [&str; 4] = ["default", "description", "format", "pattern"];

/// The places where a value does not fit a schema, and why.
pub(super) fn misfits(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    judge(schema, value, "", &mut found);
    found
}

fn judge(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let keywords = match schema {
        Value::Bool(true) => return,
        Value::Object(keywords) => keywords,
        _ => return found.push(format!("{at}: nothing fits {schema}")),
    };
    for (keyword, wanted) in keywords {
        let number = wanted.as_f64().unwrap_or_default();
        let size = |of: Option<usize>| of.and_then(|size| u64::try_from(size).ok());
        let length = size(value.as_str().map(|text| text.chars().count()));
        let fields = value.as_object();
        let fits = match keyword.as_str() {
            "type" => match wanted {
                Value::Array(kinds) => kinds.iter().any(|kind| is(value, kind)),
                kind => is(value, kind),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().is_some_and(|words| words.contains(value)),
            "minimum" => value.as_f64().is_none_or(|value| number <= value),
            "maximum" => value.as_f64().is_none_or(|value| value <= number),
            "minLength" => length.is_none_or(|length| wanted.as_u64() <= Some(length)),
            "maxLength" => length.is_none_or(|length| Some(length) <= wanted.as_u64()),
            "maxProperties" => size(fields.map(|fields| fields.len()))
                .is_none_or(|size| Some(size) <= wanted.as_u64()),
            "required" => {
                let mut names = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
                fields.is_none_or(|fields| names.all(|name| fields.contains_key(name)))
            }
            "properties" => {
                for (name, schema) in wanted.as_object().into_iter().flatten() {
                    if let Some(value) = fields.and_then(|fields| fields.get(name)) {
                        judge(schema, value, &format!("{at}/{name}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = &schema["properties"];
                let mut others = fields.into_iter().flatten();
                others.all(|(name, value)| known.get(name).is_some() || fits(wanted, value))
            }
            "propertyNames" => {
                fields.into_iter().flatten().all(|(name, _)| fits(wanted, &name.as_str().into()))
            }
            "items" => value.as_array().into_iter().flatten().all(|entry| fits(wanted, entry)),
            "oneOf" => choices(wanted).filter(|choice| fits(choice, value)).count() == 1,
            "anyOf" => choices(wanted).any(|choice| fits(choice, value)),
            other => UNJUDGED.contains(&other),
        };
        if !fits {
            found.push(format!("{at}: {keyword} {wanted}"));
        }
    }
}

fn choices(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn fits(schema: &Value, value: &Value) -> bool {
    misfits(schema, value).is_empty()
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}
