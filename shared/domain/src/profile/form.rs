//! Forms as JSON: subscribers and filters see fields, not percent-encoded text.

use std::borrow::Cow;

use serde_json::{Map, Value};
use url::form_urlencoded;

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";
/// The field in which GitHub, Slack and others put their JSON.
const PAYLOAD: &str = "payload";
/// Most fields of a form that is read; a larger one stays text.
const MAX_FIELDS: usize = 10_000;

/// Whether a `Content-Type` says that the body is a form.
pub fn is_form(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM)
}

/// A form as JSON: an object of its fields. A field that stands several
/// times is a list. A form whose only field is `payload` and holds a JSON object or list is that
/// JSON, as GitHub and Slack mean it. Anything else stays as it is.
pub fn form_as_json(body: &[u8]) -> Cow<'_, [u8]> {
    if body.is_empty() || MAX_FIELDS <= body.iter().filter(|byte| **byte == b'&').count() {
        return Cow::Borrowed(body);
    }
    let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(body).collect();
    if let [(name, value)] = fields.as_mut_slice()
        && name == PAYLOAD
        && value.trim_start().starts_with(['{', '['])
    {
        return Cow::Owned(std::mem::take(value).into_owned().into_bytes());
    }
    let mut object = Map::new();
    for (name, value) in fields {
        let value = Value::from(value.into_owned());
        match object.get_mut(name.as_ref()) {
            None => _ = object.insert(name.into_owned(), value),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Cow::Owned(Value::from(object).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_an_object_of_its_fields() {
        for (form, json) in [
            ("a=1&b=%22x%22+y", r#"{"a":"1","b":"\"x\" y"}"#),
            ("a=1&a=2&a=3&b=", r#"{"a":["1","2","3"],"b":""}"#),
            ("payload=%7B%22n%22%3A1.0%7D", r#"{"n":1.0}"#),
            ("payload=%5B1%5D", "[1]"),
            ("payload=plain", r#"{"payload":"plain"}"#),
            ("payload=%7B%7D&token=t", r#"{"payload":"{}","token":"t"}"#),
            ("text=%F0%9F%98%8A", r#"{"text":"😊"}"#),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&form_as_json(form.as_bytes())), json, "{form}");
        }
        let many = "a=1&".repeat(MAX_FIELDS);
        assert_eq!(form_as_json(many.as_bytes()), many.as_bytes());
    }

    #[test]
    fn a_media_type_says_that_a_body_is_a_form() {
        for yes in [
            FORM,
            "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
            " application/x-www-form-urlencoded ;a",
        ] {
            assert!(is_form(yes), "{yes}");
        }
        for no in ["", "application/json", "multipart/form-data"] {
            assert!(!is_form(no), "{no}");
        }
    }
}
