//! `GET /logs` (R0.19): what happened lately, read from what is kept.

use std::{cmp::Reverse, sync::Arc};

use axum::{Json, extract::State};
use domain::{
    delivery::{Attempt, Delivery},
    event::{Event, EventOutcome, Origin},
    time::Timestamp,
};
use manage::{ControlPlane, events};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::routes;

use super::modal::{each_event, sources};
use crate::web::{Routes, error::Error, gate::Authenticated, input::Query, page::bounded_integer};

/// Most lines of one answer.
const MAX_LINES: u16 = 500;
/// Lines of an answer if the request names no limit.
const DEFAULT_LINES: u16 = 100;

pub(crate) fn routes() -> Routes {
    Routes::tagged("omtx").read(routes!(logs))
}

/// Latest events, as lines of a log.
#[derive(Serialize, ToSchema)]
struct OmtxLogs {
    /// Number of lines in the answer.
    total_logs: usize,
    /// Lines, newest first.
    logs: Vec<OmtxLog>,
    message: &'static str,
}

/// One thing that happened: a completion came, or a subscriber was told of it.
#[derive(Serialize, ToSchema)]
struct OmtxLog {
    timestamp: String,
    /// `INFO`, `WARNING` or `ERROR`.
    level: &'static str,
    message: String,
    event_id: String,
    event_type: String,
    source: String,
    job_id: Option<String>,
    batch_id: Option<String>,
    /// Id of the endpoint, if the line is about a subscriber.
    endpoint_id: Option<String>,
    #[serde(skip)]
    at: Timestamp,
}

/// Number of lines, 1 to [`MAX_LINES`].
struct LineLimit(u16);

impl<'de> Deserialize<'de> for LineLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = u64::deserialize(deserializer)?;
        let limit = u16::try_from(limit).ok().filter(|limit| (1..=MAX_LINES).contains(limit));
        let why = || D::Error::custom(format!("is a whole number from 1 to {MAX_LINES}"));
        limit.map(Self).ok_or_else(why)
    }
}

impl PartialSchema for LineLimit {
    fn schema() -> RefOr<Schema> {
        bounded_integer(1, MAX_LINES.into())
    }
}

impl ToSchema for LineLimit {}

/// Lines that are asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LogsQuery {
    #[param(inline, nullable = false)]
    limit: Option<LineLimit>,
}

/// The completions and deliveries of late.
#[utoipa::path(get, path = "/api/v3/webhooks/logs", operation_id = "omtx_logs", params(LogsQuery),
    responses((status = 200, body = OmtxLogs)))]
async fn logs(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(LogsQuery { limit }): Query<LogsQuery>,
) -> Result<Json<OmtxLogs>, Error> {
    let limit = usize::from(limit.map_or(DEFAULT_LINES, |limit| limit.0));
    let mut events = Vec::new();
    for source in sources(&control, &principal).await? {
        let mut kept = 0;
        each_event(&control, std::slice::from_ref(&source), |event, source| {
            events.push((event, source.name.clone()));
            kept += 1;
            kept < limit
        })
        .await?;
    }
    events.sort_by_key(|(event, _)| Reverse(event.created_at));
    events.truncate(limit);
    let ids = events.iter().map(|(event, _)| &event.id);
    let deliveries = events::deliveries(&control, ids).await?;
    let mut logs = Vec::new();
    for ((event, source), deliveries) in events.iter().zip(&deliveries) {
        logs.push(arrival(event, source));
        let lines = deliveries.iter().flat_map(|delivery| {
            delivery.attempts.iter().map(|attempt| attempted(event, source, delivery, attempt))
        });
        logs.extend(lines);
    }
    logs.sort_by_key(|log| Reverse(log.at));
    logs.truncate(limit);
    let message = match logs.is_empty() {
        true => "Nothing has come yet",
        false => "What came and who was told; a refused request is only in the function's own log",
    };
    Ok(Json(OmtxLogs { total_logs: logs.len(), logs, message }))
}

fn arrival(event: &Event, source: &str) -> OmtxLog {
    let key = match &event.origin {
        Origin::Source { key, .. } => key.as_str(),
        Origin::Published { .. } | Origin::Relay => "",
    };
    let (level, did) = match event.outcome {
        EventOutcome::Announced => ("INFO", "announced"),
        EventOutcome::Noted => ("INFO", "noted"),
        EventOutcome::Stale => ("INFO", "known already"),
        EventOutcome::Conflict => {
            ("WARNING", "in conflict with how the job had ended, not applied")
        }
    };
    let mut message = format!("{key}: {did}");
    if event.duplicates != 0 {
        message = format!("{message}; came again {} times", event.duplicates);
    }
    if event.conflicts != 0 {
        message = format!("{message}; came {} times with other bytes", event.conflicts);
    }
    let level = if event.conflicts == 0 { level } else { "WARNING" };
    log(event, source, event.created_at, level, message)
}

fn attempted(event: &Event, source: &str, delivery: &Delivery, attempt: &Attempt) -> OmtxLog {
    let took = attempt.duration_ms;
    let (level, message) = match (attempt.status, attempt.error) {
        (Some(status), None) => ("INFO", format!("delivered: {status} after {took} ms")),
        (Some(status), Some(_)) => ("ERROR", format!("not delivered: {status} after {took} ms")),
        (None, _) => ("ERROR", format!("not delivered: {}", attempt.detail)),
    };
    let mut log = log(event, source, attempt.at, level, message);
    log.endpoint_id = Some(delivery.endpoint.to_string());
    log
}

fn log(
    event: &Event,
    source: &str,
    at: Timestamp,
    level: &'static str,
    message: String,
) -> OmtxLog {
    OmtxLog {
        timestamp: at.rfc3339(),
        level,
        message,
        event_id: event.id.event(),
        event_type: event.event_type.clone(),
        source: source.to_owned(),
        job_id: event.job.as_ref().map(ToString::to_string),
        batch_id: event.batch_id.clone(),
        endpoint_id: None,
        at,
    }
}
