//! `relay doctor`: what an operator would look at one by one when completions do not arrive (R0.20).

use std::fmt::Write;

use adapters::clock::Clock;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use clap::Parser;
use domain::{profile::Profile, secret::Secret, signature::sign};
use serde_json::Value;

use crate::remote::{Remote, RemoteError};

/// Which relay, and what its sender signs with.
#[derive(Clone, Debug, Parser)]
pub struct DoctorArgs {
    /// The relay.
    #[command(flatten)]
    pub remote: Remote,
    /// The source whose completions are missed.
    #[arg(long, default_value = "modal-omtx")]
    pub source: String,
    /// The secret as its sender has it, to see whether the relay has the same.
    #[arg(long, env = "MODAL_WEBHOOK_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    text: String,
    failed: bool,
}

/// Something is not as it should be; what, was said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DoctorError(String);

impl Findings {
    fn pass(&mut self, what: &str, found: impl std::fmt::Display) {
        let _ = writeln!(self.text, "ok    {what}: {found}");
    }

    fn fail(&mut self, what: &str, found: impl std::fmt::Display) {
        self.failed = true;
        let _ = writeln!(self.text, "FAIL  {what}: {found}");
    }
}

/// Looks at everything that can be looked at from outside; an error if something is wrong.
pub async fn examine(args: &DoctorArgs) -> Result<String, DoctorError> {
    let mut findings = Findings::default();
    if reachable(args, &mut findings).await {
        let known = source(args, &mut findings).await;
        secret(args, known.as_ref(), &mut findings).await;
        traffic(args, &mut findings).await;
    }
    match findings.failed {
        true => Err(DoctorError(format!("something is wrong\n{}", findings.text.trim_end()))),
        false => Ok(findings.text),
    }
}

/// Without an answer there is nothing more to look at.
async fn reachable(args: &DoctorArgs, findings: &mut Findings) -> bool {
    let health = args.remote.get("/api/v3/webhooks/modal/health").await;
    match &health {
        Ok(_) => findings.pass("reachable", &args.remote.url),
        Err(error) => findings.fail("reachable", error),
    }
    health.is_ok()
}

async fn source(args: &DoctorArgs, findings: &mut Findings) -> Option<Value> {
    match args.remote.get(&format!("/v1/sources/{}", args.source)).await {
        Ok(source) => {
            findings.pass("key", "accepted");
            let text = |field: &str| source[field].as_str().unwrap_or("?").to_owned();
            let found = format!(
                "profile {}, {} secrets, changed {}",
                text("profile"),
                source["secret_count"],
                text("updated_at")
            );
            findings.pass("source", found);
            Some(source)
        }
        Err(RemoteError::Refused { status: 404, .. }) => {
            findings.pass("key", "accepted");
            let hint = "there is none; POST /api/v3/webhooks/configure or PUT /v1/sources makes it";
            findings.fail("source", format!("{}: {hint}", args.source));
            None
        }
        Err(error) => {
            findings.fail("key", error);
            None
        }
    }
}

/// Signs a body that can have no effect: if the signature holds, it is refused as unreadable.
async fn secret(args: &DoctorArgs, source: Option<&Value>, findings: &mut Findings) {
    let (Some(source), Some(secret)) = (source, &args.secret) else { return };
    let profile = source["profile"].as_str().and_then(Profile::named);
    // Where a body need not have an id, even an empty one would count.
    let Some(profile) = profile.filter(|p| p.mapping.key.is_some() && !p.scheme.signs_id()) else {
        return findings.pass("secret", "cannot be tried out for this profile");
    };
    let Some(headers) = signed(profile, secret) else {
        return findings.fail("secret", "is not in the encoding that the profile asks for");
    };
    match args.remote.probe(&format!("/in/{}", args.source), headers, b"{}").await {
        Ok(400) => findings.pass("secret", "the same on both sides, and so are the clocks"),
        Ok(401) => {
            let why = "the relay refuses what it signs: another secret, white space around it, or a \
                clock that is minutes off";
            findings.fail("secret", why);
        }
        Ok(status) => findings.fail("secret", format!("the relay answered {status} to a probe")),
        Err(error) => findings.fail("secret", error),
    }
}

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

async fn traffic(args: &DoctorArgs, findings: &mut Findings) {
    let metrics = match args.remote.get("/api/v3/webhooks/metrics").await {
        Ok(metrics) => metrics,
        Err(error) => return findings.fail("traffic", error),
    };
    let checker = &metrics["completion_checker"];
    match checker["last_webhook_time"].as_str() {
        Some(at) => findings.pass("last completion", at),
        None => {
            findings.fail("last completion", "none yet: does the sender post to the right URL?")
        }
    }
    match checker["processing_errors"].as_u64() {
        Some(0) => findings.pass("unprocessed", 0),
        count => {
            let count = count.unwrap_or_default();
            let where_to = "wait as dead letters, see GET /v1/webhooks/dead-letter";
            findings.fail("unprocessed", format!("{count} {where_to}"));
        }
    }
}
