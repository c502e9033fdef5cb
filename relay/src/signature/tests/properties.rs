//! Properties: headers are read as they were written, and every profile verifies what it signs.

use domain::signature::KeyEncoding;
use http::{HeaderName, HeaderValue};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value};

use super::*;

/// Names and values that a log line can hold. Neither begins with the marks of `curl -v`, and no value
/// begins or ends with white space, which HTTP strips.
fn header_lines() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = "[a-z][a-z0-9_-]{0,15}";
    let value = "[!-~]([ -~]{0,30}[!-~])?( HTTP/1[.]1)?";
    vec((name, value), 1..8)
}

fn map(lines: &[(String, String)]) -> HeaderMap {
    let parsed = |(name, value): &(String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().map(parsed) {
        headers.append(name, value);
    }
    headers
}

/// The value that a sender of the profile signs with; `None` if the profile does not sign with a secret,
/// or signs a timestamp that is in the body.
fn secret_of(profile: &Profile) -> Option<&'static str> {
    let scheme = &profile.scheme;
    let signs = !scheme.headers.is_empty() && scheme.timestamp_path.is_none();
    match scheme.key {
        KeyEncoding::Whsec if signs => Some(WHSEC),
        KeyEncoding::Raw if signs => Some(RAW),
        _ => None,
    }
}

proptest! {
    #[test]
    fn lines_are_read_as_they_were_written(lines in header_lines(), curl in any::<bool>()) {
        let mark = if curl { "> " } else { "" };
        let text: String =
            lines.iter().map(|(name, value)| format!("{mark}{name}: {value}\r\n")).collect();
        prop_assert_eq!(headers::read(&[text]).expect("headers"), map(&lines));
        let apart: Vec<_> = lines.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        prop_assert_eq!(headers::read(&apart).expect("headers"), map(&lines));
    }

    #[test]
    fn json_is_read_as_it_was_written(lines in header_lines()) {
        let mut object = Map::new();
        for (name, value) in &lines {
            let list = object.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut().expect("a list").push(value.clone().into());
        }
        let text = Value::Object(object).to_string();
        prop_assert_eq!(headers::read(&[text]).expect("headers"), map(&lines));
    }

    #[test]
    fn no_text_makes_the_parser_panic(pieces in vec(any::<String>(), 0..4)) {
        let readable = pieces.into_iter().filter(|piece| !piece.starts_with('@'));
        let _ = headers::read(&readable.collect::<Vec<_>>());
    }

    #[test]
    fn every_profile_verifies_what_it_signs(body in vec(any::<u8>(), 0..200), at in 0..4_000_000_000_u64) {
        for name in Profile::names() {
            let profile = Profile::named(name).expect("listed").clone();
            let Some(secret) = secret_of(&profile).map(Secret::new) else { continue };
            let now = Timestamp::from_secs(at);
            let url = "https://relay.example/in/x";
            let message =
                MessageToSign { id: Some("msg_1"), at: Some(now), nonce: Some("n"), url: Some(url), body: &body };
            let signed = profile.scheme.headers([&secret], &message).expect("signed");
            let lines: Vec<_> = signed.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let case = SignatureCase {
                name: name.to_owned(),
                profile,
                secrets: vec![secret],
                headers: headers::read(&lines).expect("headers"),
                body: body.clone(),
                url: Some(url.to_owned()),
                now,
            };
            prop_assert!(case.holds(), "{name}: {lines:?}");
        }
    }
}
