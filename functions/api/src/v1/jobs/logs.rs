//! A job's log: appending lines, and reading them as JSON or as text.

mod out;

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::log::{self, BatchPlace, LogBatch, LogEntry, LogFault, LogPosition, Seq};
use manage::{
    ControlPlane,
    logs::{self, AppendedLines, LogPlace, MAX_LINES},
};
use serde::Deserialize;
use utoipa::IntoParams;

use self::out::{Appended, LinesIn, LogOut};
use crate::{
    v1::queries::SourceQuery,
    web::{
        error::{Error, Invalid},
        gate::{Appender, Authenticated},
        input::{self, Query},
        page::Bounded,
    },
};

/// The text of an answer ends with the line that reaches this, in bytes.
const MAX_TEXT: usize = 4 * 1024 * 1024;
/// Lines that are read at a time for an answer of text.
const TEXT_PAGE: usize = 5_000;

/// Number of lines of an answer.
type LineLimit = Bounded<1, MAX_LINES>;

/// The query of lines that are appended: the place of lines whose body names none.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AppendQuery {
    /// Stream of the lines; `main` if neither body nor query names one.
    #[param(nullable = false)]
    stream: Option<String>,
    /// Number of the first line in its stream, counted from 1.
    #[param(nullable = false)]
    first_seq: Option<u64>,
}

/// The part of a log that is asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// Only lines with a greater number, oldest first: a number, or the id of an event of CloudWatch.
    #[param(nullable = false)]
    after: Option<String>,
    /// Only lines behind those of an earlier answer, oldest first: its `follow_token`.
    #[param(nullable = false)]
    follow_token: Option<String>,
    /// Most lines of the answer. Without `after` and `follow_token` they are the newest.
    #[param(inline, nullable = false)]
    limit: Option<LineLimit>,
}

/// Part of a log as text.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TextQuery {
    /// Only lines behind those of an earlier answer, whose `Link` holds this.
    #[param(nullable = false)]
    follow_token: Option<String>,
}

/// Appends lines to a job's log. The same lines again change nothing.
///
/// The log token of the job's registration may stand in place of a key. Lines of a job that is not
/// known wait ten minutes for its registration, unless its source is strict.
#[utoipa::path(post, path = "/v1/jobs/{id}/logs", operation_id = "append_job_logs",
    params(AppendQuery, SourceQuery),
    request_body(content((LinesIn = "application/json"), (String = "text/plain")),
        description = "1 to 500 lines in at most 256 KB. Text has one line per line."),
    responses((status = 202, body = Appended),
        (status = 409, description = "Jobs of several sources bear the id, or the job ended more than 7 days ago."),
        (status = 413, description = "The body is larger than 256 KB."),
        (status = 429, description = "The job logs more than 5,000 lines in a second; `Retry-After` says when to send again.")))]
pub(super) async fn append(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    appender: Appender,
    Query(place): Query<AppendQuery>,
    Query(SourceQuery { source }): Query<SourceQuery>,
    request: Request,
) -> Result<(StatusCode, Json<Appended>), Error> {
    if let Appender::Token(claim) = &appender
        && !logs::is_of(&control, claim, &id).await?
    {
        // Told as a token that is none: nobody learns which jobs there are.
        return Err(Error::Unauthenticated);
    }
    let batch = batch(&control, &id, &place, request).await?;
    let appended = match &appender {
        Appender::Token(claim) => logs::append_claimed(&control, claim, &batch).await?,
        Appender::Key(principal) => {
            logs::append(&control, principal, &id, source.as_deref(), &batch).await?
        }
    };
    let AppendedLines { job, next, conflict } = appended;
    Ok((StatusCode::ACCEPTED, Json(Appended::new(&job, next, conflict))))
}

/// The lines of a request.
async fn batch(
    control: &ControlPlane,
    job: &str,
    place: &AppendQuery,
    request: Request,
) -> Result<LogBatch, Error> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let text = kind.eq_ignore_ascii_case("text/plain");
    let body = input::bytes(request, &()).await?;
    let place = BatchPlace {
        stream: place.stream.as_deref(),
        first_seq: place.first_seq,
        job,
        signed: false,
    };
    let read = if text { log::read_text } else { log::read_json };
    read(&body, &place, control.now()).map_err(fault)
}

fn fault(fault: LogFault) -> Error {
    match fault {
        LogFault::TooLarge => Error::LargerThan(log::MAX_BODY),
        LogFault::Syntax(_) => Error::Bad(fault.to_string()),
        LogFault::Field { field, why } => {
            let fields = field.iter().flat_map(|field| field.split('.')).map(str::to_owned);
            let at = std::iter::once("body".to_owned()).chain(fields).collect();
            Error::Invalid(Invalid { at, why })
        }
    }
}

/// Lines of a job's log, in one order over all its streams.
///
/// Without `after` and `follow_token` these are the newest. Each answer has a `follow_token`, with which
/// the next one goes on.
#[utoipa::path(get, path = "/v1/jobs/{id}/logs", operation_id = "get_job_logs",
    params(LogQuery, SourceQuery),
    responses((status = 200, body = LogOut),
        (status = 409, description = "Jobs of several sources bear the id.")))]
pub(super) async fn read(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(query): Query<LogQuery>,
    Query(SourceQuery { source }): Query<SourceQuery>,
) -> Result<Json<LogOut>, Error> {
    let lines = query.limit.map_or(MAX_LINES, |limit| limit.0) as usize;
    let place = query.place()?;
    let (job, page) =
        logs::read(&control, &principal, &id, source.as_deref(), place, lines).await?;
    Ok(Json(LogOut::new(&job, page)))
}

impl LogQuery {
    fn place(&self) -> Result<LogPlace, Error> {
        match (&self.after, &self.follow_token) {
            (Some(_), Some(_)) => Err(Error::param("after", "does not go with `follow_token`")),
            (Some(after), None) => number(after).map(LogPlace::After),
            (None, Some(token)) => position(token).map(LogPlace::Behind),
            (None, None) => Ok(LogPlace::Newest),
        }
    }
}

/// The number of a line: of a sender's, where 0 is before all of them, or of an event.
fn number(text: &str) -> Result<Seq, Error> {
    match text.parse() {
        Ok(number @ 0..=log::MAX_SEQ) => Ok(Seq::Number(number)),
        _ => Seq::event(text).ok_or_else(|| Error::param("after", "is the number of a line")),
    }
}

fn position(token: &str) -> Result<LogPosition, Error> {
    LogPosition::parse(token).ok_or_else(|| Error::param("follow_token", "is not one of ours"))
}

/// A job's log as the job printed it, oldest line first.
///
/// An answer holds 4 MiB. If there is more, a header `Link` has the address of the next part.
#[utoipa::path(get, path = "/v1/jobs/{id}/logs.txt", operation_id = "get_job_logs_text",
    params(TextQuery, SourceQuery),
    responses((status = 200, description = "The lines", content_type = "text/plain", body = String),
        (status = 409, description = "Jobs of several sources bear the id.")))]
pub(super) async fn text(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(TextQuery { follow_token }): Query<TextQuery>,
    Query(SourceQuery { source }): Query<SourceQuery>,
    query: input::RawQuery,
) -> Result<Response, Error> {
    let source = source.as_deref();
    let mut text = String::new();
    let mut place = match &follow_token {
        Some(token) => LogPlace::Behind(position(token)?),
        None => LogPlace::Beginning,
    };
    let next = loop {
        let begins = matches!(place, LogPlace::Beginning);
        let (job, page) = logs::read(&control, &principal, &id, source, place, TEXT_PAGE).await?;
        if begins && 0 < page.loss.dropped {
            text += &format!("[{} dropped]\n", out::lines(page.loss.dropped));
        }
        for entry in page.entries {
            match entry {
                LogEntry::Line(line) => text += &line.message,
                LogEntry::Missing { lines, .. } => {
                    text += &format!("[{} missing]", out::lines(lines));
                }
            }
            text.push('\n');
        }
        if !page.more {
            break None;
        }
        if MAX_TEXT / 2 < text.len() {
            break Some((job.id, page.position));
        }
        place = LogPlace::Behind(page.position);
    };
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let sniff = HeaderValue::from_static("nosniff");
    let headers = [(header::CONTENT_TYPE, kind), (header::X_CONTENT_TYPE_OPTIONS, sniff)];
    let mut response = (headers, Body::from(text)).into_response();
    if let Some((id, position)) = next {
        let query = query.with(&[("follow_token", &position.to_string())]);
        let link =
            format!("<{}/v1/jobs/{id}/logs.txt?{query}>; rel=\"next\"", control.public_url());
        let link = HeaderValue::from_str(&link);
        let link = link.map_err(|_| Error::Bad("the address cannot be a header".to_owned()))?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
