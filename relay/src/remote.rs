//! A client of a running relay's API.

mod target;

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use adapters::{
    caller::{Caller, Connection, FetchRequest, FetchResult, OutboundCall},
    clock::Clock,
};
use clap::Args;
use domain::{
    address::{Network, Rule},
    retry::CallOutcome,
    secret::Secret,
};
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Serialize;
use serde_json::Value;

pub(crate) use self::target::{LOCAL_URL, is_loopback};
use self::target::{Surroundings, Target};
use crate::contexts::ContextsError;

/// The longest time to wait for an answer. API Gateway answers within 30 s, its maximum.
const TIMEOUT: Duration = Duration::from_secs(35);
/// The longest answer to read, in bytes: the maximum response of a Lambda function.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// The options that name a relay and its key.
///
/// Without any of them the variables RELAY_URL and RELAY_KEY decide, or RELAY_CONTEXT, then the current
/// context, then the `relay dev` whose data lies in `.relay` here.
#[derive(Clone, Debug, Default, Args)]
pub struct Remote {
    /// URL of the relay [env: RELAY_URL]. Without https only addresses of this machine are allowed.
    #[arg(long, value_name = "URL", help_heading = "Relay")]
    pub url: Option<String>,
    /// API key [env: RELAY_KEY, or RELAY_ADMIN_KEY]. Other users of this machine can read a command line:
    /// better log in with `relay login`.
    #[arg(long, value_name = "KEY", help_heading = "Relay", value_parser = secret)]
    pub key: Option<Secret>,
    /// Name of the context to use [env: RELAY_CONTEXT]. `relay login` makes one.
    #[arg(long, value_name = "NAME", help_heading = "Relay", conflicts_with = "url")]
    pub context: Option<String>,
    /// Data directory of a `relay dev`, whose URL and admin key are used [default: .relay].
    #[arg(long, value_name = "DIRECTORY", help_heading = "Relay")]
    pub data: Option<PathBuf>,
    /// The relay that all of these mean, once it was looked for.
    #[arg(skip)]
    target: OnceLock<Target>,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// The reason why a relay did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No flag, variable, context or file names a relay.
    #[error("no relay is chosen")]
    NoRelay,
    /// There is no API key for the relay.
    #[error("no API key: {0}")]
    NoKey(String),
    /// The API key contains characters that an HTTP header cannot.
    #[error("the API key contains characters that no key has; copy it again")]
    InvalidKey,
    /// The session of the context of this name has ended.
    #[error("the login of context {0} has ended")]
    Ended(String),
    /// The context does not exist, or the contexts cannot be read.
    #[error(transparent)]
    Contexts(#[from] ContextsError),
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

/// An answer of the API with a status below 300.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The whole body of the answer.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; an empty body is `null`.
    ///
    /// # Errors
    /// [`RemoteError::Unreadable`] if the body is no JSON of this type.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, RemoteError> {
        let body = if self.body.is_empty() { b"null" } else { self.body.as_slice() };
        serde_json::from_slice(body).map_err(RemoteError::Unreadable)
    }
}

impl Remote {
    /// URL of the relay, without a slash at its end.
    ///
    /// # Errors
    /// [`RemoteError`] if no relay is chosen.
    pub fn url(&self) -> Result<&str, RemoteError> {
        Ok(&self.target()?.url)
    }

    /// This relay with another key, which is used wherever the relay was named.
    ///
    /// # Errors
    /// [`RemoteError`] if no relay is chosen.
    pub fn with_key(&self, key: impl Into<Vec<u8>>) -> Result<Self, RemoteError> {
        let target = self.target()?.with_key(Secret::new(key));
        Ok(Self { target: target.into(), ..self.clone() })
    }

    /// The relay at a URL, with a key, whatever the surroundings say.
    pub fn at(url: &str, key: Secret) -> Self {
        Self { url: Some(url.to_owned()), key: Some(key), ..Self::default() }
    }

    fn target(&self) -> Result<&Target, RemoteError> {
        if let Some(target) = self.target.get() {
            return Ok(target);
        }
        let target = Target::of(self, &Surroundings::of_process())?;
        Ok(self.target.get_or_init(|| target))
    }

    /// Sends a request and returns the answer, whatever its body is.
    ///
    /// # Errors
    /// [`RemoteError`] if the relay does not answer or answers with a status of 300 or more.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Answer, RemoteError> {
        let url = self.url_of(path)?;
        let request = self.request(&url)?;
        let FetchResult { outcome, headers, body, detail } =
            Self::caller(&url).ask_with(method, request, body).await;
        match outcome {
            CallOutcome::Answered { status, .. } if (200..300).contains(&status) => {
                Ok(Answer { status, headers, body })
            }
            outcome => Err(refusal(url, outcome, detail, &body)),
        }
    }

    /// Connects to the host of a URL of this relay with the scheme `http` or `https`.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`] if no connection is made.
    pub(crate) async fn connect(&self, url: &str) -> Result<Connection, RemoteError> {
        let connected = Self::caller(url).connect(url, TIMEOUT).await;
        connected.map_err(|why| RemoteError::Unreachable { url: url.to_owned(), why })
    }

    /// Data directory of the `relay dev` that is meant, if one is.
    pub(crate) fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(target::DATA))
    }

    /// The status, headers and body of `GET /health`, which needs no key.
    ///
    /// # Errors
    /// [`RemoteError`] if no relay is chosen, or the relay does not answer.
    pub async fn health(&self) -> Result<(u16, HeaderMap, Vec<u8>), RemoteError> {
        let (url, now) = (self.url_of("/health")?, Clock::system().now());
        let headers = HeaderMap::new();
        let request =
            FetchRequest { url: &url, headers, timeout: TIMEOUT, max_body: MAX_ANSWER, now };
        let answer = Self::caller(&url).get(request).await;
        match answer.outcome {
            CallOutcome::Answered { status, .. } => Ok((status, answer.headers, answer.body)),
            CallOutcome::Failed(_) => Err(RemoteError::Unreachable { url, why: answer.detail }),
        }
    }

    /// Sends a GET request and returns the answer's JSON.
    ///
    /// # Errors
    /// [`RemoteError`] if the relay does not answer or answers with an error status.
    pub async fn get(&self, path: &str) -> Result<Value, RemoteError> {
        let url = self.url_of(path)?;
        let request = self.request(&url)?;
        let answer = Self::caller(&url).get(request).await;
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
        let url = self.url_of(path)?;
        let request = self.request(&url)?;
        let body = body.map(|json| json.to_string().into_bytes()).unwrap_or_default();
        let answer = Self::caller(&url).ask_with(method, request, body).await;
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
        let url = self.url_of(path)?;
        let call = OutboundCall {
            url: &url,
            headers: self.headers()?,
            body: serde_json::to_vec(body).expect("plain data serialises"),
            timeout: TIMEOUT,
            now: Clock::system().now(),
            label: None,
        };
        let answer = Self::caller(&url).post(call).await;
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
        let called = self.call_as_sender(&self.url_of(path)?, headers, body).await;
        called.map(|(status, _)| status)
    }

    /// Posts a body to a URL as a sender does, without the API key, and returns the HTTP status and the
    /// first kilobyte of the answer.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`] if the relay does not answer.
    pub async fn call_as_sender(
        &self,
        url: &str,
        headers: HeaderMap,
        body: &[u8],
    ) -> Result<(u16, String), RemoteError> {
        let now = Clock::system().now();
        let body = body.to_vec();
        let call = OutboundCall { url, headers, body, timeout: TIMEOUT, now, label: None };
        let answer = Self::caller(url).post(call).await;
        match answer.outcome {
            CallOutcome::Answered { status, .. } => Ok((status, answer.response)),
            CallOutcome::Failed(_) => {
                Err(RemoteError::Unreachable { url: url.to_owned(), why: answer.detail })
            }
        }
    }

    fn url_of(&self, path: &str) -> Result<String, RemoteError> {
        Ok(format!("{}{path}", self.url()?))
    }

    /// A request to `url` whose answer is read whole.
    fn request<'u>(&self, url: &'u str) -> Result<FetchRequest<'u>, RemoteError> {
        let (headers, now) = (self.headers()?, Clock::system().now());
        Ok(FetchRequest { url, headers, timeout: TIMEOUT, max_body: MAX_ANSWER, now })
    }

    /// A caller that reaches any address over TLS, and without TLS only loopback, so that the key never
    /// crosses a network unencrypted.
    fn caller(url: &str) -> Caller {
        let networks = match url.starts_with("https://") {
            true => "0.0.0.0/0,::/0",
            false => "127.0.0.0/8,::1/128",
        };
        Caller::new(Rule {
            allowed: Network::parse_list(networks).expect("the constants are networks"),
            ..Rule::default()
        })
    }

    fn headers(&self) -> Result<HeaderMap, RemoteError> {
        let key = self.target()?.key()?.as_str().unwrap_or_default().trim();
        let bearer = HeaderValue::try_from(format!("Bearer {key}"));
        let mut bearer = bearer.map_err(|_| RemoteError::InvalidKey)?;
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
    match outcome {
        CallOutcome::Answered { status, .. } if (200..300).contains(&status) => {
            serde_json::from_slice(body).map_err(RemoteError::Unreadable)
        }
        outcome => Err(refusal(url, outcome, why, body)),
    }
}

/// The error that an answer reports, or that there is none.
fn refusal(url: String, outcome: CallOutcome, why: String, body: &[u8]) -> RemoteError {
    let CallOutcome::Answered { status, .. } = outcome else {
        return RemoteError::Unreachable { url, why };
    };
    let json = serde_json::from_slice::<Value>(body);
    let detail = json.ok().and_then(|json| detail_text(&json["detail"]));
    let detail = detail.unwrap_or_else(|| "no reason given".to_owned());
    RemoteError::Refused { status, detail }
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
