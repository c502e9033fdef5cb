//! Who may call the services: requests that name a loopback host and are signed with the access key.
//!
//! The ports are open to every program and every user of the machine, and through DNS rebinding to
//! every page in its browser. A page cannot choose the `Host` of its requests, and nobody can sign
//! without the secret access key. S3 verifies signatures itself.

use std::net::IpAddr;

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::clients::AccessKey;

/// The longest request body in bytes: a batch of ten SQS messages of 1 MiB as escaped JSON.
const MAX_REQUEST: usize = 64 * 1_048_576;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The reason why a request is refused: AWS's name of the error, and a message.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(&'static str, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::FORBIDDEN, Json(json!({ "__type": self.0, "message": self.1 })))
            .into_response()
    }
}

/// Refuses requests whose `Host` is no loopback host.
pub(crate) async fn loopback_host(request: Request, next: Next) -> Response {
    if names_loopback(request.headers()) {
        return next.run(request).await;
    }
    let message = "This service answers only requests to 127.0.0.1, [::1] or localhost.";
    Refusal("AccessDeniedException", message).into_response()
}

/// Refuses requests that are not signed with the access key. Reads the whole body, which is signed too.
pub(crate) async fn signed(State(key): State<AccessKey>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match verify(&parts, &body, &key) {
        Ok(()) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn names_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Verifies an AWS Signature Version 4 in the header `Authorization`. The time is not judged: whoever
/// could repeat a request of this machine's loopback can read the access key as well.
///
/// # Errors
/// [`Refusal`] if the header is missing or malformed, names another access key or does not hold.
fn verify(parts: &Parts, body: &[u8], key: &AccessKey) -> Result<(), Refusal> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let missing = Refusal(
        "MissingAuthenticationTokenException",
        "The request is not signed. Sign it with the AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of this service.",
    );
    let Some(rest) = text("authorization").and_then(|text| text.strip_prefix(ALGORITHM)) else {
        return Err(missing);
    };
    let field = |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name));
    let (Some(credential), Some(names), Some(signature)) =
        (field("Credential="), field("SignedHeaders="), field("Signature="))
    else {
        return Err(missing);
    };
    let unknown = Refusal(
        "UnrecognizedClientException",
        "The request is signed with an access key that is not the one of this service.",
    );
    let Some((id, scope)) = credential.split_once('/') else { return Err(missing) };
    if id != key.id {
        return Err(unknown);
    }
    let wrong = Refusal(
        "InvalidSignatureException",
        "The signature is not the one that the secret access key of this service makes.",
    );
    if !names.split(';').any(|name| name == "host") {
        return Err(wrong);
    }
    let canonical = format!(
        "{}\n{}\n{}\n{}\n{names}\n{}",
        parts.method,
        encoded(parts.uri.path()),
        query(parts.uri.query().unwrap_or_default()),
        names.split(';').map(|name| line(&parts.headers, name)).collect::<String>(),
        hex::encode(Sha256::digest(body)),
    );
    let date = text("x-amz-date").or_else(|| text("date")).unwrap_or_default();
    let hash = hex::encode(Sha256::digest(canonical));
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{hash}");
    let first = format!("AWS4{}", key.secret).into_bytes();
    let key =
        scope.split('/').fold(first, |key, part| mac(&key, part).finalize().into_bytes().to_vec());
    let signature = hex::decode(signature).unwrap_or_default();
    mac(&key, &to_sign).verify_slice(&signature).map_err(|_| wrong)
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("any length is a key").chain_update(text)
}

/// The canonical form of a header: name, trimmed values with single spaces.
fn line(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    format!("{name}:{}\n", values.collect::<Vec<_>>().join(","))
}

/// The canonical form of a path, which is encoded once more than it is sent.
fn encoded(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    path.bytes().map(one).collect()
}

/// The canonical form of a query: its parameters in order.
fn query(query: &str) -> String {
    let with_value =
        |part: &str| if part.contains('=') { part.to_owned() } else { format!("{part}=") };
    let mut parts: Vec<_> =
        query.split('&').filter(|part| !part.is_empty()).map(with_value).collect();
    parts.sort_unstable();
    parts.join("&")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_loopback_hosts_are_answered() {
        let judged = |host: &'static str| {
            names_loopback(&HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]))
        };
        for host in
            ["127.0.0.1", "127.0.0.1:8790", "127.8.9.1:1", "LocalHost:80", "[::1]:80", "[::1]"]
        {
            assert!(judged(host), "{host}");
        }
        for host in [
            "",
            "rebound.example",
            "rebound.example:8790",
            "127.0.0.1.example",
            "0.0.0.0:80",
            "localhost.example",
            "10.0.0.1",
            "[::2]:80",
            "127.0.0.1:80@x",
            "127.0.0.1 x",
        ] {
            assert!(!judged(host), "{host}");
        }
        assert!(!names_loopback(&HeaderMap::new()));
        let two = [HeaderValue::from_static("127.0.0.1"), HeaderValue::from_static("evil.example")];
        assert!(!names_loopback(&two.map(|value| (header::HOST, value)).into_iter().fold(
            HeaderMap::new(),
            |mut all, (name, value)| {
                all.append(name, value);
                all
            }
        )));
    }

    #[test]
    fn the_canonical_form_of_a_path_and_a_query_is_awss() {
        assert_eq!(encoded("/000000000000/relay-inbox"), "/000000000000/relay-inbox");
        assert_eq!(encoded("/a%20b"), "/a%2520b");
        assert_eq!(query("b=2&a&c=%20"), "a=&b=2&c=%20");
    }
}
