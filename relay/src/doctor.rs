//! `relay doctor`: the checks that an operator makes when completions do not arrive (R0.20).

mod findings;
mod flow;
mod handshake;
mod refusals;
mod state;

use std::{path::PathBuf, time::Duration};

use adapters::clock::Clock;
use clap::Parser;
use domain::{profile::Profile, secret::Secret, signature::sign, time::Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use self::findings::{Findings, ago, counted, plain};
use crate::{
    exit::{Exit, Failure},
    remote::{Remote, RemoteError},
};

/// The arguments of `relay doctor`.
#[derive(Clone, Debug, Parser)]
#[command(after_help = "\
Examples:
  relay doctor --source stripe
  relay doctor --source stripe --secret-from ./stripe-secret.txt")]
pub struct DoctorArgs {
    /// The relay to check, and the key to check it with.
    #[command(flatten)]
    pub remote: Remote,
    /// Source whose completions do not arrive.
    #[arg(long, default_value = "modal-omtx")]
    pub source: String,
    /// Secret that the sender signs with, to check that the relay has the same.
    #[arg(long, env = "MODAL_WEBHOOK_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
    /// File with that secret; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    pub secret_from: Option<PathBuf>,
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

/// Difference of two clocks that is no trouble: senders' signatures are good for minutes.
const SKEW: Duration = Duration::from_secs(30);
/// The time over which refusals and figures are looked at.
const HOUR: Duration = Duration::from_secs(3600);

/// Runs all checks through the relay's API and returns their results.
///
/// # Errors
/// [`DoctorError`] with the same results if a check failed.
pub async fn examine(args: &DoctorArgs) -> Result<String, DoctorError> {
    let mut findings = Findings::default();
    if reachable(args, &mut findings).await {
        let known = source(args, &mut findings).await;
        secret(args, known.as_ref(), &mut findings).await;
        if known.is_some() {
            last_secret(args, &mut findings).await;
            refused(args, &mut findings).await;
        }
        traffic(args, &mut findings).await;
        flow(args, &mut findings).await;
    }
    match findings.failed() {
        true => {
            let text = findings.text().trim_end();
            Err(DoctorError(format!("at least one check failed\n{text}")))
        }
        false => Ok(findings.text().to_owned()),
    }
}

/// Checks that the relay answers, over TLS unless it runs on this machine, and that the clocks agree.
/// Without an answer the other checks are skipped.
async fn reachable(args: &DoctorArgs, findings: &mut Findings) -> bool {
    let asked = Clock::system().now();
    let (status, headers, body) = match args.remote.health().await {
        Ok(answered) => answered,
        Err(error) => {
            findings.fail("reachable", error);
            return false;
        }
    };
    let url = args.remote.url().unwrap_or_default();
    match status {
        200 => findings.pass("reachable", url),
        _ => {
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let stores = body["cannot_write"].as_array().into_iter().flatten();
            let stores: Vec<&str> = stores.filter_map(Value::as_str).collect();
            let what = match stores.is_empty() {
                true => String::new(),
                false => format!("; it cannot write to: {}", plain(&stores.join(", "))),
            };
            findings.fail("reachable", format!("{url}/health answers {status}{what}"));
        }
    }
    match url.starts_with("https://") {
        true => findings.pass("TLS", "the certificate is valid for this host"),
        false => findings.pass("TLS", "not needed: the relay runs on this machine"),
    }
    clock(&headers, asked, findings);
    true
}

/// Compares the clock of the relay, as its answer has it in seconds, with this one.
fn clock(headers: &HeaderMap, asked: Timestamp, findings: &mut Findings) {
    let text = headers.get(header::DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = text.and_then(|text| httpdate::parse_http_date(text).ok()) else {
        return findings.warn("clock", "the relay's answer has no date");
    };
    let since = theirs.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (theirs, answered) = (Timestamp::default().plus(since), Clock::system().now());
    // The date is cut to seconds, and was read between the question and the answer.
    let (early, late) =
        (asked.secs().saturating_sub(theirs.secs()), theirs.secs().saturating_sub(answered.secs()));
    match early.max(late) {
        0 | 1 => findings.pass("clock", "the same as the relay's, to the second"),
        seconds => {
            let which = if 0 < early { "ahead of" } else { "behind" };
            let told = format!("this clock is {} {which} the relay's", counted(seconds, "second"));
            match seconds <= SKEW.as_secs() {
                true => findings.pass("clock", told),
                false => findings.fail(
                    "clock",
                    format!("{told}; synchronise it by NTP (see `timedatectl`), or what is signed here is refused"),
                ),
            }
        }
    }
}

/// Checks that the relay accepts the key and has the source. Returns the source.
async fn source(args: &DoctorArgs, findings: &mut Findings) -> Option<Value> {
    let known = args.remote.send(Method::GET, &format!("/v1/sources/{}", args.source), None).await;
    if let Err(error) = known {
        findings.fail("key", error);
        return None;
    }
    findings.pass("key", format!("accepted, scope {}", scope(args).await));
    if let Ok(Some(source)) = known {
        let text = |field: &str| source[field].as_str().unwrap_or("?").to_owned();
        let found = format!(
            "profile {}, secrets: {}, changed {}",
            text("profile"),
            source["secret_count"],
            text("updated_at")
        );
        findings.pass("source", found);
        handshake::handshake(&source, findings, Clock::system().now());
        return Some(source);
    }
    let hint =
        "does not exist; create it with PUT /v1/sources/{name} or POST /api/v3/webhooks/configure";
    findings.fail("source", format!("{} {hint}", args.source));
    None
}

/// The scope of the key, found by two requests that the relay refuses before they have an effect: the
/// removal of a key that does not exist, and an empty registration.
async fn scope(args: &DoctorArgs) -> &'static str {
    let is_allowed = |asked: Result<Option<Value>, RemoteError>| match asked {
        Err(RemoteError::Refused { status: 403, .. }) => Some(false),
        Err(RemoteError::Refused { status: 404 | 422, .. }) | Ok(_) => Some(true),
        Err(_) => None,
    };
    match is_allowed(args.remote.send(Method::DELETE, "/v1/keys/none-of-this-name", None).await) {
        Some(true) => return "admin",
        Some(false) => (),
        None => return "unknown",
    }
    match is_allowed(args.remote.send(Method::POST, "/v1/jobs", Some(&json!({}))).await) {
        Some(true) => "publish",
        Some(false) => "read",
        None => "unknown",
    }
}

/// Checks that sender and relay have the same secret: sends the signed body `{}`, which can have no
/// effect. If the signature holds, the relay answers 400 because the body has no key.
async fn secret(args: &DoctorArgs, source: Option<&Value>, findings: &mut Findings) {
    let secret = match given(args) {
        Ok(secret) => secret,
        Err((path, error)) => {
            return findings.fail("secret", format!("cannot read {}: {error}", path.display()));
        }
    };
    let (Some(source), Some(secret)) = (source, &secret) else { return };
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

/// The secret that the user gives.
fn given(args: &DoctorArgs) -> Result<Option<String>, (PathBuf, std::io::Error)> {
    let Some(path) = &args.secret_from else { return Ok(args.secret.clone()) };
    let read = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(path),
    };
    match read {
        Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => Err((path.clone(), error)),
    }
}

/// Tells with which of the source's secrets its newest event was signed, by the fingerprint that the
/// relay made of it. A relay that keeps no requests says nothing.
async fn last_secret(args: &DoctorArgs, findings: &mut Findings) {
    let newest = format!("/v1/events?source={}&limit=1", args.source);
    let Ok(Some(list)) = args.remote.send(Method::GET, &newest, None).await else { return };
    let Some(id) = list["data"][0]["id"].as_str() else { return };
    let Ok(Some(event)) = args.remote.send(Method::GET, &format!("/v1/events/{id}"), None).await
    else {
        return;
    };
    if let Some(found) = of_secret(&event["request"], Clock::system().now()) {
        findings.pass("secret in use", found);
    }
}

/// The secret of a request as it came, by position and fingerprint.
fn of_secret(request: &Value, now: Timestamp) -> Option<String> {
    let secret = &request["verdict"]["secret"];
    let (position, print) = (secret["position"].as_u64()?, secret["fingerprint"].as_str()?);
    let at = ago(request["received_at"].as_str(), now);
    Some(format!("number {position} (fingerprint {}), of the request {at}", plain(print)))
}

/// Tells what was refused of the source in the last hour. A relay that counts no refusals says nothing.
async fn refused(args: &DoctorArgs, findings: &mut Findings) {
    let now = Clock::system().now();
    let since = before(now, HOUR);
    let path = format!("/v1/sources/{}/refusals?since={since}", args.source);
    let Ok(Some(answer)) = args.remote.send(Method::GET, &path, None).await else { return };
    let told = refusals::told(&answer, &args.source, now);
    if told.is_empty() {
        findings.pass("refused", "nothing in the last hour");
    }
    told.iter().for_each(|told| findings.warn("refused", told));
}

/// Tells how events flow: figures of the last hour, endpoints, what waits, and the state of the relay. Each
/// needs a route that an older relay does not have.
async fn flow(args: &DoctorArgs, findings: &mut Findings) {
    let now = Clock::system().now();
    let ask = async |path: String| args.remote.send(Method::GET, &path, None).await.ok().flatten();
    if let Some(answer) = ask(format!("/v1/stats?since={}", before(now, HOUR))).await {
        flow::figures(&answer, findings);
    }
    if let Some(answer) = ask("/v1/endpoints?limit=100".to_owned()).await {
        flow::endpoints(&answer, findings, now);
    }
    let until = flow::waiting_since(now).rfc3339();
    if let Some(answer) = ask(format!("/v1/events?state=pending&until={until}&limit=100")).await {
        flow::waiting(&answer, findings, now);
    }
    if let Some(answer) = ask("/v1/status".to_owned()).await {
        state::told(&answer, findings);
    }
}

fn before(now: Timestamp, by: Duration) -> String {
    let by = u64::try_from(by.as_millis()).unwrap_or_default();
    Timestamp(now.0.saturating_sub(by)).rfc3339()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(date: Option<&str>, asked: Timestamp) -> String {
        let mut headers = HeaderMap::new();
        if let Some(date) = date {
            headers.insert(header::DATE, date.parse().expect("a date"));
        }
        let mut findings = Findings::default();
        clock(&headers, asked, &mut findings);
        findings.text().to_owned()
    }

    #[test]
    fn a_clock_that_is_off_is_told_in_seconds() {
        let now = Clock::system().now();
        let date = |at: Timestamp| {
            let since = Duration::from_secs(at.secs());
            httpdate::fmt_http_date(std::time::UNIX_EPOCH + since)
        };
        assert!(told(Some(&date(now)), now).contains("to the second"));
        let slow = told(Some(&date(now.plus(Duration::from_secs(100)))), now);
        assert!(
            slow.starts_with("FAIL  clock: this clock is") && slow.contains("behind"),
            "{slow}"
        );
        let fast = told(Some(&date(Timestamp(now.0 - 20_000))), now);
        assert_eq!(fast, "ok    clock: this clock is 20 seconds ahead of the relay's\n");
        assert!(told(None, now).starts_with("look  clock"));
        assert!(told(Some("yesterday"), now).starts_with("look  clock"));
    }

    #[test]
    fn the_secret_in_use_is_told_by_its_fingerprint() {
        let now = Timestamp::parse_rfc3339("2026-11-27T12:00:00Z").expect("a time");
        let request = json!({ "received_at": "2026-11-27T11:57:00Z",
            "verdict": { "secret": { "position": 2, "fingerprint": "0a1b2c3d" } } });
        let found = of_secret(&request, now);
        assert_eq!(
            found.as_deref(),
            Some("number 2 (fingerprint 0a1b2c3d), of the request 3 minutes ago")
        );
        assert_eq!(of_secret(&Value::Null, now), None);
        assert_eq!(of_secret(&json!({ "verdict": { "secret": null } }), now), None);
    }
}
