//! JSON Schemas of types that write themselves to JSON in a way of their own. The other types of
//! messages derive theirs.
//!
//! JSON Schema counts characters and the relay counts bytes, so a text that fits a schema may still be
//! too long. A text that is short enough fits the schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    id::MAX_EXTERNAL_ID,
    job::JobStatus,
    live::topic::Topic,
    log::{MAX_SEQ, MAX_STREAM, Seq, StreamName},
};

/// The schema of an id that clients write as text or as a whole number.
pub(crate) fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "integer"],
        "minLength": 1,
        "maxLength": MAX_EXTERNAL_ID
    })
}

/// The schema of an id that clients may leave out, and that is not looked at.
pub(crate) fn unread_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer", "null"] })
}

/// The schema of the state of a job that has not ended.
pub(crate) fn open_status(_: &mut SchemaGenerator) -> Schema {
    words(&[JobStatus::Pending, JobStatus::Running])
}

/// The schema of the state of a job that ended without success.
pub(crate) fn failed_status(_: &mut SchemaGenerator) -> Schema {
    words(&[JobStatus::Failed, JobStatus::TimedOut, JobStatus::Cancelled])
}

fn words(states: &[JobStatus]) -> Schema {
    let words: Vec<_> = states.iter().map(|state| state.word()).collect();
    json_schema!({ "type": "string", "enum": words })
}

impl JsonSchema for Seq {
    fn schema_name() -> Cow<'static, str> {
        "Seq".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "string"],
            "minimum": 0,
            "maximum": MAX_SEQ,
            "pattern": "^[0-9]+$"
        })
    }
}

impl JsonSchema for StreamName {
    fn schema_name() -> Cow<'static, str> {
        "StreamName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_STREAM })
    }
}

impl JsonSchema for Topic {
    fn schema_name() -> Cow<'static, str> {
        "Topic".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(events|letters|job|project|batch|listener):[^:]"
        })
    }
}
