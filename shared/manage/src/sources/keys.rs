//! Secrets of a source: opened to be checked, sealed to be kept.

use domain::{
    id::SourceId,
    profile::Profile,
    secret::{SealedSecret, Secret},
    signature::Algorithm,
    source::{self, Source},
    time::Timestamp,
};

use crate::{ControlPlane, Refusal};

/// Secrets of a source in both forms.
pub(super) struct SourceKeys {
    /// Open, for the checks. Empty for path tokens that were kept before: only their hashes are
    /// there, and they were checked when they came.
    pub(super) open: Vec<Secret>,
    /// As they go into the table.
    pub(super) sealed: Vec<SealedSecret>,
}

impl SourceKeys {
    /// The secrets that are given, or else those of the source that is there, if both profiles have
    /// path tokens or neither has.
    pub(super) fn of(
        control: &ControlPlane,
        id: &SourceId,
        profile: &str,
        given: Option<Vec<Secret>>,
        known: Option<&Source>,
    ) -> Result<Self, Refusal> {
        let known = known.filter(|known| is_token(profile) == is_token(&known.profile));
        match (given, known) {
            (Some(secrets), _) => Ok(Self::sealing(control, id, profile, secrets)),
            (None, Some(known)) => Self::kept(control, known),
            (None, None) => Ok(Self { open: Vec::new(), sealed: Vec::new() }),
        }
    }

    fn sealing(control: &ControlPlane, id: &SourceId, profile: &str, open: Vec<Secret>) -> Self {
        let owner = Source::owner(id);
        let seal = |secret| match is_token(profile) {
            true => source::sealed_token(secret),
            false => control.vault().seal(&owner, secret),
        };
        let sealed = open.iter().map(seal).collect();
        Self { open, sealed }
    }

    fn kept(control: &ControlPlane, known: &Source) -> Result<Self, Refusal> {
        let sealed = known.secrets.clone();
        if is_token(&known.profile) {
            return Ok(Self { open: Vec::new(), sealed });
        }
        let owner = Source::owner(&known.id);
        let open = sealed.iter().map(|sealed| control.vault().unseal(&owner, sealed));
        let open: Result<Vec<_>, _> = open.collect();
        let why = "do not open any more and must be given again";
        let open = open.map_err(|_| Refusal::field("secrets", why))?;
        Ok(Self { open, sealed })
    }
}

/// The time since which each of these secrets is kept: now, unless the source had the secret before. `None`
/// for a secret that an earlier version of the relay wrote.
pub(super) fn since(
    control: &ControlPlane,
    open: &[Secret],
    sealed: &[SealedSecret],
    known: Option<&Source>,
) -> Vec<Option<Timestamp>> {
    let had = known.map(|known| (comparable(control, known), &known.secrets_since));
    let tokens: Vec<_> = sealed.iter().filter_map(source::kept_token).collect();
    let secrets = if tokens.is_empty() { open } else { &tokens };
    let now = control.now();
    let since = |secret: &Secret| {
        let place = |(had, _): &(Vec<Option<Secret>>, _)| {
            had.iter().position(|had| had.as_ref() == Some(secret))
        };
        match had.as_ref().and_then(|had| Some((place(had)?, had.1))) {
            Some((place, since)) => since.get(place).copied().flatten(),
            None => Some(now),
        }
    };
    secrets.iter().map(since).collect()
}

/// The secrets of a source as they are compared: open, or of path tokens the hashes. `None` for one that
/// does not open.
fn comparable(control: &ControlPlane, source: &Source) -> Vec<Option<Secret>> {
    let owner = Source::owner(&source.id);
    let open = |sealed| match source::kept_token(sealed) {
        Some(hash) => Some(hash),
        None => control.vault().unseal(&owner, sealed).ok(),
    };
    source.secrets.iter().map(open).collect()
}

/// The mark of a source's secrets: of the hashes of its path tokens, of its open secrets, or of the
/// URL of its sender's public keys.
pub(super) fn proof(
    control: &ControlPlane,
    open: &[Secret],
    sealed: &[SealedSecret],
    jwks_url: &Option<String>,
) -> Option<String> {
    let tokens = sealed.iter().filter_map(source::kept_token).collect::<Vec<_>>();
    let secrets = if tokens.is_empty() { open } else { &tokens };
    let url = jwks_url.iter().map(String::as_bytes);
    control.vault().mark(secrets.iter().map(Secret::expose).chain(url))
}

/// Whether the sources of this profile have path tokens and no secrets.
pub(crate) fn is_token(profile: &str) -> bool {
    Profile::named(profile).is_some_and(|profile| profile.scheme.algorithm == Algorithm::Token)
}
