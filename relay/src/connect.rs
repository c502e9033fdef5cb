//! `relay connect`: a system's configuration moves over unchanged. Its own variables are read (R0.3,
//! R2.1, R3.5, R4.6) and become a source or endpoints of a relay; doing it again changes what has
//! changed.

mod plan;
mod variables;

use std::path::PathBuf;

use axum::http::Method;
use clap::{Parser, ValueEnum};
use domain::secret::Secret;
use serde_json::{Value, json};

pub use self::variables::InvalidVariables;
use self::{
    plan::{EndpointPlan, Plan},
    variables::Variables,
};
use crate::remote::{Remote, RemoteError};

/// Whose configuration, and where to.
#[derive(Clone, Debug, Parser)]
pub struct ConnectArgs {
    /// The system.
    pub system: System,
    /// The relay.
    #[command(flatten)]
    pub remote: Remote,
    /// A file of NAME=value lines; what stands there counts before the environment.
    #[arg(long)]
    pub env_file: Option<PathBuf>,
    /// The application whose events the endpoints hear; made if it is not there.
    #[arg(long, default_value = "default")]
    pub application: String,
    /// The profile, where the system has several, such as hokusai-prefixed.
    #[arg(long)]
    pub profile: Option<String>,
    /// Where notifications go, where the system's variables do not say it.
    #[arg(long)]
    pub endpoint_url: Option<String>,
    /// Rotate an endpoint that has another secret to this one.
    #[arg(long)]
    pub replace: bool,
    /// Only say what would be done, as DRY_RUN=true does.
    #[arg(long)]
    pub dry_run: bool,
}

/// A system whose configuration can move over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// Modal's completions, as OMTX-Hub takes them: WEBHOOK_BASE_URL, MODAL_WEBHOOK_SECRET, DRY_RUN.
    Modal,
    /// Hokusai's publisher: WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_TIMEOUT, WEBHOOK_MAX_RETRIES,
    /// WEBHOOK_RETRY_DELAY, WEBHOOK_CIRCUIT_BREAKER_FAILURE_THRESHOLD and _RECOVERY_TIME,
    /// ENABLE_REDIS_FALLBACK with REDIS_URL and REDIS_CHANNEL.
    Hokusai,
    /// The batch server: ARIS_WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_TIMEOUT, WEBHOOK_MAX_RETRIES,
    /// ENABLE_WEBHOOKS.
    Batch,
    /// WEPPcloud: WEPPCLOUD_WEBHOOKS_ENABLED, WEPPCLOUD_WEBHOOK_TIMEOUT,
    /// WEPPCLOUD_WEBHOOK_RETRY_COUNT, and WEBHOOK_SECRET.
    Wepp,
}

/// Why a configuration did not move.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// What it says cannot be used.
    #[error(transparent)]
    Variables(#[from] InvalidVariables),
    /// The relay.
    #[error(transparent)]
    RemoteError(#[from] RemoteError),
    /// The receiver would not believe what is sent.
    #[error("the endpoint {0} has another secret already; --replace rotates to the new one")]
    OtherSecret(String),
}

/// Moves it over; what was done.
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

async fn application(args: &ConnectArgs) -> Result<(), RemoteError> {
    let path = format!("/api/v1/app/{}", args.application);
    if args.remote.send(Method::GET, &path, None).await?.is_none() {
        let body = json!({ "name": args.application, "uid": args.application });
        args.remote.send(Method::POST, "/api/v1/app", Some(&body)).await?;
    }
    Ok(())
}

/// Creates or changes one endpoint; which of the two.
async fn connect(
    args: &ConnectArgs,
    endpoint: &EndpointPlan,
) -> Result<&'static str, ConnectError> {
    let all = format!("/api/v1/app/{}/endpoint", args.application);
    let one = format!("{all}/{}", endpoint.uid);
    let remote = &args.remote;
    let known = remote.send(Method::GET, &one, None).await?;
    if endpoint.only_if_there && known.is_none() {
        return Ok("switched off, and none is there");
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
            return Ok("replaced");
        }
    }
    remote.send(Method::PUT, &one, Some(&endpoint.body(false))).await?;
    Ok("brought up to date")
}
