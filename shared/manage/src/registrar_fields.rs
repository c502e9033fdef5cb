//! Fields that the registrar of a job or batch chooses: ids and metadata.

use adapters::random;
use serde_json::{Map, Value};

use crate::Refusal;

/// Longest id that a registrar may choose for a job, a batch or a run, in bytes.
pub const MAX_ID: usize = 256;
/// Largest metadata, in bytes of JSON text.
pub const MAX_METADATA: usize = 16 * 1024;

/// Checks an id that a caller chose.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `field` unless the id is 1 to [`MAX_ID`] bytes without control
/// characters.
pub(crate) fn id(field: &str, id: String) -> Result<String, Refusal> {
    let fits = (1..=MAX_ID).contains(&id.len()) && !id.chars().any(char::is_control);
    match fits {
        true => Ok(id),
        false => {
            let why = format!("is 1 to {MAX_ID} bytes without control characters");
            Err(Refusal::field(field, why))
        }
    }
}

/// A chosen id, where one is given.
pub(crate) fn optional_id(field: &str, given: Option<String>) -> Result<Option<String>, Refusal> {
    given.map(|chosen| id(field, chosen)).transpose()
}

/// The sender's id of a job or batch: as it was chosen, or else at random.
pub(crate) fn external_id(chosen: Option<String>) -> Result<String, Refusal> {
    Ok(optional_id("external_id", chosen)?.unwrap_or_else(random::token))
}

/// Metadata of at most [`MAX_METADATA`] bytes.
pub(crate) fn metadata(
    given: Option<Map<String, Value>>,
) -> Result<Option<Map<String, Value>>, Refusal> {
    let fits = |metadata: &Map<String, Value>| {
        serde_json::to_string(metadata).is_ok_and(|text| text.len() <= MAX_METADATA)
    };
    match given.as_ref().is_none_or(fits) {
        true => Ok(given),
        false => Err(Refusal::field("metadata", format!("is larger than {MAX_METADATA} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_256_bytes_at_most_and_has_no_control_characters() {
        for good in ["a", "a b", "ä/1", &"a".repeat(MAX_ID)] {
            assert_eq!(id("id", good.to_owned()).expect("fits"), good);
        }
        for bad in ["", "a\n", "\u{7f}", &"a".repeat(MAX_ID + 1), &"ä".repeat(MAX_ID / 2 + 1)] {
            let refusal = id("run_id", bad.to_owned()).expect_err(bad);
            assert!(matches!(refusal, Refusal::Invalid { field, .. } if field == "run_id"));
        }
        assert_eq!(external_id(None).expect("made").len(), 32);
    }

    #[test]
    fn metadata_has_a_largest_size() {
        let of = |length: usize| Map::from_iter([("a".to_owned(), "x".repeat(length).into())]);
        assert!(metadata(Some(of(MAX_METADATA - 8))).expect("fits").is_some());
        metadata(Some(of(MAX_METADATA))).expect_err("too large");
        assert!(metadata(None).expect("none").is_none());
    }
}
