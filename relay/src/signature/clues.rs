//! What can be told without trying anything: from the refusal, the headers and the secrets.

use domain::{
    secret::{SYMMETRIC_PREFIX, Secret},
    signature::{Algorithm, KeyEncoding, SignatureRefusal},
};

use super::{case::SignatureCase, corrections::key_words};

/// How far a clock is off, if that is why.
pub(super) fn skew(case: &SignatureCase, refusal: &SignatureRefusal) -> Option<String> {
    let scheme = case.scheme();
    match refusal {
        SignatureRefusal::Past(seconds) => Some(format!(
            "It was signed {seconds} s before it arrived, and {} s are allowed: the sender's clock is slow, this one is fast \
             (`timedatectl` tells), the request was held up, or it is a replay of an old one.",
            scheme.past_seconds
        )),
        SignatureRefusal::Future(seconds) => Some(format!(
            "It was signed {seconds} s ahead of this clock, and {} s are allowed: set the clocks by NTP (`timedatectl` tells).",
            scheme.future_seconds
        )),
        _ => None,
    }
}

/// What can be told from the request and the secrets alone.
pub(super) fn visible(case: &SignatureCase, refusal: &SignatureRefusal) -> Vec<String> {
    let mut seen = Vec::new();
    let scheme = case.scheme();
    if let SignatureRefusal::Missing(name) = refusal {
        let there: Vec<&str> = case.headers.keys().map(http::HeaderName::as_str).collect();
        seen.push(format!(
            "The profile `{}` needs the header `{name}`. The request has: {}.",
            case.name,
            if there.is_empty() { "none".to_owned() } else { there.join(", ") }
        ));
    }
    if let SignatureRefusal::Doubled(name) = refusal {
        seen.push(format!("`{name}` stands more than once; which one counts would be a guess. A proxy may add its own."));
    }
    if *refusal == SignatureRefusal::NoSecret && scheme.algorithm == Algorithm::Token {
        seen.push(format!("`{}` does not sign: what it knows is the token in its URL.", case.name));
    } else if *refusal == SignatureRefusal::NoSecret {
        seen.push(format!(
            "No secret given can be a key: the profile `{}` wants {}.",
            case.name,
            key_words(scheme.key)
        ));
    }
    let text = |secret: &Secret| secret.as_str().map(str::to_owned).unwrap_or_default();
    for secret in case.secrets.iter().map(text) {
        if scheme.key == KeyEncoding::Whsec && !secret.trim().starts_with(SYMMETRIC_PREFIX) {
            seen.push("A secret does not begin with `whsec_`.".to_owned());
        }
    }
    seen
}
