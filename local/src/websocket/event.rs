//! The events of the integration, as API Gateway sends them to a Lambda function.

use std::net::SocketAddr;

use axum::http::{HeaderMap, Uri, header, request::Parts};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{
    connection::{Connection, id},
    limits::STAGE,
};
use crate::clock::machine_time;

/// The id of the API.
const API: &str = "local";

/// A message of a client.
pub(super) enum Payload {
    /// A text message.
    Text(String),
    /// A binary message, which the event carries in base64.
    Binary(Vec<u8>),
}

/// The event of `$connect`, with the headers and the query of the upgrade.
pub(super) fn connect(connection: &Connection, request: &Parts, peer: SocketAddr) -> Value {
    let mut event = of(connection, "$connect", "CONNECT");
    let headers = forwarded(headers(&request.headers), connection, peer);
    set_both(&mut event, "headers", "multiValueHeaders", headers);
    let query = query(&request.uri);
    if !query.is_empty() {
        set_both(&mut event, "queryStringParameters", "multiValueQueryStringParameters", query);
    }
    event
}

/// The event of `$default` for a message of the client.
pub(super) fn message(connection: &Connection, payload: Payload) -> Value {
    let mut event = of(connection, "$default", "MESSAGE");
    event["requestContext"]["messageId"] = json!(id());
    let (body, encoded) = match payload {
        Payload::Text(text) => (text, false),
        Payload::Binary(bytes) => (BASE64_STANDARD.encode(bytes), true),
    };
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(encoded);
    event
}

/// The event of `$disconnect`, with the status code and the reason of the close.
pub(super) fn disconnect(connection: &Connection, code: u16, reason: &str) -> Value {
    let mut event = of(connection, "$disconnect", "DISCONNECT");
    event["requestContext"]["disconnectStatusCode"] = json!(code);
    event["requestContext"]["disconnectReason"] = json!(reason);
    let headers = [
        ("Host", connection.domain.as_str()),
        ("x-api-key", ""),
        ("X-Forwarded-For", ""),
        ("x-restapi", ""),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    set_both(&mut event, "headers", "multiValueHeaders", headers.into());
    event
}

/// What the events of all routes have in common.
fn of(connection: &Connection, route: &str, kind: &str) -> Value {
    let now = machine_time();
    let request = id();
    let mut identity = json!({ "sourceIp": connection.source_ip });
    if let Some(agent) = &connection.user_agent {
        identity["userAgent"] = json!(agent);
    }
    json!({
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "messageDirection": "IN",
            "connectionId": connection.id,
            "connectedAt": connection.connected_at,
            "requestTime": request_time(now),
            "requestTimeEpoch": now,
            "requestId": request,
            "extendedRequestId": request,
            "domainName": connection.domain,
            "stage": STAGE,
            "apiId": API,
            "identity": identity,
        },
        "isBase64Encoded": false,
    })
}

/// The time as in access logs, such as `27/Nov/2026:16:24:30 +0000`.
fn request_time(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

type Pairs = Vec<(String, Vec<String>)>;

/// The headers of the upgrade but those that are about the connection to the next hop.
fn headers(headers: &HeaderMap) -> Pairs {
    let names = headers.keys().filter(|name| ![header::CONNECTION, header::UPGRADE].contains(name));
    names
        .map(|name| {
            let values = headers.get_all(name).iter();
            let text =
                |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
            (spelled(name.as_str()), values.map(text).collect())
        })
        .collect()
}

/// The name of a header as browsers write it. The names that the server hands over are in lower case, and
/// a function that looks for `Origin` finds it on AWS.
fn spelled(name: &str) -> String {
    let capital = |part: &str| match part {
        "websocket" => "WebSocket".to_owned(),
        _ => {
            let mut letters = part.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect()
        }
    };
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}

/// Adds what a proxy says of its client.
fn forwarded(mut headers: Pairs, connection: &Connection, peer: SocketAddr) -> Pairs {
    let said = headers.iter().position(|(name, _)| name == "X-Forwarded-For");
    let before = said.map(|at| headers.remove(at).1).unwrap_or_default();
    let path = before.into_iter().chain([peer.ip().to_string()]).collect::<Vec<_>>().join(", ");
    let port = connection.domain.rsplit_once(':').map_or("80", |(_, port)| port);
    let more = [("For", path.as_str()), ("Port", port), ("Proto", "http")];
    for (name, value) in more {
        let name = format!("X-Forwarded-{name}");
        headers.retain(|(other, _)| *other != name);
        headers.push((name, vec![value.to_owned()]));
    }
    headers
}

/// The parameters of the query in the order of their first mention, decoded.
fn query(uri: &Uri) -> Pairs {
    let mut parameters = Pairs::new();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match parameters.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => values.push(value.into_owned()),
            None => parameters.push((name.into_owned(), vec![value.into_owned()])),
        }
    }
    parameters
}

/// Sets two members of an event: the last value of each name, and all values of each name.
fn set_both(event: &mut Value, last: &str, all: &str, pairs: Pairs) {
    let one = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values.last()));
    event[last] = pairs.iter().map(one).collect::<Map<_, _>>().into();
    let every = pairs.into_iter().map(|(name, values)| (name, json!(values)));
    event[all] = every.collect::<Map<_, _>>().into();
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};

    use super::*;

    fn connection() -> Connection {
        let agent = Some("agent/1".to_owned());
        let source = "192.0.2.7".parse().expect("an address");
        Connection::new(source, agent, "127.0.0.1:8788".to_owned()).0
    }

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).expect("a request").into_parts().0
    }

    #[test]
    fn connect_carries_headers_and_query_once_and_in_full() {
        let connection = connection();
        let peer = "192.0.2.7:1234".parse().expect("an address");
        let headers = [
            ("host", "127.0.0.1:8788"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ];
        let request = parts("/live/?EIO=4&transport=websocket&token=a%2Bb+c&x=1&x=2", &headers);
        let event = connect(&connection, &request, peer);
        let mut expected = json!({
            "headers": {
                "Host": "127.0.0.1:8788",
                "Sec-WebSocket-Version": "13",
                "Cookie": "b=2",
                "X-Forwarded-For": "10.0.0.1, 192.0.2.7",
                "X-Forwarded-Port": "8788",
                "X-Forwarded-Proto": "http",
            },
            "multiValueHeaders": {
                "Host": ["127.0.0.1:8788"],
                "Sec-WebSocket-Version": ["13"],
                "Cookie": ["a=1", "b=2"],
                "X-Forwarded-For": ["10.0.0.1, 192.0.2.7"],
                "X-Forwarded-Port": ["8788"],
                "X-Forwarded-Proto": ["http"],
            },
            "queryStringParameters": {
                "EIO": "4", "transport": "websocket", "token": "a+b c", "x": "2",
            },
            "multiValueQueryStringParameters": {
                "EIO": ["4"], "transport": ["websocket"], "token": ["a+b c"], "x": ["1", "2"],
            },
            "requestContext": {
                "routeKey": "$connect",
                "eventType": "CONNECT",
                "messageDirection": "IN",
                "stage": "live",
                "apiId": "local",
                "domainName": "127.0.0.1:8788",
                "connectionId": connection.id,
                "connectedAt": connection.connected_at,
                "identity": { "sourceIp": "192.0.2.7", "userAgent": "agent/1" },
            },
            "isBase64Encoded": false,
        });
        for name in ["requestId", "extendedRequestId", "requestTime", "requestTimeEpoch"] {
            assert!(!event["requestContext"][name].is_null(), "{name}");
            expected["requestContext"][name] = event["requestContext"][name].clone();
        }
        assert_eq!(event, expected);
        let bare = connect(&connection, &parts("/live", &[]), peer);
        assert!(bare.get("queryStringParameters").is_none(), "{bare}");
    }

    #[test]
    fn a_message_is_text_or_base64() {
        let connection = connection();
        let event = message(&connection, Payload::Text("2é".to_owned()));
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("2é"), &json!(false)));
        assert_eq!(event["requestContext"]["routeKey"], "$default");
        assert_eq!(event["requestContext"]["eventType"], "MESSAGE");
        assert!(event["requestContext"]["messageId"].is_string());
        assert!(event.get("headers").is_none());
        let event = message(&connection, Payload::Binary(vec![0, 255]));
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("AP8="), &json!(true)));
    }

    #[test]
    fn disconnect_says_why() {
        let event = disconnect(&connection(), 1001, "Going away");
        let context = &event["requestContext"];
        assert_eq!(context["routeKey"], "$disconnect");
        assert_eq!(context["eventType"], "DISCONNECT");
        assert_eq!(context["disconnectStatusCode"], 1001);
        assert_eq!(context["disconnectReason"], "Going away");
        assert_eq!(event["headers"]["Host"], "127.0.0.1:8788");
    }

    #[test]
    fn times_are_written_as_in_access_logs() {
        assert_eq!(request_time(1_607_854_667_186), "13/Dec/2020:10:17:47 +0000");
    }
}
