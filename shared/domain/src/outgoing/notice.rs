//! Reading the relay's own notices, out of which the bodies of other systems are made.

use serde_json::value::RawValue;

use super::BodyContext;
use crate::{json::JsonFields, time::Timestamp};

/// The fields of a notice.
pub(super) struct Notice<'a>(JsonFields<'a>);

const PATHS: [&str; 25] = [
    "timestamp",
    "data.result",
    "data.result_url",
    "data.error",
    "data.error.type",
    "data.error.name",
    "data.error.message",
    "data.error.error",
    "data.error.detail",
    "data.error.traceback",
    "data.job.id",
    "data.job.external_id",
    "data.job.run_id",
    "data.job.batch_id",
    "data.job.status",
    "data.batch.id",
    "data.batch.external_id",
    "data.batch.status",
    "data.batch.endpoint",
    "data.batch.total",
    "data.batch.completed",
    "data.batch.failed",
    "data.batch.created_at",
    "data.batch.completed_at",
    "data.batch.metadata",
];

impl<'a> Notice<'a> {
    pub(super) fn read(payload: &'a [u8]) -> Option<Self> {
        JsonFields::read(payload, PATHS).ok().map(Self)
    }

    pub(super) fn raw(&self, path: &str) -> Option<&'a RawValue> {
        self.0.raw(path)
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.0.text(path)
    }

    pub(super) fn instant(&self, path: &str) -> Option<Timestamp> {
        Timestamp::parse_rfc3339(&self.text(path)?)
    }

    /// The time of the event that the notice is about.
    pub(super) fn at(&self, facts: BodyContext<'_>) -> Timestamp {
        self.instant("timestamp").unwrap_or(facts.event.created_at)
    }

    /// The error of a failed job, in words.
    pub(super) fn message(&self) -> String {
        let error = |field: &str| self.text(&format!("data.error.{field}"));
        let said = ["message", "error", "detail"].into_iter().find_map(error);
        let plain = || self.text("data.error");
        let whole = || self.raw("data.error").map(|raw| raw.get().to_owned());
        let status = || self.text("data.job.status").map(|status| format!("the job {status}"));
        said.or_else(plain).or_else(whole).or_else(status).unwrap_or_default()
    }
}

/// Seconds since the epoch with a fraction, as Python's `time.time()` gives them: `1704067200.0`.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are below 2^53")]
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.0 as f64 / 1000.0
}
