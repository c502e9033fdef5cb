//! Explanations that need no corrections: from the refusal, the headers and the secrets alone.

use domain::{
    secret::{SYMMETRIC_PREFIX, Secret},
    signature::{Algorithm, KeyEncoding, SignatureRefusal},
};

use super::{case::SignatureCase, corrections::key_words};

/// The clock difference, if the refusal is about the timestamp.
pub(super) fn skew(case: &SignatureCase, refusal: &SignatureRefusal) -> Option<String> {
    let scheme = case.scheme();
    match refusal {
        SignatureRefusal::Past(seconds) => Some(format!(
            "The request was signed {seconds} s before it arrived; {} s are allowed. Either the sender's clock is slow or \
             this one is fast (see `timedatectl`), or the request was delayed, or an old request was replayed.",
            scheme.past_seconds
        )),
        SignatureRefusal::Future(seconds) => Some(format!(
            "The request was signed {seconds} s ahead of this clock; {} s are allowed. Synchronise the clocks by NTP (see \
             `timedatectl`).",
            scheme.future_seconds
        )),
        _ => None,
    }
}

/// Mistakes that are visible in the request and the secrets.
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
        seen.push(format!("The header `{name}` occurs more than once, so that the right one is unknown. A proxy may have added one."));
    }
    if *refusal == SignatureRefusal::NoSecret && scheme.algorithm == Algorithm::Token {
        seen.push(format!(
            "The profile `{}` does not sign; the token in the URL authenticates the sender.",
            case.name
        ));
    } else if *refusal == SignatureRefusal::NoSecret {
        seen.push(format!(
            "No given secret makes a key: the key of the profile `{}` is {}.",
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
