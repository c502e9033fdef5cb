//! The webhook of one job or batch, as its registrar gives it, in any of the shapes that the five
//! systems use.

use adapters::vault::Vault;
use domain::{
    address::Rule,
    endpoint::{Endpoint, EndpointScope, EndpointSecret},
    filter::ContentFilter,
    headers,
    id::{ApplicationId, EndpointId},
    profile::OutgoingProfile,
    retry::{InvalidPolicy, Policy},
    secret::{Secret, SecretKind},
    subscription,
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    v1::rules,
    v1::webhook_secret,
    web::error::{Error, Invalid},
};
use manage::ControlPlane;

/// Retries of a job's or batch's webhook, unless its registrar says otherwise.
const DEFAULT_RETRIES: i64 = 3;
/// Longest list of events, as text.
const MAX_EVENTS: usize = 256;

/// A webhook of one job or batch.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct WebhookIn {
    /// Where its notifications go.
    pub(crate) url: String,
    /// What signs them; without one its application's webhook secret, or one that is made.
    #[schema(max_length = 128)]
    secret: Option<String>,
    /// Retries after the first attempt.
    #[schema(minimum = 1, maximum = 10, default = 3)]
    max_retries: Option<i64>,
    /// How long one attempt may take, in seconds.
    #[schema(minimum = 5, maximum = 300, default = 30)]
    timeout: Option<i64>,
    /// Seconds to wait before each retry; the last one repeats.
    #[schema(min_items = 1, max_items = 10)]
    delays: Option<Vec<i64>>,
    /// The only answers that are tried again, such as `429` and `"5xx"`; a request without an answer
    /// always is.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    retry_on: Option<Vec<Value>>,
    /// The answers that end a delivery at once.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    give_up_on: Option<Vec<Value>>,
    /// The only answers that are a success.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    success_on: Option<Vec<Value>>,
    /// What it hears of: types, wildcards such as `job.*`, or `completed`, `failed`, `progress`; a
    /// list, or text with commas. Everything, if it is left out.
    #[schema(value_type = Option<Vec<String>>)]
    events: Option<Value>,
    /// Headers sent along, as an object or as an object in JSON text.
    #[schema(value_type = Option<Object>)]
    headers: Option<Value>,
    /// The profile whose headers and bodies it receives: if nothing is said, a job's source's, if that
    /// has any to offer, and `batch` of a batch with an `input_file_id`. `standard` for our own.
    profile: Option<String>,
    /// Which contents it wants, as a pattern with Outpost's operators.
    #[schema(value_type = Option<Object>)]
    filter: Option<Map<String, Value>>,
}

impl WebhookIn {
    /// The webhook in whichever shape it was given: whole, as `webhook_url`, `webhook_secret` and
    /// `webhook_headers`, or the older `metadata.webhook_url`.
    pub(crate) fn of(
        whole: Option<Self>,
        url: Option<String>,
        secret: Option<String>,
        headers: Option<Value>,
        metadata: Option<&Map<String, Value>>,
    ) -> Result<Option<Self>, Error> {
        if whole.is_some() {
            return Ok(whole);
        }
        let older = || metadata?.get("webhook_url")?.as_str().map(str::to_owned);
        match url.filter(|url| !url.is_empty()).or_else(older) {
            Some(url) => Ok(Some(Self { url, secret, headers, ..Self::default() })),
            None if secret.is_some() || headers.is_some() => {
                Err(Error::field("webhook_url", "is missing, but its secret or headers are there"))
            }
            None => Ok(None),
        }
    }

    /// Without a profile of its own it hears what whoever was told before would have heard: a system
    /// moves over with its URL and its secret, and names no profile.
    pub(crate) fn speak_as(&mut self, system: &str) {
        self.profile = match self.profile.take() {
            None => OutgoingProfile::of(system).map(|_| system.to_owned()),
            asked => asked.filter(|name| name != "standard"),
        };
    }

    /// Whether its events name this word.
    pub(crate) fn names(&self, word: &str) -> bool {
        match &self.events {
            Some(Value::String(text)) => text.split(',').any(|name| name.trim() == word),
            Some(Value::Array(list)) => list.iter().any(|name| name.as_str() == Some(word)),
            _ => false,
        }
    }

    /// Takes its application's secret, where it has none of its own (R3.5).
    pub(crate) async fn inherit_secret(
        &mut self,
        control: &ControlPlane,
        application: &ApplicationId,
    ) -> Result<(), Error> {
        if self.secret.is_none() {
            self.secret = webhook_secret::of(control, application).await?;
        }
        Ok(())
    }

    /// Writes itself over an endpoint, new or as it was read, if all of it can be used.
    pub(crate) fn apply(
        self,
        endpoint: &mut Endpoint,
        family: &str,
        rule: &Rule,
        vault: &Vault,
    ) -> Result<(), Error> {
        rule.destination(&self.url).map_err(|why| invalid("url", why))?;
        if let Some(profile) = &self.profile
            && OutgoingProfile::of(profile).is_none()
        {
            let known = OutgoingProfile::names().collect::<Vec<_>>().join(", ");
            return Err(invalid("profile", format!("is none that we know; there are {known}")));
        }
        endpoint.policy = match self.profile.as_deref().and_then(OutgoingProfile::of) {
            Some(out) if self.delays.is_none() => {
                out.policy_of(self.max_retries, self.timeout).map_err(invalid_policy)?
            }
            _ => policy(self.max_retries, self.timeout, self.delays)?,
        };
        let (retry_on, give_up_on, success_on) = (self.retry_on, self.give_up_on, self.success_on);
        rules::Given { retry_on, give_up_on, success_on }
            .apply(&mut endpoint.policy)
            .map_err(|(list, why)| invalid(list.snake(), why))?;
        endpoint.event_types = events(self.events, family)?;
        let owner = Endpoint::owner(&endpoint.id);
        let given = headers::parse(&self.headers.unwrap_or_default());
        let given = given.map_err(|why| invalid("headers", why))?;
        endpoint.headers = vault.keep_headers(&owner, given, &endpoint.headers);
        endpoint.filter = match self.filter {
            Some(pattern) => {
                Some(ContentFilter::parse(pattern).map_err(|why| invalid("filter", why))?)
            }
            None => None,
        };
        endpoint.profile = self.profile;
        endpoint.url = self.url;
        let secret = match self.secret {
            Some(text) => {
                endpoint.owner_has_secret = true;
                Endpoint::secret(&text, true).map_err(|why| invalid("secret", why))?
            }
            None if endpoint.secrets.is_empty() => {
                Secret::symmetric(&adapters::random::bytes::<32>())
            }
            // Left out, it stays as it is.
            None => return Ok(()),
        };
        let sealed = vault.seal(&owner, &secret);
        endpoint.secrets = vec![EndpointSecret::new(sealed, SecretKind::Hmac)];
        Ok(())
    }
}

/// Whether the relay can keep to what a webhook's policy says.
pub(crate) fn keepable(control: &ControlPlane, endpoint: &Endpoint) -> Result<(), Error> {
    rules::too_long(control, &endpoint.policy).map_or(Ok(()), |why| Err(invalid("timeout", why)))
}

/// The endpoint that follows from the one that is known, or the first of its id.
pub(crate) fn endpoint(
    known: Option<Endpoint>,
    id: EndpointId,
    application: ApplicationId,
    scope: EndpointScope,
    now: Timestamp,
) -> Endpoint {
    match known {
        Some(mut known) => {
            known.version += 1;
            known.updated_at = now;
            known
        }
        None => Endpoint { scope, ..Endpoint::new(id, application, "", now) },
    }
}

fn invalid(field: &str, why: impl ToString) -> Error {
    let at = ["body", "webhook", field].map(str::to_owned).to_vec();
    Error::Invalid(Invalid { at, why: why.to_string() })
}

fn policy(
    max_retries: Option<i64>,
    timeout: Option<i64>,
    delays: Option<Vec<i64>>,
) -> Result<Policy, Error> {
    let retries = match &delays {
        Some(_) => max_retries,
        None => max_retries.or(Some(DEFAULT_RETRIES)),
    };
    Policy::of(retries, timeout, delays).map_err(invalid_policy)
}

fn invalid_policy(why: InvalidPolicy) -> Error {
    match why {
        InvalidPolicy::MaxRetries => invalid("max_retries", "is 1 to 10"),
        InvalidPolicy::Timeout => invalid("timeout", "is 5 to 300"),
        InvalidPolicy::Delays => invalid("delays", why),
    }
}

fn events(given: Option<Value>, family: &str) -> Result<Vec<String>, Error> {
    let shape = || invalid("events", "is a list of names, or text with commas");
    let names: Vec<String> = match given {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => {
            text.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect()
        }
        Some(Value::Array(list)) => {
            let name = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(shape);
            list.iter().map(name).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(shape()),
    };
    if MAX_EVENTS < names.iter().map(|name| name.len() + 1).sum::<usize>() {
        return Err(invalid("events", "is longer than 256 characters"));
    }
    for name in &names {
        if !subscription::is_of_family(name, family) {
            let known: Vec<&str> = subscription::OURS
                .iter()
                .copied()
                .filter(|kind| kind.split('.').next() == Some(family))
                .collect();
            let known = known.join(", ");
            let why = format!(
                "holds what this webhook never hears of; there are completed, failed, progress, {known}"
            );
            return Err(invalid("events", why));
        }
    }
    Ok(names)
}
