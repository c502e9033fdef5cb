//! Platforms that can be asked about jobs, and the questions they are asked.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    id::SourceId,
    job::{Job, JobStatus},
    secret::Secret,
};

/// A platform that can be asked about its jobs, as a source sets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollPlatform {
    /// The API of the platform.
    pub kind: PlatformKind,
    /// The URL of the API, if it is not the platform's public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// RunPod: the endpoint that runs the jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// fal: the app that runs the jobs, as `owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// `http`: the URL of a job's state, which contains `{call_id}` or `{external_id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
    /// `http`: the headers of the question; `{secret}` stands for the secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// `http`: the paths at which an answer holds state, result and error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<AnswerPaths>,
    /// `http`: the platform's words for states, if they differ from the usual ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statuses: BTreeMap<String, JobStatus>,
}

/// The APIs that the relay can ask. Modal is not among them: a function call there can be asked for
/// through Modal's Python library only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformKind {
    /// Replicate: `GET /v1/predictions/{id}` (replicate.com/docs/reference/http#predictions.get).
    Replicate,
    /// RunPod: `GET /v2/{endpoint_id}/status/{id}` (docs.runpod.io/serverless/endpoints/operations).
    Runpod,
    /// `GET /{app}/requests/{id}/status`, then the result one level above
    /// (docs.fal.ai/model-apis/inference/queue).
    Fal,
    /// Any API that answers JSON at a URL of the job.
    Http,
}

/// The dotted paths at which an answer holds state, result and error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerPaths {
    /// The path of the word for the job's state.
    pub status: String,
    /// The path of the result.
    pub result: String,
    /// The path of the error.
    pub error: String,
}

impl Default for AnswerPaths {
    fn default() -> Self {
        Self { status: "status".into(), result: "result".into(), error: "error".into() }
    }
}

/// The reason why a platform cannot be asked as described. The message may be shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlatform {
    /// A field is missing that the kind needs, or is set although the kind has no use for it.
    #[error("{0} belongs to the kind {1}, and only to it")]
    Belongs(&'static str, &'static str),
    /// A URL is no http(s) URL, or contains credentials or a fragment.
    #[error("{0} is an http(s) URL without credentials or fragment")]
    Url(&'static str),
    /// The URL contains no place holder behind its host, or an unknown one.
    #[error(
        "status_url contains {{call_id}} or {{external_id}}, after the host, and no other place holder"
    )]
    Template,
    /// An id or name cannot stand in a URL.
    #[error("{0} is made of A-Z a-z 0-9 - _ .")]
    Name(&'static str),
    /// A header cannot be sent.
    #[error("headers: {0:?} cannot be sent")]
    Header(String),
    /// There are too many headers, or one is too long.
    #[error("headers are 16 at most, each of 4096 bytes at most")]
    Headers,
}

/// A question to a platform: a GET request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollRequest {
    /// The URL to ask at.
    pub url: String,
    /// The headers of the request.
    pub headers: HeaderMap,
}

const AGENT: &str = concat!("webhook-relay/", env!("CARGO_PKG_VERSION"));

impl PollPlatform {
    /// The associated data with which a platform's secret is sealed.
    pub fn owner(source: &SourceId) -> String {
        format!("platform:{source}")
    }

    /// The URL at which the platform is asked, if the source sets one.
    pub fn address(&self) -> Option<&str> {
        self.status_url.as_deref().or(self.base_url.as_deref())
    }

    /// Whether a secret for this platform may be sent to `other`, because both are at the same
    /// place.
    pub fn is_at(&self, other: &Self) -> bool {
        self.kind == other.kind && self.address() == other.address()
    }

    /// Checks the settings before they are stored.
    ///
    /// # Errors
    /// If a field is missing, of no use for the kind, or malformed.
    pub fn validate(&self) -> Result<(), InvalidPlatform> {
        let belongs = [
            ("endpoint_id", "runpod", self.endpoint_id.is_some(), PlatformKind::Runpod, true),
            ("app", "fal", self.app.is_some(), PlatformKind::Fal, true),
            ("status_url", "http", self.status_url.is_some(), PlatformKind::Http, true),
            ("headers", "http", !self.headers.is_empty(), PlatformKind::Http, false),
            ("paths", "http", self.paths.is_some(), PlatformKind::Http, false),
            ("statuses", "http", !self.statuses.is_empty(), PlatformKind::Http, false),
        ];
        for (name, word, there, kind, needed) in belongs {
            let right = if self.kind == kind { there || !needed } else { !there };
            if !right {
                return Err(InvalidPlatform::Belongs(name, word));
            }
        }
        if let Some(base) = &self.base_url
            && (self.kind == PlatformKind::Http || !is_base(base))
        {
            return Err(InvalidPlatform::Url("base_url"));
        }
        if self.endpoint_id.as_deref().is_some_and(|id| !is_name(id)) {
            return Err(InvalidPlatform::Name("endpoint_id"));
        }
        if self.app.as_deref().is_some_and(|app| fal_app(app).is_none()) {
            return Err(InvalidPlatform::Name("app: owner/name, of which each"));
        }
        if let Some(template) = &self.status_url {
            judge_template(template)?;
        }
        if 16 < self.headers.len() || self.headers.values().any(|value| 4096 < value.len()) {
            return Err(InvalidPlatform::Headers);
        }
        for (name, value) in &self.headers {
            self.header(name, &value.replace("{secret}", "x"))?;
        }
        Ok(())
    }

    fn header(
        &self,
        name: &str,
        value: &str,
    ) -> Result<(HeaderName, HeaderValue), InvalidPlatform> {
        let bad = || InvalidPlatform::Header(name.chars().take(64).collect());
        let ours = [header::HOST, header::CONNECTION, header::CONTENT_LENGTH];
        let header = HeaderName::try_from(name).map_err(|_| bad())?;
        if ours.contains(&header) || header == header::TRANSFER_ENCODING {
            return Err(bad());
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| bad())?;
        value.set_sensitive(true);
        Ok((header, value))
    }

    /// The question about a job's state; `None` if the job's ids cannot stand in a URL.
    pub fn question(&self, job: &Job, secret: Option<&Secret>) -> Option<PollRequest> {
        let call = segment(job.call_id.as_ref().unwrap_or(&job.external_id))?;
        let base = |usual: &str| {
            let base = self.base_url.as_deref().unwrap_or(usual);
            base.trim_end_matches('/').to_owned()
        };
        let url = match self.kind {
            PlatformKind::Replicate => {
                format!("{}/v1/predictions/{call}", base("https://api.replicate.com"))
            }
            PlatformKind::Runpod => {
                let endpoint = self.endpoint_id.as_ref()?;
                format!("{}/v2/{endpoint}/status/{call}", base("https://api.runpod.ai"))
            }
            PlatformKind::Fal => {
                // The id that its webhook calls `gateway_request_id` is that of the last try only.
                let request = segment(&job.external_id)?;
                let app = fal_app(self.app.as_ref()?)?;
                format!("{}/{app}/requests/{request}/status", base("https://queue.fal.run"))
            }
            PlatformKind::Http => {
                let external = segment(&job.external_id)?;
                let template = self.status_url.as_ref()?;
                template.replace("{call_id}", &call).replace("{external_id}", &external)
            }
        };
        Some(PollRequest { url, headers: self.headers(secret) })
    }

    /// The second question, for the result; `None` if the first answer contains it.
    pub fn next_question(&self, asked: &PollRequest) -> Option<PollRequest> {
        let url = asked.url.strip_suffix("/status").filter(|_| self.kind == PlatformKind::Fal)?;
        Some(PollRequest { url: url.to_owned(), headers: asked.headers.clone() })
    }

    /// The headers of a call to the platform. A secret that no header takes is sent as
    /// `Authorization: Bearer`, to fal as `Authorization: Key`.
    pub(super) fn headers(&self, secret: Option<&Secret>) -> HeaderMap {
        let secret = secret.and_then(Secret::as_str);
        let mut given = self.headers.clone();
        let uses_it = given.values().any(|value| value.contains("{secret}"));
        if secret.is_some() && !uses_it {
            let scheme = if self.kind == PlatformKind::Fal { "Key" } else { "Bearer" };
            given.insert("authorization".to_owned(), format!("{scheme} {{secret}}"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in &given {
            let value = value.replace("{secret}", secret.unwrap_or_default());
            // What was checked when it was kept can be sent, but for a secret with a line break.
            if let Ok((name, value)) = self.header(name, &value) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// `owner/name` of an app, which is all of it that stands in the URL of a request: a path behind it
/// is for submitting only. The owner may have two name spaces in front.
fn fal_app(app: &str) -> Option<String> {
    let parts: Vec<&str> = app.split('/').collect();
    let kept = if ["workflows", "comfy"].contains(parts.first()?) { 3 } else { 2 };
    (kept <= parts.len() && parts.iter().all(|part| is_name(part))).then(|| parts[..kept].join("/"))
}

fn is_name(text: &str) -> bool {
    crate::id::is_identifier(text, 128) && text != "." && text != ".."
}

fn is_base(text: &str) -> bool {
    let plain = |url: &Url| {
        ["http", "https"].contains(&url.scheme())
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    };
    Url::parse(text).is_ok_and(|url| plain(&url) && url.query().is_none())
}

/// Checks a URL with place holders.
///
/// # Errors
/// If it is no http(s) URL, contains no place holder behind its host, or an unknown one.
pub(super) fn judge_template(template: &str) -> Result<(), InvalidPlatform> {
    let fill = |id: &str| template.replace("{call_id}", id).replace("{external_id}", id);
    let (filled, other) = (fill(SAMPLES[0]), fill(SAMPLES[1]));
    if filled == template || filled.contains(['{', '}']) {
        return Err(InvalidPlatform::Template);
    }
    let parsed = |filled: &str| Url::parse(filled).map_err(|_| InvalidPlatform::Url("status_url"));
    let (url, other) = (parsed(&filled)?, parsed(&other)?);
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if !plain || !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(InvalidPlatform::Url("status_url"));
    }
    // An id in the place of the host would let whoever names a job choose whom we call. What is the
    // host shows once the URL is read as it will be: it must not depend on the id.
    let to_port = |url: &Url| url[..url::Position::BeforePath].to_owned();
    if to_port(&url) != to_port(&other) || to_port(&url).contains(SAMPLES[0]) {
        return Err(InvalidPlatform::Template);
    }
    Ok(())
}

/// Ids with which a template is tried: one that could be a host, and one that could be a port.
const SAMPLES: [&str; 2] = ["sample-id", "65535"];

/// An id as one segment of a path, or as a value of a query; `None` if it cannot be one. Senders
/// choose ids, and an id must not lead to another place on the platform.
pub(super) fn segment(id: &str) -> Option<String> {
    if id.is_empty() || 512 < id.len() || id == "." || id == ".." {
        return None;
    }
    let mut encoded = String::new();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(encoded)
}
