//! An HTTP client for the SDKs that hands requests to the services of this process without a socket.
//!
//! The requests and answers are those that would cross the loopback ports: the SDK builds, signs, times and
//! repeats them as always, and a service cannot tell the difference, but for the check of signatures, which
//! protects the ports. What is saved is connections, system calls, and the parsing of heads on both sides.

use std::{collections::HashMap, fmt, sync::Arc};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    shared::IntoShared,
};
use aws_smithy_types::body::SdkBody;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, header},
};
use tower::ServiceExt;

/// The longest answer of a service, in bytes: an object of S3 has at most 6 MB, a page of DynamoDB 1 MB.
const MAX_ANSWER: usize = 64 * 1_048_576;

/// The services of this process by their authority (`127.0.0.1:<port>`), and a client for all others.
#[derive(Clone)]
pub(crate) struct InProcess {
    services: Arc<HashMap<String, Router>>,
    others: SharedHttpClient,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").field("services", &self.services.keys()).finish_non_exhaustive()
    }
}

impl InProcess {
    /// Makes the client of these services, given by URL. Requests to other hosts go through `others`.
    pub(crate) fn new(
        services: impl IntoIterator<Item = (String, Router)>,
        others: SharedHttpClient,
    ) -> InProcess {
        let authority = |url: String| {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            rest.split('/').next().unwrap_or_default().to_owned()
        };
        let services = services.into_iter().map(|(url, router)| (authority(url), router)).collect();
        InProcess { services: Arc::new(services), others }
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let others = self.others.http_connector(settings, components);
        Connector { services: Arc::clone(&self.services), others }.into_shared()
    }
}

/// The client with the settings of one call.
struct Connector {
    services: Arc<HashMap<String, Router>>,
    others: SharedHttpConnector,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let authority =
            request.uri().split_once("://").and_then(|(_, rest)| rest.split('/').next());
        let service = authority.and_then(|authority| self.services.get(authority));
        let host = authority.and_then(|authority| HeaderValue::from_str(authority).ok());
        let Some(service) = service.cloned() else { return self.others.call(request) };
        HttpConnectorFuture::new(async move {
            let unusable =
                |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
            let request = request.try_into_http1x().map_err(|error| unusable(error.into()))?;
            // The body is read to its end, not taken: the SDK watches how fast a body goes, and breaks a call
            // off whose body stands still.
            let mut request = request.map(Body::new);
            // The header that an HTTP client adds. S3 verifies a signature over it.
            if let Some(host) = host {
                request.headers_mut().entry(header::HOST).or_insert(host);
            }
            let Ok(answer) = service.oneshot(request).await;
            let (parts, body) = answer.into_parts();
            let body = to_bytes(body, MAX_ANSWER)
                .await
                .map_err(|error| ConnectorError::io(Box::new(error)))?;
            let answer = http::Response::from_parts(parts, SdkBody::from(body));
            HttpResponse::try_from(answer).map_err(|error| unusable(error.into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::http::http_client_fn;
    use axum::{extract::Request, routing::any};

    use super::*;

    /// A service that answers what it was asked.
    fn echo() -> Router {
        Router::new().fallback(any(|request: Request| async move {
            let host = request
                .headers()
                .get("host")
                .and_then(|host| host.to_str().ok())
                .map(str::to_owned);
            let line =
                format!("{} {} {}", request.method(), request.uri(), host.unwrap_or_default());
            let body = to_bytes(request.into_body(), 100).await.expect("whole");
            format!("{line} {}", String::from_utf8_lossy(&body))
        }))
    }

    #[derive(Debug)]
    struct Elsewhere;

    impl HttpConnector for Elsewhere {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::ready(Err(ConnectorError::user("elsewhere".into())))
        }
    }

    async fn ask(url: &str) -> Result<String, String> {
        let services = InProcess::new(
            [("http://127.0.0.1:1/live".to_owned(), echo())],
            crate::clients::over_tcp(),
        );
        let connector =
            Connector { services: services.services, others: SharedHttpConnector::new(Elsewhere) };
        let mut request = HttpRequest::new(SdkBody::from("body"));
        request.set_method("POST").expect("a method");
        request.set_uri(url).expect("a URL");
        let answer = connector.call(request).await.map_err(|error| format!("{error:?}"))?;
        Ok(String::from_utf8_lossy(answer.body().bytes().expect("whole")).into_owned())
    }

    #[tokio::test]
    async fn a_request_to_a_service_of_this_process_reaches_it_as_it_is() {
        let answer = ask("http://127.0.0.1:1/live/a%20b?c=d").await;
        assert_eq!(
            answer.as_deref(),
            Ok("POST http://127.0.0.1:1/live/a%20b?c=d 127.0.0.1:1 body")
        );
    }

    #[tokio::test]
    async fn a_request_to_another_host_goes_there() {
        for url in
            ["http://127.0.0.1:2/live", "http://127.0.0.1:11/", "https://example.com/127.0.0.1:1"]
        {
            let refused = ask(url).await.expect_err("no service of this process");
            assert!(refused.contains("elsewhere"), "{refused}");
        }
    }

    #[test]
    fn it_says_which_services_it_reaches() {
        let services = InProcess::new(
            [("http://127.0.0.1:1".to_owned(), echo())],
            http_client_fn(|_, _| SharedHttpConnector::new(Elsewhere)),
        );
        assert_eq!(format!("{services:?}"), r#"InProcess { services: ["127.0.0.1:1"], .. }"#);
    }
}
