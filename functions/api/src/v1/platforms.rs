//! How the platform of a source is asked about jobs and told to cancel them, as it is given to us.

use std::collections::BTreeMap;

use domain::{
    headers::is_sensitive,
    poll::{CancelSettings, PollPlatform},
    secret::{SealedSecret, Secret},
    source::Source,
};
use serde_json::{Map, Value};

use crate::web::{error::Error, input::read_value};
use manage::ControlPlane;

/// What a header's name says is a secret must come as one: headers are kept and shown as they are.
fn in_the_open(headers: &BTreeMap<String, String>) -> Result<(), &'static str> {
    let open = |(name, value): (&String, &String)| {
        is_sensitive(&name.to_ascii_lowercase()) && !value.contains("{secret}")
    };
    match headers.iter().any(open) {
        true => Err("headers: what is secret goes into `secret`, and {secret} into the header"),
        false => Ok(()),
    }
}

/// A platform and its secret, sealed. A secret goes only to the platform it was given for: another
/// kind or place needs one of its own.
pub(crate) fn platform(
    control: &ControlPlane,
    name: &str,
    given: Option<Map<String, Value>>,
    known: Option<&Source>,
) -> Result<(Option<PollPlatform>, Option<SealedSecret>), Error> {
    let Some(mut given) = given else { return Ok((None, None)) };
    let secret = given.remove("secret");
    let wrong = |why: &dyn std::fmt::Display| Error::field("platform", why);
    let platform: PollPlatform = read_value("platform", given)?;
    in_the_open(&platform.headers).map_err(|why| wrong(&why))?;
    let sealed = match secret {
        Some(Value::String(secret)) if (1..=4096).contains(&secret.len()) => {
            Some(control.vault().seal(&PollPlatform::owner(name), &Secret::new(secret)))
        }
        Some(_) => return Err(wrong(&"secret is text of 1 to 4096 bytes")),
        None => known
            .filter(|known| known.options.platform.as_ref().is_some_and(|p| p.is_at(&platform)))
            .and_then(|known| known.platform_secret.clone()),
    };
    if let Some(address) = platform.address() {
        control.rule().target(address).map_err(|forbidden| wrong(&forbidden))?;
    }
    Ok((Some(platform), sealed))
}

/// The call and its secret, sealed. A secret goes only where it was given for: another URL needs one
/// of its own.
pub(crate) fn cancel(
    control: &ControlPlane,
    name: &str,
    given: Option<Map<String, Value>>,
    known: Option<&Source>,
) -> Result<(Option<CancelSettings>, Option<SealedSecret>), Error> {
    let Some(mut given) = given else { return Ok((None, None)) };
    let wrong = |why: &dyn std::fmt::Display| {
        Error::field("cancel", why.to_string().replace("status_url", "url"))
    };
    let secret = given.remove("secret");
    let cancel: CancelSettings = read_value("cancel", given)?;
    cancel.validate().map_err(|why| wrong(&why))?;
    in_the_open(&cancel.headers).map_err(|why| wrong(&why))?;
    let filled = cancel.url.replace("{call_id}", "x").replace("{external_id}", "x");
    control.rule().target(&filled).map_err(|forbidden| wrong(&forbidden))?;
    let sealed = match secret {
        Some(Value::String(secret)) if (1..=4096).contains(&secret.len()) => {
            Some(control.vault().seal(&CancelSettings::owner(name), &Secret::new(secret)))
        }
        Some(_) => return Err(wrong(&"secret is text of 1 to 4096 bytes")),
        None => known
            .filter(|known| known.options.cancel.as_ref().is_some_and(|c| c.url == cancel.url))
            .and_then(|known| known.cancel_secret.clone()),
    };
    Ok((Some(cancel), sealed))
}
