//! A client of a running relay's API.

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

/// The longest time to wait for an answer. API Gateway answers within 30 s, its maximum.
const TIMEOUT: Duration = Duration::from_secs(35);
/// The longest answer to read, in bytes: the maximum response of a Lambda function.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// The options that name a relay and its key.
#[derive(Clone, Debug, Args)]
pub struct Remote {
    /// URL of the relay. Without https only addresses of this machine are allowed.
    #[arg(long, env = "RELAY_URL", default_value = "http://127.0.0.1:8788")]
    pub url: String,
    /// API key. The default is the admin key in the directory of --data.
    #[arg(long, env = "RELAY_ADMIN_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// Data directory of a `relay dev`, whose admin key is used if no key is given.
    #[arg(long, default_value = ".relay")]
    pub data: PathBuf,
}

/// The reason why a relay did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// There is no API key.
    #[error(
        "no API key: pass --key, set RELAY_ADMIN_KEY, or name the data directory of a `relay dev` with --data \
         (cannot read {0}: {1})"
    )]
    NoKey(PathBuf, std::io::Error),
    /// The API key contains characters that an HTTP header cannot.
    #[error("the API key contains characters that no key has; copy it again")]
    InvalidKey,
    /// The relay did not answer.
    #[error("{url} does not answer: {why}; check --url and that the relay runs")]
    Unreachable {
        /// The URL of the request.
        url: String,
        /// The reason, such as a refused connection or a timeout.
        why: String,
    },
    /// The relay answered with an error status.
    #[error("the relay answered {status}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The `detail` of the answer.
        detail: String,
    },
    /// The answer is not JSON.
    #[error("the answer is not the JSON of a relay: {0}; check --url")]
    Unreadable(serde_json::Error),
}

impl Remote {
    /// Sends a GET request and returns the answer's JSON.
    ///
    /// # Errors
    /// [`RemoteError`] if the relay does not answer or answers with an error status.
    pub async fn get(&self, path: &str) -> Result<Value, RemoteError> {
        let url = self.url_of(path);
        let request = self.request(&url)?;
        let answer = self.caller().get(request).await;
        read_answer(url, answer.outcome, answer.detail, &answer.body)
    }

    /// Sends a request with any method. `None` means 404; an empty answer is JSON `null`.
    ///
    /// # Errors
    /// [`RemoteError`] if the relay does not answer or answers with another error status.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, RemoteError> {
        let url = self.url_of(path);
        let request = self.request(&url)?;
        let body = body.map(|json| json.to_string().into_bytes()).unwrap_or_default();
        let answer = self.caller().ask_with(method, request, body).await;
        if matches!(answer.outcome, CallOutcome::Answered { status: 404, .. }) {
            return Ok(None);
        }
        let body = if answer.body.is_empty() { b"null" } else { answer.body.as_slice() };
        read_answer(url, answer.outcome, answer.detail, body).map(Some)
    }

    /// Sends a POST request. Only the first kilobyte of the answer is read.
    ///
    /// # Errors
    /// [`RemoteError`] if the relay does not answer or answers with an error status.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Result<Value, RemoteError> {
        let url = self.url_of(path);
        let call = OutboundCall {
            url: &url,
            headers: self.headers()?,
            body: serde_json::to_vec(body).expect("plain data serialises"),
            timeout: TIMEOUT,
            now: Clock::system().now(),
            label: None,
        };
        let answer = self.caller().post(call).await;
        read_answer(url, answer.outcome, answer.detail, answer.response.as_bytes())
    }

    /// Posts a body as a sender does, without the API key, and returns the HTTP status.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`] if the relay does not answer.
    pub async fn probe(
        &self,
        path: &str,
        headers: HeaderMap,
        body: &[u8],
    ) -> Result<u16, RemoteError> {
        let (url, now) = (self.url_of(path), Clock::system().now());
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

    fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// A request to `url` whose answer is read whole.
    fn request<'u>(&self, url: &'u str) -> Result<FetchRequest<'u>, RemoteError> {
        let (headers, now) = (self.headers()?, Clock::system().now());
        Ok(FetchRequest { url, headers, timeout: TIMEOUT, max_body: MAX_ANSWER, now })
    }

    /// A caller that reaches any address over TLS, and without TLS only loopback, so that the key never
    /// crosses a network unencrypted.
    fn caller(&self) -> Caller {
        let networks = match self.url.starts_with("https://") {
            true => "0.0.0.0/0,::/0",
            false => "127.0.0.0/8,::1/128",
        };
        Caller::new(Rule {
            allowed: Network::parse_list(networks).expect("the constants are networks"),
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

/// Turns an answer into its JSON, or into the error that it reports.
fn read_answer(
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
    let detail = json.ok().and_then(|json| detail_text(&json["detail"]));
    let detail = detail.unwrap_or_else(|| "no reason given".to_owned());
    Err(RemoteError::Refused { status, detail })
}

/// The text of `detail`: a string, or the list of fields and reasons that the Svix-compatible API
/// sends.
fn detail_text(detail: &Value) -> Option<String> {
    if let Some(text) = detail.as_str() {
        return Some(text.to_owned());
    }
    let field = |error: &Value| {
        let at = error["loc"].as_array()?.last()?.as_str()?;
        Some(format!("{at} {}", error["msg"].as_str()?))
    };
    Some(detail.as_array()?.iter().filter_map(field).collect::<Vec<_>>().join("; "))
}
