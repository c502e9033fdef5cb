//! A table of malformed requests of every profile: each fault is named before anything is given up.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{
    secret::KeyPair,
    signature::{Algorithm, KeyEncoding},
};

use super::*;

/// A request as the sender of any profile makes it, but for profiles that do not sign.
fn right(name: &str) -> Option<SignatureCase> {
    let profile = Profile::named(name).expect("a profile").clone();
    if profile.scheme.algorithm == Algorithm::Token {
        return None;
    }
    let time = NOW.rfc3339();
    let body = format!(r#"{{"time":"{time}","job_id":"j1"}}"#);
    let (signs, verifies) = match profile.scheme.key {
        KeyEncoding::Whsec => (WHSEC.to_owned(), WHSEC.to_owned()),
        KeyEncoding::Base64Url => {
            let seed = [7; 32];
            (URL_SAFE_NO_PAD.encode(seed), KeyPair::of_seed(&seed).public().x())
        }
        _ => (RAW.to_owned(), RAW.to_owned()),
    };
    let url = format!("https://relay.example/in/{name}");
    let message = MessageToSign {
        id: Some("msg_1"),
        at: Some(NOW),
        nonce: Some("n1"),
        url: Some(&url),
        body: body.as_bytes(),
    };
    let signed = profile.scheme.headers([&Secret::new(signs)], &message).expect("it signs");
    let mut headers = HeaderMap::new();
    for (name, value) in signed {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.insert(name, value.parse().expect("a value"));
    }
    let secrets = vec![Secret::new(verifies)];
    let url = Some(url);
    Some(SignatureCase {
        name: name.to_owned(),
        profile,
        secrets,
        headers,
        body: body.into(),
        url,
        now: NOW,
    })
}

/// The prefix and the digits of the signature in a right request.
fn signature(case: &SignatureCase) -> (String, String, bool) {
    let scheme = case.scheme();
    let value = case.headers[&scheme.headers[0].signature].to_str().expect("ASCII").to_owned();
    let format = &scheme.formats[0];
    let last = scheme.separator.and_then(|sign| value.split(sign).next_back()).unwrap_or(&value);
    let digits = last.strip_prefix(format.prefix()).expect("the first format").to_owned();
    (format.prefix().to_owned(), digits, format.is_hex())
}

/// The signature of a right request with `part` in the place of prefix and digits.
fn with(case: &SignatureCase, part: &str) -> SignatureCase {
    let (prefix, digits, _) = signature(case);
    let mut bent = case.clone();
    let name = case.scheme().headers[0].signature.clone();
    header(&mut bent, &name, |value| value.replace(&format!("{prefix}{digits}"), part));
    bent
}

/// Malformed signatures of a right request, each with words of its explanation.
fn bent_signatures(case: &SignatureCase) -> Vec<(SignatureCase, String)> {
    let (prefix, digits, hex) = signature(case);
    let bare = case.scheme().formats.iter().any(|format| format.prefix().is_empty());
    let mut bent = Vec::new();
    let mut add = |part: String, words: &str| bent.push((with(case, &part), words.to_owned()));
    let shown = prefix.trim_end();
    let count = digits.len();
    let kind = if hex { "hex digits" } else { "characters of base64" };
    let wanted = match prefix.is_empty() {
        true => format!("{count} {kind}"),
        false => format!("{shown} and {count} {kind}"),
    };
    let expected = |these: usize| format!("are expected, these are {these}");
    add(format!("{prefix}abc"), &expected(3));
    add(format!("{prefix}abc"), &wanted);
    let cut = &digits[..count - 1];
    add(format!("{prefix}{cut}"), if hex { "are expected, these are" } else { "the padding `=`" });
    add(format!("{prefix}{digits}ab"), &expected(count + 2));
    add(format!("sha999={digits}"), "begins with `sha999=`");
    if !bare {
        add(digits.clone(), &format!("the prefix `{prefix}` is missing"));
    }
    let raw = if hex {
        hex::decode(&digits).expect("hex")
    } else {
        STANDARD.decode(&digits).expect("base64")
    };
    if hex {
        add(format!("{prefix}{}", digits.to_uppercase()), "in capitals");
        add(format!("{prefix}{}", STANDARD.encode(&raw)), "the digits are base64");
        add(format!("{prefix}{}g{}", &digits[..4], &digits[5..]), "`g`, is not a hex digit");
    } else {
        add(format!("{prefix}{}", hex::encode(&raw)), "the digits are hex");
        add(format!("{prefix}{}*{}", &digits[..4], &digits[5..]), "`*`, is not of base64");
        add(format!("{prefix}{}-{}", &digits[..4], &digits[5..]), "base64 for URLs");
    }
    add(format!("{prefix}\"{digits}\""), "quotes");
    add(format!("'{prefix}{digits}'"), "quotes");
    let empty = if prefix.is_empty() { "it is empty" } else { "there are no digits" };
    add(prefix.clone(), empty);
    let split = format!("{prefix}{} {}", &digits[..9], &digits[9..]);
    let space = if case.scheme().separator == Some(' ') { "2 of its 2" } else { "` `, is not" };
    add(split, space);
    add(format!("{prefix}{}\t{}", &digits[..9], &digits[9..]), "a tab");
    add(format!("{prefix}{digits}\\n"), "`\\`, is not");
    bent
}

/// Malformed times in a header of their own, each with words of its explanation.
fn bent_times(case: &SignatureCase) -> Vec<(SignatureCase, String)> {
    let Some(name) = case.scheme().headers[0].timestamp.clone() else { return Vec::new() };
    let now = NOW.secs();
    let iso = NOW.rfc3339();
    let times = [
        (format!("{now}000"), "its 13 digits look like milliseconds"),
        (format!("\"{now}\""), "it is in quotes"),
        (format!("+{now}"), "it has a sign"),
        (format!("-{now}"), "it has a sign"),
        (format!("{now}.0"), "it has a fraction"),
        (format!("0{now}"), "it begins with a zero"),
        (iso, "looks like a time in RFC 3339"),
        ("now".to_owned(), "it has 3 characters"),
        (String::new(), "there is nothing"),
    ];
    let bend = |(value, words): &(String, &str)| {
        let mut bent = case.clone();
        header(&mut bent, &name, |_| value.clone());
        (bent, (*words).to_owned())
    };
    times.iter().map(bend).collect()
}

/// Requests without one of the headers that the signature needs.
fn without_headers(case: &SignatureCase) -> Vec<(SignatureCase, String)> {
    let names = case.scheme().headers[0].clone();
    let drop = |name: &str| {
        let mut bent = case.clone();
        bent.headers.remove(name);
        (bent, format!("needs the header `{name}`"))
    };
    names.all().map(drop).collect()
}

#[test]
fn every_malformed_shape_of_every_profile_is_named() {
    let (mut tried, mut profiles) = (0, 0);
    for name in Profile::names() {
        let Some(case) = right(name) else { continue };
        assert!(matches!(judge(&case), Diagnosis::Holds { .. }), "{name}: {}", judge(&case));
        profiles += 1;
        let all = [bent_signatures(&case), bent_times(&case), without_headers(&case)];
        for (bent, words) in all.into_iter().flatten() {
            let reasons = reasons(&bent);
            assert!(reasons.contains(&words), "{name}: {words:?} is not in:\n{reasons}");
            assert!(!reasons.contains("No common mistake"), "{name}: {words}\n{reasons}");
            assert!(!reasons.contains(RAW) && !reasons.contains(WHSEC), "{name}: {reasons}");
            tried += 1;
        }
    }
    assert!(profiles == 23 && 400 < tried, "{tried} of {profiles} profiles");
}

#[test]
fn a_signature_of_three_digits_is_told_what_is_expected() {
    let case = right("github").expect("it signs");
    explains(&with(&case, "sha256=abc"), "sha256= and 64 hex digits are expected, these are 3");
    let bare = right("hokusai").expect("it signs");
    explains(&with(&bare, "abc"), "64 hex digits are expected, these are 3");
}

#[test]
fn a_time_among_the_signatures_is_looked_at() {
    let case = right("stripe").expect("it signs");
    let now = NOW.secs();
    let bend = |change: &dyn Fn(String) -> String| {
        let mut bent = case.clone();
        header(&mut bent, "stripe-signature", |value| change(value.to_owned()));
        bent
    };
    let part = format!("t={now},");
    explains(&bend(&|value| value.replace(&part, "")), "it has no part `t=` with the time");
    explains(&bend(&|value| format!("{part}{value}")), "it has 2 parts `t=`");
    let millis = bend(&|value| value.replace(&part, &format!("t={now}000,")));
    explains(&millis, "its part `t=` is `1800000000000`");
    explains(&millis, "look like milliseconds");
    explains(&bend(&|_| format!("t={now}")), "it holds no signature");
    let many = vec!["v1=ab"; 20].join(",");
    explains(&bend(&|value| format!("{value},{many}")), "it has 22 parts, and 16 are read at most");
    let both = bend(&|value| format!("{},v1=abc", value.replace("v1=", "v1=0")));
    explains(&both, "2 of its 2 signatures have another shape");
    let mut beside = bend(&|value| format!("{value},v1=abc"));
    beside.secrets = vec![Secret::new(*b"another-secret-of-32-bytes-long!")];
    explains(&beside, "1 of its 2 signatures have another shape");
}

#[test]
fn a_time_within_the_body_is_looked_at() {
    let signed = |body: &str| {
        let mut case = right("baseten").expect("it signs");
        let message = MessageToSign { body: body.as_bytes(), ..MessageToSign::default() };
        let value = case.profile.scheme.sign(&Secret::new(RAW), &message).expect("signs");
        header(&mut case, "x-baseten-signature", |_| value.clone());
        case.body = body.as_bytes().to_vec();
        case
    };
    explains(&signed(r#"{"request_id":"r"}"#), "no text or number at `time`");
    explains(&signed("[]"), "no JSON object");
    explains(&signed(r#"{"time":1800000000}"#), "its 10 digits look like seconds");
    explains(&signed(r#"{"time":"yesterday"}"#), "not a time such as 2023-11-14T22:13:20Z");
}

#[test]
fn a_scheme_of_the_owner_is_explained_by_its_own_templates() {
    let mut case = right("hmac").expect("it signs");
    let scheme = r#"{"headers":[{"signature":"authorization"}],"formats":["Bearer {hex}"],"content":"{body}"}"#;
    case.profile.scheme = serde_json::from_str(scheme).expect("a scheme");
    let message = MessageToSign { body: &case.body, ..MessageToSign::default() };
    let value = case.profile.scheme.sign(&Secret::new(RAW), &message).expect("signs");
    case.headers.insert("authorization", value.parse().expect("a value"));
    assert!(matches!(judge(&case), Diagnosis::Holds { .. }));
    case.headers
        .insert("authorization", value.trim_start_matches("Bearer ").parse().expect("a value"));
    explains(&case, "the prefix `Bearer ` is missing: Bearer and 64 hex digits are expected");
    case.headers.insert("authorization", "Basic dXNlcjpwYXNz".parse().expect("a value"));
    explains(&case, "begins with `Basic `");
}

#[test]
fn a_sender_that_does_not_sign_has_nothing_to_verify() {
    for name in ["runpod", "cog"] {
        let profile = Profile::named(name).expect("a profile").clone();
        let case = SignatureCase {
            name: name.to_owned(),
            profile,
            secrets: vec![Secret::new(RAW)],
            headers: HeaderMap::new(),
            body: b"{}".to_vec(),
            url: None,
            now: NOW,
        };
        explains(&case, "does not sign, so that there is nothing to verify");
    }
}

#[test]
fn a_line_break_in_the_value_of_a_header_is_named() {
    let given = [r#"{"X-Hub-Signature-256": "sha256=ab\n"}"#.to_owned()];
    let problem = headers::read(&given).expect_err("no header").to_string();
    assert!(problem.contains("`X-Hub-Signature-256` contains a line break"), "{problem}");
    assert!(!problem.contains("sha256=ab"), "{problem}");
}
