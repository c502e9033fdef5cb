//! The upgrade of a client: `$connect` decides, and the answer waits for it.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    connection::{Alive, Connection, Connections},
    event,
    integration::{Failure, Integration},
    limits::WebSocketLimits,
    session::Session,
};

/// What an upgrade needs.
pub(super) struct Door {
    pub(super) connections: Arc<Connections>,
    pub(super) integration: Integration,
    pub(super) limits: WebSocketLimits,
    pub(super) stopping: watch::Receiver<bool>,
}

/// Answers a request to upgrade once `$connect` has returned.
pub(super) async fn upgrade(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    let key = match key(request.method(), request.headers()) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    let alive = door.connections.alive();
    if *door.stopping.borrow() || door.stopping.has_changed().is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let upgrading = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let (answer, answered) = oneshot::channel();
    // A task of its own, because a client that goes away while `$connect` runs does not end it.
    tokio::spawn(admit(door, parts, peer, key, upgrading, answer, alive));
    answered.await.unwrap_or_else(|_| refusal(StatusCode::INTERNAL_SERVER_ERROR, Failure::Error))
}

/// Asks `$connect`, gives the answer, and lives through the connection.
async fn admit(
    door: Arc<Door>,
    request: Parts,
    peer: SocketAddr,
    key: HeaderValue,
    upgrading: OnUpgrade,
    answer: oneshot::Sender<Response>,
    alive: Alive,
) {
    let text = |name| request.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let agent = text(header::USER_AGENT).map(str::to_owned);
    let domain = text(header::HOST).unwrap_or("localhost").to_owned();
    let (connection, outgoing) = Connection::new(peer.ip(), agent, domain);
    let event = event::connect(&connection, &request, peer);
    let switch = match judge(door.integration.call(event).await, &key) {
        Ok(switch) => switch,
        Err(refusal) => {
            // An error means that the client has gone.
            let _ = answer.send(*refusal);
            return;
        }
    };
    let connection = Arc::new(connection);
    door.connections.add(Arc::clone(&connection));
    let session = Session {
        connection,
        connections: Arc::clone(&door.connections),
        integration: door.integration.clone(),
        limits: door.limits,
        stopping: door.stopping.clone(),
        outgoing,
        alive,
    };
    // An answer that nobody takes also means that there is no socket: `upgrading` fails.
    let _ = answer.send(switch);
    session.run(upgrading).await;
}

/// The value of `Sec-WebSocket-Accept` for a request that asks for an upgrade to a WebSocket.
///
/// # Errors
/// 426 for a request that asks for nothing of the kind or for another version of the protocol, 400 for one
/// without a key.
fn key(method: &Method, headers: &HeaderMap) -> Result<HeaderValue, Box<Response>> {
    let says = |name: header::HeaderName, token: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut tokens = values.flat_map(|value| value.split(','));
        tokens.any(|found| found.trim().eq_ignore_ascii_case(token))
    };
    let upgrade = says(header::UPGRADE, "websocket") && says(header::CONNECTION, "upgrade");
    if method != Method::GET || !upgrade || !says(header::SEC_WEBSOCKET_VERSION, "13") {
        let offer = [
            (header::UPGRADE, "websocket"),
            (header::CONNECTION, "upgrade"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
        ];
        let body = Json(json!({ "message": "Upgrade Required" }));
        return Err(Box::new((StatusCode::UPGRADE_REQUIRED, offer, body).into_response()));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let fits = BASE64_STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    let accept = HeaderValue::try_from(derive_accept_key(key)).ok().filter(|_| fits);
    accept.ok_or_else(|| {
        let body = Json(json!({ "message": "Bad Request" }));
        Box::new((StatusCode::BAD_REQUEST, body).into_response())
    })
}

/// The answer to the upgrade after `$connect`.
///
/// # Errors
/// The refusal, if `$connect` did not answer with a status of 2xx.
fn judge(
    connected: Result<Value, Failure>,
    accept: &HeaderValue,
) -> Result<Response, Box<Response>> {
    let connected = match connected {
        Ok(connected) => connected,
        Err(failure @ Failure::TimedOut) => {
            return Err(Box::new(refusal(StatusCode::GATEWAY_TIMEOUT, failure)));
        }
        Err(failure) => {
            return Err(Box::new(refusal(StatusCode::INTERNAL_SERVER_ERROR, failure)));
        }
    };
    let status = &connected["statusCode"];
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok());
    let status = status.and_then(|status| StatusCode::from_u16(status.try_into().ok()?).ok());
    let status = status.filter(|status| !status.is_informational() && !status.is_server_error());
    let Some(status) = status else {
        let error = "`$connect` answered without a status, or with an error";
        tracing::warn!(status = %connected["statusCode"], error);
        return Err(Box::new(refusal(StatusCode::INTERNAL_SERVER_ERROR, Failure::Error)));
    };
    if status.is_success() {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.clone());
        if let Some(protocol) = said(&connected, &header::SEC_WEBSOCKET_PROTOCOL) {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        return Ok(response);
    }
    let body = connected["body"].as_str().unwrap_or_default().to_owned();
    let mut response = (status, Body::from(body)).into_response();
    if let Some(kind) = said(&connected, &header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Err(Box::new(response))
}

/// A header of the integration's answer, however its name is written.
fn said(answer: &Value, name: &header::HeaderName) -> Option<HeaderValue> {
    let headers = answer["headers"].as_object()?;
    let (_, value) = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name.as_str()))?;
    HeaderValue::from_str(value.as_str()?).ok()
}

fn refusal(status: StatusCode, failure: Failure) -> Response {
    (status, Json(json!({ "message": failure.message() }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn asked(method: Method, headers: &[(&'static str, &'static str)]) -> Result<String, u16> {
        let named = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let accept = key(&method, &headers.iter().map(named).collect());
        let accept = accept.map(|accept| accept.to_str().expect("text").to_owned());
        accept.map_err(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn a_request_to_upgrade_names_protocol_version_and_key() {
        let whole = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ];
        // The example of RFC 6455, section 1.3.
        assert_eq!(asked(Method::GET, &whole), Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned()));
        assert_eq!(asked(Method::POST, &whole), Err(426));
        for (left_out, status) in [(0, 426), (1, 426), (2, 426), (3, 400)] {
            let rest: Vec<_> = whole.into_iter().filter(|it| *it != whole[left_out]).collect();
            assert_eq!(asked(Method::GET, &rest), Err(status), "{left_out}");
        }
        for key in ["", "short", "dGhlIHNhbXBsZSBub25jZQ"] {
            let mut wrong = whole;
            wrong[3].1 = key;
            assert_eq!(asked(Method::GET, &wrong), Err(400), "{key}");
        }
        let mut old = whole;
        old[2].1 = "8";
        assert_eq!(asked(Method::GET, &old), Err(426));
    }

    #[test]
    fn only_a_2xx_of_connect_upgrades() {
        let status = |answer: Result<Value, Failure>| {
            let answered = judge(answer, &HeaderValue::from_static("x"));
            answered.unwrap_or_else(|refusal| *refusal).status().as_u16()
        };
        for (said, answered) in [
            (json!(200), 101),
            (json!("204"), 101),
            (json!(302), 302),
            (json!(400), 400),
            (json!(401), 401),
            (json!(100), 500),
            (json!(500), 500),
            (json!(503), 500),
            (json!(1000), 500),
            (json!("yes"), 500),
            (Value::Null, 500),
        ] {
            assert_eq!(status(Ok(json!({ "statusCode": said }))), answered, "{said}");
        }
        assert_eq!(status(Ok(Value::Null)), 500);
        assert_eq!(status(Err(Failure::Error)), 500);
        assert_eq!(status(Err(Failure::TimedOut)), 504);
    }

    #[test]
    fn a_subprotocol_is_the_integrations_choice() {
        let accept = HeaderValue::from_static("x");
        let protocol = |headers: Value| {
            let answer = json!({ "statusCode": 200, "headers": headers });
            let response = judge(Ok(answer), &accept).expect("upgraded");
            let protocol = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
            protocol.map(|value| value.to_str().expect("text").to_owned())
        };
        assert_eq!(protocol(json!({})), None);
        assert_eq!(protocol(json!({ "Sec-WebSocket-Protocol": "x" })), Some("x".to_owned()));
        assert_eq!(protocol(json!({ "sec-websocket-protocol": "y" })), Some("y".to_owned()));
    }
}
