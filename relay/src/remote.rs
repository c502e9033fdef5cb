//! A relay that runs somewhere, asked over its API.

use std::{path::PathBuf, time::Duration};

use adapters::{
    caller::{Caller, FetchRequest, OutboundCall},
    clock::Clock,
};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use clap::Args;
use domain::{
    address::{Network, Rule},
    retry::CallOutcome,
};
use serde::Serialize;
use serde_json::Value;

/// How long an answer may take: API Gateway gives up after 30 s.
const TIMEOUT: Duration = Duration::from_secs(35);
/// Lambda answers no more.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// Which relay, and with which key.
#[derive(Clone, Debug, Args)]
pub struct Remote {
    /// The relay's URL; without https only on this machine.
    #[arg(long, env = "RELAY_URL", default_value = "http://127.0.0.1:8788")]
    pub url: String,
    /// A key of its API.
    #[arg(long, env = "RELAY_ADMIN_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// Where `relay dev` keeps its key, if none is given.
    #[arg(long, default_value = ".relay")]
    pub data: PathBuf,
}

/// Why a relay did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nothing to authenticate with.
    #[error("no key: give --key, RELAY_ADMIN_KEY, or the --data of a `relay dev` ({0}: {1})")]
    NoKey(PathBuf, std::io::Error),
    /// No HTTP header can hold the key.
    #[error("that is not a key")]
    InvalidKey,
    /// Nobody answered.
    #[error("{url} does not answer: {why}")]
    Unreachable {
        /// Where we asked.
        url: String,
        /// What happened.
        why: String,
    },
    /// It said no.
    #[error("the relay answered {status}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// In its words.
        detail: String,
    },
    /// It is no relay, or not of this version.
    #[error("the relay's answer cannot be read: {0}")]
    Unreadable(serde_json::Error),
}

impl Remote {
    /// Asks for something.
    pub async fn get(&self, path: &str) -> Result<Value, RemoteError> {
        let url = self.at(path);
        let question = FetchRequest {
            url: &url,
            headers: self.headers()?,
            timeout: TIMEOUT,
            max_body: MAX_ANSWER,
            now: Clock::system().now(),
        };
        let heard = self.caller().get(question).await;
        judge(url, heard.outcome, heard.detail, &heard.body)
    }

    /// Asks with any method; `None` if what the path names is not there. An empty answer is `null`.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, RemoteError> {
        let url = self.at(path);
        let question = FetchRequest {
            url: &url,
            headers: self.headers()?,
            timeout: TIMEOUT,
            max_body: MAX_ANSWER,
            now: Clock::system().now(),
        };
        let body = body.map(|json| json.to_string().into_bytes()).unwrap_or_default();
        let heard = self.caller().ask_with(method, question, body).await;
        if matches!(heard.outcome, CallOutcome::Answered { status: 404, .. }) {
            return Ok(None);
        }
        let said = if heard.body.is_empty() { b"null" } else { heard.body.as_slice() };
        judge(url, heard.outcome, heard.detail, said).map(Some)
    }

    /// Has something done. Of the answer, the first kilobyte is read.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Result<Value, RemoteError> {
        let url = self.at(path);
        let call = OutboundCall {
            url: &url,
            headers: self.headers()?,
            body: serde_json::to_vec(body).expect("plain data serialises"),
            timeout: TIMEOUT,
            now: Clock::system().now(),
            label: None,
        };
        let answer = self.caller().post(call).await;
        judge(url, answer.outcome, answer.detail, answer.response.as_bytes())
    }

    /// Posts something as a sender would, without the key; the HTTP status of the answer.
    pub async fn probe(
        &self,
        path: &str,
        headers: HeaderMap,
        body: &[u8],
    ) -> Result<u16, RemoteError> {
        let (url, now) = (self.at(path), Clock::system().now());
        let call = OutboundCall {
            url: &url,
            headers,
            body: body.to_vec(),
            timeout: TIMEOUT,
            now,
            label: None,
        };
        let answer = self.caller().post(call).await;
        match answer.outcome {
            CallOutcome::Answered { status, .. } => Ok(status),
            CallOutcome::Failed(_) => Err(RemoteError::Unreachable { url, why: answer.detail }),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// Anywhere with TLS; without it the key stays on this machine.
    fn caller(&self) -> Caller {
        let networks = match self.url.starts_with("https://") {
            true => "0.0.0.0/0,::/0",
            false => "127.0.0.0/8,::1/128",
        };
        Caller::new(Rule {
            allowed: Network::parse_list(networks).expect("they are networks"),
            ..Rule::default()
        })
    }

    fn headers(&self) -> Result<HeaderMap, RemoteError> {
        let key = match self.key.as_deref().map(str::trim).filter(|key| !key.is_empty()) {
            Some(key) => key.to_owned(),
            None => {
                let path = self.data.join("admin.key");
                let kept = std::fs::read_to_string(&path);
                kept.map_err(|error| RemoteError::NoKey(path, error))?.trim().to_owned()
            }
        };
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| RemoteError::InvalidKey)?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, bearer);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(headers)
    }
}

fn judge(
    url: String,
    outcome: CallOutcome,
    why: String,
    body: &[u8],
) -> Result<Value, RemoteError> {
    let CallOutcome::Answered { status, .. } = outcome else {
        return Err(RemoteError::Unreachable { url, why });
    };
    let json = serde_json::from_slice::<Value>(body);
    if (200..300).contains(&status) {
        return json.map_err(RemoteError::Unreadable);
    }
    let said = json.ok().and_then(|json| said(&json["detail"]));
    let detail = said.unwrap_or_else(|| "and did not say why".to_owned());
    Err(RemoteError::Refused { status, detail })
}

/// Why, in words: a text, or the list of fields and reasons that Svix's API has.
fn said(detail: &Value) -> Option<String> {
    if let Some(text) = detail.as_str() {
        return Some(text.to_owned());
    }
    let field = |error: &Value| {
        let at = error["loc"].as_array()?.last()?.as_str()?;
        Some(format!("{at} {}", error["msg"].as_str()?))
    };
    Some(detail.as_array()?.iter().filter_map(field).collect::<Vec<_>>().join("; "))
}
