//! Requests on this machine: a delivery becomes a call, and the call an answer.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use adapters::{
    caller::{CallResult, Caller, OutboundCall},
    clock::Clock,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    address::{Network, Rule},
    headers,
    listener::HandedDelivery,
    retry::{CallOutcome, ErrorClass},
};
use serde::Deserialize;
use url::Url;

use super::{answer::CallAnswer, args::ListenArgs};
use crate::{exit::CommandError, remote::Remote};

/// Headers of a request that belong to the connection that it came over.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The target of requests, and the form in which they go there.
#[derive(Clone)]
pub(super) struct Forward {
    target: Option<Url>,
    headers: HeaderMap,
    raw: bool,
    remote: Remote,
    caller: Caller,
}

/// A request as it is to be made here.
struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// The part of `GET /v1/events/{id}` that is read.
#[derive(Deserialize)]
struct EventShown {
    request: Option<RequestShown>,
}

/// A request as it came to the relay.
#[derive(Deserialize)]
struct RequestShown {
    method: String,
    query: Option<String>,
    headers: Vec<HeaderShown>,
}

#[derive(Deserialize)]
struct HeaderShown {
    name: String,
    value: String,
}

impl Forward {
    /// The target and the form that the command line asks for.
    pub(super) fn of(args: &ListenArgs) -> Result<Self, CommandError> {
        let target = args.forward_to.as_deref().map(target).transpose()?;
        let mut headers = HeaderMap::new();
        for text in &args.headers {
            let (name, value) = header_of(text)?;
            headers.append(name, value);
        }
        // Whoever types a URL here may call it: this is their own machine.
        let everywhere = Network::parse_list("0.0.0.0/0,::/0").expect("the constants are networks");
        let caller = Caller::new(Rule { allowed: everywhere, ..Rule::default() });
        Ok(Self { target, headers, raw: args.raw, remote: args.remote.clone(), caller })
    }

    /// The URL that requests go to; `None` if they are only printed.
    pub(super) const fn target(&self) -> Option<&Url> {
        self.target.as_ref()
    }

    /// Makes the call of a delivery. Every way of failing is an answer.
    pub(super) async fn call(&self, delivery: &HandedDelivery, until: Instant) -> CallAnswer {
        let Some(target) = &self.target else { return CallAnswer::status(200) };
        let request = match self.request(target, delivery).await {
            Ok(request) => request,
            Err(why) => return CallAnswer::failed(ErrorClass::Protocol, why),
        };
        let Request { method, url, headers, body } = request;
        let secrets = secrets(&headers);
        let call = OutboundCall {
            url: url.as_str(),
            headers,
            body,
            timeout: until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)),
            now: Clock::system().now(),
            label: None,
        };
        let CallResult { outcome, response, detail, took } = self.caller.send(method, call).await;
        match outcome {
            CallOutcome::Answered { status, .. } => {
                CallAnswer::answered(status, took, masked(response, &secrets))
            }
            CallOutcome::Failed(class) => CallAnswer { took, ..CallAnswer::failed(class, detail) },
        }
    }

    async fn request(&self, target: &Url, delivery: &HandedDelivery) -> Result<Request, String> {
        let mut request = match self.raw {
            true => self.as_it_came(target, delivery).await?,
            false => None,
        };
        if request.is_none() {
            request = Some(self.notice(target, delivery).await?);
        }
        let mut request = request.ok_or_else(String::new)?;
        for (name, value) in &self.headers {
            request.headers.insert(name, value.clone());
        }
        Ok(request)
    }

    /// The signed request that any endpoint gets.
    async fn notice(&self, target: &Url, delivery: &HandedDelivery) -> Result<Request, String> {
        let handed = &delivery.request;
        let body = match (&handed.body_base64, &handed.body_path) {
            (Some(text), _) => STANDARD.decode(text).map_err(|error| error.to_string())?,
            (None, Some(path)) => self.fetch(path).await?,
            (None, None) => Vec::new(),
        };
        let method = Method::try_from(handed.method.as_str()).map_err(|error| error.to_string())?;
        Ok(Request { method, url: target.clone(), headers: headers_of(&handed.headers), body })
    }

    /// The request as its sender sent it; `None` if the event came by no request, as one that was
    /// published.
    async fn as_it_came(
        &self,
        target: &Url,
        delivery: &HandedDelivery,
    ) -> Result<Option<Request>, String> {
        let path = format!("/v1/events/{}", delivery.event_id);
        let shown = self.fetch(&path).await?;
        let shown: EventShown =
            serde_json::from_slice(&shown).map_err(|error| error.to_string())?;
        let Some(shown) = shown.request else { return Ok(None) };
        let body = self.fetch(&format!("{path}/request")).await?;
        let method = Method::try_from(shown.method.as_str()).map_err(|error| error.to_string())?;
        let mut url = target.clone();
        if let Some(query) = shown.query.filter(|query| !query.is_empty()) {
            url.set_query(Some(&query));
        }
        let mut headers = HeaderMap::new();
        for HeaderShown { name, value } in shown.headers {
            // Of signatures and keys the relay shows a mask.
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(&name), HeaderValue::try_from(&value))
                && !HOP_BY_HOP.contains(&name.as_str())
                && !value.as_bytes().starts_with(headers::MASK.as_bytes())
            {
                headers.append(name, value);
            }
        }
        // Those that the listener's endpoint has forwarded are not masked, and the relay's own come along.
        for (name, value) in &headers_of(&delivery.request.headers) {
            if name != header::CONTENT_TYPE && !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        Ok(Some(Request { method, url, headers, body }))
    }

    async fn fetch(&self, path: &str) -> Result<Vec<u8>, String> {
        let answer = self.remote.ask(Method::GET, path, Vec::new()).await;
        answer.map(|answer| answer.body).map_err(|error| error.to_string())
    }
}

/// The URL that a port or URL of the command line means.
fn target(text: &str) -> Result<Url, CommandError> {
    let wrong = |why: &str| CommandError::Usage(format!("--forward-to: {text:?} {why}"));
    let spelt = match text.parse::<u16>() {
        Ok(port) => format!("http://127.0.0.1:{port}/"),
        Err(_) if text.contains("://") => text.to_owned(),
        Err(_) => format!("http://{text}"),
    };
    let url = Url::parse(&spelt).map_err(|_| wrong("is neither a port nor a URL"))?;
    match (url.scheme(), url.host_str()) {
        ("http" | "https", Some(host)) if !host.is_empty() => Ok(url),
        _ => Err(wrong("is neither a port nor a URL of http or https")),
    }
}

fn header_of(text: &str) -> Result<(HeaderName, HeaderValue), CommandError> {
    let wrong = || CommandError::Usage(format!("--headers: {text:?} is not name:value"));
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
    let value = HeaderValue::try_from(value.trim()).map_err(|_| wrong())?;
    match name == header::HOST || name == header::CONTENT_LENGTH {
        true => Err(CommandError::Usage(format!("--headers: {name} is set by the call itself"))),
        false => Ok((name, value)),
    }
}

fn headers_of(headers: &BTreeMap<String, String>) -> HeaderMap {
    let header = |(name, value): (&String, &String)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    headers.iter().filter_map(header).collect()
}

/// The signatures and keys in headers, which an answer must not carry to the relay: some servers answer
/// with the request that they got.
fn secrets(headers: &HeaderMap) -> Vec<String> {
    let sensitive = headers.iter().filter(|(name, _)| headers::is_sensitive(name.as_str()));
    let values = sensitive.filter_map(|(_, value)| value.to_str().ok());
    let pieces = values.flat_map(|value| value.split([' ', ',']));
    pieces.filter(|piece| 8 <= piece.len()).map(str::to_owned).collect()
}

fn masked(mut text: String, secrets: &[String]) -> String {
    for secret in secrets {
        text = text.replace(secret, headers::MASK);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_and_a_url_say_where_requests_go() {
        for (text, url) in [
            ("3000", "http://127.0.0.1:3000/"),
            ("localhost:3000/hooks", "http://localhost:3000/hooks"),
            ("http://127.0.0.1:3000/a?b=1", "http://127.0.0.1:3000/a?b=1"),
            ("https://example.com", "https://example.com/"),
        ] {
            assert_eq!(target(text).expect("a target").as_str(), url);
        }
        for text in ["", "ftp://a/", "http://", "a b", "mailto:a"] {
            assert!(target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let (name, value) = header_of("X-Tenant: acme:1").expect("a header");
        assert_eq!((name.as_str(), value.as_bytes()), ("x-tenant", b"acme:1".as_slice()));
        for text in ["x-tenant", ": a", "a b: c", "host: a", "content-length: 1", "a: \u{1}"] {
            assert!(header_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_answer_that_quotes_the_request_is_sent_on_without_its_signature() {
        let mut headers = HeaderMap::new();
        headers
            .insert("webhook-signature", HeaderValue::from_static("v1,c2lnbmF0dXJl v1,b3RoZXI9"));
        headers.insert("webhook-id", HeaderValue::from_static("evt_0123456789"));
        let answer =
            masked("v1,c2lnbmF0dXJl and b3RoZXI9, evt_0123456789".to_owned(), &secrets(&headers));
        assert_eq!(answer, format!("v1,{0} and {0}, evt_0123456789", headers::MASK));
    }
}
