//! An endpoint as it is given to us, checked field by field, and as we show it.

use std::collections::BTreeMap;

use adapters::vault::Vault;
use domain::{
    address::Rule,
    endpoint::{DisabledReason, Endpoint},
    filter::ContentFilter,
    headers,
    health::Health,
    id::is_identifier,
    lane::DeliveryOrdering,
    profile::OutgoingProfile,
    retry::{InvalidPolicy, Policy, StatusList},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    breaker::Breaker,
    health_out::HealthOut,
    patch::{self, Fields},
};
use crate::{v1::rules, web::error::Error};
use manage::ControlPlane;

/// A new endpoint.
#[derive(Deserialize, ToSchema)]
pub(super) struct EndpointIn {
    /// Its signing secret, `whsec_` and 24 to 64 bytes in base64, or `whsk_` and an Ed25519 key pair;
    /// one is made if there is none. With a profile, 16 to 128 printable characters will do, and the
    /// profile's signatures are made with just those.
    pub(super) secret: Option<String>,
    /// `hmac-sha256` or `ed25519`, for a secret that is made.
    #[serde(rename = "signatureScheme")]
    pub(super) signature_scheme: Option<String>,
    #[serde(flatten)]
    pub(super) update: EndpointUpdate,
}

/// What of an endpoint can be changed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointUpdate {
    /// Where requests go.
    url: String,
    /// The caller's own name for it.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    pub(super) uid: Option<String>,
    /// For people.
    description: Option<String>,
    /// Nothing is sent while this is set.
    disabled: Option<bool>,
    /// The event types it wants; all of them if there is no list.
    event_types: Option<Vec<String>>,
    /// The same, as newer clients call it.
    filter_types: Option<Vec<String>>,
    /// The channels it listens on; all of them if there is no list.
    #[schema(max_items = 10)]
    channels: Option<Vec<String>>,
    /// Requests per second.
    #[schema(minimum = 1)]
    throttle_rate: Option<u16>,
    /// The same, as newer clients call it.
    rate_limit: Option<u16>,
    /// The caller's own data.
    metadata: Option<BTreeMap<String, String>>,
    /// Retries after the first attempt.
    #[schema(minimum = 1, maximum = 10)]
    max_retries: Option<i64>,
    /// How long one attempt may take.
    #[schema(minimum = 5, maximum = 300)]
    timeout_seconds: Option<i64>,
    /// Seconds to wait before each retry; the last one repeats.
    #[schema(min_items = 1, max_items = 10)]
    delays: Option<Vec<i64>>,
    /// The only answers that are tried again, such as `429` and `"5xx"`; a request without an answer
    /// always is. An empty list for what is usual.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    retry_on: Option<Vec<Value>>,
    /// The answers that end a delivery at once.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    give_up_on: Option<Vec<Value>>,
    /// The only answers that are a success; an empty list for what is usual.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    success_on: Option<Vec<Value>>,
    /// The profile whose headers and bodies it receives, and whose policy it has unless it says
    /// otherwise; `standard` is none.
    profile: Option<String>,
    /// Headers sent along, as an object or as an object in JSON text. A value of `***` is the one
    /// that is kept already.
    #[schema(value_type = Option<Object>)]
    headers: Option<Value>,
    /// Which contents it wants, as a pattern with Outpost's operators; `{}` for all of them.
    #[schema(value_type = Option<Object>)]
    filter: Option<Map<String, Value>>,
    /// When calls stop for a while.
    breaker: Option<Breaker>,
    /// Whose deliveries come one after the other: those of one `job`, one `channel`, or one value at a
    /// path such as `$.data.customer.id`; or `none`.
    ordering: Option<String>,
}

/// What of an endpoint can be changed, of which everything can be left out.
pub(super) type EndpointPatch = patch::Patch<EndpointUpdate>;

/// An endpoint as we show it.
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
    /// Counts changes.
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
    /// How the newest of its secrets signs: `hmac-sha256` or `ed25519`.
    signature_scheme: &'static str,
    /// Of headers whose names say that they are secrets, `***`.
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    filter: Option<ContentFilter>,
    breaker: Breaker,
    ordering: Option<String>,
    /// Why it is disabled: `by_owner`, `gone` (it answered 410) or `failing` (nothing succeeded for
    /// five days).
    #[schema(value_type = Option<String>)]
    disabled_reason: Option<DisabledReason>,
    health: HealthOut,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Endpoint> for EndpointOut {
    /// A new one, of which nothing is known yet.
    fn from(endpoint: Endpoint) -> Self {
        Self::faring(endpoint, &Health::default())
    }
}

impl EndpointOut {
    pub(super) fn faring(endpoint: Endpoint, health: &Health) -> Self {
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
            disabled_reason: endpoint.disabled,
            health: health.into(),
            created_at: endpoint.created_at.rfc3339(),
            updated_at: endpoint.updated_at.rfc3339(),
        }
    }
}

impl EndpointIn {
    /// One that says nothing of its secret.
    pub(super) const fn bare(update: EndpointUpdate) -> Self {
        Self { secret: None, signature_scheme: None, update }
    }
}

impl EndpointUpdate {
    /// A patch laid over an endpoint. What Svix's clients do not know of stays where it is left out.
    pub(super) fn patched(endpoint: &Endpoint, patch: Fields) -> Result<Self, Error> {
        const SAME: [patch::Spellings; 2] =
            [["eventTypes", "filterTypes"], ["throttleRate", "rateLimit"]];
        const CLEARABLE: [&str; 7] = [
            "uid",
            "eventTypes",
            "filterTypes",
            "channels",
            "throttleRate",
            "rateLimit",
            "metadata",
        ];
        let mut patch = patch;
        if patch.get("filter").is_some_and(Value::is_null) {
            patch.insert("filter".to_owned(), Value::Object(Map::new()));
        }
        let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        let mut known = patch::fields(serde_json::json!({
            "url": endpoint.url,
            "uid": endpoint.uid,
            "description": endpoint.description,
            "disabled": endpoint.disabled.is_some(),
            "eventTypes": some(&endpoint.event_types),
            "channels": some(&endpoint.channels),
            "throttleRate": endpoint.throttle_rate,
            "metadata": endpoint.metadata,
        }))?;
        known.retain(|_, value| !value.is_null());
        patch::lay_over(known, patch, &SAME, &CLEARABLE)
    }

    /// Writes itself over an endpoint, if all of it can be used. What Svix's clients do not know of
    /// (the retry policy) stays as it is where it is left out.
    pub(super) fn apply(
        mut self,
        endpoint: &mut Endpoint,
        rule: &Rule,
        vault: &Vault,
    ) -> Result<(), Error> {
        rule.destination(&self.url).map_err(|why| Error::field("url", why))?;
        if self.uid.as_ref().is_some_and(|uid| !is_identifier(uid, 256)) {
            return Err(Error::field("uid", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
        }
        let throttle_rate = self.throttle_rate.or(self.rate_limit);
        if throttle_rate == Some(0) {
            return Err(Error::field("throttleRate", "is at least 1"));
        }
        if let Some(name) = self.profile {
            let profile = profile(name)?;
            if profile != endpoint.profile {
                endpoint.profile = profile;
                endpoint.policy =
                    endpoint.outgoing().map(OutgoingProfile::policy).unwrap_or_default();
                if !endpoint.signs_for_its_profile() {
                    let why = "signs with a shared secret, and this endpoint has a key pair: rotate to one first";
                    return Err(Error::field("profile", why));
                }
            }
        }
        let rules = endpoint.policy.rules.clone();
        endpoint.policy =
            policy(self.max_retries, self.timeout_seconds, self.delays, &endpoint.policy)?;
        endpoint.policy.rules = rules;
        let given = rules::Given {
            retry_on: self.retry_on.take(),
            give_up_on: self.give_up_on.take(),
            success_on: self.success_on.take(),
        };
        given.apply(&mut endpoint.policy).map_err(|(list, why)| Error::field(list.camel(), why))?;
        if let Some(given) = &self.headers {
            let given = headers::parse(given).map_err(|why| Error::field("headers", why))?;
            let owner = Endpoint::owner(&endpoint.id);
            endpoint.headers = vault.keep_headers(&owner, given, &endpoint.headers);
        }
        if let Some(given) = self.breaker {
            endpoint.breaker = given.checked()?;
        }
        if let Some(text) = &self.ordering {
            let ordering =
                DeliveryOrdering::parse(text).map_err(|why| Error::field("ordering", why))?;
            endpoint.ordering = ordering;
        }
        endpoint.event_types =
            names("eventTypes", self.event_types.or(self.filter_types), 256, usize::MAX)?;
        if let Some(pattern) = self.filter {
            let filter =
                ContentFilter::parse(pattern).map_err(|why| Error::field("filter", why))?;
            endpoint.filter = Some(filter).filter(|filter| !filter.is_empty());
        }
        endpoint.channels = names("channels", self.channels, 128, 10)?;
        endpoint.url = self.url;
        endpoint.uid = self.uid;
        endpoint.description = self.description.unwrap_or_default();
        endpoint.throttle_rate = throttle_rate;
        endpoint.metadata = self.metadata.unwrap_or_default();
        endpoint.disabled = match self.disabled {
            Some(true) => endpoint.disabled.or(Some(DisabledReason::ByOwner)),
            Some(false) | None => None,
        };
        Ok(())
    }
}

/// A list of names without repetitions; nothing given is an empty one.
pub(super) fn names(
    field: &str,
    given: Option<Vec<String>>,
    longest: usize,
    most: usize,
) -> Result<Vec<String>, Error> {
    Ok(manage::names::distinct(field, given, longest, most)?)
}

fn policy(
    max_retries: Option<i64>,
    timeout_seconds: Option<i64>,
    delays: Option<Vec<i64>>,
    known: &Policy,
) -> Result<Policy, Error> {
    // Delays alone say how many retries there are; without them what is known stays.
    let max_retries = match &delays {
        Some(_) => max_retries,
        None => max_retries.or(Some(known.max_retries.into())),
    };
    let timeout_seconds = timeout_seconds.or(Some(known.timeout_seconds.into()));
    let known = || known.delays.iter().map(|seconds| i64::from(*seconds)).collect();
    let policy = Policy::of(max_retries, timeout_seconds, Some(delays.unwrap_or_else(known)));
    policy.map_err(|invalid| {
        let field = match invalid {
            InvalidPolicy::MaxRetries => "maxRetries",
            InvalidPolicy::Timeout => "timeoutSeconds",
            InvalidPolicy::Delays => "delays",
        };
        Error::field(field, invalid)
    })
}

/// Whether the relay can keep to what an endpoint's policy says.
pub(super) fn keepable(control: &ControlPlane, endpoint: &Endpoint) -> Result<(), Error> {
    rules::too_long(control, &endpoint.policy)
        .map_or(Ok(()), |why| Err(Error::field("timeoutSeconds", why)))
}

/// The name of a profile that has something to say about calls to subscribers.
fn profile(name: String) -> Result<Option<String>, Error> {
    match name.as_str() {
        "" | "standard" => Ok(None),
        known if OutgoingProfile::of(known).is_some() => Ok(Some(name)),
        _ => {
            let known = OutgoingProfile::names().collect::<Vec<_>>().join(", ");
            Err(Error::field("profile", format!("is one of standard, {known}")))
        }
    }
}
