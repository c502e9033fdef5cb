//! Explanations that need no corrections: from the refusal, the headers and the secrets alone.

use domain::{
    secret::{SYMMETRIC_PREFIX, Secret},
    signature::{Algorithm, Format, KeyEncoding, SignatureRefusal, words},
};

use super::{case::SignatureCase, corrections::key_words};

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

/// The fault of a header that does not follow its grammar.
fn malformed(case: &SignatureCase, name: &str) -> Option<String> {
    let scheme = case.scheme();
    let value = case.headers.get(name)?.to_str().ok().unwrap_or("text that is not ASCII");
    let names = scheme.headers.iter().find(|names| names.all().any(|known| known == name))?;
    if names.timestamp.as_deref() == Some(name) {
        let wanted = words::time_form(scheme.timestamp_form);
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let guess = match value.len() {
            13 if digits => ", and its 13 digits look like milliseconds",
            10 if digits => ", and its 10 digits look like seconds",
            _ => "",
        };
        return Some(format!("The header `{name}` is `{value:.40}`, not {wanted}{guess}."));
    }
    if names.signature != name {
        return Some(format!(
            "The header `{name}` is longer than 256 bytes, or contains the character that stands behind it in the signed \
             text (`{}`): another split of that text would carry the same signature.",
            String::from(scheme.content.clone())
        ));
    }
    let (bytes, forms) = (scheme.algorithm.length(), &scheme.formats);
    let form = |format: &Format| {
        let digits = if format.is_hex() { 2 * bytes } else { 4 * bytes.div_ceil(3) };
        let kind = if format.is_hex() { "hexadecimal digits" } else { "characters of base64" };
        format!("`{}` and {digits} {kind}", format.prefix())
    };
    let wanted: Vec<String> = forms.iter().map(form).collect();
    Some(format!(
        "The header `{name}` holds no signature of the form {}: it has {} characters. It may have been cut off, or be in \
         another form.",
        wanted.join(" or "),
        value.len()
    ))
}
