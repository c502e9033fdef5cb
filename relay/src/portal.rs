//! `relay portal`: the link to a subscriber's own pages.

use std::time::Duration;

use clap::Parser;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::{
    exit::{CommandError, Exit},
    output::{Output, OutputArgs},
    remote::Remote,
    resources::request::escaped,
};

/// The arguments of `relay portal`.
#[derive(Clone, Debug, Parser)]
#[command(after_help = "Example:\n  relay portal acme --read-only --expires 2h")]
pub struct PortalArgs {
    /// Application, by id or uid.
    pub application: String,
    /// The portal only shows, and changes nothing.
    #[arg(long)]
    pub read_only: bool,
    /// Time after which the portal ends, such as 30m, 2h or 7d; at most 7 days.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    pub expires: Duration,
    /// Show event types with this flag too. May be given several times.
    #[arg(long = "flag", value_name = "FLAG")]
    pub flags: Vec<String>,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Prints the link to a portal of an application.
///
/// # Errors
/// [`CommandError`] if the relay does not answer or refuses.
pub async fn run(args: &PortalArgs) -> Result<Exit, CommandError> {
    #[derive(Deserialize)]
    struct Access {
        url: String,
        token: String,
    }
    let out = Output::new(args.output);
    let path = format!("/api/v1/auth/app-portal-access/{}", escaped(&args.application));
    let body = json!({
        "readOnly": args.read_only,
        "expiry": args.expires.as_secs(),
        "featureFlags": args.flags,
    });
    let answer = args.remote.ask(Method::POST, &path, body.to_string().into_bytes()).await?;
    let Access { url, token } = answer.json()?;
    match out.is_json() {
        true => out.value(&json!({ "url": url, "token": token }))?,
        false => {
            out.line(&url)?;
            let expires = humantime::format_duration(args.expires);
            out.note(&format!(
                "the link opens once, within 10 minutes; the portal ends after {expires}"
            ));
        }
    }
    Ok(Exit::Done)
}
