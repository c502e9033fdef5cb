//! Who may call us, and how it signs.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::{
    id::{EventId, is_identifier},
    profile::{CONFIGURABLE, Mapping, Profile, Unreadable},
    secret::{SYMMETRIC_PREFIX, Sealed, Secret},
    signature::{KeyEncoding, Refusal, Scheme, Verified},
    time::Timestamp,
};

/// A sender, as it lies in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// The name in its URL, `/in/{name}`.
    pub name: String,
    /// The name of its profile.
    pub profile: String,
    /// Its live secrets, newest first, sealed with [`Source::owner`] as associated data.
    pub secrets: Vec<Sealed>,
    /// The application (id or uid) that hears of its events.
    pub application: String,
    /// What it sets differently from its profile.
    #[serde(default)]
    pub options: Options,
    /// Where its sender was told that we are, for those who ask what it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a source may set differently from its profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// How old and how far ahead a timestamp may be, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_seconds: Option<u64>,
    /// How the sender signs; only with the profile `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Where its bodies keep what we need; only with the profile `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
}

/// Why a source cannot be kept as asked. The caller may read this.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// The name cannot stand in a URL.
    #[error("a source name is 1 to 64 of A-Z a-z 0-9 - _")]
    Name,
    /// Nobody knows the profile.
    #[error("unknown profile {0:?}; there are: {known}", known = Profile::names().collect::<Vec<_>>().join(", "))]
    Profile(String),
    /// No secret, or too many of them.
    #[error("a source needs 1 to {MAX_SECRETS} secrets")]
    SecretCount,
    /// A secret that could be guessed, or is not in the profile's encoding.
    #[error("secret {0}: {1}")]
    Secret(usize, &'static str),
    /// A choice that only the configurable profile offers.
    #[error("`scheme` and `mapping` can only be set with the profile `hmac`")]
    Fixed,
    /// A window that would let replays in.
    #[error("tolerance_seconds is 1 to 3600")]
    Tolerance,
    /// The application's name is no identifier.
    #[error("an application is an id (app_…) or a uid of 1 to 256 of A-Z a-z 0-9 - _ .")]
    Application,
}

/// Most live secrets of one source.
pub const MAX_SECRETS: usize = 10;
/// Fewest key bytes of a usable secret.
pub const MIN_SECRET: usize = 24;

impl Source {
    /// A source of this name and profile, without secrets yet.
    pub fn new(name: &str, profile: &str, application: &str, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            profile: profile.to_owned(),
            secrets: Vec::new(),
            application: application.to_owned(),
            options: Options::default(),
            base_url: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// What the secrets of a source are sealed with.
    pub fn owner(name: &str) -> String {
        format!("source:{name}")
    }

    /// The profile with this source's own options in it.
    pub fn effective(&self) -> Option<Profile> {
        effective(&self.profile, &self.options)
    }

    /// The event id of an idempotency key: the same key is the same event.
    pub fn event_id(name: &str, key: &str) -> EventId {
        EventId::derive(&["event", name, key])
    }
}

/// A profile with a source's options in it.
pub fn effective(profile: &str, options: &Options) -> Option<Profile> {
    let mut effective = Profile::named(profile)?.clone();
    if let Some(scheme) = &options.scheme {
        effective.scheme = scheme.clone();
    }
    if let Some(mapping) = &options.mapping {
        effective.mapping = mapping.clone();
    }
    if let Some(seconds) = options.tolerance_seconds {
        effective.scheme.past_seconds = seconds;
        effective.scheme.future_seconds = seconds;
    }
    Some(effective)
}

/// Checks what somebody wants to keep as a source.
pub fn validate(
    name: &str,
    profile: &str,
    secrets: &[Secret],
    application: &str,
    options: &Options,
) -> Result<Profile, InvalidSource> {
    if name.contains('.') || !is_identifier(name, 64) {
        return Err(InvalidSource::Name);
    }
    let Some(known) = effective(profile, options) else {
        return Err(InvalidSource::Profile(profile.chars().take(64).collect()));
    };
    if profile != CONFIGURABLE && (options.scheme.is_some() || options.mapping.is_some()) {
        return Err(InvalidSource::Fixed);
    }
    if options.tolerance_seconds.is_some_and(|seconds| !(1..=3600).contains(&seconds)) {
        return Err(InvalidSource::Tolerance);
    }
    if !is_identifier(application, 256) {
        return Err(InvalidSource::Application);
    }
    if secrets.is_empty() || MAX_SECRETS < secrets.len() {
        return Err(InvalidSource::SecretCount);
    }
    for (index, secret) in secrets.iter().enumerate() {
        judge_secret(known.scheme.key, secret)
            .map_err(|problem| InvalidSource::Secret(index, problem))?;
    }
    Ok(known)
}

fn judge_secret(encoding: KeyEncoding, secret: &Secret) -> Result<(), &'static str> {
    let text = secret.as_str().unwrap_or_default();
    if text.trim() != text {
        return Err("has white space around it");
    }
    let Some(key) = encoding.decode(secret) else {
        return Err(match encoding {
            KeyEncoding::Whsec if !text.starts_with(SYMMETRIC_PREFIX) => "must begin with whsec_",
            KeyEncoding::Whsec | KeyEncoding::Base64 => "is not valid base64",
            KeyEncoding::Hex => "is not hexadecimal",
            KeyEncoding::Raw => "cannot be read",
        });
    };
    if key.len() < MIN_SECRET {
        return Err("is shorter than 24 bytes");
    }
    if 512 < key.len() {
        return Err("is longer than 512 bytes");
    }
    Ok(())
}

/// A source ready to judge requests: its secrets are open.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// The name of its profile.
    pub profile_name: String,
    /// Its profile, options included.
    pub profile: Profile,
    /// What the profile does not say, for the functions behind the queue.
    pub options: Options,
    /// Its live secrets.
    pub secrets: Vec<Secret>,
    /// The application that hears of its events.
    pub application: String,
}

/// A request that passed.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What the signature vouches for.
    pub verified: Verified,
    /// The idempotency key.
    pub key: String,
    /// The event it is.
    pub event: EventId,
    /// The id that the reply echoes.
    pub echo: Option<String>,
}

/// Why a request did not pass.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAccepted {
    /// We do not know who this is.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// We know, but cannot use what they say.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Gate {
    /// Judges one request by its headers and raw body.
    pub fn judge(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Accepted, NotAccepted> {
        let verified = self.profile.scheme.verify(&self.secrets, headers, body, now)?;
        let (key, echo) = self.profile.key(&verified, body)?;
        let event = Source::event_id(&self.name, &key);
        Ok(Accepted { verified, key, event, echo })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_without_a_usable_secret_is_refused() {
        let check = |profile: &str, secret: &str| {
            validate("s", profile, &[Secret::new(secret)], "default", &Options::default()).err()
        };
        assert_eq!(check("modal-omtx", "0123456789abcdef01234567"), None);
        let short = Some(InvalidSource::Secret(0, "is shorter than 24 bytes"));
        assert_eq!(check("modal-omtx", "default-dev-secret"), short);
        assert_eq!(check("modal-omtx", ""), short);
        let prefix = Some(InvalidSource::Secret(0, "must begin with whsec_"));
        assert_eq!(check("standard", "0123456789abcdef01234567"), prefix);
        let space = Some(InvalidSource::Secret(0, "has white space around it"));
        assert_eq!(check("github", "0123456789abcdef01234567\n"), space);
        let none = validate("s", "github", &[], "default", &Options::default()).err();
        assert_eq!(none, Some(InvalidSource::SecretCount));
    }

    #[test]
    fn names_and_choices_are_checked() {
        let secrets = [Secret::new(*b"0123456789abcdef01234567")];
        let check = |name: &str, profile: &str, options: &Options| {
            validate(name, profile, &secrets, "default", options).err()
        };
        let plain = Options::default();
        for bad in ["", "a.b", "a b", "a/b", &"a".repeat(300)] {
            assert_eq!(check(bad, "github", &plain), Some(InvalidSource::Name), "{bad}");
        }
        assert!(matches!(check("s", "gitlab", &plain), Some(InvalidSource::Profile(_))));
        let mapping = Options { mapping: Some(Mapping::default()), ..Options::default() };
        assert_eq!(check("s", "github", &mapping), Some(InvalidSource::Fixed));
        assert_eq!(check("s", "hmac", &mapping), None);
        let wide = Options { tolerance_seconds: Some(86_400), ..Options::default() };
        assert_eq!(check("s", "modal-omtx", &wide), Some(InvalidSource::Tolerance));
    }
}
