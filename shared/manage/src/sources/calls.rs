//! Calls that the relay makes for a source: it asks the platform about jobs, tells it to cancel
//! them, and publishes on a Redis server how deliveries end.
//!
//! A secret goes only where it was given for: another kind, place or URL needs one of its own.

use std::collections::BTreeMap;

use domain::{
    destination::Destination,
    headers::is_sensitive,
    id::SourceId,
    poll::{CancelSettings, PollPlatform},
    secret::{SealedSecret, Secret},
    source::{Source, SourceOptions},
};

use crate::{ControlPlane, Refusal};

/// Longest secret of a platform or a cancellation, in bytes.
pub const MAX_CALL_SECRET: usize = 4096;

/// Checks a source's platform and seals its secret.
pub(super) fn platform(
    control: &ControlPlane,
    id: &SourceId,
    options: &SourceOptions,
    secret: Option<Secret>,
    known: Option<&Source>,
) -> Result<Option<SealedSecret>, Refusal> {
    let Some(platform) = &options.platform else { return Ok(None) };
    let wrong = |why: &dyn ToString| Refusal::field("platform", why.to_string());
    no_open_secret(&platform.headers).map_err(|why| wrong(&why))?;
    let sealed = match secret {
        Some(secret) => Some(seal(control, &PollPlatform::owner(id), &secret, "platform")?),
        None => known
            .filter(|known| known.options.platform.as_ref().is_some_and(|p| p.is_at(platform)))
            .and_then(|known| known.platform_secret.clone()),
    };
    if let Some(address) = platform.address() {
        control.rule().target(address).map_err(|forbidden| wrong(&forbidden))?;
    }
    Ok(sealed)
}

/// Checks the call that cancels a source's jobs and seals its secret.
pub(super) fn cancel(
    control: &ControlPlane,
    id: &SourceId,
    options: &SourceOptions,
    secret: Option<Secret>,
    known: Option<&Source>,
) -> Result<Option<SealedSecret>, Refusal> {
    let Some(cancel) = &options.cancel else { return Ok(None) };
    let wrong =
        |why: &dyn ToString| Refusal::field("cancel", why.to_string().replace("status_url", "url"));
    cancel.validate().map_err(|why| wrong(&why))?;
    no_open_secret(&cancel.headers).map_err(|why| wrong(&why))?;
    let filled = cancel.url.replace("{call_id}", "x").replace("{external_id}", "x");
    control.rule().target(&filled).map_err(|forbidden| wrong(&forbidden))?;
    match secret {
        Some(secret) => seal(control, &CancelSettings::owner(id), &secret, "cancel").map(Some),
        None => Ok(known
            .filter(|known| known.options.cancel.as_ref().is_some_and(|c| c.url == cancel.url))
            .and_then(|known| known.cancel_secret.clone())),
    }
}

/// Checks that a source's Redis server may be called.
pub(super) fn status_server(
    control: &ControlPlane,
    options: &SourceOptions,
) -> Result<(), Refusal> {
    let Some(server) = &options.status_redis else { return Ok(()) };
    let channel = format!("{}/a", server.trim_end_matches('/'));
    match control.rule().destination(&channel) {
        Ok(Destination::Redis(channel)) if channel.name == "a" => Ok(()),
        _ => {
            let why = "is a server such as redis://10.0.0.5:6379 in a network that may be called";
            Err(Refusal::field("status_redis", why))
        }
    }
}

fn seal(
    control: &ControlPlane,
    owner: &str,
    secret: &Secret,
    field: &str,
) -> Result<SealedSecret, Refusal> {
    let length = secret.as_str().map_or(0, str::len);
    if !(1..=MAX_CALL_SECRET).contains(&length) {
        let why = format!("secret is text of 1 to {MAX_CALL_SECRET} bytes");
        return Err(Refusal::field(field, why));
    }
    Ok(control.vault().seal(owner, secret))
}

/// Requires that the sender's key set is at an address that the relay may ask.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `jwks_url` if the relay must not call that.
pub(super) fn key_set(control: &ControlPlane, options: &SourceOptions) -> Result<(), Refusal> {
    let Some(url) = &options.jwks_url else { return Ok(()) };
    let judged = control.rule().target(url);
    judged.map(|_| ()).map_err(|forbidden| Refusal::field("jwks_url", forbidden))
}

/// Requires that headers whose names say that they are secret take `{secret}`: headers are kept and
/// shown as they are.
fn no_open_secret(headers: &BTreeMap<String, String>) -> Result<(), &'static str> {
    let open = |(name, value): (&String, &String)| {
        is_sensitive(&name.to_ascii_lowercase()) && !value.contains("{secret}")
    };
    match headers.iter().any(open) {
        true => Err("headers: what is secret goes into `secret`, and {secret} into the header"),
        false => Ok(()),
    }
}
