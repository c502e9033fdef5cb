//! The guide to each profile, for whoever sets up a source: the sender's name, where its settings are,
//! and what its secret is called. What the scheme itself says is put into words here, too.

mod known;

use self::known::GUIDES;
use super::{CONFIGURABLE, Profile};
use crate::signature::{Algorithm, KeyEncoding, Scheme, words};

/// The facts about a sender that its signature scheme does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderGuide {
    /// The name of the profile.
    pub name: &'static str,
    /// The name of the sender, for people.
    pub title: &'static str,
    /// The sender's own word for the secret.
    pub secret: &'static str,
    /// The place where the sender is told the source's URL.
    pub settings: &'static str,
    /// The sender's document on its signatures; `None` for a sender without a public one.
    pub docs_url: Option<&'static str>,
    /// The events of the profile that `relay trigger` sends, the usual one first.
    pub events: &'static [&'static str],
}

/// The form of the secret that a source of a profile needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretNeed {
    /// The form of the secret, described for people.
    pub shape: String,
    /// Whether a source cannot do without a secret.
    pub is_needed: bool,
}

impl SenderGuide {
    /// The guides to all profiles, by name.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        GUIDES.iter()
    }

    /// The profile that the guide is to.
    pub fn profile(&self) -> &'static Profile {
        Profile::named(self.name).expect("each guide is to a profile")
    }

    /// The reason why a request that was captured can be sent again, in one or two sentences; `None` if it
    /// cannot.
    pub fn why_replayable(&self) -> Option<String> {
        let profile = self.profile();
        if profile.is_replay_safe() {
            return None;
        }
        if self.name == CONFIGURABLE {
            let why = "The scheme of a new source does not cover the time. A `scheme` of the source's own \
                       can, with {timestamp} in its content.";
            return Some(why.to_owned());
        }
        if profile.scheme.algorithm == Algorithm::Token {
            let why = "Nothing is signed: whoever knows the token in the URL can send requests. The end of a \
                       job is believed once its platform confirms it.";
            return Some(why.to_owned());
        }
        if profile.is_mixed() {
            let why = "The sender's own signature does not cover the time. Once a source has sent Standard \
                       Webhooks headers, whose signature does, the weaker one is refused.";
            return Some(why.to_owned());
        }
        let why = "The signature does not cover the time, so that a captured request can be sent again. The \
                   same bytes count as a duplicate for as long as their first event is kept.";
        Some(match &profile.mapping.event_type_header {
            Some(name) => format!("{why} The event type in the header {name} is not signed."),
            None => why.to_owned(),
        })
    }

    /// The accepted signatures in words, the usual one first.
    pub fn signatures(&self) -> String {
        let schemes: Vec<String> = self.profile().schemes().map(words::summary).collect();
        schemes.join("; or ")
    }

    /// The secret that a source needs.
    pub fn secret_need(&self) -> SecretNeed {
        let profile = self.profile();
        let mut shapes: Vec<&str> = Vec::new();
        for shape in profile.schemes().map(shape) {
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        let is_token = profile.scheme.algorithm == Algorithm::Token;
        SecretNeed { shape: shapes.join(", or "), is_needed: profile.jwks.is_none() && !is_token }
    }
}

/// The form of the secret of a scheme, in words.
const fn shape(scheme: &Scheme) -> &'static str {
    match (scheme.algorithm, scheme.key) {
        (Algorithm::Token, _) => {
            "24 to 256 of A-Z a-z 0-9 - _ . of your own choice; a registered job has a token of its own"
        }
        (Algorithm::Ed25519, KeyEncoding::Base64Url) => {
            "a public key of 32 bytes in base64url; the sender publishes its keys, so that none is needed"
        }
        (Algorithm::Ed25519, _) => "a public key of 32 bytes",
        (_, KeyEncoding::Whsec) => "whsec_ and base64",
        (_, KeyEncoding::Base64 | KeyEncoding::Base64Url) => "base64 of 24 bytes or more",
        (_, KeyEncoding::Hex) => "48 hexadecimal digits or more",
        (_, KeyEncoding::Raw) => "24 characters or more, as the sender shows it",
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_profile_has_a_guide_with_the_events_that_can_be_triggered() {
        let names: Vec<&str> = SenderGuide::all().map(|guide| guide.name).collect();
        assert_eq!(names, Profile::names().collect::<Vec<_>>());
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/senders");
        for guide in SenderGuide::all() {
            let text = fs::read_to_string(folder.join(format!("{}.json", guide.name)));
            let answers: Vec<Value> = serde_json::from_str(&text.expect("read")).expect("JSON");
            let events = answers.iter().filter_map(|answer| answer["event"].as_str());
            assert_eq!(events.collect::<Vec<_>>(), guide.events, "{}", guide.name);
            let texts = [guide.title, guide.secret, guide.settings];
            assert!(texts.iter().all(|text| !text.is_empty() && text.trim() == *text));
            assert!(guide.docs_url.is_none_or(|url| url.starts_with("https://")));
        }
    }

    #[test]
    fn a_scheme_is_told_in_words() {
        let of = |name: &str| SenderGuide::all().find(|guide| guide.name == name).expect(name);
        for (name, words) in [
            ("github", "HMAC-SHA256 over the body, hex, header x-hub-signature-256"),
            ("shopify", "HMAC-SHA256 over the body, base64, header x-shopify-hmac-sha256"),
            ("stripe", "HMAC-SHA256 over {timestamp}.{body}, hex, header stripe-signature"),
            (
                "baseten",
                "HMAC-SHA256 over the body, in which the time stands, hex, header x-baseten-signature",
            ),
            (
                "standard",
                "HMAC-SHA256 over {id}.{timestamp}.{body}, base64, header webhook-signature or svix-signature",
            ),
            ("runpod", "no signature: a token at the end of the URL"),
            (
                "modal-mesh",
                "HMAC-SHA256 over the body, hex, header x-modal-signature; or HMAC-SHA256 over \
                 {id}.{timestamp}.{body}, base64, header webhook-signature",
            ),
        ] {
            assert_eq!(of(name).signatures(), words);
        }
        assert!(!of("fal").signatures().contains('\n'));
    }

    #[test]
    fn a_profile_that_is_not_replay_safe_says_why() {
        for guide in SenderGuide::all() {
            let why = guide.why_replayable();
            assert_eq!(why.is_none(), guide.profile().is_replay_safe(), "{}", guide.name);
        }
        let github = SenderGuide::all().find(|guide| guide.name == "github").expect("there");
        assert!(github.why_replayable().expect("text").contains("x-github-event"));
    }

    #[test]
    fn a_secret_has_the_form_that_a_source_takes() {
        for (name, shape, is_needed) in [
            ("replicate", "whsec_ and base64", true),
            ("github", "24 characters or more, as the sender shows it", true),
            (
                "modal-omtx",
                "24 characters or more, as the sender shows it, or whsec_ and base64",
                true,
            ),
        ] {
            let guide = SenderGuide::all().find(|guide| guide.name == name).expect(name);
            assert_eq!(guide.secret_need(), SecretNeed { shape: shape.to_owned(), is_needed });
        }
        let needless = SenderGuide::all().filter(|guide| !guide.secret_need().is_needed);
        let needless: Vec<&str> = needless.map(|guide| guide.name).collect();
        assert_eq!(needless, ["cog", "fal", "runpod"]);
    }
}
