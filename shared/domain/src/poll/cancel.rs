//! Cancellation of a job on its platform: by a URL that the source's owner sets, or by the
//! platform's own API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    method::CancelMethod,
    platform::{InvalidPlatform, PlatformKind, PollPlatform, judge_template, segment},
};
use crate::{id::SourceId, job::Job, secret::Secret};

/// A URL that cancels a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelSettings {
    /// The URL, which contains `{call_id}` or `{external_id}`.
    pub url: String,
    /// The HTTP method of the call.
    #[serde(default)]
    pub method: CancelMethod,
    /// The headers of the call; `{secret}` stands for the secret. If there is a secret and no
    /// header takes it, it is sent as a bearer token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A call that cancels a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelCall {
    /// The URL to call, place holders replaced.
    pub url: String,
    /// The HTTP method of the call.
    pub verb: CancelMethod,
    /// The headers, any of which may contain the secret.
    pub headers: BTreeMap<String, Secret>,
}

impl CancelSettings {
    /// The associated data with which the secret for cancellation is sealed.
    pub fn owner(source: &SourceId) -> String {
        format!("cancel:{source}")
    }

    /// Checks the settings before they are stored.
    ///
    /// # Errors
    /// If the URL is no http(s) URL, contains no place holder behind its host, or a header cannot
    /// be sent.
    pub fn validate(&self) -> Result<(), InvalidPlatform> {
        judge_template(&self.url)?;
        let platform = self.as_platform();
        platform.validate()
    }

    /// The call that cancels this job; `None` if the job's ids cannot stand in a URL.
    pub fn call(&self, job: &Job, secret: Option<&Secret>) -> Option<CancelCall> {
        let call = segment(job.call_id.as_ref().unwrap_or(&job.external_id))?;
        let external = segment(&job.external_id)?;
        let url = self.url.replace("{call_id}", &call).replace("{external_id}", &external);
        Some(CancelCall { url, verb: self.method, headers: kept(&self.as_platform(), secret) })
    }

    fn as_platform(&self) -> PollPlatform {
        PollPlatform {
            kind: PlatformKind::Http,
            base_url: None,
            endpoint_id: None,
            app: None,
            status_url: Some(self.url.clone()),
            headers: self.headers.clone(),
            paths: None,
            statuses: BTreeMap::new(),
        }
    }
}

impl PollPlatform {
    /// The call that cancels this job by the platform's own API, if the platform has one:
    /// - Replicate: `POST /v1/predictions/{id}/cancel`
    ///   (replicate.com/docs/reference/http#predictions.cancel)
    /// - RunPod: `POST /v2/{endpoint_id}/cancel/{id}`
    ///   (docs.runpod.io/serverless/endpoints/operations)
    /// - fal: `PUT /{app}/requests/{id}/cancel` (docs.fal.ai/model-apis/inference/queue)
    pub fn cancel(&self, job: &Job, secret: Option<&Secret>) -> Option<CancelCall> {
        let asked = self.question(job, secret)?.url;
        let (url, verb) = match self.kind {
            PlatformKind::Replicate => (format!("{asked}/cancel"), CancelMethod::Post),
            PlatformKind::Runpod => {
                let (base, id) = asked.rsplit_once("/status/")?;
                (format!("{base}/cancel/{id}"), CancelMethod::Post)
            }
            PlatformKind::Fal => {
                (format!("{}/cancel", asked.strip_suffix("/status")?), CancelMethod::Put)
            }
            PlatformKind::Http => return None,
        };
        Some(CancelCall { url, verb, headers: kept(self, secret) })
    }
}

fn kept(platform: &PollPlatform, secret: Option<&Secret>) -> BTreeMap<String, Secret> {
    let headers = platform.headers(secret);
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), Secret::new(value.as_bytes()))
    };
    headers.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::Tenure, time::Timestamp};

    fn job(external: &str, call: &str) -> Job {
        let mut job = Job::unknown(Tenure::sample(), "s", external, Timestamp(0));
        job.call_id = Some(call.to_owned());
        job
    }

    #[test]
    fn each_platform_is_told_as_its_api_has_it() {
        let secret = Secret::new(*b"s3cr3t");
        for (platform, url, verb, authorization) in [
            (
                r#"{"kind":"replicate"}"#,
                "https://api.replicate.com/v1/predictions/c%2F1/cancel",
                CancelMethod::Post,
                "Bearer s3cr3t",
            ),
            (
                r#"{"kind":"runpod","endpoint_id":"e1"}"#,
                "https://api.runpod.ai/v2/e1/cancel/c%2F1",
                CancelMethod::Post,
                "Bearer s3cr3t",
            ),
            (
                r#"{"kind":"fal","app":"fal-ai/flux"}"#,
                "https://queue.fal.run/fal-ai/flux/requests/j1/cancel",
                CancelMethod::Put,
                "Key s3cr3t",
            ),
        ] {
            let platform: PollPlatform = serde_json::from_str(platform).expect("a platform");
            let call = platform.cancel(&job("j1", "c/1"), Some(&secret)).expect("it can");
            assert_eq!((call.url.as_str(), call.verb), (url, verb));
            assert_eq!(call.headers["authorization"], Secret::new(authorization));
        }
    }

    #[test]
    fn a_url_of_its_source_is_filled_in_and_checked() {
        let cancel = |text: &str| serde_json::from_str::<CancelSettings>(text).expect("reads");
        let own = cancel(
            r#"{"url":"https://p.example/{external_id}/{call_id}","method":"DELETE","headers":{"x-key":"k {secret}"}}"#,
        );
        own.validate().expect("valid");
        let call = own.call(&job("j 1", "c1"), Some(&Secret::new(*b"x"))).expect("it can");
        assert_eq!(
            (call.url.as_str(), call.verb),
            ("https://p.example/j%201/c1", CancelMethod::Delete)
        );
        assert_eq!(call.headers["x-key"], Secret::new(*b"k x"));
        assert!(!call.headers.contains_key("authorization"));
        for bad in [
            r#"{"url":"https://p.example/"}"#,
            r#"{"url":"https://{call_id}.example/"}"#,
            r#"{"url":"ftp://p.example/{call_id}"}"#,
            r#"{"url":"https://p.example/{call_id}","headers":{"host":"x"}}"#,
        ] {
            assert!(cancel(bad).validate().is_err(), "{bad}");
        }
    }
}
