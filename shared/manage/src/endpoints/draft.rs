//! The draft of an endpoint and its one check, whichever API contract brought it.
//!
//! Webhooks of jobs and batches are endpoints too. The check reads from the endpoint's scope what it
//! may subscribe to and how its retries are counted; nothing else differs.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::{
    endpoint::{CircuitBreaker, DisabledReason, Endpoint, EndpointScope},
    filter::{ContentFilter, FilterText},
    headers,
    id::{EndpointId, is_identifier},
    lane::DeliveryOrdering,
    listener,
    outgoing::{HeaderStyle, InvalidHeaderStyle},
    profile::OutgoingProfile,
    retry::{InvalidPolicy, MAX_RETRIES, MAX_TIMEOUT, MIN_TIMEOUT, Policy, StatusList},
    subscription,
};
use serde_json::Value;

use super::pass_through::PassThroughDraft;
use crate::{
    ControlPlane, Refusal,
    names::{MAX_CHANNEL, MAX_EVENT_TYPE, distinct},
};

/// Longest uid of an endpoint, in characters.
pub const MAX_UID: usize = 256;
/// Most channels of one endpoint.
pub const MAX_CHANNELS: usize = 10;
/// Longest list of event types of a webhook, in characters with one comma after each (R3.5).
const MAX_WEBHOOK_EVENTS: usize = 256;

/// An endpoint as its owner wants it. A field that is `None` leaves the endpoint as it is.
#[derive(Clone, Debug, Default)]
pub struct EndpointDraft {
    /// Address that calls go to; checked even if it stays, because the rule may have changed.
    pub url: Option<String>,
    /// The owner's own name, 1 to [`MAX_UID`] of `A-Z a-z 0-9 - _ .`; `Some(None)` removes it.
    pub uid: Option<Option<String>>,
    /// Description that people read.
    pub description: Option<String>,
    /// Whether nothing is sent. An endpoint that is disabled already keeps the reason.
    pub disabled: Option<bool>,
    /// Event types and wildcards, at least one; `Some(None)` means all.
    pub event_types: Option<Option<Vec<String>>>,
    /// Channels, 1 to 10; `Some(None)` means all.
    pub channels: Option<Option<Vec<String>>>,
    /// Requests per second, 1 or more; `Some(None)` removes the limit.
    pub throttle_rate: Option<Option<u16>>,
    /// Data of the owner that the relay only keeps.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Rules by which failed deliveries are attempted again.
    pub policy: PolicyDraft,
    /// Profile whose headers, bodies and policy the endpoint gets; `standard` or nothing for none.
    pub profile: Option<String>,
    /// Headers, as an object or as an object in JSON text; a value of `***` is the present one.
    pub headers: Option<Value>,
    /// Pattern of the contents that are delivered; an empty one means all.
    pub filter: Option<FilterText>,
    /// The number of failures after which calls stop for a while, and how long they stop.
    pub breaker: Option<CircuitBreaker>,
    /// Key by which deliveries are ordered, or `none`.
    pub ordering: Option<String>,
    /// Names of the headers of Standard Webhooks, `standard` or `svix`; `Some(None)` for those of the
    /// deployment.
    pub header_style: Option<Option<String>>,
    /// Parts of a sender's own request that are sent.
    pub pass_through: PassThroughDraft,
}

/// The retry policy of an endpoint as its owner wants it. A field that is `None` leaves the policy as
/// it is.
#[derive(Clone, Debug, Default)]
pub struct PolicyDraft {
    /// Retries after the first attempt, 0 to [`MAX_RETRIES`]. Of a webhook, as its profile's system
    /// counts them; 1 at least for a batch, and where attempts are counted.
    pub max_retries: Option<i64>,
    /// Time for one attempt in seconds, [`MIN_TIMEOUT`] to [`MAX_TIMEOUT`], and less if the function
    /// that delivers ends earlier.
    pub timeout_seconds: Option<i64>,
    /// Seconds to wait before each retry. Without `max_retries`, as many retries as waits.
    pub delays: Option<Vec<i64>>,
    /// The only statuses that are retried; an empty list for the usual ones.
    pub retry_on: Option<Vec<Value>>,
    /// Statuses that end a delivery at once.
    pub give_up_on: Option<Vec<Value>>,
    /// The only statuses that are a success; an empty list for the usual ones.
    pub success_on: Option<Vec<Value>>,
}

impl EndpointDraft {
    /// Writes the draft over an endpoint, if every field can be used. Nothing is stored.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`] with the name of the field, as it stands in this type. No text of the
    /// draft but header names is quoted.
    pub fn apply(self, control: &ControlPlane, endpoint: &mut Endpoint) -> Result<(), Refusal> {
        if let Some(url) = self.url.filter(|url| *url != endpoint.url) {
            if endpoint.listener().is_some() || listener::name_of(&url).is_some() {
                let why = "is that of a listener, which PUT /v1/listeners/{name} makes and which keeps it";
                return Err(Refusal::field("url", why));
            }
            endpoint.url = url;
        }
        let allowed = control.rule().destination(&endpoint.url);
        allowed.map_err(|why| Refusal::field("url", why))?;
        if let Some(uid) = self.uid {
            if endpoint.uid != uid {
                uid.as_deref().map_or(Ok(()), check_uid)?;
            }
            endpoint.uid = uid;
        }
        if let Some(rate) = self.throttle_rate {
            if rate == Some(0) {
                return Err(Refusal::field("throttle_rate", "is at least 1"));
            }
            endpoint.throttle_rate = rate;
        }
        if self.profile.is_some() && endpoint.listener().is_some() {
            let why = "is not for listeners: they get the headers of Standard Webhooks";
            return Err(Refusal::field("profile", why));
        }
        if let Some(name) = self.profile {
            set_profile(endpoint, name)?;
        }
        endpoint.policy = self.policy.over(endpoint)?;
        endpoint.policy.fits(control.deliver_timeout()).map_err(|longest| {
            let ends = control.deliver_timeout().as_secs();
            let why = format!(
                "is at most {longest} here: the function that delivers ends after {ends} s, and \
                 needs time before and after a call"
            );
            Refusal::field("timeout_seconds", why)
        })?;
        if let Some(headers) = &self.headers {
            let headers = headers::parse(headers).map_err(|why| Refusal::field("headers", why))?;
            let owner = Endpoint::owner(&endpoint.id);
            endpoint.headers = control.vault().keep_headers(&owner, headers, &endpoint.headers);
        }
        if let Some(breaker) = self.breaker {
            endpoint.breaker = check_breaker(breaker)?;
        }
        if let Some(text) = &self.ordering {
            let ordering = DeliveryOrdering::parse(text);
            endpoint.ordering = ordering.map_err(|why| Refusal::field("ordering", why))?;
        }
        if let Some(text) = &self.header_style {
            let style = text.as_deref().map(str::parse::<HeaderStyle>).transpose();
            endpoint.header_style =
                style.map_err(|why: InvalidHeaderStyle| Refusal::field("header_style", why))?;
        }
        if let Some(types) = self.event_types {
            endpoint.event_types = match family(&endpoint.scope) {
                None => distinct("event_types", types, MAX_EVENT_TYPE, usize::MAX)?,
                Some(family) => types_of_family(types, family)?,
            };
        }
        if let Some(pattern) = self.filter {
            let filter = ContentFilter::parse(&pattern);
            let filter = filter.map_err(|why| Refusal::field("filter", why))?;
            endpoint.filter = Some(filter).filter(|filter| !filter.is_empty());
        }
        if let Some(channels) = self.channels {
            endpoint.channels = distinct("channels", channels, MAX_CHANNEL, MAX_CHANNELS)?;
        }
        if let Some(description) = self.description {
            endpoint.description = description;
        }
        if let Some(metadata) = self.metadata {
            endpoint.metadata = metadata;
        }
        self.pass_through.apply(endpoint)?;
        endpoint.disabled = match self.disabled {
            Some(true) => endpoint.disabled.or(Some(DisabledReason::ByOwner)),
            Some(false) => None,
            None => endpoint.disabled,
        };
        Ok(())
    }
}

impl PolicyDraft {
    /// The policy that follows from the present one of an endpoint.
    fn over(self, endpoint: &Endpoint) -> Result<Policy, Refusal> {
        let delays_given = self.delays.is_some();
        // A webhook of a batch has a retry at least, as with the batch server (R3.3).
        if self.max_retries == Some(0) && matches!(endpoint.scope, EndpointScope::Batch(_)) {
            return Err(refused_policy(InvalidPolicy::MaxRetries));
        }
        let given = Policy::of(self.max_retries, self.timeout_seconds, self.delays);
        let given = given.map_err(refused_policy)?;
        let mut policy = endpoint.policy.clone();
        if delays_given {
            policy.delays = given.delays;
            policy.max_retries = given.max_retries;
        } else if self.max_retries.is_some() {
            policy.max_retries = match (family(&endpoint.scope), endpoint.outgoing()) {
                (Some(_), Some(system)) => {
                    let counted = system.policy_of(self.max_retries, None);
                    counted.map_err(refused_policy)?.max_retries
                }
                _ => given.max_retries,
            };
        }
        if self.timeout_seconds.is_some() {
            policy.timeout_seconds = given.timeout_seconds;
        }
        let rules = &mut policy.rules;
        for (field, statuses, kept) in [
            ("retry_on", self.retry_on, &mut rules.retry_on),
            ("give_up_on", self.give_up_on, &mut rules.give_up_on),
            ("success_on", self.success_on, &mut rules.success_on),
        ] {
            if let Some(statuses) = statuses {
                *kept = StatusList::parse(&statuses).map_err(|why| Refusal::field(field, why))?;
            }
        }
        Ok(policy)
    }
}

/// The family of event types that a webhook of a job or batch can subscribe to.
const fn family(scope: &EndpointScope) -> Option<&'static str> {
    match scope {
        EndpointScope::Application => None,
        EndpointScope::Job(_) => Some("job"),
        EndpointScope::Batch(_) => Some("batch"),
    }
}

fn check_uid(uid: &str) -> Result<(), Refusal> {
    if !is_identifier(uid, MAX_UID) {
        let why = format!("is 1 to {MAX_UID} of A-Z a-z 0-9 - _ .");
        return Err(Refusal::field("uid", why));
    }
    // An endpoint is looked up by id first, so that such a uid would never be found.
    match EndpointId::parse(uid) {
        Ok(_) => Err(Refusal::field("uid", "must not look like an id of ours")),
        Err(_) => Ok(()),
    }
}

/// Gives an endpoint a profile, and the profile's policy if it is another one than before.
fn set_profile(endpoint: &mut Endpoint, name: String) -> Result<(), Refusal> {
    let profile = match name.as_str() {
        "" | "standard" => None,
        known if OutgoingProfile::of(known).is_some() => Some(name),
        _ => {
            let known = OutgoingProfile::names().collect::<Vec<_>>().join(", ");
            return Err(Refusal::field("profile", format!("is one of standard, {known}")));
        }
    };
    if profile != endpoint.profile {
        endpoint.profile = profile;
        endpoint.policy = endpoint.outgoing().map(OutgoingProfile::policy).unwrap_or_default();
        if !endpoint.signs_for_its_profile() {
            let why =
                "signs with a shared secret, and this endpoint has a key pair: rotate to one first";
            return Err(Refusal::field("profile", why));
        }
    }
    Ok(())
}

fn refused_policy(invalid: InvalidPolicy) -> Refusal {
    match invalid {
        InvalidPolicy::MaxRetries => Refusal::field(
            "max_retries",
            format!(
                "is 0 to {MAX_RETRIES}, and 1 at least for batches and where attempts are counted"
            ),
        ),
        InvalidPolicy::Timeout => {
            Refusal::field("timeout_seconds", format!("is {MIN_TIMEOUT} to {MAX_TIMEOUT}"))
        }
        InvalidPolicy::Delays => Refusal::field("delays", invalid),
    }
}

fn check_breaker(breaker: CircuitBreaker) -> Result<CircuitBreaker, Refusal> {
    let (most, longest) = (CircuitBreaker::MAX_THRESHOLD, CircuitBreaker::MAX_RECOVERY);
    let CircuitBreaker { threshold, recovery_seconds } = breaker;
    if (1..=most).contains(&threshold) && (1..=longest).contains(&recovery_seconds) {
        return Ok(breaker);
    }
    let why = format!("has a threshold of 1 to {most} and a recovery of 1 to {longest} s");
    Err(Refusal::field("breaker", why))
}

/// The event types of a webhook of a job or batch, without repetitions; none for all of its family.
fn types_of_family(given: Option<Vec<String>>, family: &str) -> Result<Vec<String>, Refusal> {
    let Some(given) = given else { return Ok(Vec::new()) };
    if MAX_WEBHOOK_EVENTS < given.iter().map(|name| name.len() + 1).sum::<usize>() {
        let why = format!("is longer than {MAX_WEBHOOK_EVENTS} characters");
        return Err(Refusal::field("event_types", why));
    }
    if !given.iter().all(|name| subscription::is_of_family(name, family)) {
        let of_family = |kind: &&&str| kind.split('.').next() == Some(family);
        let known: Vec<&str> = subscription::OURS.iter().filter(of_family).copied().collect();
        let known = known.join(", ");
        let why = format!(
            "holds what this webhook never hears of; there are completed, failed, progress, {known}"
        );
        return Err(Refusal::field("event_types", why));
    }
    let mut names: Vec<String> = Vec::new();
    for name in given {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}
