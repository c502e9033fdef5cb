//! `GET /metrics` (R0.17): counted when asked, over the newest events, so that no event costs a
//! write more.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use domain::{
    envelope::Trust,
    event::{Event, EventOutcome, Origin},
    job::Job,
    poll::{PollMode, PollSchedule},
    time::Timestamp,
};
use manage::{ControlPlane, activity};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    executions::running,
    modal::{each_event, sources},
};
use crate::web::{Routes, error::Error, gate::Authenticated};

pub(crate) fn routes() -> Routes {
    Routes::tagged("omtx").read(routes!(metrics))
}

/// Counts of completions and executions.
#[derive(Serialize, ToSchema)]
struct OmtxMetrics {
    modal_service: OmtxService,
    completion_checker: OmtxChecker,
    webhook_health: OmtxWebhookHealth,
    /// Whether there are older events or jobs that were not counted.
    truncated: bool,
}

/// Executions that have not ended.
#[derive(Serialize, ToSchema)]
struct OmtxService {
    total_active: usize,
    /// By what the jobs were registered with as `metadata.lane`.
    lanes: BTreeMap<String, OmtxLane>,
    /// Null: the relay calls no functions.
    cached_functions: Option<Vec<String>>,
}

/// Executions of one lane.
#[derive(Default, Serialize, ToSchema)]
struct OmtxLane {
    active: u64,
    /// Null: the relay submits nothing, so nothing has a limit here.
    max: Option<u64>,
    /// Null for the same reason.
    utilization: Option<f64>,
}

/// Completions that came, without tests.
#[derive(Default, Serialize, ToSchema)]
struct OmtxChecker {
    /// Requests whose signature held, repetitions too.
    total_webhooks_received: u64,
    successful_completions: u64,
    /// Failed, timed out or cancelled.
    failed_completions: u64,
    duplicate_webhooks: u64,
    /// Completions with a known key and other bytes, or with another end than the first one. They
    /// are kept and never applied.
    conflicting_webhooks: u64,
    /// Accepted requests that could not be processed and wait as dead letters.
    processing_errors: u64,
    /// From acceptance to record, over the newest 100 events that somebody subscribes to; null if
    /// there are none.
    average_processing_time_ms: Option<f64>,
    last_webhook_time: Option<String>,
    /// Successful completions among the requests received, in percent; null before the first.
    webhook_success_rate: Option<f64>,
    /// Whether the platform of any source is asked.
    polling_enabled: bool,
    /// The shortest time between two looks at one job; null if no platform is asked.
    polling_interval_seconds: Option<u64>,
    /// Completions that the platform had to be asked for.
    polled_completions: u64,
    /// Completions that an operator injected.
    injected_completions: u64,
}

/// Outcomes of the completions that came.
#[derive(Serialize, ToSchema)]
struct OmtxWebhookHealth {
    /// True: this answer comes from where completions are recorded.
    endpoint_available: bool,
    last_webhook_received: Option<String>,
    /// Events recorded, each once.
    total_webhooks_processed: u64,
}

/// Counts the completions that arrived, by what became of them.
#[utoipa::path(get, path = "/api/v3/webhooks/metrics", operation_id = "omtx_metrics",
    responses((status = 200, body = OmtxMetrics)))]
async fn metrics(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<Json<OmtxMetrics>, Error> {
    let sources = sources(&control, &principal).await?;
    let (mut checker, mut processed) = (OmtxChecker::default(), 0);
    let (mut last, mut newest) = (None, Vec::new());
    let older_events = each_event(&control, &sources, |event, _| {
        if checker.count(&event) {
            processed += 1;
            last = last.max(Some(event.created_at));
            if event.outcome == EventOutcome::Announced {
                newest.push((event.created_at, event.id));
            }
        }
        true
    })
    .await?;
    let active = running(&control, &principal, &sources).await?;
    checker.processing_errors = activity::unprocessed_requests(&control, &sources).await?;
    checker.average_processing_time_ms = activity::mean_recording_ms(&control, newest).await?;
    let watches = sources.iter().map(|source| PollSchedule::of(&source.options));
    let asking = watches.filter(|watch| watch.mode != PollMode::Only);
    checker.polling_interval_seconds = asking.map(|watch| watch.interval.as_secs()).min();
    checker.polling_enabled = checker.polling_interval_seconds.is_some();
    checker.last_webhook_time = last.map(Timestamp::rfc3339);
    let (good, all) = (checker.successful_completions, checker.total_webhooks_received);
    checker.webhook_success_rate = percent(good, all);
    Ok(Json(OmtxMetrics {
        modal_service: OmtxService {
            total_active: active.jobs.len(),
            lanes: lanes(&active.jobs),
            cached_functions: None,
        },
        webhook_health: OmtxWebhookHealth {
            endpoint_available: true,
            last_webhook_received: checker.last_webhook_time.clone(),
            total_webhooks_processed: processed,
        },
        completion_checker: checker,
        truncated: older_events || active.truncated,
    }))
}

impl OmtxChecker {
    /// Counts an event; whether it was a webhook.
    fn count(&mut self, event: &Event) -> bool {
        let Origin::Source { trust, .. } = &event.origin else { return false };
        // Whoever said it first, what came again under its key were requests.
        self.total_webhooks_received += event.duplicates + event.conflicts;
        self.duplicate_webhooks += event.duplicates;
        self.conflicting_webhooks += event.conflicts;
        match trust {
            Trust::Polled => self.polled_completions += 1,
            Trust::Operator => self.injected_completions += 1,
            Trust::Signed | Trust::Token => {
                self.total_webhooks_received += 1;
                match event.outcome {
                    EventOutcome::Stale => self.duplicate_webhooks += 1,
                    EventOutcome::Conflict => self.conflicting_webhooks += 1,
                    EventOutcome::Noted => (),
                    EventOutcome::Announced => match event.event_type.as_str() {
                        "job.succeeded" => self.successful_completions += 1,
                        "job.failed" | "job.timed_out" | "job.cancelled" => {
                            self.failed_completions += 1;
                        }
                        _ => (),
                    },
                }
                return true;
            }
        }
        false
    }
}

fn lanes(active: &[Job]) -> BTreeMap<String, OmtxLane> {
    let mut lanes = BTreeMap::<_, OmtxLane>::new();
    for lane in active.iter().filter_map(|job| job.metadata.get("lane")?.as_str()) {
        lanes.entry(lane.to_owned()).or_default().active += 1;
    }
    lanes
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole != 0).then(|| part as f64 * 100.0 / whole as f64)
}
