//! What a system's variables mean here. Nothing is asked and nothing done.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::secret::Secret;
use serde_json::{Value, json};
use url::Url;

use super::{ConnectArgs, InvalidVariables, System, variables::Variables};

/// What is to be done.
#[derive(Debug)]
pub(super) enum Plan {
    /// Set a source up.
    Source {
        /// Where senders find the relay.
        base_url: String,
        /// What they sign with.
        secret: Secret,
    },
    /// Create endpoints, or change them.
    Endpoints {
        /// These.
        endpoints: Vec<EndpointPlan>,
        /// What somebody who moves over should know.
        notes: Vec<&'static str>,
    },
}

/// An endpoint as it should be.
#[derive(Debug)]
pub(super) struct EndpointPlan {
    pub(super) uid: &'static str,
    pub(super) secret: Option<Secret>,
    /// It is switched off, and so not made if there is none.
    pub(super) only_if_there: bool,
    /// Everything but the secrets in it.
    shown: Value,
    /// What authorises us to Redis.
    authorization: Option<Secret>,
}

impl EndpointPlan {
    /// As the relay takes it.
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
    /// Without secrets.
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

/// What the variables of a system mean.
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
    let retries = variables.number("WEBHOOK_MAX_RETRIES", 1..=10, 5)?;
    let first = variables.number("WEBHOOK_RETRY_DELAY", 1..=86_400, 2)?;
    let delays: Vec<u32> =
        (0..retries).map(|step| first.saturating_mul(1 << step).min(86_400)).collect();
    let policy = json!({
        "profile": args.profile.as_deref().unwrap_or("hokusai"),
        "eventTypes": ["model.registered"],
        "maxRetries": retries,
        "delays": delays,
        "timeoutSeconds": variables.number("WEBHOOK_TIMEOUT", 5..=300, 30)?,
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

/// The URL of the Redis channel, and what authorises us: a URL is shown, so the password of
/// `REDIS_URL` becomes a header that is sealed.
fn channel(variables: &Variables) -> Result<(String, Option<Secret>), InvalidVariables> {
    let name = "REDIS_URL";
    let invalid = || {
        let why = "is redis:// or rediss://, a host and a port".to_owned();
        InvalidVariables::Invalid(name, why)
    };
    let mut url = Url::parse(variables.required(name)?).map_err(|_| invalid())?;
    if !matches!(url.scheme(), "redis" | "rediss") || url.host_str().is_none_or(str::is_empty) {
        return Err(invalid());
    }
    let user = url.username().to_owned();
    let password = url.password().map(str::to_owned);
    let authorization = password.map(|password| {
        let decode = |text: &str| {
            let pair = format!("a={}", text.replace('+', "%2B"));
            let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
            decoded.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
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
    let tries = variables.number("WEBHOOK_MAX_RETRIES", 1..=10, 3)?;
    let shown = json!({
        "url": url,
        "profile": args.profile.as_deref().unwrap_or("batch"),
        "disabled": !variables.flag("ENABLE_WEBHOOKS", true)?,
        "maxRetries": retries(tries),
        "timeoutSeconds": variables.number("WEBHOOK_TIMEOUT", 5..=300, 30)?,
    });
    let mut notes = Vec::new();
    if variables.text("WEBHOOK_RETRY_DELAY").is_some() {
        notes.push("WEBHOOK_RETRY_DELAY has no effect, as in the batch server itself: retries wait 1, 2, 4 … s");
    }
    if tries == 1 {
        notes.push("one try in all is not offered for an endpoint: there will be one retry");
    }
    Ok(one("batch", variables, shown, notes))
}

fn wepp(args: &ConnectArgs, variables: &Variables) -> Result<Plan, InvalidVariables> {
    // WEPPcloud's variables say how, and each request where to.
    let url = args.endpoint_url.as_ref().ok_or(InvalidVariables::Missing("--endpoint-url"))?;
    let tries = variables.number("WEPPCLOUD_WEBHOOK_RETRY_COUNT", 1..=10, 3)?;
    let shown = json!({
        "url": url,
        "profile": args.profile.as_deref().unwrap_or("wepp"),
        "disabled": !variables.flag("WEPPCLOUD_WEBHOOKS_ENABLED", false)?,
        "maxRetries": retries(tries),
        "timeoutSeconds": variables.number("WEPPCLOUD_WEBHOOK_TIMEOUT", 5..=300, 30)?,
    });
    let mut notes = Vec::new();
    if tries == 1 {
        notes.push("one try in all is not offered for an endpoint: there will be one retry");
    }
    Ok(one("wepp", variables, shown, notes))
}

/// Both count tries in all.
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
