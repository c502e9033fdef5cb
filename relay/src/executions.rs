//! `relay executions` and `relay inject`: lists the running Modal calls, and reports by hand what a
//! sender could not (R0.21).

use std::path::{Path, PathBuf};

use clap::Parser;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    exit::{Exit, Failure},
    remote::{Remote, RemoteError},
};

/// The arguments of `relay executions`.
#[derive(Clone, Debug, Parser)]
pub struct ExecutionsArgs {
    /// The relay to call, and the key to call it with.
    #[command(flatten)]
    pub remote: Remote,
}

/// The arguments of `relay inject`.
#[derive(Clone, Debug, Parser)]
pub struct InjectArgs {
    /// The relay to call, and the key to call it with.
    #[command(flatten)]
    pub remote: Remote,
    /// Source in whose place the state is reported.
    #[arg(long, default_value = "modal-omtx")]
    pub source: String,
    /// File with the body that the sender would have sent; - is standard input.
    #[arg(long, conflicts_with_all = ["modal_call_id", "status", "result_data", "error_data", "metadata"])]
    pub body: Option<PathBuf>,
    /// Id of the Modal call.
    #[arg(long, required_unless_present = "body")]
    pub modal_call_id: Option<String>,
    /// State of the call: success, failure or timeout; running reports a start.
    #[arg(long, required_unless_present = "body")]
    pub status: Option<String>,
    /// Result of the call, as JSON.
    #[arg(long, value_parser = json_text)]
    pub result_data: Option<Box<RawValue>>,
    /// Error of the call, as JSON.
    #[arg(long, value_parser = json_text)]
    pub error_data: Option<Box<RawValue>>,
    /// JSON object with `job_id` and `batch_id`.
    #[arg(long, value_parser = json_text)]
    pub metadata: Option<Box<RawValue>>,
}

fn json_text(text: &str) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(text.to_owned())
}

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionsError {
    /// The relay did not carry out the request.
    #[error(transparent)]
    RemoteError(#[from] RemoteError),
    /// The file of the body cannot be read.
    #[error("cannot read {0}: {1}")]
    Body(PathBuf, std::io::Error),
    /// The file of the body is not JSON.
    #[error("{0} is not JSON: {1}")]
    Json(PathBuf, serde_json::Error),
}

impl Failure for ExecutionsError {
    fn exit(&self) -> Exit {
        match self {
            Self::RemoteError(error) => error.exit(),
            Self::Body(..) | Self::Json(..) => Exit::Usage,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::RemoteError(error) => error.next_step(),
            _ => None,
        }
    }
}

/// Lists the running calls: their number, then `Job {job_id}: {modal_call_id}` for each.
///
/// # Errors
/// [`ExecutionsError::RemoteError`] if the relay does not answer or refuses.
pub async fn list(args: &ExecutionsArgs) -> Result<String, ExecutionsError> {
    let active = args.remote.get("/api/v3/webhooks/active-executions").await?;
    let mut text = format!("Active executions: {}\n", active["total_active"]);
    for execution in active["executions"].as_array().into_iter().flatten() {
        let at = |field: &str| execution[field].as_str().unwrap_or("-").to_owned();
        text = format!("{text}Job {}: {}\n", at("job_id"), at("modal_call_id"));
    }
    if active["truncated"] == true {
        text += "The list is incomplete: older jobs were not searched.\n";
    }
    Ok(text)
}

/// Reports the state of a call in place of the source. Returns the ids of the event and the job.
///
/// # Errors
/// [`ExecutionsError`] if the body cannot be read or the relay refuses.
pub async fn inject(args: &InjectArgs) -> Result<String, ExecutionsError> {
    let request = InjectRequest {
        body: args.body.as_deref().map(read).transpose()?,
        modal_call_id: args.modal_call_id.as_deref(),
        status: args.status.as_deref(),
        result_data: args.result_data.as_deref(),
        error_data: args.error_data.as_deref(),
        metadata: args.metadata.as_deref(),
    };
    let path = format!("/v1/sources/{}/inject", args.source);
    let answer = args.remote.post(&path, &request).await?;
    let at = |field: &str| answer[field].as_str().unwrap_or("-").to_owned();
    Ok(format!("Accepted: event {}, job {}\n", at("id"), at("job_id")))
}

/// The request of `POST /v1/sources/{name}/inject`. JSON values are sent byte for byte.
#[derive(Serialize)]
struct InjectRequest<'a> {
    body: Option<Box<RawValue>>,
    modal_call_id: Option<&'a str>,
    status: Option<&'a str>,
    result_data: Option<&'a RawValue>,
    error_data: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
}

/// Reads JSON from the file at `path`, or from standard input if `path` is `-`.
fn read(path: &Path) -> Result<Box<RawValue>, ExecutionsError> {
    let (text, name) = match path == Path::new("-") {
        true => (std::io::read_to_string(std::io::stdin()), Path::new("standard input")),
        false => (std::fs::read_to_string(path), path),
    };
    let text = text.map_err(|error| ExecutionsError::Body(name.to_owned(), error))?;
    RawValue::from_string(text).map_err(|error| ExecutionsError::Json(name.to_owned(), error))
}
