//! Explanations that need no corrections: from the refusal, the headers and the secrets alone.

use domain::{
    secret::{SYMMETRIC_PREFIX, Secret},
    signature::{Algorithm, KeyEncoding, SignatureRefusal, words},
};

use super::{case::SignatureCase, corrections::key_words, shape};

/// The clock difference, if the refusal is about the timestamp.
pub(super) fn skew(case: &SignatureCase, refusal: &SignatureRefusal) -> Option<String> {
    words::skew(refusal, case.scheme())
}

/// Mistakes that are visible in the request and the secrets.
pub(super) fn visible(case: &SignatureCase, refusal: &SignatureRefusal) -> Vec<String> {
    let mut seen = Vec::new();
    let scheme = case.scheme();
    if let SignatureRefusal::Missing(name) = refusal {
        let there: Vec<&str> = case.headers.keys().map(http::HeaderName::as_str).collect();
        seen.push(format!(
            "{} The request has: {}.",
            words::needs(&case.name, name),
            if there.is_empty() { "none".to_owned() } else { there.join(", ") }
        ));
    }
    if let SignatureRefusal::Doubled(name) = refusal {
        seen.push(words::doubled(name));
    }
    if let SignatureRefusal::Malformed(name) = refusal {
        seen.extend(malformed(case, name));
    }
    if *refusal == SignatureRefusal::Mismatch {
        seen.extend(beside(case));
    }
    if let SignatureRefusal::Undated(path) = refusal {
        seen.push(undated(case, path));
    }
    if scheme.algorithm == Algorithm::Token {
        seen.push(format!(
            "The profile `{}` does not sign, so that there is nothing to verify: the token in the path, \
             /in/{{source}}/{{token}}, authenticates the sender.",
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

/// The fault of a header that does not follow its grammar.
fn malformed(case: &SignatureCase, name: &str) -> Option<String> {
    let scheme = case.scheme();
    let value = case.headers.get(name)?.to_str().ok().unwrap_or("\u{fffd}");
    let names = scheme.headers.iter().find(|names| names.all().any(|known| known == name))?;
    if names.timestamp.as_deref() == Some(name) {
        let fault = shape::of_time(scheme.timestamp_form, value)?;
        return Some(format!("The header `{name}` {fault}."));
    }
    if names.signature == name {
        let fault = shape::of_signature(scheme, value)?;
        return Some(format!("The header `{name}` holds no signature that can be read: {fault}."));
    }
    if value.is_empty() {
        return Some(format!("The header `{name}` is empty."));
    }
    Some(format!(
        "The header `{name}` is longer than 256 bytes, or contains the character that stands behind it in the signed \
         text (`{}`): another split of that text would carry the same signature.",
        String::from(scheme.content.clone())
    ))
}

/// The signatures that have another shape, in a header of several of which one can be read.
fn beside(case: &SignatureCase) -> Option<String> {
    let scheme = case.scheme();
    let mut there = scheme
        .headers
        .iter()
        .filter_map(|names| Some((names, case.headers.get(&names.signature)?)));
    let (names, value) = there.next()?;
    let fault = shape::of_signature(scheme, value.to_str().ok()?)?;
    Some(format!("Of the header `{}`, {fault}.", names.signature))
}

/// The fault of the time within a signed body.
fn undated(case: &SignatureCase, path: &str) -> String {
    let fields = domain::json::JsonFields::read(&case.body, [path]);
    match fields.map(|fields| fields.text(path)) {
        Err(_) => format!("The body is no JSON object, so that it has no time at `{path}`."),
        Ok(None) => format!(
            "The body has no text or number at `{path}`, where the time of signing is expected."
        ),
        Ok(Some(text)) => match shape::of_time(case.scheme().timestamp_form, &text) {
            Some(fault) => format!("The time of signing in the body, `{path}`, {fault}."),
            None => format!("The time of signing in the body, `{path}`, cannot be used."),
        },
    }
}
