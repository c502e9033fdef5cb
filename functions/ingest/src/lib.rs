//! `POST /in/{source}`: size, header grammar, timestamp, MAC over the raw bytes, then one message
//! on the inbox and a 202.
//!
//! Before the MAC holds nothing of the body is parsed, and nothing of the request is logged but
//! which check it failed. Who is refused learns only that.

mod gates;

use std::{sync::Arc, time::Duration};

use adapters::{
    Unavailable,
    bucket::Bucket,
    clock::Clock,
    problem::problem,
    queue::{MAX_MESSAGE, Outgoing, Queue},
    random,
    table::Table,
    vault::Vault,
};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, Response, StatusCode, header},
    response::IntoResponse,
    routing::post,
};
use domain::{
    envelope::{Carried, Envelope, Trust},
    profile::Reply,
    signature::Request,
    source::{Accepted, Gate, NotAccepted},
};
use serde_json::json;
use tracing::{error, warn};

use crate::gates::Gates;

/// Largest body that is accepted: what Lambda itself takes.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// Everything the endpoint needs.
#[derive(Debug)]
pub struct Ingest {
    gates: Gates,
    bucket: Bucket,
    inbox: Queue,
    clock: Clock,
}

/// The endpoint's routes.
pub fn router(ingest: Arc<Ingest>) -> Router {
    Router::new()
        .route("/in/{source}", post(receive))
        .route("/in/{source}/{token}", post(receive_with_token))
        // `receive` counts the bytes itself, to answer in its own words.
        .layer(DefaultBodyLimit::disable())
        .with_state(ingest)
}

async fn receive(
    State(ingest): State<Arc<Ingest>>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<String> {
    ingest.receive(&source, &headers, body).await
}

/// The place of senders that cannot sign: no profile has a token yet, so nobody passes.
async fn receive_with_token(Path((_, _)): Path<(String, String)>) -> impl IntoResponse {
    unauthorized()
}

impl Ingest {
    /// An endpoint over these.
    pub fn new(table: Table, bucket: Bucket, inbox: Queue, vault: Vault, clock: Clock) -> Self {
        Self { gates: Gates::new(table, vault), bucket, inbox, clock }
    }

    /// Connects to the table while Lambda still gives a whole CPU: the first request then has one
    /// TLS handshake less to pay for. Failing here is no failure; that request connects itself.
    pub async fn warm(&self) {
        let _ = self.gates.gate("-", self.clock.now()).await;
    }

    async fn receive(&self, source: &str, headers: &HeaderMap, body: Body) -> Response<String> {
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "a body has at most 6 MB");
        };
        match self.accept(source, headers, &body).await {
            Ok(response) => response,
            Err(unavailable) => {
                error!(error = %unavailable, "a request could not be kept");
                problem(StatusCode::SERVICE_UNAVAILABLE, "not kept; send it again")
            }
        }
    }

    async fn accept(
        &self,
        source: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response<String>, Unavailable> {
        let now = self.clock.now();
        let Some(mut gate) = self.gates.gate(source, now).await? else {
            warn!(reason = "unknown source", "refused");
            return Ok(unauthorized());
        };
        let request = Request { headers, body, url: None, token: None };
        let mut judged = gate.judge(&request, now);
        if matches!(judged, Err(NotAccepted::Refused(_)))
            && let Some(newer) = self.gates.refresh(source, now).await?
        {
            // Its secret may just have been rotated.
            judged = newer.judge(&request, now);
            gate = newer;
        }
        match judged {
            Ok(accepted) => self.keep(&gate, accepted, headers, body).await,
            Err(NotAccepted::Refused(reason)) => {
                warn!(source = gate.name, %reason, "refused");
                Ok(unauthorized())
            }
            Err(NotAccepted::Unreadable(problem_with_body)) => {
                warn!(source = gate.name, reason = %problem_with_body, "unreadable");
                Ok(problem(StatusCode::BAD_REQUEST, &problem_with_body.to_string()))
            }
        }
    }

    /// Puts an accepted request on the inbox. Only then has it been accepted.
    async fn keep(
        &self,
        gate: &Gate,
        accepted: Accepted,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response<String>, Unavailable> {
        let type_header = gate.profile.mapping.event_type_header.as_ref();
        let event_type = type_header.and_then(|name| headers.get(name)?.to_str().ok());
        let mut envelope = Envelope {
            source: gate.name.clone(),
            profile: gate.profile_name.clone(),
            options: gate.options.clone(),
            application: gate.application.clone(),
            key: accepted.key,
            event: accepted.event.clone(),
            arrival: random::token(),
            received_at: self.clock.now(),
            event_type: event_type.map(|text| text.chars().take(128).collect()),
            trust: Trust::Signed,
            body: Carried::inline(body),
        };
        let mut message = envelope.print();
        if MAX_MESSAGE < message.len() {
            let key = format!("inbox/{}/{}", accepted.event.bare(), envelope.arrival);
            self.bucket.put(&key, body.to_vec()).await?;
            envelope.body = Carried::Claim(key);
            message = envelope.print();
        }
        let message = Outgoing { body: message, delay: Duration::ZERO, group: None };
        self.inbox.send(message).await?;
        Ok(reply(&gate.profile.reply, &accepted.event.event(), accepted.echo))
    }
}

fn reply(reply: &Reply, event: &str, echo: Option<String>) -> Response<String> {
    let mut body = json!({ "status": reply.word, "id": event });
    if let (Some(field), Some(value)) = (&reply.echo, echo) {
        body[field] = value.into();
    }
    let mut response = Response::new(body.to_string());
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::ACCEPTED);
    let json = axum::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// One answer for every reason.
fn unauthorized() -> Response<String> {
    problem(StatusCode::UNAUTHORIZED, "the signature does not hold")
}

#[cfg(test)]
mod tests;
