//! Templates of signatures, and every profile's own signature.

use domain::{
    profile::Profile,
    secret::Secret,
    signature::{Algorithm, Content, Format, KeyEncoding, MessageToSign, SignedRequest},
    time::Timestamp,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use crate::config;

/// Templates of content: names, literal text, and braces that mean nothing.
fn template() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "{id}",
            "{timestamp}",
            "{nonce}",
            "{url}",
            "{body}",
            "{sha256:body}",
            "{base64:body}",
            "{form}",
            "{",
            "}",
            "{unknown}",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// A secret in the encoding of a scheme, of 32 bytes.
fn secret(encoding: KeyEncoding, bytes: &[u8; 32]) -> Option<Secret> {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    Some(match encoding {
        KeyEncoding::Raw => Secret::new(hex::encode(bytes)),
        KeyEncoding::Whsec => Secret::symmetric(bytes),
        KeyEncoding::Base64 => Secret::new(STANDARD.encode(bytes)),
        KeyEncoding::Base64Url => Secret::new(URL_SAFE_NO_PAD.encode(bytes)),
        KeyEncoding::Hex => Secret::new(hex::encode(bytes)),
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_template_is_kept_as_it_was_given(text in template()) {
        if let Ok(content) = Content::try_from(text.clone()) {
            prop_assert_eq!(String::from(content.clone()), text.clone());
            let stored = serde_json::to_string(&content).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Content>(&stored).expect("ours"), content);
        }
        for text in [format!("{text}{{hex}}"), format!("{text}{{base64}}")] {
            let format = Format::try_from(text.clone()).expect("a spelling");
            prop_assert_eq!(format.is_hex(), text.ends_with("{hex}"));
            prop_assert_eq!(String::from(format), text);
        }
    }

    #[test]
    fn key_bytes_are_read_as_they_are_spelled(bytes in any::<[u8; 32]>()) {
        for encoding in
            [KeyEncoding::Whsec, KeyEncoding::Base64, KeyEncoding::Base64Url, KeyEncoding::Hex]
        {
            let spelled = secret(encoding, &bytes).expect("one");
            prop_assert_eq!(encoding.decode(&spelled), Some(Secret::new(bytes)));
        }
    }

    #[test]
    fn what_a_profile_signs_it_accepts_and_nothing_else(
        key in any::<[u8; 32]>(),
        id in "[A-Za-z0-9_-]{1,40}",
        at in 1_000_000_000..4_000_000_000u64,
        body in any::<Vec<u8>>(),
        at_byte in any::<prop::sample::Index>(),
    ) {
        let now = Timestamp::from_secs(at);
        for name in Profile::names() {
            let profile = Profile::named(name).expect("listed");
            for scheme in profile.schemes() {
                let keyed = matches!(scheme.algorithm, Algorithm::HmacSha256 | Algorithm::HmacSha1);
                if !keyed || scheme.timestamp_path.is_some() || scheme.headers.is_empty() {
                    continue;
                }
                let url = scheme.signs_url().then_some("https://relay.example/in/s");
                let secret = secret(scheme.key, &key).expect("one");
                let message =
                    MessageToSign { id: Some(&id), at: Some(now), nonce: Some("n1"), url, body: &body };
                let Some(headers) = scheme.headers([&secret], &message) else {
                    return Err(TestCaseError::fail(format!("{name} does not sign")));
                };
                let pair = |(name, value): &(String, String)| {
                    Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
                };
                let headers: HeaderMap = headers.iter().filter_map(pair).collect();
                let judge = |body: &[u8]| {
                    let request = SignedRequest { headers: &headers, body, url, token: None };
                    scheme.judge(std::slice::from_ref(&secret), &request, now)
                };
                let judged = judge(&body);
                prop_assert!(judged.is_ok(), "{}: {:?}", name, judged);
                if !body.is_empty() && !scheme.signs_url() {
                    let mut other = body.clone();
                    other[at_byte.index(body.len())] ^= 1;
                    prop_assert!(judge(&other).is_err(), "{}", name);
                }
            }
        }
    }
}
