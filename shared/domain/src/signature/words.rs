//! Sentences about signatures that do not hold, which the log of refusals and `relay verify` share, and
//! schemes in words. They hold no value of a header.

use super::{Algorithm, Format, Scheme, SignatureRefusal, TimestampForm};

/// The sentence for a refusal, if the refusal alone says it; `None` if secrets or settings matter.
pub fn of(refusal: &SignatureRefusal, profile: &str, scheme: &Scheme) -> Option<String> {
    Some(match refusal {
        SignatureRefusal::Past(_) | SignatureRefusal::Future(_) => return skew(refusal, scheme),
        SignatureRefusal::Missing(name) => needs(profile, name),
        SignatureRefusal::Doubled(name) => doubled(name),
        SignatureRefusal::Malformed(name) => malformed(name, scheme),
        _ => return None,
    })
}

/// The clock difference, if the refusal is about the time of signing.
pub fn skew(refusal: &SignatureRefusal, scheme: &Scheme) -> Option<String> {
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

/// The sentence for a header that is missing.
pub fn needs(profile: &str, name: &str) -> String {
    format!("The profile `{profile}` needs the header `{name}`.")
}

/// The sentence for a header that occurs more than once.
pub fn doubled(name: &str) -> String {
    format!(
        "The header `{name}` occurs more than once, so that the right one is unknown. A proxy may have added one."
    )
}

/// The sentence for a header that does not follow its grammar.
fn malformed(name: &str, scheme: &Scheme) -> String {
    let names = scheme.headers.iter().find(|names| names.all().any(|known| known == name));
    let Some(names) = names else { return format!("The header `{name}` cannot be read.") };
    if names.timestamp.as_deref() == Some(name) {
        let wanted = time_form(scheme.timestamp_form);
        return format!("The header `{name}` is not {wanted}.");
    }
    if names.signature != name {
        return format!(
            "The header `{name}` is longer than 256 bytes, or contains the character that stands behind \
             it in the signed text."
        );
    }
    let wanted = signature_forms(scheme);
    format!("The header `{name}` holds no signature of the form {wanted}.")
}

/// The form of a time of signing, in words.
pub const fn time_form(form: TimestampForm) -> &'static str {
    match form {
        TimestampForm::Seconds => "seconds since 1970, such as 1700000000",
        TimestampForm::Millis => "milliseconds since 1970, such as 1700000000000",
        TimestampForm::Iso => "a time such as 2023-11-14T22:13:20Z",
    }
}

/// The forms that a signature may have, in words.
pub fn signature_forms(scheme: &Scheme) -> String {
    let bytes = scheme.algorithm.length();
    let form = |format: &Format| {
        let digits = if format.is_hex() { 2 * bytes } else { 4 * bytes.div_ceil(3) };
        let kind = if format.is_hex() { "hexadecimal digits" } else { "characters of base64" };
        match format.prefix() {
            "" => format!("{digits} {kind}"),
            prefix => format!("`{prefix}` and {digits} {kind}"),
        }
    };
    scheme.formats.iter().map(form).collect::<Vec<_>>().join(" or ")
}

/// A scheme in one line: what is signed by which algorithm, and the header in which the signature stands.
pub fn summary(scheme: &Scheme) -> String {
    let algorithm = match scheme.algorithm {
        Algorithm::HmacSha256 => "HMAC-SHA256",
        Algorithm::HmacSha1 => "HMAC-SHA1",
        Algorithm::Ed25519 => "Ed25519",
        Algorithm::Token => return "no signature: a token at the end of the URL".to_owned(),
    };
    let content = String::from(scheme.content.clone());
    let content = match content.as_str() {
        "{body}" if scheme.timestamp_path.is_some() => {
            "the body, in which the time stands".to_owned()
        }
        "{body}" => "the body".to_owned(),
        other => other.replace('\n', "\\n"),
    };
    let digits = match scheme.formats.first() {
        Some(format) if !format.is_hex() => "base64",
        _ => "hex",
    };
    let headers: Vec<&str> = scheme.headers.iter().map(|names| &*names.signature).collect();
    format!("{algorithm} over {content}, {digits}, header {}", headers.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    fn scheme(profile: &str) -> &'static Scheme {
        &Profile::named(profile).expect("known").scheme
    }

    #[test]
    fn a_refusal_that_says_it_all_has_a_sentence() {
        use SignatureRefusal::{Doubled, Future, Malformed, Mismatch, Missing, Past};
        let name = |name: &str| name.to_owned();
        for (refusal, part) in [
            (Past(301), Some("signed 301 s before it arrived; 300 s are allowed")),
            (Future(400), Some("signed 400 s ahead of this clock; 300 s are allowed")),
            (
                Missing(name("webhook-id")),
                Some("The profile `standard` needs the header `webhook-id`."),
            ),
            (Doubled(name("webhook-id")), Some("The header `webhook-id` occurs more than once")),
            (Malformed(name("webhook-id")), Some("`webhook-id` is longer than 256 bytes")),
            (Malformed(name("webhook-timestamp")), Some("is not seconds since 1970")),
            (
                Malformed(name("webhook-signature")),
                Some("no signature of the form `v1,` and 44 characters of base64."),
            ),
            (Malformed(name("x-other")), Some("The header `x-other` cannot be read.")),
            (Mismatch, None),
        ] {
            let said = of(&refusal, "standard", scheme("standard"));
            assert_eq!(said.is_some(), part.is_some(), "{refusal:?}");
            assert!(
                said.as_deref().unwrap_or_default().contains(part.unwrap_or_default()),
                "{said:?}"
            );
        }
        assert_eq!(skew(&Mismatch, scheme("standard")), None);
    }

    #[test]
    fn forms_and_schemes_are_said_in_words() {
        for (profile, forms) in [
            ("github", "`sha256=` and 64 hexadecimal digits"),
            ("hmac", "`sha256=` and 64 hexadecimal digits or 64 hexadecimal digits"),
            ("twilio", "28 characters of base64"),
        ] {
            assert_eq!(signature_forms(scheme(profile)), forms, "{profile}");
        }
        for (profile, line) in [
            ("github", "HMAC-SHA256 over the body, hex, header x-hub-signature-256"),
            ("twilio", "HMAC-SHA1 over {url}{form}, base64, header x-twilio-signature"),
            ("runpod", "no signature: a token at the end of the URL"),
        ] {
            assert_eq!(summary(scheme(profile)), line, "{profile}");
        }
        let dated = Scheme { timestamp_path: Some("at".to_owned()), ..scheme("github").clone() };
        assert!(summary(&dated).contains("over the body, in which the time stands, hex"));
        let forms =
            [TimestampForm::Seconds, TimestampForm::Millis, TimestampForm::Iso].map(time_form);
        for (form, part) in forms.iter().zip(["seconds since", "milliseconds since", "2023-11-14T"])
        {
            assert!(form.contains(part), "{form}");
        }
    }
}
