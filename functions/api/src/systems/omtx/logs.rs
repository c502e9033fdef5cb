//! `GET /logs` (R0.19): what happened lately, read from what is kept.

use std::{cmp::Reverse, sync::Arc};

use axum::{Json, extract::State};
use domain::{
    delivery::{Attempt, Delivery},
    event::{Event, EventOutcome, Origin},
    time::Timestamp,
};
use futures::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{each_event, sources};
use crate::web::{Routes, error::Error, gate::Authenticated, params::Params};
use manage::ControlPlane;

pub(crate) fn routes() -> Routes {
    Routes::new().read(routes!(logs))
}

/// What happened lately.
#[derive(Serialize, ToSchema)]
struct OmtxLogs {
    /// How many lines there are here.
    total_logs: usize,
    /// Newest first.
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
    /// Whom it was about, where it is about a subscriber.
    endpoint_id: Option<String>,
    #[serde(skip)]
    at: Timestamp,
}

/// The completions and deliveries of late.
#[utoipa::path(get, path = "/api/v3/webhooks/logs", tag = "omtx", operation_id = "omtx_logs",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 500)),
    responses((status = 200, body = OmtxLogs), (status = 401), (status = 422)))]
async fn logs(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Json<OmtxLogs>, Error> {
    let limit = params.number("limit", 1..=500, 100)?;
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
    let mut logs = Vec::new();
    for some in events.chunks(16) {
        let read = some.iter().map(|(event, _)| control.table().deliveries_of(&event.id));
        for ((event, source), deliveries) in some.iter().zip(try_join_all(read).await?) {
            logs.push(arrival(event, source));
            let lines = deliveries.iter().flat_map(|delivery| {
                delivery.attempts.iter().map(|attempt| told(event, source, delivery, attempt))
            });
            logs.extend(lines);
        }
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

fn told(event: &Event, source: &str, delivery: &Delivery, attempt: &Attempt) -> OmtxLog {
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
