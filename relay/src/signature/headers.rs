//! Headers as people have them at hand: copied out of a log, printed by curl, dumped as JSON.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::arguments::{InputError, bytes};

/// Reads every piece that was given.
pub(super) fn read(given: &[String]) -> Result<HeaderMap, InputError> {
    let mut headers = HeaderMap::new();
    for piece in given {
        let bytes = bytes(piece)?;
        let text = String::from_utf8_lossy(&bytes);
        if text.trim_start().starts_with('{') {
            json(&mut headers, &text)?;
        } else {
            lines(&mut headers, &text)?;
        }
    }
    Ok(headers)
}

fn lines(headers: &mut HeaderMap, text: &str) -> Result<(), InputError> {
    for line in text.lines() {
        // curl -v marks what it sent with `> `, and says more than headers.
        let line = line.strip_prefix("> ").unwrap_or(line).trim();
        let is_start = line.split_once(' ').is_some_and(|(word, rest)| {
            !word.ends_with(':') && (rest.contains("HTTP/") || word.starts_with("HTTP/"))
        });
        if line.is_empty() || line == ">" || line.starts_with("* ") || is_start {
            continue;
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| InputError::Header(shorten(line)))?;
        append(headers, name.trim(), value.trim())?;
    }
    Ok(())
}

/// A JSON object of strings, or of lists of strings as API Gateway and Node write doubled headers.
fn json(headers: &mut HeaderMap, text: &str) -> Result<(), InputError> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(InputError::HeaderJson)?;
    for (name, value) in object {
        match value {
            Value::Array(values) => {
                for value in values {
                    append(headers, &name, value.as_str().unwrap_or_default())?;
                }
            }
            Value::String(value) => append(headers, &name, &value)?,
            other => append(headers, &name, &other.to_string())?,
        }
    }
    Ok(())
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), InputError> {
    let unusable = || InputError::Header(shorten(&format!("{name}: {value}")));
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
    let value = HeaderValue::from_str(value).map_err(|_| unusable())?;
    headers.append(name, value);
    Ok(())
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}
