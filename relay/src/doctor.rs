//! `relay doctor`: the checks that an operator makes when completions do not arrive (R0.20).

use std::fmt::Write;

use adapters::clock::Clock;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use clap::Parser;
use domain::{profile::Profile, secret::Secret, signature::sign};
use serde_json::Value;

use crate::{
    exit::{Exit, Failure},
    remote::{Remote, RemoteError},
};

/// The arguments of `relay doctor`.
#[derive(Clone, Debug, Parser)]
pub struct DoctorArgs {
    /// The relay to check.
    #[command(flatten)]
    pub remote: Remote,
    /// Source whose completions do not arrive.
    #[arg(long, default_value = "modal-omtx")]
    pub source: String,
    /// Secret that the sender signs with, to check that the relay has the same.
    #[arg(long, env = "MODAL_WEBHOOK_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
}

/// The results of the checks, one line each.
#[derive(Debug, Default)]
pub struct Findings {
    text: String,
    failed: bool,
}

/// At least one check failed. The text holds the results of all checks.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DoctorError(String);

impl Failure for DoctorError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

impl Findings {
    /// Adds a passed check.
    fn pass(&mut self, what: &str, found: impl std::fmt::Display) {
        let _ = writeln!(self.text, "ok    {what}: {found}");
    }

    /// Adds a failed check.
    fn fail(&mut self, what: &str, found: impl std::fmt::Display) {
        self.failed = true;
        let _ = writeln!(self.text, "FAIL  {what}: {found}");
    }
}

/// Runs all checks through the relay's API and returns their results.
///
/// # Errors
/// [`DoctorError`] with the same results if a check failed.
pub async fn examine(args: &DoctorArgs) -> Result<String, DoctorError> {
    let mut findings = Findings::default();
    if reachable(args, &mut findings).await {
        let known = source(args, &mut findings).await;
        secret(args, known.as_ref(), &mut findings).await;
        traffic(args, &mut findings).await;
    }
    match findings.failed {
        true => {
            Err(DoctorError(format!("at least one check failed\n{}", findings.text.trim_end())))
        }
        false => Ok(findings.text),
    }
}

/// Checks that the relay answers. Without an answer the other checks are skipped.
async fn reachable(args: &DoctorArgs, findings: &mut Findings) -> bool {
    let health = args.remote.get("/api/v3/webhooks/modal/health").await;
    match &health {
        Ok(_) => findings.pass("reachable", args.remote.url().unwrap_or_default()),
        Err(error) => findings.fail("reachable", error),
    }
    health.is_ok()
}

/// Checks that the relay accepts the key and has the source. Returns the source.
async fn source(args: &DoctorArgs, findings: &mut Findings) -> Option<Value> {
    match args.remote.get(&format!("/v1/sources/{}", args.source)).await {
        Ok(source) => {
            findings.pass("key", "accepted");
            let text = |field: &str| source[field].as_str().unwrap_or("?").to_owned();
            let found = format!(
                "profile {}, secrets: {}, changed {}",
                text("profile"),
                source["secret_count"],
                text("updated_at")
            );
            findings.pass("source", found);
            Some(source)
        }
        Err(RemoteError::Refused { status: 404, .. }) => {
            findings.pass("key", "accepted");
            let hint = "does not exist; create it with PUT /v1/sources/{name} or POST /api/v3/webhooks/configure";
            findings.fail("source", format!("{} {hint}", args.source));
            None
        }
        Err(error) => {
            findings.fail("key", error);
            None
        }
    }
}

/// Checks that sender and relay have the same secret: sends the signed body `{}`, which can have no
/// effect. If the signature holds, the relay answers 400 because the body has no key.
async fn secret(args: &DoctorArgs, source: Option<&Value>, findings: &mut Findings) {
    let (Some(source), Some(secret)) = (source, &args.secret) else { return };
    let profile = source["profile"].as_str().and_then(Profile::named);
    // For profiles that need no key in the body, `{}` would be accepted as an event.
    let Some(profile) = profile.filter(|p| p.mapping.key.is_some() && !p.scheme.signs_id()) else {
        return findings
            .pass("secret", "not checked: with this profile a probe would become an event");
    };
    let Some(headers) = signed(profile, secret) else {
        return findings.fail("secret", "not in the encoding that the profile requires");
    };
    match args.remote.probe(&format!("/in/{}", args.source), headers, b"{}").await {
        Ok(400) => findings.pass("secret", "the same on both sides; the clocks agree"),
        Ok(401) => {
            let why = "the relay rejects its signature: the sender has another secret, there is white \
                space around the secret, or a clock is minutes off";
            findings.fail("secret", why);
        }
        Ok(status) => findings
            .fail("secret", format!("the relay answered {status} to a signed probe; expected 400")),
        Err(error) => findings.fail("secret", error),
    }
}

/// The headers that sign the body `{}` now; `None` if the secret is not in the profile's encoding.
fn signed(profile: &Profile, secret: &str) -> Option<HeaderMap> {
    let (now, scheme) = (Clock::system().now(), &profile.scheme);
    let signature = sign(scheme, &Secret::new(secret), None, Some(now), b"{}")?;
    let names = scheme.headers.first()?;
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: String| {
        headers.insert(name.parse::<HeaderName>().ok()?, HeaderValue::try_from(value).ok()?);
        Some(())
    };
    set(&names.signature, signature)?;
    if let Some(name) = &names.timestamp {
        set(name, now.secs().to_string())?;
    }
    Some(headers)
}

/// Checks that completions have arrived and that none is a dead letter.
async fn traffic(args: &DoctorArgs, findings: &mut Findings) {
    let metrics = match args.remote.get("/api/v3/webhooks/metrics").await {
        Ok(metrics) => metrics,
        Err(error) => return findings.fail("traffic", error),
    };
    let checker = &metrics["completion_checker"];
    match checker["last_webhook_time"].as_str() {
        Some(at) => findings.pass("last completion", at),
        None => findings.fail(
            "last completion",
            format!(
                "none yet; check that the sender posts to {}/in/{}",
                args.remote.url().unwrap_or_default(),
                args.source
            ),
        ),
    }
    match checker["processing_errors"].as_u64() {
        Some(0) => findings.pass("unprocessed", 0),
        count => {
            let count = count.unwrap_or_default();
            let where_to = "requests are dead letters; list them with GET /v1/webhooks/dead-letter";
            findings.fail("unprocessed", format!("{count} {where_to}"));
        }
    }
}
