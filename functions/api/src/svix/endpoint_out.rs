//! Endpoints as the Svix contract shows them.

use std::collections::BTreeMap;

use domain::{
    endpoint::{DisabledReason, Endpoint},
    filter::ContentFilter,
    health::Health,
    lane::DeliveryOrdering,
    outgoing::HeaderStyle,
    retry::StatusList,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::health_out::HealthOut;
use crate::bodies::Breaker;

/// An endpoint as it is shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointOut {
    id: String,
    uid: Option<String>,
    url: String,
    description: String,
    disabled: bool,
    event_types: Option<Vec<String>>,
    filter_types: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    throttle_rate: Option<u16>,
    rate_limit: Option<u16>,
    metadata: BTreeMap<String, String>,
    /// Number of changes, counted from 1.
    version: u64,
    max_retries: u8,
    timeout_seconds: u16,
    delays: Vec<u32>,
    #[schema(value_type = Vec<Object>)]
    retry_on: StatusList,
    #[schema(value_type = Vec<Object>)]
    give_up_on: StatusList,
    #[schema(value_type = Vec<Object>)]
    success_on: StatusList,
    profile: Option<String>,
    /// Signature scheme of the newest secret: `hmac-sha256` or `ed25519`.
    signature_scheme: &'static str,
    /// Headers sent with every call; `***` stands for the value of a header whose name says that it
    /// is a secret.
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    filter: Option<ContentFilter>,
    breaker: Breaker,
    ordering: Option<String>,
    /// `standard` or `svix`; null for that of the deployment.
    header_style: Option<&'static str>,
    /// Body that is sent: `notice` for the relay's own, `original` for the sender's.
    body: &'static str,
    /// Names of the sender's headers that are sent along.
    forward_headers: Vec<String>,
    /// Reason for which the endpoint is disabled: `by_owner`, `gone` (it answered 410) or `failing`
    /// (no delivery succeeded for five days).
    #[schema(value_type = Option<String>)]
    disabled_reason: Option<DisabledReason>,
    health: HealthOut,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Endpoint> for EndpointOut {
    /// A new endpoint, which has no health on record.
    fn from(endpoint: Endpoint) -> Self {
        Self::of(endpoint, &Health::default())
    }
}

impl EndpointOut {
    /// An endpoint with its health.
    pub(super) fn of(endpoint: Endpoint, health: &Health) -> Self {
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        let event_types = some(endpoint.event_types);
        Self {
            id: endpoint.id.to_string(),
            uid: endpoint.uid,
            url: endpoint.url,
            description: endpoint.description,
            disabled: endpoint.disabled.is_some(),
            filter_types: event_types.clone(),
            event_types,
            channels: some(endpoint.channels),
            throttle_rate: endpoint.throttle_rate,
            rate_limit: endpoint.throttle_rate,
            metadata: endpoint.metadata,
            version: endpoint.version,
            max_retries: endpoint.policy.max_retries,
            timeout_seconds: endpoint.policy.timeout_seconds,
            delays: endpoint.policy.delays,
            retry_on: endpoint.policy.rules.retry_on,
            give_up_on: endpoint.policy.rules.give_up_on,
            success_on: endpoint.policy.rules.success_on,
            profile: endpoint.profile,
            signature_scheme: endpoint.secrets.first().map(|s| s.kind).unwrap_or_default().word(),
            headers: endpoint
                .headers
                .into_iter()
                .map(|(name, kept)| (name, kept.shown().to_owned()))
                .collect(),
            filter: endpoint.filter,
            breaker: endpoint.breaker.into(),
            ordering: endpoint.ordering.as_ref().map(DeliveryOrdering::print),
            header_style: endpoint.header_style.map(HeaderStyle::word),
            body: endpoint.pass_through.body.word(),
            forward_headers: endpoint.pass_through.headers,
            disabled_reason: endpoint.disabled,
            health: health.into(),
            created_at: endpoint.created_at.rfc3339(),
            updated_at: endpoint.updated_at.rfc3339(),
        }
    }
}
