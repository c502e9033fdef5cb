//! Bounds: the last value that is accepted and the first that is not. What a scheme promises, and what
//! a signed URL covers.

use super::*;

/// A scheme as an owner gives it: one set of header names, and a content with the rest of the fields.
fn scheme(headers: &str, content: &str, rest: &str) -> Scheme {
    let text =
        format!(r#"{{"headers":[{headers}],"formats":["{{hex}}"],"content":"{content}"{rest}}}"#);
    serde_json::from_str(&text).expect("a scheme")
}

#[test]
fn a_scheme_that_says_nothing_of_time_allows_five_minutes() {
    let scheme = scheme(r#"{"signature":"x-sig"}"#, "{body}", "");
    assert_eq!((scheme.past_seconds, scheme.future_seconds), (300, 300));
}

#[test]
fn a_promise_is_kept_by_a_header_and_a_part_is_not_promised_by_half() {
    let (plain, id) = (r#"{"signature":"x-sig"}"#, r#"{"signature":"x-sig","id":"x-id"}"#);
    let timed = r#"{"signature":"x-sig","timestamp":"x-at"}"#;
    let nonce = r#"{"signature":"x-sig","nonce":"x-once"}"#;
    let prefix = r#","timestamp_prefix":"t=""#;
    let separated = r#","timestamp_prefix":"t=","separator":",""#;
    for (headers, content, rest, problem) in [
        (plain, "{body}", "", None),
        (plain, "{body}", prefix, Some("`timestamp_prefix` needs")),
        (plain, "{body}", separated, None),
        (plain, "{body}", r#","separator":",""#, None),
        (plain, "{timestamp}.{body}", "", Some("`content` has {timestamp}")),
        (plain, "{timestamp}.{body}", separated, None),
        (timed, "{timestamp}.{body}", "", None),
        (timed, "{body}", "", None),
        (plain, "{id}.{body}", "", Some("`content` has {id}")),
        (id, "{id}.{body}", "", None),
        (plain, "{nonce}.{body}", "", Some("`content` has {nonce}")),
        (nonce, "{nonce}.{body}", "", None),
        (plain, "{url}{form}", "", Some("{form} has several spellings")),
        (plain, "{url}{form}", r#","fingerprint":true"#, None),
        (plain, "{url}.{body}", "", None),
        (id, "{id}{body}", "", Some("`content` can be split in two ways")),
        (r#"{"signature":"X-Sig"}"#, "{body}", "", Some("`headers` needs")),
        (r#"{"signature":"x-sig","id":"x id"}"#, "{body}", "", Some("`headers` needs")),
        // The other set of names does not keep it.
        (&format!("{id},{plain}"), "{id}.{body}", "", Some("`content` has {id}")),
        (plain, "{body}", r#","past_seconds":3600,"future_seconds":3600"#, None),
        (plain, "{body}", r#","past_seconds":3601"#, Some("`past_seconds` and")),
        (plain, "{body}", r#","future_seconds":3601"#, Some("`past_seconds` and")),
    ] {
        let said = scheme(headers, content, rest).problem();
        let right = match (said, problem) {
            (Some(said), Some(problem)) => said.starts_with(problem),
            (said, problem) => said == problem,
        };
        assert!(right, "{headers} {content} {rest}: {said:?}");
    }
}

#[test]
fn a_scheme_knows_what_is_under_its_signature() {
    let dated = r#","timestamp_path":"at""#;
    for (content, rest, id, time, url) in [
        ("{body}", "", false, false, false),
        ("{id}.{body}", "", true, false, false),
        ("{timestamp}.{body}", "", false, true, false),
        ("{body}", dated, false, true, false),
        ("{url}{body}", "", false, false, true),
        ("{id}.{timestamp}.{body}", dated, true, true, false),
    ] {
        let scheme = scheme(r#"{"signature":"x-sig"}"#, content, rest);
        let known = (scheme.signs_id(), scheme.is_replay_safe(), scheme.signs_url());
        assert_eq!(known, (id, time, url), "{content} {rest}");
        assert_eq!(scheme.words(), format!("hmac-sha256 over {content}"));
    }
    let token = &Profile::named("runpod").expect("there").scheme;
    assert_eq!(token.words(), "token");
}

#[test]
fn a_request_presents_a_scheme_by_its_header_or_its_token() {
    let with = headers(&[("x-hub-signature-256", "anything")]);
    let scheme_of = |profile| &Profile::named(profile).expect("there").scheme;
    for (profile, headers, token, presented) in [
        ("github", &with, None, true),
        ("github", &HeaderMap::new(), Some("t"), false),
        ("runpod", &HeaderMap::new(), Some("t"), true),
        ("runpod", &with, None, false),
    ] {
        let request = SignedRequest { headers, body: b"", url: None, token };
        assert_eq!(scheme_of(profile).is_presented(&request), presented, "{profile} {token:?}");
    }
}

#[test]
fn what_a_signature_vouches_for_is_said_with_it() {
    let secret = Secret::symmetric(&[7; 32]);
    for (content, id, time) in [
        ("{id}.{timestamp}.{body}", true, true),
        ("{timestamp}.{body}", false, true),
        ("{id}.{body}", true, false),
    ] {
        let names = r#"{"signature":"x-sig","id":"x-id","timestamp":"x-at"}"#;
        let scheme = scheme(names, content, "");
        let message = MessageToSign {
            id: Some("m1"),
            at: Some(NOW),
            body: b"{}",
            ..MessageToSign::default()
        };
        let sent = scheme.headers([&secret], &message).expect("signs");
        let sent: Vec<_> = sent.iter().map(|(name, value)| (&**name, &**value)).collect();
        let secrets = std::slice::from_ref(&secret);
        let verified = scheme.verify(secrets, &headers(&sent), b"{}", NOW).expect("holds");
        assert_eq!((verified.signs_id, verified.replay_safe), (id, time), "{content}");
        assert_eq!((verified.id.as_deref(), verified.timestamp), (Some("m1"), Some(NOW.secs())));
        assert!(!verified.token);
    }
}

#[test]
fn the_token_in_the_path_is_one_of_those_that_are_kept() {
    let scheme = &Profile::named("runpod").expect("there").scheme;
    let kept = ["first", "second"].map(|token| Secret::new(token_hash(token)));
    let judge = |token| {
        let request = SignedRequest { headers: &HeaderMap::new(), body: b"{}", url: None, token };
        scheme.judge(&kept, &request, NOW).map(|verified| (verified.secret, verified.token))
    };
    assert_eq!(judge(Some("first")), Ok((0, true)));
    assert_eq!(judge(Some("second")), Ok((1, true)));
    assert_eq!(judge(Some("third")), Err(SignatureRefusal::Token));
    assert_eq!(judge(None), Err(SignatureRefusal::Token));
    assert_eq!(token_hash("first"), hex::encode(<sha2::Sha256 as sha2::Digest>::digest("first")));
}

#[test]
fn sixteen_signatures_are_read_and_a_seventeenth_spoils_them_all() {
    let secret = Secret::symmetric(&[7; 32]);
    let scheme = &Profile::named("standard").expect("there").scheme;
    let right = sign_standard([&secret], "msg_1", NOW, b"{}");
    let verify = |parts: &[&str]| {
        let at = NOW.secs().to_string();
        let headers = headers(&[
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", &at),
            ("webhook-signature", &parts.join(" ")),
        ]);
        scheme.verify(std::slice::from_ref(&secret), &headers, b"{}", NOW).map(|v| v.secret)
    };
    let mut parts = vec!["v1,AAAA"; 16];
    parts[15] = &right;
    assert_eq!(verify(&parts), Ok(0), "the sixteenth is right");
    parts = vec!["v1,AAAA"; 17];
    parts[0] = &right;
    let malformed = Err(SignatureRefusal::Malformed("webhook-signature".into()));
    assert_eq!(verify(&parts), malformed, "the first is right");
    assert_eq!(verify(&["v1,AAAA"]), malformed, "none has the length of a signature");
}

#[test]
fn a_header_for_one_signature_holds_one_and_a_part_without_a_value_is_not_sent() {
    let scheme_of = |profile| &Profile::named(profile).expect("there").scheme;
    let secrets = [Secret::symmetric(&[7; 32]), Secret::symmetric(&[8; 32])];
    let message = MessageToSign { at: Some(NOW), body: b"{}", ..MessageToSign::default() };
    let count = |profile, message: &MessageToSign<'_>| {
        let sent = scheme_of(profile).headers(&secrets, message)?;
        Some((sent.len(), sent[0].1.split(' ').count()))
    };
    assert_eq!(count("github", &message), Some((1, 1)));
    assert_eq!(count("standard", &message), None, "it has no id");
    assert_eq!(count("standard", &MessageToSign { id: Some("m1"), ..message }), Some((3, 2)));
    assert_eq!(scheme_of("github").headers([], &message), None);
}

/// What judging a form makes of it that was signed for one URL and came to another.
fn twilio(
    signed: &str,
    called: Option<&str>,
    body: &[u8],
) -> Result<Option<String>, SignatureRefusal> {
    let scheme = &Profile::named("twilio").expect("there").scheme;
    let secret = Secret::new(*b"0123456789abcdef0123456789abcdef");
    let message = MessageToSign { url: Some(signed), body, ..MessageToSign::default() };
    let signature = scheme.sign(&secret, &message).expect("signs");
    let headers = &headers(&[("x-twilio-signature", &signature)]);
    let request = SignedRequest { headers, body, url: called, token: None };
    scheme.judge(&[secret], &request, NOW).map(|verified| verified.fingerprint)
}

#[test]
fn a_url_that_is_signed_must_be_known_and_is_one_with_and_without_its_port() {
    let (bare, port) = ("https://x.example/in/s?a=1", "https://x.example:443/in/s?a=1");
    let body = b"From=1&To=2";
    let print = twilio(bare, Some(bare), body).expect("holds");
    assert!(print.is_some(), "a form has several spellings");
    for (signed, called, other) in [
        (port, bare, false),
        (bare, port, true),
        (port, port, true),
        ("http://x.example:80/in/s", "http://x.example/in/s", true),
        ("http://x.example", "http://x.example:80", true),
    ] {
        let judged = twilio(signed, Some(called), body);
        assert!(judged.is_ok(), "{signed} {called}");
        assert_eq!(judged != Ok(print.clone()), other, "the URL that is called makes the print");
    }
    for called in [
        "https://x.example/in/t?a=1",
        "https://x.example/in/s?a=2",
        "https://x.example:80/in/s?a=1",
        "https://y.example/in/s?a=1",
        "x.example/in/s?a=1",
    ] {
        assert_eq!(twilio(bare, Some(called), body), Err(SignatureRefusal::Mismatch), "{called}");
    }
    assert_eq!(
        twilio("http://x.example:443/", Some("http://x.example/"), body),
        Err(SignatureRefusal::Mismatch)
    );
    assert_eq!(twilio(bare, None, body), Err(SignatureRefusal::Uncovered));
}

#[test]
fn a_form_is_covered_up_to_its_bounds_and_any_body_by_its_hash_in_the_url() {
    let url = "https://x.example/in/s";
    let judge = |body: &[u8]| twilio(url, Some(url), body).map(|_| ());
    let fields = |count| vec!["a=1"; count].join("&");
    let uncovered = Err(SignatureRefusal::Uncovered);
    assert_eq!(judge(format!("a={}", "x".repeat(65_534)).as_bytes()), Ok(()), "64 KiB");
    assert_eq!(judge(format!("a={}", "x".repeat(65_535)).as_bytes()), uncovered);
    assert_eq!(judge(fields(1000).as_bytes()), Ok(()));
    assert_eq!(judge(fields(1001).as_bytes()), uncovered);
    let body = vec![b'x'; 100_000];
    let hash = token_hash(std::str::from_utf8(&body).expect("text"));
    for (named, covered) in [
        (format!("{url}?bodySHA256={hash}"), true),
        (format!("{url}?a=1&bodySHA256={}", hash.to_uppercase()), true),
        (format!("{url}?bodySHA256={}", token_hash("another")), false),
        (format!("{url}?hash={hash}"), false),
    ] {
        let want = if covered { Ok(()) } else { Err(SignatureRefusal::Uncovered) };
        assert_eq!(twilio(&named, Some(&named), &body).map(|_| ()), want, "{named}");
    }
    // Of a body whose hash is in the URL, the fields are not signed once more.
    let form = format!("{url}?bodySHA256={}", token_hash("a=1"));
    let scheme = &Profile::named("twilio").expect("there").scheme;
    let signed = SignedParts { url: Some(&form), body: b"a=1", ..SignedParts::default() };
    assert_eq!(scheme.content.bytes(&signed), form.as_bytes());
}

#[test]
fn a_header_is_read_up_to_its_bound() {
    let scheme = scheme(r#"{"signature":"x-sig","id":"x-id"}"#, "{id}.{body}", "");
    let secret = Secret::symmetric(&[7; 32]);
    let judge = |id: &str| {
        let message = MessageToSign { id: Some(id), body: b"{}", ..MessageToSign::default() };
        let sent = scheme.headers([&secret], &message).expect("signs");
        let sent: Vec<_> = sent.iter().map(|(name, value)| (&**name, &**value)).collect();
        scheme.verify(std::slice::from_ref(&secret), &headers(&sent), b"{}", NOW).map(|_| ())
    };
    let malformed = Err(SignatureRefusal::Malformed("x-id".into()));
    assert_eq!(judge(&"a".repeat(256)), Ok(()));
    assert_eq!(judge(&"a".repeat(257)), malformed);
    assert_eq!(judge(""), malformed);
}

#[test]
fn a_time_is_read_up_to_its_longest_form() {
    use TimestampForm::{Iso, Millis, Seconds};
    let fraction = |digits| format!("2023-11-14T22:13:20.{}Z", "0".repeat(digits));
    for (form, text, read) in [
        (Seconds, "0", Some(0)),
        (Seconds, "999999999999", Some(999_999_999_999)),
        (Seconds, "1000000000000", None),
        (Seconds, "", None),
        (Seconds, "00", None),
        (Seconds, "1a", None),
        (Millis, "999999999999999", Some(999_999_999_999)),
        (Millis, "1000000000000000", None),
        (Millis, "1999", Some(1)),
        (Iso, &fraction(19), Some(1_700_000_000)),
        (Iso, &fraction(20), None),
    ] {
        assert_eq!(form.parse(text), read, "{form:?} {text}");
    }
}
