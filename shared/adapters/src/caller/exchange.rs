//! One HTTP exchange over a connection that was made: the request as it goes out, and what is read of
//! the answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{
    address::Target,
    retry::{self, CallOutcome, ErrorClass},
    time::Timestamp,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    call::{Failure, MAX_KEPT},
    heard::{FirstLine, Heard},
};

/// Longest time for the body of an answer, which is only kept to be shown: the head has said what the
/// answer is.
pub(super) const BODY_TIME: Duration = Duration::from_secs(5);
/// Most headers of an answer. An answer with more is class `protocol`.
const MAX_HEADERS: usize = 1000;
/// Longest `Location` of a redirect that is shown, in bytes.
const MAX_LOCATION: usize = 256;

pub(super) fn request(
    method: Method,
    target: &Target,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Request<Full<Bytes>>, Failure> {
    let malformed = |error: http::Error| Failure::new(ErrorClass::Protocol, error);
    let url = &target.url;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let request = Request::builder().method(method).uri(path);
    let mut request = request.body(Full::from(body)).map_err(malformed)?;
    *request.headers_mut() = headers;
    let host = HeaderValue::try_from(host).map_err(|error| malformed(error.into()))?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    // Firewalls refuse callers that do not say which answers they take.
    let any = || HeaderValue::from_static("*/*");
    request.headers_mut().entry(header::ACCEPT).or_insert_with(any);
    Ok(request)
}

pub(super) async fn send<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let first = FirstLine::default();
    let heard = first.clone();
    let broken = move |error: hyper::Error| {
        let told = first.text().map(|line| format!("; its answer begins with \"{line}\""));
        let detail = format!("{}{}", chain(&error), told.unwrap_or_default());
        Failure(ErrorClass::Protocol, detail)
    };
    // Old and embedded servers write heads that are nearly right. The status is what counts.
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(64 * 1024)
        .max_headers(MAX_HEADERS)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .handshake(TokioIo::new(Heard { stream, first: heard }))
        .await
        .map_err(&broken)?;
    // Ends with the answer, or when the answer is dropped.
    tokio::spawn(async move { drop(connection.await) });
    sender.send_request(request).await.map_err(broken)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

pub(super) fn outcome<B>(response: &Response<B>, now: Timestamp) -> CallOutcome {
    let date = |text: &str| {
        let at = httpdate::parse_http_date(text).ok()?;
        Some(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs())
    };
    let header = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = header.and_then(|value| retry::retry_after(value, now.secs(), date));
    CallOutcome::Answered { status: response.status().as_u16(), retry_after }
}

pub(super) fn body_error(error: &hyper::Error) -> Failure {
    Failure::new(ErrorClass::Protocol, chain(error))
}

/// The first bytes of an answer that arrive until then; the rest is never read. A body that breaks
/// off ends where it broke.
pub(super) async fn prefix(mut body: Incoming, until: Instant) -> String {
    let mut kept = Vec::new();
    while kept.len() < MAX_KEPT {
        let Ok(Some(Ok(frame))) = tokio::time::timeout_at(until.into(), body.frame()).await else {
            break;
        };
        let data = frame.into_data().unwrap_or_default();
        let room = MAX_KEPT - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The target of a redirect, as a text for people. Redirects are not followed.
pub(super) fn location<B>(response: &Response<B>) -> String {
    let to =
        response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection());
    let Some(to) = to else { return String::new() };
    let cut = &to.as_bytes()[..to.len().min(MAX_LOCATION)];
    format!("redirects are not followed; this one points to {}", cut.escape_ascii())
}
