//! The source that a trigger sends to, and the secret that signs for it.
//!
//! The relay shows no secret. A source that `relay trigger` makes in a `relay dev` of this machine has
//! a secret that is derived from the relay's master key, so that the next trigger finds it again and
//! nothing has to be kept. The secret of any other source has to be given.

use std::{fs, io::Read};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{
    id::digest,
    profile::{CONFIGURABLE, Profile},
    secret::{KeyPair, Secret},
    signature::{Algorithm, KeyEncoding, Scheme},
    source::SourceOptions,
};
use http::Method;
use serde_json::{Value, json};

use super::{TriggerArgs, TriggerError, request::Route, stand::Stand};
use crate::remote::{LOCAL_URL, RemoteError, is_loopback};

/// A source that is ready to be called.
#[derive(Debug)]
pub(super) struct Target {
    /// The address, profile and secret.
    pub(super) route: Route,
    /// The server that the source's sender would have, if it needs one.
    pub(super) stand: Option<Stand>,
    /// Whether this trigger made the source.
    pub(super) made: bool,
    /// Whether the secret is the derived one, which the source may not have.
    pub(super) derived: bool,
}

/// The bytes of a key in hex, of which a derived secret consists.
const KEY_DIGITS: usize = 64;

impl TriggerArgs {
    /// The name of the source: as given, or the profile's.
    pub(super) fn source<'a>(&'a self, profile: &'a str) -> &'a str {
        self.source.as_deref().unwrap_or(profile)
    }

    /// The route of a request that is only printed: with the profile as it is.
    ///
    /// # Errors
    /// [`TriggerError`] if there is no secret.
    pub(super) fn offline(&self, name: &str) -> Result<Route, TriggerError> {
        let profile = Profile::named(name).expect("a fixture's profile is known").clone();
        let secret = match self.given()? {
            Some(secret) => secret,
            None => self
                .derived(name, &profile)
                .ok_or_else(|| TriggerError::NoSecret(self.source(name).to_owned()))?,
        };
        Ok(self.route(name, profile, secret, None))
    }

    /// Looks the source up, and makes it in a `relay dev` of this machine that has none.
    ///
    /// # Errors
    /// [`TriggerError`] if there is no secret, the source cannot be made or has another profile, or
    /// the relay does not answer.
    pub(super) async fn target(&self, name: &str) -> Result<Target, TriggerError> {
        let source = self.source(name);
        let plain = Profile::named(name).expect("a fixture's profile is known");
        let given = self.given()?;
        let path = format!("/v1/sources/{source}");
        let known = match self.remote.send(Method::GET, &path, None).await {
            // Whoever has the secret needs no key.
            Err(RemoteError::NoKey(_)) if given.is_some() => None,
            known => Some(known?),
        };
        if let Some(Some(known)) = &known
            && known["profile"] != name
        {
            let other = known["profile"].as_str().unwrap_or_default().to_owned();
            return Err(TriggerError::OtherProfile(source.to_owned(), other));
        }
        let derived = given.is_none();
        let Some(secret) = given.or_else(|| self.derived(name, plain)) else {
            return Err(TriggerError::NoSecret(source.to_owned()));
        };
        let known = known.map(|known| (known.is_none(), known.unwrap_or_default()));
        let (absent, shown) = known.unwrap_or_default();
        let mut made = false;
        let mut stand = None;
        if plain.jwks.is_some() || plain.scheme.algorithm == Algorithm::Token {
            let ours = absent || is_ours(&shown);
            if derived && !ours {
                return Err(TriggerError::Foreign(source.to_owned()));
            }
            if derived {
                stand = Some(Stand::start(key_set(&secret)).await.map_err(TriggerError::Stand)?);
            }
        }
        if absent || stand.is_some() {
            if self.master().is_none() {
                return Err(TriggerError::NoSource(source.to_owned(), name.to_owned()));
            }
            let body = wanted(name, plain, &secret, stand.as_ref());
            self.remote.send(Method::PUT, &path, Some(&body)).await?;
            made = absent;
        }
        let profile = effective(name, plain, &shown);
        let url = shown["public_url"].as_str().map(str::to_owned);
        let route = self.route(name, profile, secret, url);
        Ok(Target { route, stand, made, derived })
    }

    fn route(
        &self,
        name: &str,
        profile: Profile,
        secret: Secret,
        public_url: Option<String>,
    ) -> Route {
        let base = self.remote.url().unwrap_or(LOCAL_URL);
        let url = format!("{base}/in/{}", self.source(name));
        Route { name: name.to_owned(), profile, secret, url, public_url }
    }

    /// The secret that the user gives.
    fn given(&self) -> Result<Option<Secret>, TriggerError> {
        let Some(from) = &self.secret_from else {
            let variable = std::env::var("RELAY_SECRET").ok().filter(|text| !text.is_empty());
            return Ok(variable.map(Secret::new));
        };
        let unreadable = |error| TriggerError::SecretFile(from.clone(), error);
        let text = match from.as_str() {
            "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
                text
            }
            path => fs::read_to_string(path).map_err(unreadable)?,
        };
        let text = text.trim_end_matches(['\r', '\n']);
        match text.is_empty() {
            true => Err(TriggerError::EmptySecret(from.clone())),
            false => Ok(Some(Secret::new(text))),
        }
    }

    /// The master key of a `relay dev` of this machine and user, if the URL is one of this machine.
    fn master(&self) -> Option<String> {
        if !is_loopback(self.remote.url().ok()?) {
            return None;
        }
        let kept = fs::read_to_string(self.remote.data().join("master.key")).ok()?;
        Some(kept.trim().to_owned())
    }

    /// The secret of a source that `relay trigger` makes, in the form of its profile.
    fn derived(&self, name: &str, profile: &Profile) -> Option<Secret> {
        let master = self.master()?;
        let part = |number| digest(&["relay trigger", self.source(name), number, master.as_str()]);
        let digits: String =
            format!("{}{}", part("1"), part("2")).chars().take(KEY_DIGITS).collect();
        let key = hex::decode(&digits).ok()?;
        if profile.scheme.algorithm == Algorithm::Token {
            return Some(Secret::new(format!("tok_{digits}")));
        }
        Some(match profile.scheme.key {
            KeyEncoding::Raw | KeyEncoding::Hex => Secret::new(digits),
            KeyEncoding::Whsec => Secret::symmetric(&key),
            KeyEncoding::Base64 => Secret::new(STANDARD.encode(key)),
            KeyEncoding::Base64Url => Secret::new(URL_SAFE_NO_PAD.encode(key)),
        })
    }
}

/// Whether a source's keys or platform are those of a former `relay trigger`.
fn is_ours(shown: &Value) -> bool {
    let at = [&shown["jwks_url"], &shown["platform"]["status_url"]];
    at.iter().any(|url| url.as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")))
}

/// The key set with the public key of a seed; an empty set for any other secret.
fn key_set(seed: &Secret) -> String {
    let seed = KeyEncoding::Base64Url.decode(seed);
    let seed: Option<[u8; 32]> = seed.and_then(|seed| seed.expose().try_into().ok());
    let key = |seed: &[u8; 32]| {
        let public = KeyPair::of_seed(seed).public();
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": public.thumbprint(), "x": public.x() })
    };
    json!({ "keys": seed.as_ref().map(key).into_iter().collect::<Vec<_>>() }).to_string()
}

/// The source that is made.
fn wanted(name: &str, profile: &Profile, secret: &Secret, stand: Option<&Stand>) -> Value {
    let mut body = json!({ "profile": name });
    match (stand, profile.jwks.is_some()) {
        (Some(stand), true) => body["jwks_url"] = stand.keys_url().into(),
        (stand, _) => {
            body["secrets"] = json!([secret.as_str().unwrap_or_default()]);
            if let Some(stand) = stand {
                let mapping = &profile.mapping;
                let path = |paths: &[String], usual: &str| {
                    paths.first().cloned().unwrap_or_else(|| usual.to_owned())
                };
                body["platform"] = json!({ "kind": "http", "status_url": stand.jobs_url(), "paths": {
                    "status": path(&mapping.status, "status"),
                    "result": path(&mapping.result, "result"),
                    "error": path(&mapping.error, "error"),
                } });
            }
        }
    }
    body
}

/// The profile with the options of the source that change how it signs.
fn effective(name: &str, plain: &Profile, shown: &Value) -> Profile {
    let scheme = (name == CONFIGURABLE).then(|| shown["scheme"].clone());
    let scheme = scheme.and_then(|scheme| serde_json::from_value::<Scheme>(scheme).ok());
    let options = SourceOptions {
        scheme,
        tolerance_seconds: shown["tolerance_seconds"].as_u64(),
        ..SourceOptions::default()
    };
    options.profile(name).unwrap_or_else(|| plain.clone())
}
