//! Settings, read once at start. A missing one stops the function and names itself; none has a
//! fallback that changes what the function is.

use std::env;

use domain::{
    address::{Network, Rule},
    dashboard::Dashboard,
    destination::AwsDestinations,
    live::url::{InvalidLiveUrl, LiveUrl},
    log::groups::{LogGroups, RelayPlace},
    origins::{AllowedOrigins, InvalidOrigin},
    outgoing::HeaderStyle,
    retry::MIN_RETENTION_DAYS,
    room::CallCaps,
};

/// A setting is missing or does not parse; the function must not start.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {name}: {problem}")]
pub struct ConfigError {
    name: &'static str,
    problem: String,
}

/// A setting that must be there and not empty.
///
/// # Errors
/// Fails if the setting is missing or empty.
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) => Err(ConfigError { name, problem: "is empty".to_owned() }),
        Err(error) => Err(ConfigError { name, problem: error.to_string() }),
    }
}

/// The URLs of all queues: inbox, outbox and their dead-letter queue; live updates and theirs.
///
/// # Errors
/// Fails if one of them is missing or empty.
pub fn queue_urls() -> Result<[String; 5], ConfigError> {
    Ok([
        required("INBOX_URL")?,
        required("OUTBOX_URL")?,
        required("DEAD_LETTERS_URL")?,
        required("LIVE_QUEUE_URL")?,
        required("LIVE_DEAD_LETTERS_URL")?,
    ])
}

/// The secret that holds the first admin key: `ADMIN_KEY_SECRET`. `None` if it is empty: then there is no first
/// admin key.
///
/// # Errors
/// Fails if the setting is missing.
pub fn admin_key_secret() -> Result<Option<String>, ConfigError> {
    let name = "ADMIN_KEY_SECRET";
    let id = env::var(name).map_err(|error| ConfigError { name, problem: error.to_string() })?;
    Ok(Some(id).filter(|id| !id.is_empty()))
}

/// The name of a queue whose URL is a setting: the last part of the URL.
///
/// # Errors
/// Fails if the setting is missing or empty.
pub fn queue_name(name: &'static str) -> Result<String, ConfigError> {
    let url = required(name)?;
    Ok(url.rsplit('/').next().unwrap_or_default().to_owned())
}

/// A setting that is a whole number of seconds.
///
/// # Errors
/// Fails if the setting is missing or no whole number.
pub fn seconds(name: &'static str) -> Result<std::time::Duration, ConfigError> {
    let seconds = required(name)?.parse();
    let seconds =
        seconds.map_err(|_| ConfigError { name, problem: "is not a whole number".to_owned() })?;
    Ok(std::time::Duration::from_secs(seconds))
}

/// The most calls under way to endpoints that do not answer quickly: `CALLS_PER_ENDPOINT` and
/// `CALLS_PER_APPLICATION`, 1 at least.
///
/// # Errors
/// [`ConfigError`] if either is missing or no such number.
pub fn call_caps() -> Result<CallCaps, ConfigError> {
    let number = |name: &'static str| match required(name)?.parse() {
        Ok(calls) if 0 < calls => Ok(calls),
        _ => Err(ConfigError { name, problem: "is not a whole number of 1 to 65535".to_owned() }),
    };
    Ok(CallCaps {
        endpoint: number("CALLS_PER_ENDPOINT")?,
        application: number("CALLS_PER_APPLICATION")?,
    })
}

/// Pushes to live connections that all instances together may make in a second: `LIVE_PUSH_RATE`, 1 to
/// 10,000.
///
/// # Errors
/// [`ConfigError`] if the setting is missing or no such number.
pub fn push_rate() -> Result<u32, ConfigError> {
    let name = "LIVE_PUSH_RATE";
    match required(name)?.parse() {
        Ok(rate) if (1..=10_000).contains(&rate) => Ok(rate),
        _ => Err(ConfigError { name, problem: "is not a whole number of 1 to 10000".to_owned() }),
    }
}

/// The log groups of CloudWatch whose lines become logs of jobs: `LOG_GROUPS` (ARNs or names,
/// comma-separated, may be empty or missing). They belong to the account and region of the relay; the
/// URL of its queue says which account that is.
///
/// # Errors
/// Fails if `LIVE_QUEUE_URL`, `AWS_REGION` or `STACK_NAME` is missing, or an entry names no log group,
/// one of another account or region, or one of the relay itself.
pub fn log_groups() -> Result<LogGroups, ConfigError> {
    let name = "LOG_GROUPS";
    let (queue, region) = (required("LIVE_QUEUE_URL")?, required("AWS_REGION")?);
    let stack = required("STACK_NAME")?;
    let account = queue.rsplit('/').nth(1).unwrap_or_default();
    let relay = RelayPlace { account, region: &region, stack: &stack };
    // Nothing set is no group, and a platform may drop an empty value.
    let groups = LogGroups::parse_list(&env::var(name).unwrap_or_default(), relay);
    groups.map_err(|error| ConfigError { name, problem: error.to_string() })
}

/// The rule for the addresses that may be called, with the exceptions of `ALLOWED_NETWORKS` (CIDR,
/// comma-separated, may be empty or missing).
///
/// # Errors
/// Fails if an exception is no network.
pub fn address_rule() -> Result<Rule, ConfigError> {
    let name = "ALLOWED_NETWORKS";
    // Nothing set is the strict rule, and a platform may drop an empty value.
    let text = env::var(name).unwrap_or_default();
    let allowed = Network::parse_list(&text)
        .map_err(|error| ConfigError { name, problem: error.to_string() })?;
    Ok(Rule { allowed, ..Rule::default() })
}

/// The queues and event buses that deliveries may go to: `DESTINATION_QUEUES` and `DESTINATION_EVENT_BUSES` (ARNs,
/// comma-separated, may be empty). They lie where the relay's own queues do, and the URL of one of those says in which
/// account that is.
///
/// # Errors
/// Fails if `OUTBOX_URL` or `AWS_REGION` is missing, or an entry is no ARN of a queue or event bus of that account and
/// region.
pub fn destinations() -> Result<AwsDestinations, ConfigError> {
    let (own, region) = (required("OUTBOX_URL")?, required("AWS_REGION")?);
    let account = own.rsplit('/').nth(1).unwrap_or_default();
    // Nothing set is no destination, and a platform may drop an empty value.
    let [queues, buses] = ["DESTINATION_QUEUES", "DESTINATION_EVENT_BUSES"]
        .map(|name| env::var(name).unwrap_or_default());
    AwsDestinations::parse_list(&format!("{queues},{buses}"), &region, account).map_err(|error| {
        ConfigError {
            name: "DESTINATION_QUEUES or DESTINATION_EVENT_BUSES",
            problem: error.to_string(),
        }
    })
}

/// The names of the headers of Standard Webhooks for endpoints that choose none: `HEADER_STYLE`,
/// `standard` (also if it is not set) or `svix`.
///
/// # Errors
/// Fails if the setting is another text.
pub fn header_style() -> Result<HeaderStyle, ConfigError> {
    let name = "HEADER_STYLE";
    // Nothing set is the standard, and a platform may drop an empty value.
    let text = env::var(name).unwrap_or_default();
    let style = if text.is_empty() { Ok(HeaderStyle::default()) } else { text.parse() };
    style.map_err(|error| ConfigError { name, problem: error.to_string() })
}

/// Whether endpoints that name an event type which does not exist are refused:
/// `STRICT_EVENT_TYPES`, `true` or `false` (also if it is not set).
///
/// # Errors
/// Fails if the setting is another text.
pub fn strict_event_types() -> Result<bool, ConfigError> {
    let name = "STRICT_EVENT_TYPES";
    match env::var(name).unwrap_or_default().as_str() {
        "" | "false" => Ok(false),
        "true" => Ok(true),
        _ => Err(ConfigError { name, problem: "is true or false".to_owned() }),
    }
}

/// The origins of pages that may use the API from a browser: `ALLOWED_ORIGINS` (such as
/// `https://app.example`, comma-separated). Empty or not set, there are none.
///
/// # Errors
/// Fails if an entry is no origin: a scheme, a host and perhaps a port.
pub fn allowed_origins() -> Result<AllowedOrigins, ConfigError> {
    let name = "ALLOWED_ORIGINS";
    // Nothing set allows nobody, and a platform may drop an empty value.
    let origins = env::var(name).unwrap_or_default().parse();
    origins.map_err(|error: InvalidOrigin| ConfigError { name, problem: error.to_string() })
}

/// Whether the relay serves its own pages: `DASHBOARD`, `true` (also if it is not set) or `false`; and the
/// origins of pages that may frame the portal: `PORTAL_FRAME_ANCESTORS` (comma-separated, may be empty or
/// missing).
///
/// # Errors
/// Fails if the first is another text, or an entry of the second is no origin.
pub fn dashboard() -> Result<Dashboard, ConfigError> {
    let name = "DASHBOARD";
    let is_served = match env::var(name).unwrap_or_default().as_str() {
        "" | "true" => true,
        "false" => false,
        _ => return Err(ConfigError { name, problem: "is true or false".to_owned() }),
    };
    let name = "PORTAL_FRAME_ANCESTORS";
    // Nothing set lets nobody, and a platform may drop an empty value.
    let frames = env::var(name).unwrap_or_default().parse();
    let portal_frames =
        frames.map_err(|error: InvalidOrigin| ConfigError { name, problem: error.to_string() })?;
    Ok(Dashboard { is_served, portal_frames })
}

/// The URL at which clients open live connections: `WEBSOCKET_PUBLIC_URL`. `None` if it is empty or not
/// set; tickets and tokens are then given without a URL.
///
/// # Errors
/// Fails if the setting is no URL of a WebSocket, or has a query or fragment.
pub fn live_url() -> Result<Option<LiveUrl>, ConfigError> {
    let name = "WEBSOCKET_PUBLIC_URL";
    let text = env::var(name).unwrap_or_default();
    let url = (!text.is_empty()).then(|| text.parse()).transpose();
    url.map_err(|error: InvalidLiveUrl| ConfigError { name, problem: error.to_string() })
}

/// The time for which events, deliveries and jobs are kept: `RETENTION_DAYS`, at least
/// [`MIN_RETENTION_DAYS`].
///
/// # Errors
/// Fails if the setting is missing, no whole number, or too small.
pub fn retention() -> Result<std::time::Duration, ConfigError> {
    let name = "RETENTION_DAYS";
    let days: u64 = required(name)?
        .parse()
        .map_err(|_| ConfigError { name, problem: "is not a whole number".to_owned() })?;
    if days < MIN_RETENTION_DAYS {
        let problem = format!("must be at least {MIN_RETENTION_DAYS}");
        return Err(ConfigError { name, problem });
    }
    Ok(std::time::Duration::from_secs(days * 86_400))
}
