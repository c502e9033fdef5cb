//! Handshakes: challenges by which a sender checks the URL of a source before it sends anything else.
//!
//! A profile whose `reply` has `handshake` belongs to such a sender. The challenge is signed as every other
//! request of the sender, and becomes an event as they do.

use std::time::Duration;

use super::{AcceptedRequest, Gate, Source};
use crate::time::Timestamp;

/// Time for which one note of an answered challenge stands for all: a sender that sends a challenge a
/// second causes one write a minute.
pub const HANDSHAKE_NOTED_EVERY: Duration = Duration::from_secs(60);

/// How far the handshake of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Senders of this profile send no challenge.
    NoneNeeded,
    /// No challenge was answered yet.
    Waiting,
    /// A challenge was answered, at this time for the last time.
    Answered(Timestamp),
}

impl Handshake {
    /// The word for it in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoneNeeded => "none_needed",
            Self::Waiting => "waiting",
            Self::Answered(_) => "answered",
        }
    }

    /// The time of the last answer.
    pub const fn answered_at(self) -> Option<Timestamp> {
        match self {
            Self::Answered(at) => Some(at),
            Self::NoneNeeded | Self::Waiting => None,
        }
    }
}

impl Source {
    /// How far the handshake of the source is.
    pub fn handshake(&self) -> Handshake {
        if !self.effective().is_some_and(|profile| profile.reply.handshake) {
            return Handshake::NoneNeeded;
        }
        self.handshake_at.map_or(Handshake::Waiting, Handshake::Answered)
    }
}

impl Gate {
    /// Whether a request that was accepted is a challenge whose answer is to be noted.
    pub fn notes_handshake(&self, accepted: &AcceptedRequest, now: Timestamp) -> bool {
        let is_old = |noted: Timestamp| HANDSHAKE_NOTED_EVERY <= now.since(noted);
        self.profile.reply.handshake
            && accepted.echo.is_some()
            && self.handshake_at.is_none_or(is_old)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::{
        id::{ApplicationId, SourceId},
        profile::Profile,
        signature::Verification,
        source::SourceOptions,
    };

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const CHALLENGE: &[u8] = br#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#;

    fn source(profile: &str, handshake_at: Option<Timestamp>) -> Source {
        let acme = ApplicationId::named("acme");
        Source { handshake_at, ..Source::new(SourceId::derive(&["s"]), "s", profile, acme, NOW) }
    }

    /// Whether the answer to a body is noted by a gate that knows of this handshake.
    fn notes(profile: &str, handshake_at: Option<Timestamp>, body: &[u8]) -> bool {
        let source = source(profile, handshake_at);
        let gate = Gate {
            profile: Profile::named(profile).expect("listed").clone(),
            id: source.id,
            name: source.name,
            profile_name: source.profile,
            options: SourceOptions::default(),
            secrets: Vec::new(),
            secrets_since: Vec::new(),
            proof: None,
            application: source.application,
            locked: false,
            handshake_at,
        };
        let verified = Verification::default();
        let accepted = gate.accept(&gate.tenure(), verified, &HeaderMap::new(), body);
        gate.notes_handshake(&accepted.expect("readable"), NOW)
    }

    #[test]
    fn a_handshake_is_as_far_as_the_profile_and_the_last_answer_say() {
        let of = |profile, at| source(profile, at).handshake();
        assert_eq!(of("slack", None), Handshake::Waiting);
        assert_eq!(of("slack", Some(NOW)), Handshake::Answered(NOW));
        let shown = [of("slack", Some(NOW)), of("slack", None), of("github", None)];
        let shown = shown.map(|handshake| (handshake.word(), handshake.answered_at()));
        assert_eq!(shown, [("answered", Some(NOW)), ("waiting", None), ("none_needed", None)]);
        // What is left of another profile says nothing.
        for profile in Profile::names().filter(|name| *name != "slack") {
            assert_eq!(of(profile, Some(NOW)), Handshake::NoneNeeded, "{profile}");
        }
    }

    #[test]
    fn an_answered_challenge_is_noted_once_in_a_minute_and_no_other_request_is() {
        assert!(notes("slack", None, CHALLENGE));
        assert!(!notes("slack", Some(NOW), CHALLENGE));
        assert!(!notes("slack", Some(NOW.minus(Duration::from_secs(59))), CHALLENGE));
        assert!(notes("slack", Some(NOW.minus(HANDSHAKE_NOTED_EVERY)), CHALLENGE));
        assert!(!notes("slack", None, br#"{"type":"event_callback","event_id":"Ev1"}"#));
        // This profile repeats a value of each request, and none of them is a challenge.
        assert!(!notes("modal-omtx", None, br#"{"call_id":"c","status":"success"}"#));
    }
}
