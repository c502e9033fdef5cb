//! Checks of a source before it is stored.

use super::options::SourceOptions;
use crate::{
    address::Network,
    id::is_identifier,
    poll::{self, InvalidPolling},
    profile::{CONFIGURABLE, Profile},
    secret::{SYMMETRIC_PREFIX, Secret},
    signature::{Algorithm, KeyEncoding, Scheme},
};

/// Why a source is refused. The message may be shown to the caller.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// The name cannot stand in a URL.
    #[error("a source name is 1 to 64 of A-Z a-z 0-9 - _")]
    Name,
    /// There is no such profile.
    #[error("unknown profile; there are: {known}", known = Profile::names().collect::<Vec<_>>().join(", "))]
    Profile,
    /// There are no secrets or too many.
    #[error("a source needs 1 to {MAX_SECRETS} secrets")]
    SecretCount,
    /// A secret can be guessed, or is not in the profile's encoding.
    #[error("secret {0}: {1}")]
    Secret(usize, &'static str),
    /// `scheme` or `mapping` is set with a profile other than `hmac`.
    #[error("`scheme` and `mapping` can only be set with the profile `hmac`")]
    Fixed,
    /// The tolerance is out of bounds: a wide one would let replays in.
    #[error("tolerance_seconds is 1 to {MAX_TOLERANCE}")]
    Tolerance,
    /// An option is set that the profile has no use for.
    #[error("{0} is of no use with this profile")]
    Useless(&'static str),
    /// The scheme cannot work.
    #[error("{0}")]
    Scheme(&'static str),
    /// A URL is not https.
    #[error("{0} must be an https URL")]
    Url(&'static str),
    /// An entry of the allowed networks is no network.
    #[error("{0:?} is not a network such as 203.0.113.0/24")]
    Network(String),
    /// The rate limit is out of bounds.
    #[error("rate_limit.requests is 1 to 1000 per second or 1 to 60000 per minute")]
    RateLimit,
    /// The settings about polling are refused.
    #[error(transparent)]
    Polling(#[from] InvalidPolling),
    /// The name of the application is no identifier.
    #[error("an application is an id (app_…) or a uid of 1 to 256 of A-Z a-z 0-9 - _ .")]
    Application,
}

/// Greatest tolerance of a timestamp, in seconds: an hour. A wider one would let replays in.
pub const MAX_TOLERANCE: u64 = 3600;
/// Most live secrets of one source: each of them may have to be tried for every request.
pub const MAX_SECRETS: usize = 10;
/// Fewest key bytes of a secret, the lower bound of Standard Webhooks.
pub const MIN_SECRET: usize = 24;

/// Checks a source before it is stored, and returns the profile with the options in it.
///
/// # Errors
/// If a part of the source is refused.
pub fn validate(
    name: &str,
    profile: &str,
    secrets: &[Secret],
    application: &str,
    options: &SourceOptions,
) -> Result<Profile, InvalidSource> {
    if name.contains('.') || !is_identifier(name, 64) {
        return Err(InvalidSource::Name);
    }
    let Some(known) = options.profile(profile) else {
        return Err(InvalidSource::Profile);
    };
    if profile != CONFIGURABLE && (options.scheme.is_some() || options.mapping.is_some()) {
        return Err(InvalidSource::Fixed);
    }
    if options.tolerance_seconds.is_some_and(|seconds| !(1..=MAX_TOLERANCE).contains(&seconds)) {
        return Err(InvalidSource::Tolerance);
    }
    validate_options(&known, options)?;
    if !is_identifier(application, 256) {
        return Err(InvalidSource::Application);
    }
    // Keys that are published, and tokens that belong to one job, are not the source's own.
    let needless = known.jwks.is_some() || known.scheme.algorithm == Algorithm::Token;
    if (secrets.is_empty() && !needless) || MAX_SECRETS < secrets.len() {
        return Err(InvalidSource::SecretCount);
    }
    for (index, secret) in secrets.iter().enumerate() {
        let judged = known.schemes().map(|scheme| judge_secret(scheme, secret));
        let best = judged.reduce(|one, other| one.or_else(|problem| other.map_err(|_| problem)));
        best.unwrap_or(Ok(())).map_err(|problem| InvalidSource::Secret(index, problem))?;
    }
    poll::validate(options, known.scheme.algorithm == Algorithm::Token)?;
    Ok(known)
}

fn validate_options(known: &Profile, options: &SourceOptions) -> Result<(), InvalidSource> {
    if let Some(problem) = options.scheme.as_ref().and_then(Scheme::problem) {
        return Err(InvalidSource::Scheme(problem));
    }
    let https = |url: &str| {
        let parsed = url::Url::parse(url);
        url.len() <= 2048 && parsed.is_ok_and(|url| url.has_host() && url.scheme() == "https")
    };
    // Loopback is http, and the rule for outbound calls judges it when it is called.
    let local = |url: &str| url.starts_with("http://127.0.0.1:");
    if let Some(url) = &options.jwks_url {
        if known.scheme.algorithm != Algorithm::Ed25519 {
            return Err(InvalidSource::Useless("jwks_url"));
        }
        if !https(url) && !local(url) {
            return Err(InvalidSource::Url("jwks_url"));
        }
    }
    if let Some(url) = &options.public_url {
        if !known.schemes().any(Scheme::signs_url) {
            return Err(InvalidSource::Useless("public_url"));
        }
        if (!https(url) && !local(url)) || url.contains(['?', '#']) {
            return Err(InvalidSource::Url("public_url"));
        }
    }
    if let Some(bad) = options.allowed_networks.iter().find(|text| Network::parse(text).is_err()) {
        return Err(InvalidSource::Network(bad.chars().take(64).collect()));
    }
    match options.rate_limit {
        Some(limit) if !limit.is_possible() => Err(InvalidSource::RateLimit),
        _ => Ok(()),
    }
}

fn judge_secret(scheme: &Scheme, secret: &Secret) -> Result<(), &'static str> {
    let text = secret.as_str().unwrap_or_default();
    if text.trim() != text {
        return Err("has white space around it");
    }
    let encoding = scheme.key;
    let Some(length) = encoding.decode(secret).map(|key| key.expose().len()) else {
        return Err(match encoding {
            KeyEncoding::Whsec if !text.starts_with(SYMMETRIC_PREFIX) => "must begin with whsec_",
            KeyEncoding::Whsec | KeyEncoding::Base64 => "is not valid base64",
            KeyEncoding::Base64Url => "is not valid base64url without padding",
            KeyEncoding::Hex => "is not hexadecimal",
            KeyEncoding::Raw => "cannot be read",
        });
    };
    if scheme.algorithm == Algorithm::Ed25519 && length != 32 {
        return Err("is not a public key of 32 bytes");
    }
    if scheme.algorithm == Algorithm::Token && !is_identifier(text, 256) {
        return Err("cannot stand in a path: a token is of A-Z a-z 0-9 - _ .");
    }
    if length < MIN_SECRET {
        return Err("is shorter than 24 bytes");
    }
    if 512 < length {
        return Err("is longer than 512 bytes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Mapping;

    #[test]
    fn a_source_without_a_usable_secret_is_refused() {
        let check = |profile: &str, secret: &str| {
            validate("s", profile, &[Secret::new(secret)], "default", &SourceOptions::default())
                .err()
        };
        assert_eq!(check("modal-omtx", "0123456789abcdef01234567"), None);
        let short = Some(InvalidSource::Secret(0, "is shorter than 24 bytes"));
        assert_eq!(check("modal-omtx", "default-dev-secret"), short);
        assert_eq!(check("modal-omtx", ""), short);
        let prefix = Some(InvalidSource::Secret(0, "must begin with whsec_"));
        assert_eq!(check("standard", "0123456789abcdef01234567"), prefix);
        let space = Some(InvalidSource::Secret(0, "has white space around it"));
        assert_eq!(check("github", "0123456789abcdef01234567\n"), space);
        let none = validate("s", "github", &[], "default", &SourceOptions::default()).err();
        assert_eq!(none, Some(InvalidSource::SecretCount));
    }

    #[test]
    fn names_and_choices_are_checked() {
        let secrets = [Secret::new(*b"0123456789abcdef01234567")];
        let check = |name: &str, profile: &str, options: &SourceOptions| {
            validate(name, profile, &secrets, "default", options).err()
        };
        let plain = SourceOptions::default();
        for bad in ["", "a.b", "a b", "a/b", &"a".repeat(300)] {
            assert_eq!(check(bad, "github", &plain), Some(InvalidSource::Name), "{bad}");
        }
        assert!(matches!(check("s", "gitlab", &plain), Some(InvalidSource::Profile)));
        let mapping =
            SourceOptions { mapping: Some(Mapping::default()), ..SourceOptions::default() };
        assert_eq!(check("s", "github", &mapping), Some(InvalidSource::Fixed));
        assert_eq!(check("s", "hmac", &mapping), None);
        let wide = SourceOptions { tolerance_seconds: Some(86_400), ..SourceOptions::default() };
        assert_eq!(check("s", "modal-omtx", &wide), Some(InvalidSource::Tolerance));
    }

    #[test]
    fn options_are_checked_against_the_profile() {
        let secret = [Secret::new(*b"0123456789abcdef01234567")];
        let check = |profile: &str, secrets: &[Secret], options: serde_json::Value| {
            let options: SourceOptions = serde_json::from_value(options).expect("options");
            validate("s", profile, secrets, "default", &options).err()
        };
        let json = |text: &str| serde_json::from_str(text).expect("JSON");
        let none = || json("{}");
        assert_eq!(check("fal", &[], none()), None, "its keys are published");
        let asked = json(r#"{"platform":{"kind":"runpod","endpoint_id":"e"}}"#);
        assert_eq!(check("runpod", &[], asked), None, "its tokens may be its jobs'");
        let unsigned = Some(InvalidSource::Polling(InvalidPolling::Unsigned));
        assert_eq!(check("runpod", &[], none()), unsigned, "nobody could confirm what it says");
        let bad = |profile, options| check(profile, &secret, json(options));
        let key = InvalidSource::Secret(0, "is not a public key of 32 bytes");
        assert_eq!(check("fal", &[Secret::new(*b"AAAA")], none()), Some(key));
        let path =
            InvalidSource::Secret(0, "cannot stand in a path: a token is of A-Z a-z 0-9 - _ .");
        assert_eq!(check("cog", &[Secret::new(*b"0123456789/bcdef01234567")], none()), Some(path));
        assert_eq!(
            bad("github", r#"{"jwks_url":"https://x.example/k"}"#),
            Some(InvalidSource::Useless("jwks_url"))
        );
        assert_eq!(
            check("fal", &[], json(r#"{"jwks_url":"http://x.example/k"}"#)),
            Some(InvalidSource::Url("jwks_url"))
        );
        assert_eq!(
            bad("github", r#"{"public_url":"https://x.example"}"#),
            Some(InvalidSource::Useless("public_url"))
        );
        assert_eq!(
            bad("twilio", r#"{"public_url":"https://x.example/a?b"}"#),
            Some(InvalidSource::Url("public_url"))
        );
        assert_eq!(bad("twilio", r#"{"public_url":"https://x.example/a"}"#), None);
        assert_eq!(
            bad("github", r#"{"allowed_networks":["10.0.0.0/8","x"]}"#),
            Some(InvalidSource::Network("x".into()))
        );
        assert_eq!(
            bad("github", r#"{"rate_limit":{"requests":0,"per":"second"}}"#),
            Some(InvalidSource::RateLimit)
        );
        assert_eq!(bad("github", r#"{"rate_limit":{"requests":1,"per":"second"}}"#), None);
        let promised = r#"{"scheme":{"headers":[{"signature":"x-s"}],"formats":["{hex}"],"content":"{timestamp}{body}"}}"#;
        assert!(matches!(bad("hmac", promised), Some(InvalidSource::Scheme(_))));
        // An upgraded sender's secret stands beside the old one.
        let both = [Secret::new(*b"0123456789abcdef01234567"), Secret::symmetric(&[7; 32])];
        assert_eq!(check("modal-omtx", &both, none()), None);
    }

    #[test]
    fn bounds_are_kept_to_the_last_value() {
        let plain = SourceOptions::default();
        let secret = |length: usize| vec![Secret::new("s".repeat(length))];
        let check = |secrets: &[Secret], options: &SourceOptions| {
            validate("s", "github", secrets, "default", options).err()
        };
        for (length, why) in [
            (MIN_SECRET - 1, Some("is shorter than 24 bytes")),
            (MIN_SECRET, None),
            (512, None),
            (513, Some("is longer than 512 bytes")),
        ] {
            let want = why.map(|why| InvalidSource::Secret(0, why));
            assert_eq!(check(&secret(length), &plain), want, "{length}");
        }
        for (count, want) in [
            (0, Some(InvalidSource::SecretCount)),
            (1, None),
            (MAX_SECRETS, None),
            (MAX_SECRETS + 1, Some(InvalidSource::SecretCount)),
        ] {
            assert_eq!(check(&vec![secret(24).remove(0); count], &plain), want, "{count}");
        }
        let tolerance = Some(InvalidSource::Tolerance);
        for (seconds, want) in [(0, &tolerance), (1, &None), (3600, &None), (3601, &tolerance)] {
            let options = SourceOptions { tolerance_seconds: Some(seconds), ..plain.clone() };
            assert_eq!(&check(&secret(24), &options), want, "{seconds}");
        }
        for (application, want) in [("a.b", None), ("a b", Some(InvalidSource::Application))] {
            let refused = validate("s", "github", &secret(24), application, &plain).err();
            assert_eq!(refused, want, "{application}");
        }
    }

    #[test]
    fn the_url_of_a_sender_is_https_or_on_this_machine() {
        let long = format!("https://x.example/{}", "a".repeat(2031));
        for (url, allowed) in [
            ("https://x.example/a", true),
            ("http://127.0.0.1:8080/a", true),
            ("http://x.example/a", false),
            ("ftp://x.example/a", false),
            ("https://", false),
            ("x.example", false),
            (&long[..2048], true),
            (&long, false),
        ] {
            let jwks_url =
                SourceOptions { jwks_url: Some(url.to_owned()), ..SourceOptions::default() };
            let want = (!allowed).then_some(InvalidSource::Url("jwks_url"));
            assert_eq!(validate("s", "fal", &[], "default", &jwks_url).err(), want, "{url:.40}");
            let secrets = [Secret::new(*b"0123456789abcdef01234567")];
            let public_url =
                SourceOptions { public_url: Some(url.to_owned()), ..SourceOptions::default() };
            let want = (!allowed).then_some(InvalidSource::Url("public_url"));
            let refused = validate("s", "twilio", &secrets, "default", &public_url).err();
            assert_eq!(refused, want, "{url:.40}");
        }
    }

    #[test]
    fn a_secret_is_in_the_encoding_of_its_profile() {
        let check = |profile: &str, options: &str, secret: &str| {
            let options = serde_json::from_str(options).expect("options");
            match validate("s", profile, &[Secret::new(secret)], "default", &options).err() {
                Some(InvalidSource::Secret(0, why)) => Some(why),
                None => None,
                Some(other) => panic!("{other}"),
            }
        };
        let scheme = |key: &str| {
            format!(
                r#"{{"scheme":{{"headers":[{{"signature":"x-s"}}],"formats":["{{hex}}"],"key":"{key}"}}}}"#
            )
        };
        let base64 = Some("is not valid base64");
        let asked = r#"{"platform":{"kind":"runpod","endpoint_id":"e"}}"#;
        for (profile, options, secret, why) in [
            ("standard", "{}", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", None),
            ("standard", "{}", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY", base64),
            ("standard", "{}", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", Some("must begin with whsec_")),
            ("hmac", &scheme("base64"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", None),
            ("hmac", &scheme("base64"), "-", base64),
            ("hmac", &scheme("hex"), "0123", Some("is shorter than 24 bytes")),
            ("hmac", &scheme("hex"), "xyz", Some("is not hexadecimal")),
            ("hmac", &scheme("base64url"), "=", Some("is not valid base64url without padding")),
            ("fal", "{}", "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg", None),
            ("runpod", asked, "a-path-token_of.24-characters", None),
        ] {
            assert_eq!(check(profile, options, secret), why, "{profile} {options} {secret}");
        }
    }
}
