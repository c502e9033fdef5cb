//! Parts of a request that are recorded, masked or left out.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn headers(given: &[(&str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_bytes(value).expect("a value"));
    }
    headers
}

fn verdict() -> RequestVerdict {
    RequestVerdict {
        profile: "github".to_owned(),
        scheme: "hmac-sha256 over {body}".to_owned(),
        secret: None,
        timestamp_age_s: None,
    }
}

fn arrived<'a>(
    path: &'a str,
    query: Option<&'a str>,
    headers: &'a HeaderMap,
) -> ArrivedRequest<'a> {
    ArrivedRequest { method: "POST", path, query, token: None, caller: None, headers, bytes: 2 }
}

/// The record of a request of this profile. A sealed value is its own bytes in hex.
fn record(profile: &str, request: &ArrivedRequest<'_>) -> RequestRecord {
    let profile = Profile::named(profile).expect("part of the build");
    RequestRecord::of(request, profile, verdict(), |name, value| {
        SealedSecret(format!("{name}={}", hex::encode(value)))
    })
}

fn of(profile: &str, given: &[(&str, &[u8])]) -> Vec<(String, String, Option<String>)> {
    let headers = headers(given);
    let record = record(profile, &arrived("/in/x", None, &headers));
    let shown =
        |header: RequestHeader| (header.name, header.value, header.sealed.map(|sealed| sealed.0));
    record.headers.into_iter().map(shown).collect()
}

#[test]
fn secrets_are_masked_by_name_by_profile_and_by_value() {
    let secret: &[u8] = b"planted-0123456789";
    for (profile, name, is_sealed) in [
        ("github", "authorization", false),
        ("github", "cookie", false),
        ("github", "proxy-authorization", false),
        ("github", "x-api-key", true),
        ("github", "x-gitlab-token", true),
        ("github", "x-client-secret", true),
        ("github", "x-hub-signature-256", true),
        ("shopify", "x-shopify-hmac-sha256", true),
        ("standard", "webhook-signature", false),
        ("svix", "svix-signature", true),
        ("stripe", "stripe-signature", true),
    ] {
        let [(shown, value, sealed)] = &of(profile, &[(name, secret)])[..] else {
            panic!("one header")
        };
        assert_eq!((shown.as_str(), value.as_str()), (name, "*** (18 bytes)"), "{profile}");
        let expected = format!("{name}={}", hex::encode(secret));
        assert_eq!(sealed.as_ref(), is_sealed.then_some(&expected), "{profile} {name}");
    }
    for value in [&b"Bearer planted"[..], b"bAsIc cGxhbnRlZA=="] {
        let [(_, shown, _)] = &of("github", &[("x-anything", value)])[..] else { panic!("one") };
        assert!(shown.starts_with("*** ("), "{shown}");
    }
    for name in
        ["x-github-event", "x-github-delivery", "user-agent", "idempotency-key", "traceparent"]
    {
        let [(_, shown, sealed)] = &of("github", &[(name, b"value")])[..] else { panic!("one") };
        assert_eq!((shown.as_str(), sealed), ("value", &None), "{name}");
    }
}

#[test]
fn a_signature_header_of_an_owner_s_scheme_is_masked() {
    let mut profile = Profile::named("hmac").expect("part of the build").clone();
    profile.scheme.headers =
        vec![HeaderNames { signature: "x-mark".to_owned(), ..HeaderNames::default() }];
    let headers = headers(&[("x-mark", b"planted")]);
    let request = arrived("/in/x", None, &headers);
    let record =
        RequestRecord::of(&request, &profile, verdict(), |_, _| SealedSecret("sealed".to_owned()));
    assert_eq!(record.headers[0].value, "*** (7 bytes)");
    assert!(record.headers[0].sealed.is_some());
}

#[test]
fn the_sixty_fifth_header_is_counted_and_those_that_the_profile_reads_stay() {
    let names: Vec<String> = (0..64).map(|number| format!("x-{number}")).collect();
    let mut given: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), &b"v"[..])).collect();
    given.push(("x-hub-signature-256", b"sha256=00"));
    let headers = headers(&given);
    let record = record("github", &arrived("/in/x", None, &headers));
    assert_eq!((record.headers.len(), record.headers_left_out), (MAX_HEADERS, 1));
    assert!(record.headers.iter().any(|header| header.name == "x-hub-signature-256"));
    assert!(record.headers.iter().any(|header| header.name == "x-62"));
    assert!(!record.headers.iter().any(|header| header.name == "x-63"));
}

#[test]
fn headers_beyond_eight_kilobytes_are_counted() {
    let large = vec![b'v'; 5000];
    let given: [(&str, &[u8]); 5] = [
        ("x-first", &large),
        ("x-second", &large),
        ("content-type", b"application/json"),
        ("x-small", b"v"),
        ("x-hub-signature-256", b"sha256=00"),
    ];
    let headers = headers(&given);
    let record = record("github", &arrived("/in/x", None, &headers));
    let names: Vec<_> = record.headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names, ["x-first", "content-type", "x-small", "x-hub-signature-256"]);
    assert_eq!(record.headers_left_out, 1);
    assert_eq!(record.content_type(), Some("application/json"));
}

#[test]
fn a_value_that_is_not_utf_8_is_shown_with_its_bytes_replaced_and_kept_sealed() {
    let found = of("github", &[("x-name", b"a\xff\x80b"), ("x-name", b"again")]);
    let sealed = Some("x-name=61ff8062".to_owned());
    assert_eq!(found[0], ("x-name".to_owned(), "a\u{fffd}\u{fffd}b".to_owned(), sealed));
    assert_eq!(found[1], ("x-name".to_owned(), "again".to_owned(), None));
}

#[test]
fn sealed_values_that_nobody_asks_for_are_forgotten() {
    let headers = headers(&[("x-hub-signature-256", b"sha256=00"), ("x-api-key", b"planted")]);
    let mut record = record("github", &arrived("/in/x", None, &headers));
    assert!(record.headers.iter().all(|header| header.sealed.is_some() && header.altered));
    record.keep_sealed(&BTreeSet::from(["x-hub-signature-256"]));
    let kept: Vec<_> = record.headers.iter().map(|header| header.sealed.is_some()).collect();
    assert_eq!(kept, [true, false]);
    assert!(record.headers.iter().all(|header| header.altered));
}

#[test]
fn secrets_in_a_url_are_masked_wherever_the_url_stands() {
    for (query, shown) in [
        ("a=1&token=planted-1", "a=1&token=***"),
        ("to%6ben=planted-1", "to%6ben=***"),
        ("api_key=planted-1&sig=planted-2&b", "api_key=***&sig=***&b"),
        ("X-Amz-Signature=planted-1", "X-Amz-Signature=***"),
        ("token=", "token="),
        ("verbose", "verbose"),
        ("planted-0123456789", "***"),
        ("", ""),
    ] {
        let headers = HeaderMap::new();
        let record = record("github", &arrived("/in/x", Some(query), &headers));
        assert_eq!(record.query.as_deref(), Some(shown));
        assert!(!format!("{record:?}").contains("planted"), "{record:?}");
    }
    // Proxies copy the URL into headers.
    let given: [(&str, &[u8]); 3] = [
        ("x-original-url", b"/in/x/planted-path-1?token=planted%2Fquery"),
        ("referer", b"https://relay.example/?x=planted/query"),
        ("x-other", b"/in/x"),
    ];
    let headers = headers(&given);
    let request = ArrivedRequest {
        token: Some("planted-path-1"),
        ..arrived("/in/x/planted-path-1/", Some("token=planted%2Fquery"), &headers)
    };
    let record = record("runpod", &request);
    assert_eq!(record.path, "/in/x/***");
    assert!(!format!("{record:?}").contains("planted"), "{record:?}");
    assert_eq!(record.headers[2].value, "/in/x");
}

#[test]
fn a_long_query_is_cut_after_its_secrets_were_masked() {
    let query = format!("a={}&token=planted", "é".repeat(1100));
    let headers = HeaderMap::new();
    let record = record("github", &arrived("/in/x", Some(&query), &headers));
    let shown = record.query.expect("a query");
    assert!(shown.ends_with('…') && shown.len() <= 2048 + '…'.len_utf8(), "{}", shown.len());
    assert!(!shown.contains("planted"));
}
