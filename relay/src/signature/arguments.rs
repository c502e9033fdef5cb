//! What both commands are given: profile, secrets, body, URL.

use std::{fs, io::Read, path::PathBuf};

use clap::Parser;
use domain::{
    profile::Profile,
    secret::Secret,
    signature::{Scheme, key_set},
    source::SourceOptions,
    time::Timestamp,
};
use http::HeaderMap;

use super::case::SignatureCase;

/// Profile, secrets, body, URL.
#[derive(Debug, Parser)]
pub(super) struct SignatureArgs {
    /// How the sender signs, such as `standard`, `github` or `stripe`.
    #[arg(long)]
    profile: String,
    /// A secret, or @file for one in a file (kept to the byte: a line break in it is found). Several,
    /// newest first, to see which one signed. For `fal` the key set it publishes.
    #[arg(long, env = "RELAY_SECRET", hide_env_values = true, required = true)]
    secret: Vec<String>,
    /// The raw body: text, @file, or @- for standard input.
    #[arg(long)]
    body: String,
    /// The URL that the sender called, where the profile signs it (Twilio).
    #[arg(long)]
    url: Option<String>,
    /// With the profile `hmac`: a file with the source's `scheme`.
    #[arg(long)]
    scheme: Option<PathBuf>,
}

/// Why a question cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("there is no profile {0:?}; there are: {known}", known = Profile::names().collect::<Vec<_>>().join(", "))]
    Profile(String),
    #[error("--scheme goes with the profile hmac")]
    Fixed,
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    #[error("{0}: {1}")]
    Scheme(PathBuf, serde_json::Error),
    #[error("{0:?} is not a header: give `Name: value`")]
    Header(String),
    #[error("the headers look like JSON, but: {0}")]
    HeaderJson(serde_json::Error),
    #[error("a secret is empty")]
    NoSecret,
    #[error("{0} signs the URL it calls: give --url")]
    NeedsUrl(String),
    #[error(
        "{0} cannot be signed for with that secret: either it is not in the profile's form, or the sender does not sign with a secret"
    )]
    CannotSign(String),
}

impl SignatureArgs {
    pub(super) fn read(&self) -> Result<SignatureCase, InputError> {
        let mut options = SourceOptions::default();
        if let Some(path) = &self.scheme {
            if self.profile != domain::profile::CONFIGURABLE {
                return Err(InputError::Fixed);
            }
            let text = fs::read(path).map_err(|error| InputError::Io(path.clone(), error))?;
            let scheme: Scheme = serde_json::from_slice(&text)
                .map_err(|error| InputError::Scheme(path.clone(), error))?;
            options.scheme = Some(scheme);
        }
        let profile = options
            .profile(&self.profile)
            .ok_or_else(|| InputError::Profile(self.profile.clone()))?;
        let mut secrets = Vec::new();
        for secret in &self.secret {
            let bytes = bytes(secret)?;
            match key_set(&bytes).filter(|keys| !keys.is_empty()) {
                Some(keys) => secrets.extend(keys),
                None if bytes.is_empty() => return Err(InputError::NoSecret),
                None => secrets.push(Secret::new(bytes)),
            }
        }
        Ok(SignatureCase {
            name: self.profile.clone(),
            profile,
            secrets,
            headers: HeaderMap::new(),
            body: bytes(&self.body)?,
            url: self.url.clone(),
            now: Timestamp::default(),
        })
    }
}

/// Text as it is, or what `@file` or `@-` names, to the byte.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, InputError> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.as_bytes().to_vec()) };
    let mut read = Vec::new();
    let done = match path {
        "-" => std::io::stdin().read_to_end(&mut read).map(|_| ()),
        path => fs::read(path).map(|bytes| read = bytes),
    };
    done.map(|()| read).map_err(|error| InputError::Io(PathBuf::from(path), error))
}

/// Unix seconds or RFC 3339.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().ok().map(Timestamp::from_secs);
    let moment = seconds.or_else(|| Timestamp::parse_rfc3339(text));
    moment.ok_or_else(|| "give Unix seconds or a time such as 2026-11-22T01:13:33Z".to_owned())
}
