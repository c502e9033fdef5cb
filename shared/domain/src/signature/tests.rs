//! Vectors, and every way to get a signature wrong.

mod bounds;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::*;
use crate::profile::Profile;

const NOW: Timestamp = Timestamp::from_secs(1_614_265_330);

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/signatures.json")).expect("JSON")
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name = HeaderName::try_from(*name).expect("name");
        (name, HeaderValue::from_bytes(value.as_bytes()).expect("value"))
    };
    let mut map = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        map.append(name, value);
    }
    map
}

fn omtx(pairs: &[(&str, &str)], body: &[u8]) -> Result<Verification, SignatureRefusal> {
    let scheme = &Profile::named("modal-omtx").expect("there").scheme;
    scheme.verify(&[Secret::new(*b"0123456789abcdef0123456789abcdef")], &headers(pairs), body, NOW)
}

/// The right signature of `{}` by the secret above.
fn right() -> String {
    let scheme = &Profile::named("modal-omtx").expect("there").scheme;
    let secret = Secret::new(*b"0123456789abcdef0123456789abcdef");
    sign(scheme, &secret, None, None, b"{}").expect("signs")
}

#[test]
fn the_published_vectors_hold_in_both_directions() {
    for (name, profile) in [("standard-webhooks", "standard"), ("svix", "standard")] {
        let vector = &vectors()[name];
        let text = |field: &str| vector[field].as_str().expect("text").to_owned();
        let at = Timestamp::from_secs(text("timestamp").parse().expect("seconds"));
        let scheme = &Profile::named(profile).expect("there").scheme;
        let secret = Secret::new(text("secret"));
        let signed = sign(scheme, &secret, Some(&text("id")), Some(at), text("body").as_bytes());
        assert_eq!(signed, Some(text("signature")), "{name}");
        for family in ["webhook", "svix"] {
            let headers = headers(&[
                (&format!("{family}-id"), &text("id")),
                (&format!("{family}-timestamp"), &text("timestamp")),
                (&format!("{family}-signature"), &text("signature")),
            ]);
            let secrets = [secret.clone()];
            let verified = scheme.verify(&secrets, &headers, text("body").as_bytes(), at);
            assert_eq!(verified.map(|v| v.id), Ok(Some(text("id"))), "{name} {family}");
        }
    }
    let vector = &vectors()["github"];
    let text = |field: &str| vector[field].as_str().expect("text").to_owned();
    let scheme = &Profile::named("github").expect("there").scheme;
    let headers = headers(&[("x-hub-signature-256", &text("signature"))]);
    let secrets = [Secret::new(text("secret"))];
    assert!(scheme.verify(&secrets, &headers, text("body").as_bytes(), NOW).is_ok());
}

#[test]
fn wycheproof_hmac_sha256_all_174() {
    let file = include_str!("../../tests/vectors/wycheproof/hmac_sha256_test.json");
    let file: Value = serde_json::from_str(file).expect("JSON");
    let content = Content::try_from("{body}".to_owned()).expect("a template");
    let mut tried = 0;
    for group in file["testGroups"].as_array().expect("groups") {
        for case in group["tests"].as_array().expect("tests") {
            let bytes = |field: &str| hex::decode(case[field].as_str().expect("hex")).expect("hex");
            // A truncated tag is a forgery to us, whatever the file thinks of it.
            let valid = case["result"] == "valid" && group["tagSize"] == 256;
            let (key, body) = (bytes("key"), bytes("msg"));
            let signed = SignedParts { body: &body, ..SignedParts::default() };
            let holds = Algorithm::HmacSha256.holds(&key, &content, &signed, &[bytes("tag")]);
            assert_eq!(holds, valid, "{case}");
            tried += 1;
        }
    }
    assert_eq!(tried, 174);
}

#[test]
fn wycheproof_ed25519_all_151() {
    let file = include_str!("../../tests/vectors/wycheproof/ed25519_test.json");
    let file: Value = serde_json::from_str(file).expect("JSON");
    let content = Content::default();
    let mut tried = 0;
    for group in file["testGroups"].as_array().expect("groups") {
        let key = hex::decode(group["publicKey"]["pk"].as_str().expect("hex")).expect("hex");
        for case in group["tests"].as_array().expect("tests") {
            let bytes = |field: &str| hex::decode(case[field].as_str().expect("hex")).expect("hex");
            let body = bytes("msg");
            let signed = SignedParts { body: &body, ..SignedParts::default() };
            let holds = Algorithm::Ed25519.holds(&key, &content, &signed, &[bytes("sig")]);
            assert_eq!(holds, case["result"] == "valid", "{case}");
            tried += 1;
        }
    }
    assert_eq!(tried, 151);
}

#[test]
fn keys_and_signatures_of_small_order_verify_nothing() {
    // The neutral point as key and as R, with s = 0: lenient verification takes it for any message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut tag = vec![0; 64];
    tag[0] = 1;
    let signed = SignedParts { body: b"anything", ..SignedParts::default() };
    assert!(!Algorithm::Ed25519.holds(&neutral, &Content::default(), &signed, &[tag]));
}

#[test]
fn of_a_key_set_the_ed25519_keys_are_taken() {
    let x = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg";
    let other = "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";
    let set = format!(
        r#"{{"keys":[{{"kty":"RSA","n":"x"}},{{"kty":"OKP","crv":"X25519","x":"{other}"}},
            {{"kty":"EC","crv":"Ed25519","x":"{other}"}},
            {{"kty":"OKP","crv":"Ed25519","x":"short"}},{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#
    );
    assert_eq!(key_set(set.as_bytes()), Some(vec![Secret::new(x)]));
    assert_eq!(key_set(br#"{"keys":[]}"#), Some(Vec::new()));
    for bad in [&b""[..], b"<html>", b"[]", b"{}", br#"{"keys":1}"#] {
        assert_eq!(key_set(bad), None);
    }
}

#[test]
fn times_are_read_in_their_one_form() {
    let iso = |text| TimestampForm::Iso.parse(text);
    for text in [
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20.883423Z",
        "2023-11-14T22:13:20+00:00",
        "2023-11-14T23:43:20.5+01:30",
        "2023-11-14T12:13:20-10:00",
        "2023-11-14T22:13:20",
    ] {
        assert_eq!(iso(text), Some(1_700_000_000), "{text}");
    }
    for text in ["", "2023-11-14", "T+", "2023-11-14T22:13:20+1:00", "é-11-14T22:13:20+01:00", "-"]
    {
        assert_eq!(iso(text), None, "{text}");
    }
    assert_eq!(TimestampForm::Millis.parse("1700000000123"), Some(1_700_000_000));
    assert_eq!(TimestampForm::Millis.parse("-1"), None);
    let at = Timestamp(1_700_000_000_123);
    for form in [TimestampForm::Seconds, TimestampForm::Millis, TimestampForm::Iso] {
        assert_eq!(form.parse(&form.print(at)), Some(1_700_000_000));
    }
}

#[test]
fn a_scheme_that_promises_what_no_header_holds_is_found() {
    let check = |text: &str| serde_json::from_str::<Scheme>(text).expect("a scheme").problem();
    let with = |headers: &str, content: &str| {
        check(&format!(r#"{{"headers":[{headers}],"formats":["{{hex}}"],"content":"{content}"}}"#))
    };
    let plain = r#"{"signature":"x-sig"}"#;
    assert_eq!(with(plain, "{body}"), None);
    assert!(with("", "{body}").is_some());
    assert!(with(r#"{"signature":"X-Sig"}"#, "{body}").is_some());
    assert!(with(plain, "{timestamp}.{body}").is_some_and(|why| why.contains("timestamp")));
    assert!(with(plain, "{id}.{body}").is_some());
    assert!(with(plain, "{nonce}.{body}").is_some());
    assert!(with(plain, "{url}{form}").is_some());
    assert!(check(r#"{"headers":[{"signature":"x-sig"}]}"#).is_some());
    assert_eq!(check(r#"{"algorithm":"token"}"#), None);
}

#[test]
fn a_time_inside_the_signature_header_must_be_there_once() {
    let scheme = &Profile::named("stripe").expect("there").scheme;
    let secret = Secret::new(*b"whsec_0123456789abcdef0123456789");
    let message = MessageToSign { at: Some(NOW), body: b"{}", ..MessageToSign::default() };
    let signed = scheme.sign(&secret, &message).expect("signs");
    let verify = |value: &str| {
        let headers = headers(&[("stripe-signature", value)]);
        scheme.verify(std::slice::from_ref(&secret), &headers, b"{}", NOW).map(|v| v.timestamp)
    };
    let at = NOW.secs();
    assert_eq!(verify(&format!("t={at},{signed}")), Ok(Some(at)));
    assert_eq!(verify(&format!("{signed},t={at},v0=00")), Ok(Some(at)), "in any order");
    for bad in [
        signed.clone(),
        format!("t={at},t={at},{signed}"),
        format!("t=,{signed}"),
        format!("t={at}"),
    ] {
        assert_eq!(
            verify(&bad),
            Err(SignatureRefusal::Malformed("stripe-signature".into())),
            "{bad}"
        );
    }
    assert_eq!(verify(&format!("t={},{signed}", at + 1)), Err(SignatureRefusal::Mismatch));
    let whole = scheme.headers([&secret, &secret], &message).expect("signs");
    assert_eq!(whole, [("stripe-signature".to_owned(), format!("t={at},{signed},{signed}"))]);
}

#[test]
fn bad_signature_headers_are_refused_each_for_its_reason() {
    let at = ("x-modal-timestamp", "1614265330");
    let name = "x-modal-signature";
    let malformed = SignatureRefusal::Malformed(name.to_owned());
    let bare = right().replace("sha256=", "");
    for (value, want) in [
        (right(), None),
        (String::new(), Some(malformed.clone())),
        ("sha256=".to_owned(), Some(malformed.clone())),
        (right()[..40].to_owned(), Some(malformed.clone())),
        (bare.clone(), Some(malformed.clone())),
        (right().to_uppercase(), Some(malformed.clone())),
        (format!("{},{}", right(), right()), Some(malformed.clone())),
        (format!("{} {}", right(), right()), Some(malformed.clone())),
        (format!(" {}", right()), Some(malformed.clone())),
        ("sha256=zz".repeat(16), Some(malformed.clone())),
        ("x".repeat(100_000), Some(malformed.clone())),
        ("sha256=é".to_owned(), Some(malformed.clone())),
        (format!("sha256={}", bare.to_uppercase()), Some(malformed)),
        (format!("sha256={}", "0".repeat(64)), Some(SignatureRefusal::Mismatch)),
    ] {
        assert_eq!(omtx(&[at, (name, &value)], b"{}").err(), want, "{value:.80}");
    }
    assert_eq!(omtx(&[at], b"{}"), Err(SignatureRefusal::Missing(name.into())));
    let doubled = omtx(&[at, (name, &right()), (name, &right())], b"{}");
    assert_eq!(doubled, Err(SignatureRefusal::Doubled(name.into())));
    assert_eq!(omtx(&[at, (name, &right())], b"{ }"), Err(SignatureRefusal::Mismatch));
}

#[test]
fn bad_timestamps_are_refused_each_for_its_reason() {
    let name = "x-modal-timestamp";
    let malformed = Some(SignatureRefusal::Malformed(name.to_owned()));
    for (value, want) in [
        ("1614265330", None),
        ("1614265030", None),
        ("1614265029", Some(SignatureRefusal::Past(301))),
        ("1614265630", None),
        ("1614265631", Some(SignatureRefusal::Future(301))),
        ("0", Some(SignatureRefusal::Past(1_614_265_330))),
        ("", malformed.clone()),
        ("+1614265330", malformed.clone()),
        ("-1614265330", malformed.clone()),
        ("01614265330", malformed.clone()),
        ("16142653301614265330", malformed.clone()),
        ("1614265330.5", malformed.clone()),
        ("1614265330 ", malformed.clone()),
        ("0x60379ab2", malformed.clone()),
        ("2021-02-25T15:02:10Z", malformed),
        ("999999999999", Some(SignatureRefusal::Future(998_385_734_669))),
    ] {
        let got = omtx(&[(name, value), ("x-modal-signature", &right())], b"{}").err();
        assert_eq!(got, want, "{value}");
    }
    let missing = omtx(&[("x-modal-signature", &right())], b"{}");
    assert_eq!(missing, Err(SignatureRefusal::Missing(name.into())));
}

#[test]
fn any_live_secret_opens_and_none_refuses() {
    let scheme = &Profile::named("modal-omtx").expect("there").scheme;
    let (old, new) = (Secret::new(*b"old-old-old-old-old-old-old-"), Secret::new(*b"new-new-"));
    let signed = sign(scheme, &new, None, None, b"{}").expect("signs");
    let headers = headers(&[("x-modal-signature", &signed), ("x-modal-timestamp", "1614265330")]);
    let verify = |secrets: &[Secret]| scheme.verify(secrets, &headers, b"{}", NOW);
    assert_eq!(verify(&[old.clone(), new]).map(|v| v.secret), Ok(1));
    assert_eq!(verify(&[old]), Err(SignatureRefusal::Mismatch));
    assert_eq!(verify(&[]), Err(SignatureRefusal::NoSecret));
}

#[test]
fn an_unknown_version_beside_a_known_one_is_skipped() {
    let secret = Secret::symmetric(&[7; 32]);
    let signed = sign_standard([&secret, &Secret::symmetric(&[8; 32])], "msg_1", NOW, b"{}");
    assert_eq!(signed.split(' ').count(), 2);
    let scheme = &Profile::named("standard").expect("there").scheme;
    let verify = |signature: &str| {
        let at = NOW.secs().to_string();
        let headers = headers(&[
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", &at),
            ("webhook-signature", signature),
        ]);
        scheme.verify(std::slice::from_ref(&secret), &headers, b"{}", NOW)
    };
    assert!(verify(&signed).is_ok());
    assert!(verify(&format!("v1a,AAAA v2,zzz {signed}")).is_ok());
    assert!(verify(&vec!["v1,AAAA"; 17].join(" ")).is_err());
}

#[test]
fn a_key_pair_signs_as_svix_does_and_every_live_secret_whatever_its_kind() {
    let vectors = vectors();
    let text = |name: &str| vectors["ed25519"][name].as_str().expect("text");
    let at = Timestamp::from_secs(text("timestamp").parse().expect("seconds"));
    let (pair, shared) = (Secret::new(text("secret")), Secret::symmetric(&[7; 32]));
    let body = text("body").as_bytes();
    let signed = sign_standard([&pair], text("id"), at, body);
    assert_eq!(signed, text("signature"));
    assert_eq!(pair.pair().expect("a pair").public().spelled(), text("public"));
    let (v1, v1a) = (sign_standard([&shared], text("id"), at, body), signed);
    assert!(v1.starts_with("v1,"));
    let both = sign_standard([&pair, &shared], text("id"), at, body);
    assert_eq!(both, format!("{v1a} {v1}"));
}

#[test]
fn templates_print_as_they_were_read() {
    for text in [
        "{body}",
        "{id}.{timestamp}.{body}",
        "v0:{timestamp}:{body}",
        "{id}\n{nonce}\n{timestamp}\n{sha256:body}",
        "{base64:body}:{timestamp}",
        "{url}{form}",
        "é{unknown}{body}",
    ] {
        let content = Content::try_from(text.to_owned()).expect("a template");
        assert_eq!(String::from(content), text);
    }
    assert!(Content::try_from("{timestamp}".to_owned()).is_err());
    assert!(Format::try_from("sha256=".to_owned()).is_err());
}
