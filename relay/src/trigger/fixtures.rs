//! The requests that `relay trigger` can send: those of `events/senders/<profile>.json` that have the
//! name of an event. The domain's tests verify each of them as a known answer.

use std::collections::BTreeMap;

use domain::{profile::Profile, spelling};
use serde::Deserialize;

/// A request of a sender, as its file holds it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Fixture {
    /// The name of the event; known answers that no command sends have none.
    #[serde(default)]
    pub(super) event: String,
    /// A description of the event for people.
    #[serde(default)]
    pub(super) about: String,
    /// The headers, with those of the signature.
    pub(super) headers: BTreeMap<String, String>,
    /// The body, to the byte.
    pub(super) body: String,
    /// The texts in headers and body that are other ones in each request, such as ids.
    #[serde(default)]
    pub(super) fresh: Vec<String>,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../events/senders/", $name)))),*]
    };
}

/// The text of all files, by name.
const FILES: &[(&str, &str)] = &files![
    "baseten.json",
    "batch.json",
    "beam-task.json",
    "beam-workspace.json",
    "cog.json",
    "fal.json",
    "github.json",
    "hmac.json",
    "hokusai-deltaone.json",
    "hokusai-prefixed.json",
    "hokusai.json",
    "modal-mesh.json",
    "modal-omtx.json",
    "modal.json",
    "omtx-out.json",
    "openai.json",
    "replicate.json",
    "runpod.json",
    "shopify.json",
    "slack.json",
    "standard.json",
    "stripe.json",
    "svix.json",
    "twilio.json",
    "wepp.json",
];

/// The reason why a name leads to no fixture.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnknownFixture {
    /// There is no such profile.
    #[error("there is no profile {0:?}; `relay trigger --list` lists them")]
    Profile(String),
    /// There is no such profile, and one of nearly that name.
    #[error("there is no profile {0:?}; did you mean {1}?")]
    NearProfile(String, String),
    /// The profile has no such event.
    #[error("the profile {profile} has no event {event:?}; its events are: {known}")]
    Event {
        /// The name of the profile.
        profile: String,
        /// The event that was asked for.
        event: String,
        /// The names of the profile's events.
        known: String,
    },
}

impl Fixture {
    /// Whether the body is a form.
    pub(super) fn is_form(&self) -> bool {
        !self.body.trim_start().starts_with(['{', '['])
    }
}

/// The fixtures of a profile; none if there is no such profile.
pub(super) fn of(profile: &str) -> Vec<Fixture> {
    let file = FILES.iter().find(|(name, _)| name.strip_suffix(".json") == Some(profile));
    let read = |text: &str| -> Vec<Fixture> {
        serde_json::from_str(text).expect("fixtures are part of the build")
    };
    let mut found = file.map(|(_, text)| read(text)).unwrap_or_default();
    found.retain(|fixture| !fixture.event.is_empty());
    found
}

/// The profile and the fixture that `profile` or `profile:event` names. Without an event, the first
/// one of the profile.
///
/// # Errors
/// [`UnknownFixture`] if there is no such profile or event.
pub(super) fn named(what: &str) -> Result<(&'static str, Fixture), UnknownFixture> {
    let (wanted, event) = match what.split_once(':') {
        Some((profile, event)) => (profile, Some(event)),
        None => (what, None),
    };
    let names: Vec<&'static str> = Profile::names().collect();
    let Some(profile) = names.iter().copied().find(|name| *name == wanted) else {
        return Err(match spelling::nearest(wanted, &names) {
            Some(near) => UnknownFixture::NearProfile(wanted.to_owned(), near.to_owned()),
            None => UnknownFixture::Profile(wanted.to_owned()),
        });
    };
    let fixtures = of(profile);
    let known: Vec<_> = fixtures.iter().map(|fixture| fixture.event.clone()).collect();
    let mut fixtures = fixtures.into_iter();
    let found = match event {
        Some(event) => fixtures.find(|fixture| fixture.event == event),
        None => fixtures.next(),
    };
    found.map(|fixture| (profile, fixture)).ok_or_else(|| UnknownFixture::Event {
        profile: profile.to_owned(),
        event: event.unwrap_or_default().to_owned(),
        known: known.join(", "),
    })
}
