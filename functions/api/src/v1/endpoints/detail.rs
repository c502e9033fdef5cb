//! One endpoint with all that is known of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    endpoint::{CircuitBreaker, DisabledReason, Endpoint},
    lane::DeliveryOrdering,
    outgoing::HeaderStyle,
    retry::StatusList,
};
use manage::{
    ControlPlane,
    overview::{self, EndpointDetail as Detail, SecretOverview, Waiting},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::EndpointEntry;
use crate::web::{error::Error, gate::Authenticated, input::Query};

/// An endpoint with all that is known of it. No secret and no value of a header is shown.
#[derive(Serialize, ToSchema)]
pub(super) struct EndpointDetail {
    #[serde(flatten)]
    entry: EndpointEntry,
    /// Always true: all waiting letters are counted.
    letters_complete: bool,
    #[serde(flatten)]
    settings: EndpointSettings,
    /// Secrets that sign now, newest first.
    secrets: Vec<SecretMark>,
    waiting: WaitingOut,
}

/// Settings of an endpoint.
#[derive(Serialize, ToSchema)]
struct EndpointSettings {
    /// Name that its owner gave it.
    uid: Option<String>,
    /// Reason for which it is disabled: `by_owner`, `gone` (it answered 410) or `failing` (no delivery
    /// succeeded for five days).
    #[schema(value_type = Option<String>)]
    disabled_reason: Option<DisabledReason>,
    /// Key by which deliveries are ordered: `job`, `channel` or a path.
    ordering: Option<String>,
    /// Channels that it listens on; all of them if the list is empty.
    channels: Vec<String>,
    /// Name of the one source whose events it receives; null for all.
    source: Option<String>,
    /// Pattern that contents must match.
    #[schema(value_type = Option<Object>)]
    filter: Option<Box<RawValue>>,
    /// Body that is sent: `notice` for the relay's own, `original` for the sender's.
    body: &'static str,
    /// Names of the sender's headers that are sent along.
    forward_headers: Vec<String>,
    /// `standard` or `svix`; null for that of the deployment.
    header_style: Option<&'static str>,
    /// Signature scheme of the newest secret: `hmac-sha256` or `ed25519`.
    signature_scheme: &'static str,
    /// Names of the owner's headers that are sent with every call.
    headers: Vec<String>,
    /// Time for one attempt, in seconds.
    timeout_seconds: u16,
    /// Seconds to wait before each retry; the last wait repeats.
    delays: Vec<u32>,
    /// Retries after the first attempt.
    max_retries: u8,
    breaker: BreakerOut,
    /// Calls per second; null for no limit.
    rate_limit: Option<u16>,
    /// The only statuses that are retried, if the list is not empty.
    #[schema(value_type = Vec<Object>)]
    retry_on: StatusList,
    /// Statuses that end a delivery at once.
    #[schema(value_type = Vec<Object>)]
    give_up_on: StatusList,
    /// The only statuses that are a success, if the list is not empty.
    #[schema(value_type = Vec<Object>)]
    success_on: StatusList,
    created_at: String,
    /// Time of the last change of its settings.
    updated_at: String,
    /// Number of changes, counted from 1.
    version: u64,
}

/// Limits of a circuit breaker.
#[derive(Serialize, ToSchema)]
struct BreakerOut {
    /// Failures in a row after which calls stop.
    threshold: u16,
    /// Seconds until the first call again.
    recovery_seconds: u16,
}

/// A signing secret, by its mark.
#[derive(Serialize, ToSchema)]
struct SecretMark {
    /// `hmac-sha256` or `ed25519`.
    kind: &'static str,
    /// First 8 hex digits of an HMAC of the secret under the relay's master key; null if the secret does
    /// not open under the present one.
    fingerprint: Option<String>,
    /// Time from which it signs; null if an earlier version of the relay stored it.
    since: Option<String>,
    /// Time at which a replaced secret stops signing; null for the present one.
    signs_until: Option<String>,
}

/// Deliveries that are still to be attempted.
#[derive(Serialize, ToSchema)]
struct WaitingOut {
    /// Number of such deliveries among the latest 2000, or among those that are read in a second; see
    /// `complete`.
    count: u64,
    /// Whether all deliveries to the endpoint were read.
    complete: bool,
    /// Time at which the oldest of them was created.
    oldest_at: Option<String>,
}

impl From<Detail> for EndpointDetail {
    fn from(detail: Detail) -> Self {
        let Detail { overview, secrets, waiting } = detail;
        let settings = EndpointSettings::from(&overview.endpoint);
        Self {
            entry: overview.into(),
            letters_complete: true,
            settings,
            secrets: secrets.into_iter().map(SecretMark::from).collect(),
            waiting: waiting.into(),
        }
    }
}

impl From<&Endpoint> for EndpointSettings {
    fn from(endpoint: &Endpoint) -> Self {
        let filter = endpoint.filter.as_ref().map(|filter| filter.text().to_owned());
        let CircuitBreaker { threshold, recovery_seconds } = endpoint.breaker;
        let (policy, passed) = (endpoint.policy.clone(), endpoint.pass_through.clone());
        Self {
            uid: endpoint.uid.clone(),
            disabled_reason: endpoint.disabled,
            ordering: endpoint.ordering.as_ref().map(DeliveryOrdering::print),
            channels: endpoint.channels.clone(),
            source: endpoint.source.clone(),
            filter: filter.and_then(|text| RawValue::from_string(text).ok()),
            body: passed.body.word(),
            forward_headers: passed.headers,
            header_style: endpoint.header_style.map(HeaderStyle::word),
            signature_scheme: endpoint.secrets.first().map(|s| s.kind).unwrap_or_default().word(),
            headers: endpoint.headers.keys().cloned().collect(),
            timeout_seconds: policy.timeout_seconds,
            delays: policy.delays,
            max_retries: policy.max_retries,
            breaker: BreakerOut { threshold, recovery_seconds },
            rate_limit: endpoint.throttle_rate,
            retry_on: policy.rules.retry_on,
            give_up_on: policy.rules.give_up_on,
            success_on: policy.rules.success_on,
            created_at: endpoint.created_at.rfc3339(),
            updated_at: endpoint.updated_at.rfc3339(),
            version: endpoint.version,
        }
    }
}

impl From<SecretOverview> for SecretMark {
    fn from(secret: SecretOverview) -> Self {
        let SecretOverview { kind, fingerprint, since, until } = secret;
        Self {
            kind: kind.word(),
            fingerprint,
            since: since.map(|at| at.rfc3339()),
            signs_until: until.map(|at| at.rfc3339()),
        }
    }
}

impl From<Waiting> for WaitingOut {
    fn from(Waiting { count, complete, oldest_at }: Waiting) -> Self {
        Self { count, complete, oldest_at: oldest_at.map(|at| at.rfc3339()) }
    }
}

/// The application of an endpoint.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EndpointQuery {
    /// Id or uid of the endpoint's application. Without it, an id is looked for in every application that
    /// the key sees.
    #[param(nullable = false)]
    application: Option<String>,
}

/// One endpoint with its settings, how it fares, the marks of its secrets, and the deliveries that wait
/// for it.
///
/// A uid can stand for the id if `application` is given or the key is of one application. The webhook of a
/// single job or batch is found once an event was sent to it.
#[utoipa::path(get, path = "/v1/endpoints/{id}", operation_id = "get_endpoint",
    params(("id" = String, Path, description = "Its id, or its uid within its application."),
        EndpointQuery),
    responses((status = 200, body = EndpointDetail)))]
pub(super) async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(EndpointQuery { application }): Query<EndpointQuery>,
) -> Result<Json<EndpointDetail>, Error> {
    let found = overview::detail(&control, &principal, &id, application.as_deref()).await;
    Ok(Json(found.map_err(Error::of_query)?.into()))
}
