//! `POST /in/{source}`: address, size, header grammar, timestamp, MAC over the raw bytes, then one
//! message on the inbox and a 202. The same under two of the five systems' own paths. Lines for a job's
//! log, `POST /in/{source}/jobs/{job}/logs`, are judged alike and kept in the table.
//!
//! Before the MAC holds nothing of the body is parsed, and nothing of the request is logged but
//! which check it failed. Who is refused learns only that.

mod accept;
mod answer;
mod encoding;
mod gates;
mod handshakes;
mod keys;
mod lines;
mod noted;
mod record;
mod refusing;
mod way;

use std::{
    future::ready,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use adapters::{
    access::{self, SenderCall},
    bucket::Bucket,
    clock::Clock,
    inbox::Inbox,
    live_queue::LiveQueue,
    path::Spelling,
    queue::Queue,
    table::Table,
    vault::Vault,
};
use axum::{
    Router,
    body::to_bytes,
    extract::{DefaultBodyLimit, OriginalUri, Path, Request, State},
    http::{HeaderMap, Response, header},
    middleware,
    routing::post,
};
use dispatch::{logs::Logs, teller::Teller};
use domain::{
    address::Rule, base_path::BasePath, refusals::RefusedRequest, signature::SignedRequest,
};
use lambda_http::request::RequestContext;
use tracing::error;

pub use self::encoding::MAX_BODY;
use self::{
    accept::{AcceptOutcome, Arrival},
    answer::No,
    gates::Gates,
    handshakes::HandshakeLog,
    keys::KeySets,
    noted::NotedEvent,
    refusing::RefusalLog,
    way::Way,
};

/// The parts with which requests of senders are judged and put on the inbox.
#[derive(Debug)]
pub struct Ingest {
    gates: Gates,
    keys: KeySets,
    vault: Vault,
    table: Table,
    bucket: Bucket,
    inbox: Inbox,
    logs: Logs,
    refusals: RefusalLog,
    handshakes: HandshakeLog,
    clock: Clock,
    public_url: String,
    base: Option<BasePath>,
}

/// The caller's address, where the server in front of the routes is not API Gateway. It is never taken from a
/// header.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The five systems' own paths that lead here, with the source behind each.
const THEIRS: [(&str, &str); 2] =
    [("/api/v3/webhooks/modal/completion", "modal-omtx"), ("/api/webhooks/modal", "modal-mesh")];

/// The endpoint with its routes, whose paths may end with a slash and begin with the base path of
/// the public URL. axum keeps the URI as it was called in [`OriginalUri`].
pub fn router(ingest: Arc<Ingest>) -> Router {
    let spelling = Spelling::below(&ingest.public_url);
    let spell = middleware::map_request(move |request: Request| {
        ready(spelling.request(below_base_path(request)))
    });
    Router::new().fallback_service(routes(ingest)).layer(spell)
}

/// The request without what an API mapping put before the path that API Gateway found a route for.
/// API Gateway says which route that was, so this needs no setting.
fn below_base_path(mut request: Request) -> Request {
    let context = request.extensions().get::<RequestContext>();
    let Some(RequestContext::ApiGatewayV2(context)) = context else { return request };
    let route = context.route_key.as_deref();
    let base = route.and_then(|route| BasePath::before(route, request.uri().path()));
    if let Some(uri) = base.and_then(|base| base.strip(request.uri())) {
        *request.uri_mut() = uri;
    }
    request
}

/// The endpoint's routes, for a server that has others beside them and spells paths itself.
pub fn routes(ingest: Arc<Ingest>) -> Router {
    let mut router = Router::new()
        .route("/in/{source}", post(receive))
        .route("/in/{source}/{token}", post(receive_with_token))
        .route("/in/{source}/jobs/{job}/logs", post(receive_lines));
    for (path, source) in THEIRS {
        let handle = move |State(ingest): State<Arc<Ingest>>, request: Request| async move {
            ingest.receive(Way::Theirs(source), source, None, request).await
        };
        router = router.route(path, post(handle));
    }
    // `receive` counts the bytes itself, to answer in its own words.
    router.layer(DefaultBodyLimit::disable()).with_state(ingest)
}

async fn receive(
    State(ingest): State<Arc<Ingest>>,
    Path(source): Path<String>,
    request: Request,
) -> Response<String> {
    ingest.receive(Way::Ours, &source, None, request).await
}

/// The place of senders that cannot sign.
async fn receive_with_token(
    State(ingest): State<Arc<Ingest>>,
    Path((source, token)): Path<(String, String)>,
    request: Request,
) -> Response<String> {
    ingest.receive(Way::Ours, &source, Some(&token), request).await
}

/// The place of lines for a job's log, signed as the source signs its completions.
async fn receive_lines(
    State(ingest): State<Arc<Ingest>>,
    Path((source, job)): Path<(String, String)>,
    request: Request,
) -> Response<String> {
    ingest.receive_for(Purpose::Lines(&job), Way::Ours, &source, None, request).await
}

/// The purpose of a request.
enum Purpose<'a> {
    /// The body of the request is an event.
    Event,
    /// The body of the request holds lines for the log of this job.
    Lines(&'a str),
}

impl Ingest {
    /// An endpoint over these. `public_url` is where its senders call it, for those who sign that;
    /// `rule` says which addresses may be asked for a sender's keys.
    pub fn new(
        table: Table,
        bucket: Bucket,
        inbox: Inbox,
        vault: Vault,
        clock: Clock,
        public_url: String,
        rule: Rule,
    ) -> Self {
        let (gates, keys) = (Gates::new(table.clone(), vault.clone()), KeySets::new(rule));
        let base = BasePath::of(&public_url);
        let (logs, refusals) = (Logs::new(table.clone()), RefusalLog::new(table.clone()));
        Self {
            handshakes: HandshakeLog::new(table.clone()),
            gates,
            keys,
            vault,
            table,
            bucket,
            inbox,
            logs,
            refusals,
            clock,
            public_url,
            base,
        }
    }

    /// Sets the queue on which `live` is told of lines that were kept, and of requests that were refused.
    #[must_use]
    pub fn telling_watchers_by(self, queue: Queue) -> Self {
        let teller = Teller::new(LiveQueue(queue.clone()));
        // A teller of their own: a refused request does not wait for lines that are to be told.
        let refusals = Teller::new(LiveQueue(queue));
        Self {
            logs: self.logs.told_by(teller),
            refusals: self.refusals.told_by(refusals, self.clock.clone()),
            ..self
        }
    }

    /// Sets the time between two writes about refused requests of one source, for a host that pays for
    /// no write.
    #[must_use]
    pub fn writing_refusals_every(self, every: Duration) -> Self {
        Self { refusals: self.refusals.writing_every(every), ..self }
    }

    /// Writes the refusals that wait, for a host that does not stand still between two requests.
    pub async fn write_refusals(&self) {
        self.refusals.write_waiting(self.clock.now()).await;
    }

    /// Connects to the table while Lambda still gives a whole CPU: the first request then has one
    /// TLS handshake less to pay for. Failing here is no failure; that request connects itself.
    pub async fn warm(&self) {
        let _ = self.gates.gate("-", self.clock.now()).await;
    }

    async fn receive(
        &self,
        way: Way,
        source: &str,
        token: Option<&str>,
        request: Request,
    ) -> Response<String> {
        self.receive_for(Purpose::Event, way, source, token, request).await
    }

    async fn receive_for(
        &self,
        purpose: Purpose<'_>,
        way: Way,
        source: &str,
        token: Option<&str>,
        request: Request,
    ) -> Response<String> {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let caller = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                context.http.source_ip.as_deref().and_then(|ip| ip.parse().ok())
            }
            _ => parts.extensions.get::<Peer>().map(|peer| peer.0),
        };
        let (headers, now) = (&parts.headers, self.clock.now());
        let refused = |bytes| RefusedRequest { at: now, source, caller, headers, bytes };
        let signed = SignedRequest { headers, body: &[], url: None, token };
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            let no = No::TooLarge;
            self.refusals
                .note_request(&self.gates, &refused(announced(headers)), &signed, &no)
                .await;
            return told(source, began, no.answer(way), Some(&no));
        };
        let called = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |called| &called.0);
        let below = self.base.as_ref().and_then(|base| base.strip(called));
        let called = below.as_ref().unwrap_or(called);
        let arrival = Arrival {
            way,
            source,
            token,
            method: parts.method.as_str(),
            headers: &parts.headers,
            path: called.path(),
            query: called.query(),
            caller,
            body: &body,
            unpacked: OnceLock::new(),
            now,
        };
        let accepted = match purpose {
            Purpose::Event => self.accept(&arrival).await,
            Purpose::Lines(job) => self.accept_lines(&arrival, job).await,
        };
        match accepted {
            Ok(AcceptOutcome::Accepted(response)) => told(source, began, response, None),
            Ok(AcceptOutcome::Refused(no)) => {
                self.refusals
                    .note_request(&self.gates, &refused(body.len() as u64), &signed, &no)
                    .await;
                told(source, began, no.answer(way), Some(&no))
            }
            Err(unavailable) => {
                error!(error = %unavailable, "a request could not be kept");
                told(source, began, No::Unavailable.answer(way), Some(&No::Unavailable))
            }
        }
    }
}

/// The length of a body that was not read to its end, as its sender announced it; one byte more than is
/// read if it did not.
fn announced(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(MAX_BODY as u64 + 1)
}

/// The response, after a line in the log of accesses.
fn told(
    source: &str,
    began: Instant,
    response: Response<String>,
    no: Option<&No>,
) -> Response<String> {
    if access::is_on() {
        let noted = response.extensions().get::<NotedEvent>();
        let reason = no.map(No::reason);
        access::called(&SenderCall {
            source,
            status: response.status().as_u16(),
            took: began.elapsed(),
            event: noted.map(|noted| noted.id.as_str()),
            event_type: noted.map(|noted| noted.event_type.as_str()),
            reason: reason.as_deref(),
        });
    }
    response
}

#[cfg(test)]
mod tests;
