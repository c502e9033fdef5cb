//! Headers that an endpoint's owner adds to deliveries, and which names are allowed.
//!
//! The relay's own headers replace the owner's. Names that the relay or the connection sets are
//! refused, so that nobody believes to have set a signature, a host or a length.

mod forward;
mod stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use http::{HeaderName, HeaderValue};
use serde_json::Value;

pub use self::{
    forward::{InvalidForward, MAX_FORWARDED, OF_THE_BODY, forwarded, may_be_forwarded},
    stored::{MASK, StoredHeader},
};
use crate::{profile::Profile, signature::HeaderNames};

/// Most headers of one endpoint.
pub const MAX_HEADERS: usize = 20;
/// Longest name of a header, in characters.
pub const MAX_NAME: usize = 128;
/// Longest value of a header, in bytes.
pub const MAX_VALUE: usize = 2048;

/// The reason why headers are refused. The message may be shown to the caller: it quotes names, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeaders {
    /// The value is neither an object of texts nor such an object as text.
    #[error("is an object of names and texts, or such an object as a JSON string")]
    Shape,
    /// There are more than [`MAX_HEADERS`].
    #[error("has at most {MAX_HEADERS} entries")]
    Count,
    /// A name cannot be the name of a header.
    #[error("holds a name that is not 1 to {MAX_NAME} characters of a header name")]
    Name,
    /// A name stands there twice, in different case.
    #[error("holds {0:?} twice")]
    Twice(String),
    /// A name is not the owner's to set.
    #[error("must not set {0:?}: the relay or the connection does")]
    Denied(String),
    /// A value cannot be the value of a header.
    #[error("the value of {0:?} is not 1 to {MAX_VALUE} printable characters")]
    Value(String),
}

/// Reads headers from an object, or from an object as JSON text; `null` and empty text are no
/// headers. The names of the result are as they were written.
///
/// # Errors
/// If the value has another form, or a header is refused.
pub fn parse(given: &Value) -> Result<BTreeMap<String, String>, InvalidHeaders> {
    let read;
    let object = match given {
        Value::Null => return Ok(BTreeMap::new()),
        Value::Object(object) => object,
        Value::String(text) if text.trim().is_empty() => return Ok(BTreeMap::new()),
        Value::String(text) => {
            read = serde_json::from_str(text).map_err(|_| InvalidHeaders::Shape)?;
            &read
        }
        _ => return Err(InvalidHeaders::Shape),
    };
    let texts = object.iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        _ => Err(InvalidHeaders::Shape),
    });
    check(texts.collect::<Result<Vec<_>, _>>()?)
}

/// Checks headers. The names of the result are as they were written.
///
/// # Errors
/// If a header is refused.
pub fn check(
    given: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, InvalidHeaders> {
    let (mut headers, mut names) = (BTreeMap::new(), BTreeSet::new());
    for (written, value) in given {
        if written.is_empty() || MAX_NAME < written.len() {
            return Err(InvalidHeaders::Name);
        }
        let name = HeaderName::try_from(&written).map_err(|_| InvalidHeaders::Name)?.to_string();
        if is_denied(&name) {
            return Err(InvalidHeaders::Denied(name));
        }
        let value = value.trim();
        let printable = value.chars().all(|char| matches!(char, ' '..='~' | '\t'));
        if value.is_empty()
            || MAX_VALUE < value.len()
            || !printable
            || HeaderValue::try_from(value).is_err()
        {
            return Err(InvalidHeaders::Value(name));
        }
        if !names.insert(name.clone()) {
            return Err(InvalidHeaders::Twice(name));
        }
        headers.insert(written, value.to_owned());
        if MAX_HEADERS < headers.len() {
            return Err(InvalidHeaders::Count);
        }
    }
    Ok(headers)
}

/// Headers of the connection, of the message's framing, of proxies and of the client's address, and
/// those that the call itself sets.
const DENIED: [&str; 23] = [
    "accept-encoding",
    "cdn-loop",
    "cf-connecting-ip",
    "connection",
    "date",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "user-agent",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
];

const DENIED_PREFIXES: [&str; 11] = [
    "content-",
    "forwarded",
    "if-",
    "proxy-",
    "sec-",
    "svix-",
    "webhook-",
    "x-amz",
    "x-forwarded",
    "x-original-",
    "x-svix-",
];

/// The headers of signatures, timestamps, ids and event types of every profile, in both directions.
static OF_PROFILES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let mut names = BTreeSet::new();
    for profile in Profile::names().filter_map(Profile::named) {
        let sets = profile.schemes().flat_map(|scheme| &scheme.headers);
        names.extend(sets.flat_map(HeaderNames::all));
        names.extend(profile.out.iter().flat_map(|out| out.header_names()));
        names.extend(profile.mapping.event_type_header.as_deref());
    }
    names
});

/// Whether a header is not the owner's to set; `name` is in lower case.
pub fn is_denied(name: &str) -> bool {
    DENIED.contains(&name)
        || DENIED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || OF_PROFILES.contains(name)
}

/// Words that mark a header's name as that of a secret. Shopify's signature has `hmac` in its name;
/// identity-aware proxies send credentials as `jwt`, `oidc` or `assertion`.
const SENSITIVE: [&str; 13] = [
    "assertion",
    "auth",
    "cookie",
    "credential",
    "hmac",
    "jwt",
    "key",
    "oidc",
    "pass",
    "secret",
    "session",
    "signature",
    "token",
];

/// Whether the name of a header, in either case, says that its value is a secret.
pub fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SENSITIVE.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_come_as_an_object_or_as_text() {
        let want = BTreeMap::from([("X-Custom-Header".to_owned(), "value".to_owned())]);
        assert_eq!(parse(&json!({ "X-Custom-Header": " value " })), Ok(want.clone()));
        assert_eq!(parse(&json!(r#"{"X-Custom-Header":"value"}"#)), Ok(want));
        for none in [json!(null), json!({}), json!(""), json!("{}")] {
            assert_eq!(parse(&none), Ok(BTreeMap::new()), "{none}");
        }
        for bad in
            [json!(1), json!([]), json!("x"), json!("[]"), json!({ "a": 1 }), json!({ "a": null })]
        {
            assert_eq!(parse(&bad), Err(InvalidHeaders::Shape), "{bad}");
        }
    }

    #[test]
    fn what_is_ours_or_the_connection_s_is_refused() {
        for name in [
            "Host",
            "connection",
            "Content-Type",
            "content-length",
            "Transfer-Encoding",
            "TE",
            "Upgrade",
            "User-Agent",
            "webhook-id",
            "Webhook-Signature",
            "svix-id",
            "x-svix-id",
            "X-Svix-Anything",
            "X-Webhook-Signature",
            "x-webhook-timestamp",
            "X-Hokusai-Signature",
            "X-Hokusai-Nonce",
            "x-hokusai-timestamp",
            "X-Hokusai-Idempotency-Key",
            "X-OMTX-Signature",
            "x-omtx-event",
            "x-omtx-timestamp",
            "x-modal-signature",
            "x-modal-timestamp",
            "x-hub-signature-256",
            "x-github-event",
            "X-Amzn-Trace-Id",
            "x-amz-date",
            "X-Forwarded-For",
            "forwarded",
            "via",
            "Expect",
            "proxy-authorization",
            "set-cookie",
            "Content-Security-Policy",
            "Forwarded-For",
            "X-Forwarded-Host",
            "proxy-connection",
            "Proxy-Authenticate",
            "Keep-Alive",
            "x-amzn-oidc-data",
            "svix-signature",
            "True-Client-IP",
            "X-Original-URL",
        ] {
            let refused = parse(&json!({ name: "x" }));
            assert_eq!(refused, Err(InvalidHeaders::Denied(name.to_lowercase())), "{name}");
        }
        for name in ["Authorization", "X-Api-Key", "x-tenant", "cookie", "traceparent"] {
            assert!(parse(&json!({ name: "x" })).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_signature_headers_of_every_profile_are_refused() {
        let mut count = 0;
        for name in Profile::names() {
            let profile = Profile::named(name).expect("known");
            let signed = profile.schemes().flat_map(|scheme| &scheme.headers);
            let said = profile.out.iter().flat_map(|out| out.header_names());
            for header in signed.flat_map(HeaderNames::all).chain(said) {
                let refused = parse(&json!({ header.to_uppercase(): "x" }));
                assert_eq!(refused, Err(InvalidHeaders::Denied(header.to_owned())), "{name}");
                count += 1;
            }
        }
        assert!(Profile::names().count() < count, "{count} headers of all profiles");
    }

    #[test]
    fn no_control_character_stands_in_a_value() {
        for code in (0..=0x1f).chain([0x7f, 0x80, 0x85, 0xa0, 0x2028]) {
            let char = char::from_u32(code).expect("a character");
            let refused = parse(&json!({ "x-a": format!("a{char}b") }));
            assert_eq!(refused.is_ok(), char == '\t', "{code:#x}");
            assert_eq!(parse(&json!({ format!("x{char}a"): "b" })), Err(InvalidHeaders::Name));
        }
    }

    #[test]
    fn what_cannot_be_a_header_is_refused_without_quoting_it() {
        for name in ["", "a b", "a:b", "é", "a\r\nb", &"a".repeat(129)] {
            assert_eq!(parse(&json!({ name: "x" })), Err(InvalidHeaders::Name), "{name:?}");
        }
        for value in
            ["", " ", "planted\r\nx: y", "planted\n", "planted\0y", "é", &"planted".repeat(300)]
        {
            let refused = parse(&json!({ "x-a": format!("{value}") }));
            if value.trim() == "planted" {
                assert!(refused.is_ok(), "white space around a value is none of it");
                continue;
            }
            let why = refused.expect_err(value);
            assert_eq!(why, InvalidHeaders::Value("x-a".to_owned()), "{value:?}");
            assert!(!why.to_string().contains("planted"));
        }
        let twice = parse(&json!({ "X-A": "1", "x-a": "2" }));
        assert_eq!(twice, Err(InvalidHeaders::Twice("x-a".to_owned())));
        let many: BTreeMap<_, _> = (0..=MAX_HEADERS).map(|n| (format!("x-{n}"), "1")).collect();
        assert_eq!(parse(&json!(many)), Err(InvalidHeaders::Count));
    }

    #[test]
    fn a_name_says_whether_its_value_is_a_secret() {
        for name in [
            "Authorization",
            "x-api-key",
            "cookie",
            "X-Auth-Token",
            "x-client-secret",
            "X-Shopify-Hmac-Sha256",
        ] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["x-tenant", "traceparent", "x-custom-header"] {
            assert!(!is_sensitive(name), "{name}");
        }
    }
}
