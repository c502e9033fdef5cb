//! Parsing of headers copied from a log, printed by curl, or written as JSON.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::arguments::{InputError, bytes};

/// Parses the values of `--headers` into one map. A header may occur several times.
///
/// # Errors
/// [`InputError`] if a file cannot be read, a line is no header, or a JSON object is malformed.
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

/// Parses a JSON object of headers, or lines of them. No file is read.
///
/// # Errors
/// [`InputError`] if a line is no header, or a JSON object is malformed.
pub(super) fn parse(text: &str) -> Result<HeaderMap, InputError> {
    let mut headers = HeaderMap::new();
    if text.trim_start().starts_with('{') {
        json(&mut headers, text)?;
    } else {
        lines(&mut headers, text)?;
    }
    Ok(headers)
}

/// Reads lines of `Name: value`. Empty lines and the request or status line are skipped.
fn lines(headers: &mut HeaderMap, text: &str) -> Result<(), InputError> {
    for line in text.lines() {
        // `curl -v` puts `> ` before the headers it sends and `* ` before its remarks.
        let line = line.strip_prefix("> ").unwrap_or(line).trim();
        let is_start = line.split_once(' ').is_some_and(|(word, rest)| {
            !word.contains(':') && (rest.contains("HTTP/") || word.starts_with("HTTP/"))
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

/// Reads a JSON object of strings or of lists of strings. API Gateway and Node write a repeated header
/// as a list.
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
    if value.contains(['\n', '\r']) {
        return Err(InputError::LineBreak(shorten(name)));
    }
    let unusable = || InputError::Header(shorten(&format!("{name}: {value}")));
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
    let value = HeaderValue::from_str(value).map_err(|_| unusable())?;
    headers.append(name, value);
    Ok(())
}

/// The first 60 characters of a line, for an error message.
fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}
