//! A request of a sender, signed by the source's secret, or spoilt on purpose.

use std::time::Duration;

use clap::ValueEnum;
use domain::{
    profile::Profile,
    secret::Secret,
    signature::{Algorithm, HeaderNames, MessageToSign, Scheme},
    time::Timestamp,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    edit::{self, Change, EditError},
    fixtures::Fixture,
    fresh::Renewal,
};

/// The part of a request that is wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Spoilt {
    /// A signature, or path token, that no secret of the source makes.
    Signature,
    /// A time of signing that is too old.
    Timestamp,
    /// A body that was changed after it was signed.
    Body,
}

impl Spoilt {
    /// The fault in words.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Timestamp => "timestamp",
            Self::Body => "body",
        }
    }
}

/// The reason why a request cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// The body cannot be changed as asked.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The secret cannot sign for the profile.
    #[error(
        "the secret is not in the form that the profile {0} signs with; see `relay sign --help`"
    )]
    Secret(String),
    /// The profile's requests have no such part.
    #[error("--bad {1} is of no use: {2} of the profile {0}")]
    NoSuchPart(String, &'static str, &'static str),
}

/// The address and the key with which requests are made.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// The name of the profile.
    pub(super) name: String,
    /// The profile with the source's options.
    pub(super) profile: Profile,
    /// The secret to sign with, or the path token.
    pub(super) secret: Secret,
    /// The URL of the source.
    pub(super) url: String,
    /// The URL that is signed, if the source has a public one of its own.
    pub(super) public_url: Option<String>,
}

/// A request that is ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct SenderRequest {
    /// The URL, with the path token of a sender that has one.
    pub(super) url: String,
    /// The headers, in the order in which they are shown.
    pub(super) headers: Vec<(String, String)>,
    /// The body, to the byte.
    pub(super) body: String,
}

/// Time beyond the profile's tolerance by which a spoilt timestamp is too old.
const TOO_OLD: Duration = Duration::from_secs(300);

impl Route {
    /// A request of a fixture, with fresh ids and the changes made, signed at `now`.
    ///
    /// # Errors
    /// [`RequestError`] if the body cannot be changed, the secret cannot sign, or the profile has no
    /// such part to spoil.
    pub(super) fn request(
        &self,
        fixture: &Fixture,
        changes: &[Change],
        by_hand: bool,
        spoilt: Option<Spoilt>,
        now: Timestamp,
    ) -> Result<SenderRequest, RequestError> {
        let scheme = &self.profile.scheme;
        self.must_have(spoilt)?;
        let at = match spoilt {
            Some(Spoilt::Timestamp) => earlier(now, scheme.past_seconds),
            _ => now,
        };
        let renewal = Renewal::of(fixture, at);
        let mut body = edit::apply(&renewal.apply(&fixture.body), fixture.is_form(), changes)?;
        if by_hand {
            body = edit::by_hand(&body)?;
        }
        let form = ["application/json", "application/x-www-form-urlencoded"];
        let mut headers =
            vec![("content-type".to_owned(), form[usize::from(fixture.is_form())].to_owned())];
        let beside = fixture.headers.iter().filter(|(name, _)| !self.signs(name));
        headers.extend(beside.map(|(name, value)| (name.clone(), renewal.apply(value))));
        let mut url = self.url.clone();
        if scheme.algorithm == Algorithm::Token {
            let token = self.secret.as_str().unwrap_or_default();
            let other = format!("{token}0");
            let token = if spoilt.is_some() { other.as_str() } else { token };
            url = format!("{url}/{token}");
        } else {
            let mut signed = self.signed(fixture, &renewal, at, &body)?;
            if spoilt == Some(Spoilt::Signature)
                && let Some((_, value)) = signed.first_mut()
            {
                *value = another(value);
            }
            headers.extend(signed);
        }
        if spoilt == Some(Spoilt::Body) {
            body.push_str(if fixture.is_form() { "&changed=1" } else { " " });
        }
        Ok(SenderRequest { url, headers, body })
    }

    /// The headers of the signature.
    fn signed(
        &self,
        fixture: &Fixture,
        renewal: &Renewal,
        at: Timestamp,
        body: &str,
    ) -> Result<Vec<(String, String)>, RequestError> {
        let scheme = &self.profile.scheme;
        let made = format!("msg_{}", adapters::random::token());
        let value = |pick: fn(&HeaderNames) -> &Option<String>| {
            let name = scheme.headers.first().and_then(|names| pick(names).as_ref());
            let known = name.and_then(|name| fixture.headers.get(name));
            known.map_or_else(|| made.clone(), |value| renewal.apply(value))
        };
        let (id, nonce) = (value(|names| &names.id), value(|names| &names.nonce));
        let message = MessageToSign {
            id: Some(&id),
            at: Some(at),
            nonce: Some(&nonce),
            url: Some(self.public_url.as_deref().unwrap_or(&self.url)),
            body: body.as_bytes(),
        };
        let signed = scheme.headers([&self.secret], &message);
        signed.ok_or_else(|| RequestError::Secret(self.name.clone()))
    }

    /// Whether a header is one of the profile's signatures, ids or times.
    fn signs(&self, header: &str) -> bool {
        let mut names = self.profile.schemes().flat_map(|scheme| &scheme.headers);
        names.any(|names| names.all().any(|name| name == header))
    }

    /// Refuses to spoil a part that the profile's requests do not have.
    fn must_have(&self, spoilt: Option<Spoilt>) -> Result<(), RequestError> {
        let scheme = &self.profile.scheme;
        let why = match spoilt {
            Some(Spoilt::Timestamp) if !is_timed(scheme) => "no time is judged in requests",
            Some(Spoilt::Body) if scheme.algorithm == Algorithm::Token => {
                "no signature covers the bodies"
            }
            _ => return Ok(()),
        };
        let part = spoilt.map_or("", Spoilt::word);
        Err(RequestError::NoSuchPart(self.name.clone(), part, why))
    }
}

/// Whether requests of the scheme carry a time that the relay judges.
pub(super) fn is_timed(scheme: &Scheme) -> bool {
    scheme.timestamp_prefix.is_some()
        || scheme.timestamp_path.is_some()
        || scheme.headers.iter().any(|names| names.timestamp.is_some())
}

fn earlier(now: Timestamp, tolerance: u64) -> Timestamp {
    Timestamp::from_secs(now.secs().saturating_sub(tolerance + TOO_OLD.as_secs()))
}

/// A signature of the same shape with another digit in it.
fn another(value: &str) -> String {
    let at = value.len().saturating_sub(10);
    let digit = if value.as_bytes().get(at) == Some(&b'a') { "b" } else { "a" };
    let mut other = value.to_owned();
    other.replace_range(at..at + 1, digit);
    other
}

impl SenderRequest {
    /// The headers as they are sent.
    pub(super) fn map(&self) -> HeaderMap {
        let pair = |(name, value): &(String, String)| {
            let name = name.parse::<HeaderName>().ok()?;
            Some((name, HeaderValue::try_from(value.as_str()).ok()?))
        };
        self.headers.iter().filter_map(pair).collect()
    }

    /// The request as text: request line, headers, an empty line, body.
    pub(super) fn text(&self) -> String {
        let line = |(name, value): &(String, String)| format!("{name}: {value}\n");
        let headers: String = self.headers.iter().map(line).collect();
        format!("POST {}\n{headers}\n{}\n", self.url, self.body)
    }
}

#[cfg(test)]
mod tests {
    use domain::signature::{SignatureRefusal, SignedRequest, token_hash};

    use super::{super::fixtures, *};

    const RAW: &str = "0123456789abcdef0123456789abcdef";
    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    /// The secrets to sign and to verify with.
    fn keys(profile: &Profile) -> (Secret, Secret) {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        use domain::{secret::KeyPair, signature::KeyEncoding};
        let secret = match profile.scheme.key {
            KeyEncoding::Whsec => Secret::symmetric(&[7; 32]),
            KeyEncoding::Base64Url => {
                let seed = Secret::new(URL_SAFE_NO_PAD.encode([7; 32]));
                return (seed, Secret::new(KeyPair::of_seed(&[7; 32]).public().x()));
            }
            _ => Secret::new(RAW),
        };
        match profile.scheme.algorithm {
            Algorithm::Token => (secret, Secret::new(token_hash(RAW))),
            _ => (secret.clone(), secret),
        }
    }

    fn judge(
        profile: &Profile,
        secret: &Secret,
        base: &str,
        request: &SenderRequest,
    ) -> Result<(), SignatureRefusal> {
        let headers = request.map();
        let token = request.url.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        let signed = SignedRequest {
            headers: &headers,
            body: request.body.as_bytes(),
            url: Some(base),
            token,
        };
        profile.judge(std::slice::from_ref(secret), &signed, NOW, false).map(drop)
    }

    #[test]
    fn every_profile_has_fixtures_whose_requests_hold_and_hold_no_more_once_spoilt() {
        let (mut held, mut refused, mut ids) = (0, 0, std::collections::BTreeSet::new());
        for name in Profile::names() {
            let profile = Profile::named(name).expect("listed").clone();
            let (secret, verifies) = keys(&profile);
            let url = format!("https://relay.example/in/{name}");
            let route = Route { name: name.to_owned(), profile, secret, url, public_url: None };
            let known = fixtures::of(name);
            assert!(!known.is_empty(), "{name} has no fixture");
            for fixture in known {
                let what = format!("{name}:{}", fixture.event);
                let make = |spoilt| route.request(&fixture, &[], false, spoilt, NOW);
                let judge =
                    |request: &SenderRequest| judge(&route.profile, &verifies, &route.url, request);
                let right = make(None).expect(&what);
                assert_eq!(judge(&right), Ok(()), "{what}\n{}", right.text());
                assert!(ids.insert(right.body.clone()), "{what} is the same twice");
                let second = make(None).expect(&what).body;
                assert!(ids.insert(second), "{what} is a duplicate of the one before");
                held += 1;
                for spoilt in [Spoilt::Signature, Spoilt::Timestamp, Spoilt::Body] {
                    match make(Some(spoilt)) {
                        Ok(request) => {
                            let judged = judge(&request);
                            assert!(judged.is_err(), "{what} with a bad {}", spoilt.word());
                            if spoilt == Spoilt::Timestamp {
                                let past = matches!(judged, Err(SignatureRefusal::Past(_)));
                                assert!(past, "{what}: {judged:?}");
                            }
                            refused += 1;
                        }
                        Err(why) => assert!(matches!(why, RequestError::NoSuchPart(..)), "{why}"),
                    }
                }
            }
        }
        assert!(45 <= held && 100 < refused, "{held} held, {refused} refused");
    }

    #[test]
    fn every_request_in_the_samples_of_ingest_is_a_fixture() {
        let samples = [
            ("modal-mesh", include_str!("../../../events/ingest/modal-mesh-completion.json")),
            ("modal-omtx", include_str!("../../../events/ingest/modal-omtx-completion.json")),
            ("runpod", include_str!("../../../events/ingest/runpod-completed.json")),
            ("twilio", include_str!("../../../events/ingest/twilio-message-status.json")),
        ];
        for (profile, sample) in samples {
            let sample: serde_json::Value = serde_json::from_str(sample).expect("JSON");
            let known = fixtures::of(profile);
            assert!(known.iter().any(|fixture| sample["body"] == fixture.body), "{profile}");
        }
    }
}
