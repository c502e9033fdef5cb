//! The arguments that `relay sign` and `relay verify` share.

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

use super::case::{Question, SignatureCase};

/// The arguments about a request: profile, secrets, body, URL and scheme.
#[derive(Debug, Parser)]
pub(super) struct SignatureArgs {
    /// Profile of the sender, such as `standard`, `github` or `stripe`.
    #[arg(long)]
    profile: String,
    /// Secret, or @FILE to read a secret from a file byte for byte, which shows a stray line break.
    /// Repeat the option for several secrets, newest first, to see which one signed. For `fal` give the
    /// key set (JWKS) that fal publishes.
    #[arg(long, env = "RELAY_SECRET", hide_env_values = true, required = true)]
    secret: Vec<String>,
    /// Raw body: text, @FILE, or @- for standard input.
    #[arg(long)]
    body: String,
    /// URL that the sender called; required by profiles that sign the URL, such as `twilio`.
    #[arg(long)]
    url: Option<String>,
    /// JSON file with the `scheme` of the source; only for the profile `hmac`.
    #[arg(long)]
    scheme: Option<PathBuf>,
}

/// The reason why arguments cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("unknown profile {0:?}; the profiles are: {known}", known = Profile::names().collect::<Vec<_>>().join(", "))]
    Profile(String),
    #[error("--scheme requires --profile hmac; every other profile has a fixed scheme")]
    Fixed,
    #[error("cannot read {0}: {1}")]
    Io(PathBuf, std::io::Error),
    #[error("{0} contains no signature scheme: {1}")]
    Scheme(PathBuf, serde_json::Error),
    #[error("{0:?} is not a header; write `Name: value`")]
    Header(String),
    #[error(
        "the value of the header `{0}` contains a line break, which no header can hold: what made the value was read with \
         its line end, from a file or from `echo`"
    )]
    LineBreak(String),
    #[error("the headers start with a brace but are not a JSON object: {0}")]
    HeaderJson(serde_json::Error),
    #[error("a secret is empty; check --secret and RELAY_SECRET")]
    NoSecret,
    #[error("the profile {0} signs the URL of the request; add --url")]
    NeedsUrl(String),
    #[error(
        "cannot sign for the profile {0} with this secret: the secret is not in the profile's form, or the profile does \
         not sign with a secret"
    )]
    CannotSign(String),
}

impl SignatureArgs {
    /// Reads secrets, body and scheme into a case without headers, at time 0.
    ///
    /// # Errors
    /// [`InputError`] if the profile is unknown, a file cannot be read or a secret is empty.
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
            secrets.extend(keys(bytes(secret)?)?);
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

/// The secrets that a text holds: a key set has several.
fn keys(bytes: Vec<u8>) -> Result<Vec<Secret>, InputError> {
    match key_set(&bytes).filter(|keys| !keys.is_empty()) {
        Some(keys) => Ok(keys),
        None if bytes.is_empty() => Err(InputError::NoSecret),
        None => Ok(vec![Secret::new(bytes)]),
    }
}

/// The case of a question, without headers, at time 0. No file is read.
///
/// # Errors
/// [`InputError`] if the profile is unknown or the secret is empty.
pub(super) fn case(question: &Question<'_>) -> Result<SignatureCase, InputError> {
    let Question { profile: name, secret, body, url, .. } = *question;
    let profile = SourceOptions::default().profile(name);
    Ok(SignatureCase {
        name: name.to_owned(),
        profile: profile.ok_or_else(|| InputError::Profile(name.to_owned()))?,
        secrets: keys(secret.expose().to_vec())?,
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
        url: url.map(str::to_owned),
        now: Timestamp::default(),
    })
}

/// The bytes of `text`, or of the file that `@FILE` names, or of standard input for `@-`.
///
/// # Errors
/// [`InputError::Io`] if the file cannot be read.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, InputError> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.as_bytes().to_vec()) };
    let mut read = Vec::new();
    let done = match path {
        "-" => std::io::stdin().read_to_end(&mut read).map(|_| ()),
        path => fs::read(path).map(|bytes| read = bytes),
    };
    done.map(|()| read).map_err(|error| InputError::Io(PathBuf::from(path), error))
}

/// Parses Unix seconds or RFC 3339.
///
/// # Errors
/// A text that names the two forms.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().ok().map(Timestamp::from_secs);
    let moment = seconds.or_else(|| Timestamp::parse_rfc3339(text));
    moment.ok_or_else(|| "expected Unix seconds or a time such as 2026-11-22T01:13:33Z".to_owned())
}
