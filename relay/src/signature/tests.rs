//! Common mistakes with signatures, and the explanations of them.

mod properties;
mod shapes;

use domain::{
    json_form,
    profile::Profile,
    secret::Secret,
    signature::{MessageToSign, SignatureRefusal},
    time::Timestamp,
};
use http::HeaderMap;

use super::{
    case::SignatureCase,
    diagnosis::{Diagnosis, judge},
    headers,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const RAW: &str = "0123456789abcdef0123456789abcdef";
const WHSEC: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const BODY: &str =
    r#"{"job_id": "j1", "call_id": "c1", "status": "success", "n": 1.0, "word": "é"}"#;

/// A request as the profile's sender makes it.
fn case(profile: &str, secret: &str) -> SignatureCase {
    let known = Profile::named(profile).expect("a profile").clone();
    let message = MessageToSign {
        id: Some("msg_1"),
        at: Some(NOW),
        nonce: Some("n1"),
        url: Some("https://relay.example/in/twilio"),
        body: BODY.as_bytes(),
    };
    let signed = known.scheme.headers([&Secret::new(secret)], &message).expect("it signs");
    let lines: Vec<String> =
        signed.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    SignatureCase {
        name: profile.to_owned(),
        profile: known,
        secrets: vec![Secret::new(secret)],
        headers: headers::read(&lines).unwrap_or_default(),
        body: BODY.as_bytes().to_vec(),
        url: Some("https://relay.example/in/twilio".to_owned()),
        now: NOW,
    }
}

fn reasons(case: &SignatureCase) -> String {
    match judge(case) {
        Diagnosis::Refused { reasons, .. } => reasons.join("\n"),
        holds @ Diagnosis::Holds { .. } => panic!("{holds}"),
    }
}

#[track_caller]
fn explains(case: &SignatureCase, words: &str) {
    let reasons = reasons(case);
    assert!(reasons.contains(words), "{words:?} is not in:\n{reasons}");
}

fn header(case: &mut SignatureCase, name: &str, change: impl Fn(&str) -> String) {
    let value = case.headers[name].to_str().expect("text").to_owned();
    let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
    case.headers.insert(name, change(&value).parse().expect("a value"));
}

#[test]
fn every_profile_that_signs_with_a_secret_verifies_what_it_signs() {
    let mut count = 0;
    for name in Profile::names() {
        let secret = match Profile::named(name).expect("listed").scheme.key {
            domain::signature::KeyEncoding::Whsec => WHSEC,
            domain::signature::KeyEncoding::Raw => RAW,
            _ => continue,
        };
        let unsigned = Profile::named(name).expect("listed").scheme.headers.is_empty();
        // Baseten's time stands in the body, and this body has none.
        if unsigned || Profile::named(name).expect("listed").scheme.timestamp_path.is_some() {
            continue;
        }
        let verdict = judge(&case(name, secret));
        assert!(matches!(verdict, Diagnosis::Holds { .. }), "{name}: {verdict}");
        count += 1;
    }
    assert!(12 <= count, "{count}");
}

#[test]
fn a_wrong_prefix_is_named() {
    let mut bare = case("modal-omtx", RAW);
    header(&mut bare, "x-modal-signature", |value| value.replace("sha256=", ""));
    explains(&bare, "written as `{hex}`; the profile `modal-omtx` expects `sha256={hex}`");
}

#[test]
fn hex_where_base64_is_due_is_named() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut hexed = case("standard", WHSEC);
    header(&mut hexed, "webhook-signature", |value| {
        let mac = STANDARD.decode(value.trim_start_matches("v1,")).expect("base64");
        format!("v1,{}", hex::encode(mac))
    });
    explains(&hexed, "Encode the MAC's bytes in base64, not in hex");
}

#[test]
fn a_body_that_was_parsed_and_written_again_is_named_with_its_language() {
    // Python signed the output of json.dumps; middleware at the receiver wrote the body compactly.
    let dumped = br#"{"job_id": "j1", "n": [1, 2.5]}"#;
    let mut parsed = case("hokusai", RAW);
    let message = MessageToSign { body: dumped, ..MessageToSign::default() };
    let value = parsed.profile.scheme.sign(&Secret::new(RAW), &message).expect("signs");
    header(&mut parsed, "x-hokusai-signature", |_| value.clone());
    parsed.body = br#"{"job_id":"j1","n":[1,2.5]}"#.to_vec();
    explains(&parsed, "the signature covers the body as Python's json.dumps writes it");
    explains(&parsed, "Sign and verify the raw bytes");
    // The sender signed Python's sorted dump and sent the body unsorted.
    let sorted = json_form::python_sorted(BODY.as_bytes()).expect("JSON");
    let mut python = case("batch", RAW);
    let at = Some(NOW);
    let message = MessageToSign { at, body: &sorted, ..MessageToSign::default() };
    let value = python.profile.scheme.sign(&Secret::new(RAW), &message).expect("signs");
    header(&mut python, "x-webhook-signature", |_| value.clone());
    explains(&python, "Python's json.dumps with sort_keys");
}

#[test]
fn a_line_break_at_the_end_of_the_body_is_named() {
    let mut longer = case("github", RAW);
    longer.body.push(b'\n');
    explains(&longer, "A line break was appended to the body after it was signed");
}

#[test]
fn a_body_in_base64_is_named() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut encoded = case("github", RAW);
    encoded.body = STANDARD.encode(&encoded.body).into_bytes();
    explains(&encoded, "base64 of the signed body");
}

#[test]
fn a_header_that_breaks_its_grammar_is_described() {
    let mut millis = case("standard", WHSEC);
    header(&mut millis, "webhook-timestamp", |value| format!("{value}000"));
    explains(&millis, "its 13 digits look like milliseconds");
    let mut cut = case("github", RAW);
    header(&mut cut, "x-hub-signature-256", |_| "sha256=abc".to_owned());
    explains(&cut, "sha256= and 64 hex digits are expected, these are 3");
    let mut dotted = case("standard", WHSEC);
    header(&mut dotted, "webhook-id", |value| format!("{value}.x"));
    explains(&dotted, "another split of that text would carry the same signature");
}

#[test]
fn a_clock_that_is_off_is_told_in_seconds() {
    let mut late = case("modal-omtx", RAW);
    late.now = NOW.plus(std::time::Duration::from_secs(900));
    explains(&late, "The request was signed 900 s before it arrived; 300 s are allowed");
    let mut early = case("stripe", RAW);
    early.now = Timestamp::from_secs(NOW.secs() - 4000);
    explains(&early, "signed 4000 s ahead of this clock");
    assert_eq!(
        match judge(&early) {
            Diagnosis::Refused { refusal, .. } => refusal,
            Diagnosis::Holds { .. } => panic!("stale"),
        },
        SignatureRefusal::Future(4000)
    );
}

#[test]
fn an_old_secret_that_matched_is_said() {
    let mut rotated = case("github", RAW);
    rotated.secrets.insert(0, Secret::new(*b"the-new-secret-of-this-source-01"));
    let Diagnosis::Holds { notes } = judge(&rotated) else { panic!("it holds") };
    assert!(notes[0].contains("Secret number 2 of the 2 given"), "{notes:?}");
}

#[test]
fn white_space_in_the_secret_is_named_on_either_side() {
    let mut ours = case("github", RAW);
    ours.secrets = vec![Secret::new(format!("{RAW}\n"))];
    explains(&ours, "The secret given here has white space around it");
    let mut theirs = case("github", &format!("{RAW}\n"));
    theirs.secrets = vec![Secret::new(RAW)];
    explains(&theirs, "The sender's secret ends with a line break");
}

#[test]
fn a_secret_decoded_where_it_should_be_raw_is_named_and_the_other_way_round() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let encoded = STANDARD.encode(RAW);
    let mut decoded = case("github", RAW);
    decoded.secrets = vec![Secret::new(encoded)];
    explains(&decoded, "The sender uses the secret decoded from base64 as the key");
    // The whole text including `whsec_` is the key.
    let mut whole = case("standard", WHSEC);
    let mut scheme = whole.profile.scheme.clone();
    scheme.key = domain::signature::KeyEncoding::Raw;
    let message = MessageToSign {
        id: Some("msg_1"),
        at: Some(NOW),
        body: BODY.as_bytes(),
        ..MessageToSign::default()
    };
    let value = scheme.sign(&Secret::new(WHSEC), &message).expect("signs");
    header(&mut whole, "webhook-signature", |_| value.clone());
    explains(&whole, "The sender uses the text of the secret as the key");
}

#[test]
fn two_mistakes_at_once_are_both_named() {
    let mut both = case("modal-omtx", RAW);
    header(&mut both, "x-modal-signature", |value| value.replace("sha256=", ""));
    both.secrets = vec![Secret::new(format!("{RAW} "))];
    let reasons = reasons(&both);
    assert!(reasons.contains("written as `{hex}`"), "{reasons}");
    assert!(reasons.contains("white space"), "{reasons}");
}

#[test]
fn another_profile_is_recognised() {
    let mut other = case("github", RAW);
    other.name = "shopify".to_owned();
    other.profile = Profile::named("shopify").expect("there").clone();
    explains(&other, "signed as the profile `github` prescribes, not `shopify`");
    explains(&other, "needs the header `x-shopify-hmac-sha256`");
}

#[test]
fn what_cannot_be_explained_is_said_with_what_to_compare() {
    let mut wrong = case("github", RAW);
    wrong.secrets = vec![Secret::new(*b"another-secret-of-32-bytes-long!")];
    explains(&wrong, "No common mistake explains the mismatch");
    explains(&wrong, &domain::profile::fingerprint(BODY.as_bytes()));
    assert!(!reasons(&wrong).contains("another-secret"), "a secret is never repeated");
}

#[test]
fn headers_are_read_as_people_have_them() {
    let given = [
        "> POST /in/modal HTTP/1.1\n> X-Modal-Signature: sha256=ab\n>\n".to_owned(),
        r#"{"X-Modal-Timestamp": "1", "X-Two": ["a", "b"]}"#.to_owned(),
        "Content-Type: application/json".to_owned(),
    ];
    let read: HeaderMap = headers::read(&given).expect("headers");
    assert_eq!(read["x-modal-signature"], "sha256=ab");
    assert_eq!(read["x-modal-timestamp"], "1");
    assert_eq!(read.get_all("x-two").iter().count(), 2);
    assert_eq!(read.len(), 5);
    assert!(headers::read(&["nonsense".to_owned()]).is_err());
}

#[test]
fn what_the_command_signs_the_command_verifies() {
    use clap::Parser;
    let given = ["relay", "--profile", "stripe", "--secret", RAW, "--body", BODY];
    let sign = super::SignArgs::try_parse_from(given).expect("arguments");
    let lines = super::signed(&sign).expect("signed");
    assert!(lines.starts_with("stripe-signature: t="), "{lines}");
    let verify = super::VerifyArgs::try_parse_from([&given[..], &["-H", &lines]].concat())
        .expect("arguments");
    assert_eq!(super::verify(verify), std::process::ExitCode::SUCCESS);
    let other = ["--at", "1700000000", "-H", &lines];
    let late = super::VerifyArgs::try_parse_from([&given[..], &other].concat()).expect("arguments");
    assert_eq!(super::verify(late), std::process::ExitCode::FAILURE);
    let unknown = ["relay", "--profile", "sendgrid", "--secret", RAW, "--body", BODY];
    let sign = super::SignArgs::try_parse_from(unknown).expect("arguments");
    let problem = super::signed(&sign).expect_err("unknown").to_string();
    assert!(problem.contains("the profiles are: baseten"), "{problem}");
}
