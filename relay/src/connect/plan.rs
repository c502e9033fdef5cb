//! The changes that a system's variables ask for, as data. Nothing here calls the relay.

use std::{fmt, ops::RangeInclusive};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    retry::{DEFAULT_TIMEOUT, MAX_DELAY, MAX_RETRIES, MAX_TIMEOUT, MIN_TIMEOUT},
    secret::Secret,
};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use url::Url;

use super::{ConnectArgs, InvalidVariables, System, variables::Variables};

/// Retries that an endpoint may have.
const RETRIES: RangeInclusive<u32> = 1..=MAX_RETRIES as u32;
/// Seconds that one attempt may take.
const TIMEOUT: RangeInclusive<u32> = MIN_TIMEOUT as u32..=MAX_TIMEOUT as u32;

/// The note for a system that makes one attempt in total, which an endpoint cannot.
const ONE_ATTEMPT: &str = "an endpoint makes at least one retry, so there will be two attempts";

/// The changes to make at the relay.
#[derive(Debug)]
pub(super) enum Plan {
    /// Create or update the source `modal-omtx`.
    Source {
        /// The URL under which senders reach the relay.
        base_url: String,
        /// The secret with which senders sign.
        secret: Secret,
    },
    /// Create, update or switch off endpoints.
    Endpoints {
        /// The endpoints.
        endpoints: Vec<EndpointPlan>,
        /// Differences from the system that the operator should know.
        notes: Vec<&'static str>,
    },
}

/// The configuration that an endpoint should have.
#[derive(Debug)]
pub(super) struct EndpointPlan {
    pub(super) uid: &'static str,
    pub(super) secret: Option<Secret>,
    /// Whether the endpoint is to be switched off. A missing endpoint is then not created.
    pub(super) only_if_there: bool,
    /// The endpoint in the JSON of the API, without secrets.
    shown: Value,
    /// The header `authorization` with which the relay authenticates to Redis.
    authorization: Option<Secret>,
}

impl EndpointPlan {
    /// The endpoint in the JSON of the API. The secret is included only if the endpoint is `new`.
    pub(super) fn body(&self, new: bool) -> Value {
        let mut body = self.shown.clone();
        body["uid"] = json!(self.uid);
        if let Some(secret) = self.secret.as_ref().filter(|_| new) {
            body["secret"] = json!(secret.as_str());
        }
        if let Some(authorization) = &self.authorization {
            body["headers"] = json!({ "authorization": authorization.as_str() });
        }
        body
    }
}

impl fmt::Display for Plan {
    /// Writes the changes without secrets, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { base_url, .. } => {
                writeln!(f, "would set up source modal-omtx for {base_url}")
            }
            Self::Endpoints { endpoints, notes } => {
                for endpoint in endpoints {
                    match endpoint.only_if_there {
                        true => writeln!(f, "would switch off endpoint {}", endpoint.uid)?,
                        false => {
                            writeln!(f, "would set endpoint {}: {}", endpoint.uid, endpoint.shown)?
                        }
                    }
                }
                notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
            }
        }
    }
}

/// Makes the plan for the system in `args`.
///
/// # Errors
/// [`InvalidVariables`] if a variable is missing or out of its bounds.
pub(super) fn from_variables(
    args: &ConnectArgs,
    variables: &Variables,
) -> Result<Plan, InvalidVariables> {
    match args.system {
        System::Modal => Ok(Plan::Source {
            base_url: variables.required("WEBHOOK_BASE_URL")?.to_owned(),
            secret: Secret::new(variables.required("MODAL_WEBHOOK_SECRET")?),
        }),
        System::Hokusai => hokusai(args, variables),
        System::Batch => batch(args, variables),
        System::Wepp => wepp(args, variables),
    }
}

fn hokusai(args: &ConnectArgs, variables: &Variables) -> Result<Plan, InvalidVariables> {
    let url = match &args.endpoint_url {
        Some(url) => url,
        None => variables.required("WEBHOOK_URL")?,
    };
    let retries = variables.number("WEBHOOK_MAX_RETRIES", RETRIES, 5)?;
    let first = variables.number("WEBHOOK_RETRY_DELAY", 1..=MAX_DELAY, 2)?;
    let delays: Vec<u32> =
        (0..retries).map(|step| first.saturating_mul(1 << step).min(MAX_DELAY)).collect();
    let policy = json!({
        "profile": args.profile.as_deref().unwrap_or("hokusai"),
        "eventTypes": ["model.registered"],
        "maxRetries": retries,
        "delays": delays,
        "timeoutSeconds": variables.number("WEBHOOK_TIMEOUT", TIMEOUT, DEFAULT_TIMEOUT.into())?,
        "breaker": {
            "threshold": variables.number("WEBHOOK_CIRCUIT_BREAKER_FAILURE_THRESHOLD", 1..=100, 5)?,
            "recoverySeconds": variables.number("WEBHOOK_CIRCUIT_BREAKER_RECOVERY_TIME", 1..=900, 60)?,
        },
    });
    let at = |url: &str| {
        let mut shown = policy.clone();
        shown["url"] = json!(url);
        shown
    };
    let webhook = EndpointPlan {
        uid: "hokusai",
        secret: Some(Secret::new(variables.required("WEBHOOK_SECRET")?)),
        only_if_there: false,
        shown: at(url),
        authorization: None,
    };
    let on = variables.flag("ENABLE_REDIS_FALLBACK", false)?;
    let (url, authorization) = match on {
        true => channel(variables)?,
        false => (String::new(), None),
    };
    let redis = EndpointPlan {
        uid: "hokusai-redis",
        secret: None,
        only_if_there: !on,
        shown: at(&url),
        authorization,
    };
    Ok(Plan::Endpoints { endpoints: vec![webhook, redis], notes: Vec::new() })
}

/// The URL of the Redis channel and the header that authenticates to Redis. The API shows an endpoint's
/// URL, so the password of `REDIS_URL` moves to a header, which the relay stores encrypted.
fn channel(variables: &Variables) -> Result<(String, Option<Secret>), InvalidVariables> {
    let name = "REDIS_URL";
    let invalid = || {
        let why = "must be redis:// or rediss:// with a host and a port".to_owned();
        InvalidVariables::Invalid(name, why)
    };
    let mut url = Url::parse(variables.required(name)?).map_err(|_| invalid())?;
    if !matches!(url.scheme(), "redis" | "rediss") || url.host_str().is_none_or(str::is_empty) {
        return Err(invalid());
    }
    let user = url.username().to_owned();
    let password = url.password().map(str::to_owned);
    let authorization = password.map(|password| {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pair = format!("{}:{}", decode(&user), decode(&password));
        Secret::new(format!("Basic {}", STANDARD.encode(pair)))
    });
    url.set_username("").map_err(|()| invalid())?;
    url.set_password(None).map_err(|()| invalid())?;
    url.set_path(variables.required("REDIS_CHANNEL")?);
    url.set_query(None);
    Ok((url.to_string(), authorization))
}

fn batch(args: &ConnectArgs, variables: &Variables) -> Result<Plan, InvalidVariables> {
    let url = match &args.endpoint_url {
        Some(url) => url,
        None => variables.required("ARIS_WEBHOOK_URL")?,
    };
    let tries = variables.number("WEBHOOK_MAX_RETRIES", RETRIES, 3)?;
    let shown = json!({
        "url": url,
        "profile": args.profile.as_deref().unwrap_or("batch"),
        "disabled": !variables.flag("ENABLE_WEBHOOKS", true)?,
        "maxRetries": retries(tries),
        "timeoutSeconds": variables.number("WEBHOOK_TIMEOUT", TIMEOUT, DEFAULT_TIMEOUT.into())?,
    });
    let mut notes = Vec::new();
    if variables.text("WEBHOOK_RETRY_DELAY").is_some() {
        notes.push(
            "WEBHOOK_RETRY_DELAY has no effect, as in the batch server: retries wait 1, 2, 4 … s",
        );
    }
    if tries == 1 {
        notes.push(ONE_ATTEMPT);
    }
    Ok(one("batch", variables, shown, notes))
}

fn wepp(args: &ConnectArgs, variables: &Variables) -> Result<Plan, InvalidVariables> {
    // WEPPcloud's variables contain no URL; each of its requests carries one.
    let url = args.endpoint_url.as_ref().ok_or(InvalidVariables::NoEndpointUrl)?;
    let tries = variables.number("WEPPCLOUD_WEBHOOK_RETRY_COUNT", RETRIES, 3)?;
    let shown = json!({
        "url": url,
        "profile": args.profile.as_deref().unwrap_or("wepp"),
        "disabled": !variables.flag("WEPPCLOUD_WEBHOOKS_ENABLED", false)?,
        "maxRetries": retries(tries),
        "timeoutSeconds": variables.number("WEPPCLOUD_WEBHOOK_TIMEOUT", TIMEOUT, DEFAULT_TIMEOUT.into())?,
    });
    let mut notes = Vec::new();
    if tries == 1 {
        notes.push(ONE_ATTEMPT);
    }
    Ok(one("wepp", variables, shown, notes))
}

/// The number of retries of a system that counts attempts in total. At least 1, the minimum of an
/// endpoint.
fn retries(tries: u32) -> u32 {
    tries.saturating_sub(1).max(1)
}

fn one(uid: &'static str, variables: &Variables, shown: Value, notes: Vec<&'static str>) -> Plan {
    let secret = variables.text("WEBHOOK_SECRET").map(Secret::new);
    let endpoint = EndpointPlan { uid, secret, only_if_there: false, shown, authorization: None };
    Plan::Endpoints { endpoints: vec![endpoint], notes }
}

#[cfg(test)]
mod tests;
