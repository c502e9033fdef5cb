//! Whether completions would be taken: `GET /modal/health` (R0.13), and a test completion that goes
//! the whole way (R0.14).

use std::{sync::Arc, time::Duration};

use adapters::random;
use axum::{Json, extract::State};
use domain::{id::JobId, job::JobStatus, source::Source};
use manage::{
    ControlPlane, Principal,
    acceptance::{self, Acceptance},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, json};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::routes;

use super::modal::{PROFILES, SOURCE, TEST_PREFIX, seconds, sources};
use crate::web::{
    OpenRoutes, Routes,
    error::Error,
    gate::Authenticated,
    input::{Body, Query},
    page::bounded_integer,
};

/// Longest time, in seconds, that a request may wait for its test.
const MAX_WAIT: u8 = 20;
/// Time, in seconds, that a request waits for its test if it names none.
const DEFAULT_WAIT: u8 = 5;
/// Longest call id that a test may name, in bytes.
const MAX_CALL: usize = 128;
/// Looks at the table in each second of waiting.
const LOOKS: u32 = 5;

pub(crate) fn routes() -> Routes {
    Routes::tagged("omtx").publish(routes!(modal_test)).publish(routes!(test))
}

pub(crate) fn open_routes() -> OpenRoutes {
    OpenRoutes::new().routes(routes!(health))
}

/// Health of the completion route.
#[derive(Serialize, ToSchema)]
struct OmtxHealth {
    /// Always `healthy`.
    status: &'static str,
    /// Always `modal_webhook_handler`.
    service: &'static str,
    /// Time of the answer, in seconds since the epoch.
    timestamp: f64,
    features: OmtxFeatures,
}

/// Checks and steps of every completion. None of them can be switched off.
#[derive(Serialize, ToSchema)]
struct OmtxFeatures {
    hmac_verification: bool,
    timestamp_verification: bool,
    background_processing: bool,
    batch_intelligence: bool,
}

/// Says that completions are taken.
#[utoipa::path(get, path = "/api/v3/webhooks/modal/health", tag = "omtx",
    operation_id = "omtx_health", responses((status = 200, body = OmtxHealth)))]
async fn health(State(control): State<Arc<ControlPlane>>) -> Json<OmtxHealth> {
    Json(OmtxHealth {
        status: "healthy",
        service: "modal_webhook_handler",
        timestamp: seconds(control.now()),
        features: OmtxFeatures {
            hmac_verification: true,
            timestamp_verification: true,
            background_processing: true,
            batch_intelligence: true,
        },
    })
}

/// A completion to try, in either of its two spellings.
#[derive(Deserialize, ToSchema)]
struct OmtxTestIn {
    /// Part of the test's own call id; no call of this id is touched.
    modal_call_id: Option<String>,
    /// Another spelling of `modal_call_id`.
    call_id: Option<String>,
    /// `success`, `failure` or `timeout`.
    status: Option<String>,
    /// The result, or the error if it is to fail.
    #[schema(value_type = Option<Object>)]
    test_data: Option<Value>,
    /// Another spelling of `test_data`.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    #[schema(value_type = Option<Object>)]
    error: Option<Value>,
    /// Taken and not used: the test has metadata of its own.
    #[serde(rename = "metadata")]
    #[schema(value_type = Option<Object>)]
    _metadata: Option<Value>,
}

/// Result of a test, in the form of `POST /modal/test`.
#[derive(Serialize, ToSchema)]
struct OmtxModalTested {
    /// `test_processed`, or `test_accepted` if it was not yet when we stopped waiting.
    status: &'static str,
    /// Id of the call, as it was given.
    call_id: String,
    /// The call the test is under.
    test_call_id: String,
    event_id: String,
    job_id: String,
}

/// Result of a test, in the form of `POST /test`.
#[derive(Serialize, ToSchema)]
struct OmtxTested {
    /// `test_completed`, or `test_accepted` if it was not yet when we stopped waiting.
    status: &'static str,
    message: &'static str,
    /// The completion that was signed and accepted.
    #[schema(value_type = Object)]
    test_payload: Value,
    event_id: String,
    job_id: String,
}

/// Seconds to wait, 0 to [`MAX_WAIT`].
struct Wait(u8);

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wait = u64::deserialize(deserializer)?;
        let wait = u8::try_from(wait).ok().filter(|wait| *wait <= MAX_WAIT);
        let why = || D::Error::custom(format!("is a whole number from 0 to {MAX_WAIT}"));
        wait.map(Self).ok_or_else(why)
    }
}

impl PartialSchema for Wait {
    fn schema() -> RefOr<Schema> {
        bounded_integer(0, MAX_WAIT.into())
    }
}

impl ToSchema for Wait {}

/// Time that is waited for a test.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WaitQuery {
    /// Seconds to wait for it to be processed.
    #[param(inline, nullable = false)]
    wait: Option<Wait>,
}

/// Sends a test completion the way a real one goes, as a job of its own that subscribers hear of.
#[utoipa::path(post, path = "/api/v3/webhooks/modal/test", operation_id = "omtx_modal_test",
    params(WaitQuery), request_body = OmtxTestIn,
    responses((status = 200, body = OmtxModalTested), (status = 409)))]
async fn modal_test(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(wait): Query<WaitQuery>,
    Body(given): Body<OmtxTestIn>,
) -> Result<Json<OmtxModalTested>, Error> {
    let tested = run(&control, &principal, wait, given).await?;
    Ok(Json(OmtxModalTested {
        status: if tested.processed { "test_processed" } else { "test_accepted" },
        call_id: tested.given,
        test_call_id: tested.call_id,
        event_id: tested.accepted.event.event(),
        job_id: tested.job.to_string(),
    }))
}

/// Sends a signed completion as `POST /modal/test` does, and answers with the completion.
#[utoipa::path(post, path = "/api/v3/webhooks/test", operation_id = "omtx_test", params(WaitQuery),
    request_body = OmtxTestIn, responses((status = 200, body = OmtxTested), (status = 409)))]
async fn test(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(wait): Query<WaitQuery>,
    Body(given): Body<OmtxTestIn>,
) -> Result<Json<OmtxTested>, Error> {
    let tested = run(&control, &principal, wait, given).await?;
    let (status, message) = match tested.processed {
        true => ("test_completed", "Test webhook processed successfully"),
        false => ("test_accepted", "Test webhook accepted, and not processed yet"),
    };
    Ok(Json(OmtxTested {
        status,
        message,
        test_payload: tested.payload,
        event_id: tested.accepted.event.event(),
        job_id: tested.job.to_string(),
    }))
}

/// A test that was accepted.
struct Trial {
    given: String,
    call_id: String,
    payload: Value,
    accepted: Acceptance,
    job: JobId,
    processed: bool,
}

/// Signs a completion with the source's own secret, has it judged as `ingest` judges, and puts it on
/// the inbox. Its job is new each time, so no real one can be meant, and it is in no batch.
async fn run(
    control: &ControlPlane,
    principal: &Principal,
    wait: WaitQuery,
    given: OmtxTestIn,
) -> Result<Trial, Error> {
    let wait = wait.wait.map_or(DEFAULT_WAIT, |wait| wait.0);
    let named = given.modal_call_id.or(given.call_id).unwrap_or_else(|| "test_123".to_owned());
    if MAX_CALL < named.len() {
        let why = format!("is longer than {MAX_CALL} bytes");
        return Err(Error::field("modal_call_id", why));
    }
    let word = given.status.unwrap_or_else(|| "success".to_owned());
    let status = JobStatus::usual(&word).filter(|status| status.is_terminal());
    let status = status.ok_or_else(|| Error::field("status", "is success, failure or timeout"))?;
    let source = source(control, principal).await?;
    let call_id = format!("{TEST_PREFIX}{named}-{}", random::token());
    let mut payload = json!({
        "call_id": call_id,
        "status": word,
        "metadata": { "job_id": call_id, "test_mode": true, "timestamp": control.now().rfc3339() },
    });
    let (field, data) = match status {
        JobStatus::Succeeded => ("result", given.result),
        _ => ("error", given.error),
    };
    payload[field] = given.test_data.or(data).unwrap_or_else(|| json!({}));
    let body = payload.to_string().into_bytes();
    let accepted = acceptance::rehearse(control, &source, &body).await?;
    let looks = u32::from(wait) * LOOKS;
    let mut processed = acceptance::is_processed(control, &accepted).await?;
    for _ in 0..looks {
        if processed {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1) / LOOKS).await;
        processed = acceptance::is_processed(control, &accepted).await?;
    }
    let job = JobId::of(&source.tenure(), &call_id);
    Ok(Trial { given: named, call_id, payload, accepted, job, processed })
}

/// The source of the completion route, or another of its kind.
async fn source(control: &ControlPlane, principal: &Principal) -> Result<Source, Error> {
    let mut sources = sources(control, principal).await?;
    sources.retain(|source| source.profile == PROFILES[0]);
    sources.sort_by_key(|source| source.name != SOURCE);
    let none = "nothing is configured yet: POST /api/v3/webhooks/configure";
    sources.into_iter().next().ok_or_else(|| Error::Conflict(none.to_owned()))
}
