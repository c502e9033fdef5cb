//! `relay executions` and `relay inject`: what runs, and saying by hand what did not get through
//! (R0.21).

use std::path::{Path, PathBuf};

use clap::Parser;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::remote::{Remote, RemoteError};

/// Which relay's executions.
#[derive(Clone, Debug, Parser)]
pub struct ExecutionsArgs {
    /// The relay.
    #[command(flatten)]
    pub remote: Remote,
}

/// What to say, and in whose place.
#[derive(Clone, Debug, Parser)]
pub struct InjectArgs {
    /// The relay.
    #[command(flatten)]
    pub remote: Remote,
    /// The source in whose place it is said.
    #[arg(long, default_value = "modal-omtx")]
    pub source: String,
    /// A file with the body that its sender would have sent; `-` is standard input.
    #[arg(long, conflicts_with_all = ["modal_call_id", "status", "result_data", "error_data", "metadata"])]
    pub body: Option<PathBuf>,
    /// The call that ended.
    #[arg(long, required_unless_present = "body")]
    pub modal_call_id: Option<String>,
    /// How it ended: success, failure or timeout.
    #[arg(long, required_unless_present = "body")]
    pub status: Option<String>,
    /// Its result, as JSON.
    #[arg(long, value_parser = json_text)]
    pub result_data: Option<Box<RawValue>>,
    /// Its error, as JSON.
    #[arg(long, value_parser = json_text)]
    pub error_data: Option<Box<RawValue>>,
    /// Where `job_id` and `batch_id` are, as JSON.
    #[arg(long, value_parser = json_text)]
    pub metadata: Option<Box<RawValue>>,
}

fn json_text(text: &str) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(text.to_owned())
}

/// Why nothing was printed.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionsError {
    /// The relay.
    #[error(transparent)]
    RemoteError(#[from] RemoteError),
    /// The body.
    #[error("{0}: {1}")]
    Body(PathBuf, std::io::Error),
    /// Not what a sender sends.
    #[error("{0} is not JSON: {1}")]
    Json(PathBuf, serde_json::Error),
}

/// What runs: how many, then `Job {job_id}: {modal_call_id}` for each.
pub async fn list(args: &ExecutionsArgs) -> Result<String, ExecutionsError> {
    let active = args.remote.get("/api/v3/webhooks/active-executions").await?;
    let mut text = format!("Active executions: {}\n", active["total_active"]);
    for execution in active["executions"].as_array().into_iter().flatten() {
        let at = |field: &str| execution[field].as_str().unwrap_or("-").to_owned();
        text = format!("{text}Job {}: {}\n", at("job_id"), at("modal_call_id"));
    }
    if active["truncated"] == true {
        text += "There are older jobs that were not looked at.\n";
    }
    Ok(text)
}

/// Says it; what the relay answered.
pub async fn inject(args: &InjectArgs) -> Result<String, ExecutionsError> {
    let said = InjectRequest {
        body: args.body.as_deref().map(read).transpose()?,
        modal_call_id: args.modal_call_id.as_deref(),
        status: args.status.as_deref(),
        result_data: args.result_data.as_deref(),
        error_data: args.error_data.as_deref(),
        metadata: args.metadata.as_deref(),
    };
    let path = format!("/v1/sources/{}/inject", args.source);
    let answer = args.remote.post(&path, &said).await?;
    let at = |field: &str| answer[field].as_str().unwrap_or("-").to_owned();
    Ok(format!("Accepted: event {}, job {}\n", at("id"), at("job_id")))
}

/// As the relay takes it; JSON stays as it was written.
#[derive(Serialize)]
struct InjectRequest<'a> {
    body: Option<Box<RawValue>>,
    modal_call_id: Option<&'a str>,
    status: Option<&'a str>,
    result_data: Option<&'a RawValue>,
    error_data: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
}

fn read(path: &Path) -> Result<Box<RawValue>, ExecutionsError> {
    let text = match path == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(path),
    };
    let text = text.map_err(|error| ExecutionsError::Body(path.to_owned(), error))?;
    RawValue::from_string(text).map_err(|error| ExecutionsError::Json(path.to_owned(), error))
}
