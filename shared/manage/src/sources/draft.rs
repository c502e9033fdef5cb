//! Sources as their owner wants them, and which field a refusal is about.

use domain::{
    secret::Secret,
    source::{InvalidSource, SourceOptions},
};

use crate::Refusal;

/// A source as its owner wants it.
#[derive(Clone, Debug, Default)]
pub struct SourceDraft {
    /// Name of the source's profile.
    pub profile: String,
    /// Live secrets, newest first; `None` keeps those that are there, if they belong to a
    /// profile of the same kind.
    pub secrets: Option<Vec<Secret>>,
    /// Id or uid of the application that hears of its events; `None` means `default`.
    pub application: Option<String>,
    /// Secret that its platform is asked with; `None` keeps the one that is there, if the platform
    /// is the same.
    pub platform_secret: Option<Secret>,
    /// Secret that its jobs are cancelled with; `None` keeps the one that is there, if the URL is
    /// the same.
    pub cancel_secret: Option<Secret>,
    /// Settings that differ from the profile.
    pub options: SourceOptions,
    /// `Some(false)` forgets that the source has presented a replay-safe signature.
    pub locked: Option<bool>,
}

/// A source that a sender's own set-up route makes: one secret, and the rest as it is.
#[derive(Clone, Debug)]
pub struct SetUpDraft {
    /// Name that the source gets.
    pub name: &'static str,
    /// Name of the source's profile.
    pub profile: &'static str,
    /// Only secret of the source from now on.
    pub secret: Secret,
    /// Id or uid of the application that hears of its events; `None` keeps the one that is there.
    pub application: Option<String>,
    /// Base URL that its sender was told to call.
    pub base_url: String,
}

/// The refusal of an invalid source, with the field that it is about.
pub(super) fn refuse(invalid: InvalidSource) -> Refusal {
    Refusal::field(field(&invalid), invalid)
}

const fn field(invalid: &InvalidSource) -> &'static str {
    match invalid {
        InvalidSource::Name => "name",
        InvalidSource::Profile => "profile",
        InvalidSource::SecretCount | InvalidSource::Secret(..) => "secrets",
        InvalidSource::Fixed | InvalidSource::Scheme(_) => "scheme",
        InvalidSource::Tolerance => "tolerance_seconds",
        InvalidSource::Useless(field) | InvalidSource::Url(field) => field,
        InvalidSource::Network(_) => "allowed_networks",
        InvalidSource::RateLimit => "rate_limit",
        InvalidSource::Polling(polling) => polling.field(),
        InvalidSource::Application => "application",
    }
}
