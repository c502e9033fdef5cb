//! `relay connect`: moves a system's webhook configuration to a relay. The command reads the system's
//! own variables (R0.3, R2.1, R3.5, R4.6) and creates a source or endpoints from them. A second run
//! updates what has changed.

mod plan;
mod variables;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use domain::secret::Secret;
use http::Method;
use serde_json::{Value, json};

pub use self::variables::InvalidVariables;
use self::{
    plan::{EndpointPlan, Plan},
    variables::Variables,
};
use crate::{
    exit::{Exit, Failure},
    remote::{Remote, RemoteError},
};

/// The arguments of `relay connect`.
#[derive(Clone, Debug, Parser)]
pub struct ConnectArgs {
    /// System whose configuration moves.
    pub system: System,
    /// The relay to configure, and the key to do so with.
    #[command(flatten)]
    pub remote: Remote,
    /// File of NAME=value lines. Its values override those of the environment.
    #[arg(long)]
    pub env_file: Option<PathBuf>,
    /// Application of the endpoints; created if missing.
    #[arg(long, default_value = "default")]
    pub application: String,
    /// Profile of the endpoints, such as hokusai-prefixed. The default is the name of the system.
    #[arg(long)]
    pub profile: Option<String>,
    /// URL of the endpoint. Overrides the system's variable; required for wepp, which has none.
    #[arg(long)]
    pub endpoint_url: Option<String>,
    /// If an endpoint has another secret, rotate it to the one in the variables.
    #[arg(long)]
    pub replace: bool,
    /// Print the changes without making them, as the variable DRY_RUN=true does.
    #[arg(long)]
    pub dry_run: bool,
}

/// A system whose configuration `relay connect` can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// Completions of Modal for OMTX-Hub. Reads WEBHOOK_BASE_URL and MODAL_WEBHOOK_SECRET.
    Modal,
    /// Publisher of Hokusai. Reads WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_TIMEOUT, WEBHOOK_MAX_RETRIES,
    /// WEBHOOK_RETRY_DELAY, WEBHOOK_CIRCUIT_BREAKER_FAILURE_THRESHOLD and _RECOVERY_TIME,
    /// ENABLE_REDIS_FALLBACK with REDIS_URL and REDIS_CHANNEL.
    Hokusai,
    /// Batch server. Reads ARIS_WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_TIMEOUT, WEBHOOK_MAX_RETRIES,
    /// ENABLE_WEBHOOKS.
    Batch,
    /// WEPPcloud. Reads WEPPCLOUD_WEBHOOKS_ENABLED, WEPPCLOUD_WEBHOOK_TIMEOUT,
    /// WEPPCLOUD_WEBHOOK_RETRY_COUNT, and WEBHOOK_SECRET.
    Wepp,
}

/// The reason why `relay connect` failed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A variable is missing or invalid.
    #[error(transparent)]
    Variables(#[from] InvalidVariables),
    /// The relay did not carry out a request.
    #[error(transparent)]
    RemoteError(#[from] RemoteError),
    /// The endpoint of this uid has another secret, so that the receiver would reject deliveries.
    #[error(
        "endpoint {0} has another secret; add --replace to rotate it to the one in the variables"
    )]
    OtherSecret(String),
}

impl Failure for ConnectError {
    fn exit(&self) -> Exit {
        match self {
            Self::Variables(_) => Exit::Usage,
            Self::RemoteError(error) => error.exit(),
            Self::OtherSecret(_) => Exit::Failed,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::RemoteError(error) => error.next_step(),
            _ => None,
        }
    }
}

/// Reads the variables and configures the relay. Returns one line for each change.
///
/// # Errors
/// [`ConnectError`] if a variable is missing or invalid, if the relay refuses a request, or if an
/// endpoint has another secret and `--replace` is not set.
pub async fn run(args: &ConnectArgs) -> Result<String, ConnectError> {
    let variables = Variables::read(args.env_file.as_deref())?;
    let plan = plan::from_variables(args, &variables)?;
    if args.dry_run || variables.flag("DRY_RUN", false)? {
        return Ok(plan.to_string());
    }
    let mut done = String::new();
    match &plan {
        Plan::Source { base_url, secret } => {
            let secret = secret.as_str().unwrap_or_default();
            let body = json!({
                "webhook_base_url": base_url, "webhook_secret": secret, "auto_configure": true,
            });
            args.remote.post("/api/v3/webhooks/configure", &body).await?;
            done = format!("{done}source modal-omtx: set up for {base_url}\n");
        }
        Plan::Endpoints { endpoints, notes } => {
            application(args).await?;
            for endpoint in endpoints {
                let what = connect(args, endpoint).await?;
                done = format!("{done}endpoint {}: {what}\n", endpoint.uid);
            }
            for note in notes {
                done = format!("{done}note: {note}\n");
            }
        }
    }
    Ok(done)
}

/// Creates the application if it does not exist.
async fn application(args: &ConnectArgs) -> Result<(), RemoteError> {
    let path = format!("/api/v1/app/{}", args.application);
    if args.remote.send(Method::GET, &path, None).await?.is_none() {
        let body = json!({ "name": args.application, "uid": args.application });
        args.remote.send(Method::POST, "/api/v1/app", Some(&body)).await?;
    }
    Ok(())
}

/// Creates, updates or switches off one endpoint. Returns the change in words.
async fn connect(
    args: &ConnectArgs,
    endpoint: &EndpointPlan,
) -> Result<&'static str, ConnectError> {
    let all = format!("/api/v1/app/{}/endpoint", args.application);
    let one = format!("{all}/{}", endpoint.uid);
    let remote = &args.remote;
    let known = remote.send(Method::GET, &one, None).await?;
    if endpoint.only_if_there && known.is_none() {
        return Ok("switched off; no endpoint exists");
    }
    let Some(known) = known else {
        remote.send(Method::POST, &all, Some(&endpoint.body(true))).await?;
        return Ok("created");
    };
    if endpoint.only_if_there {
        let mut body = known;
        body["disabled"] = Value::Bool(true);
        remote.send(Method::PUT, &one, Some(&body)).await?;
        return Ok("switched off");
    }
    if let Some(secret) = &endpoint.secret {
        let shown = remote.send(Method::GET, &format!("{one}/secret"), None).await?;
        let same = |shown: &Value| {
            shown["key"].as_str().is_some_and(|key| Secret::new(key) == secret.standard())
        };
        if !shown.as_ref().is_some_and(same) {
            if !args.replace {
                return Err(ConnectError::OtherSecret(endpoint.uid.to_owned()));
            }
            let rotated = json!({ "key": secret.as_str() });
            let path = format!("{one}/secret/rotate");
            remote.send(Method::POST, &path, Some(&rotated)).await?;
            remote.send(Method::PUT, &one, Some(&endpoint.body(false))).await?;
            return Ok("secret rotated");
        }
    }
    remote.send(Method::PUT, &one, Some(&endpoint.body(false))).await?;
    Ok("updated")
}
