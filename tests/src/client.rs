//! An HTTP client for journeys through a relay that listens.

use std::{net::SocketAddr, time::Duration};

use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A client of one relay with an API key.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    key: String,
}

impl Client {
    /// A client of the relay at `http://<address>`, with an API key.
    pub fn new(url: &str, key: &str) -> Self {
        let address = url.trim_start_matches("http://").parse().expect("an address");
        Self { address, key: key.to_owned() }
    }

    /// The status and the JSON of one API call.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", self.key).parse().expect("a header");
        headers.insert(header::AUTHORIZATION, bearer);
        headers.insert(header::CONTENT_TYPE, "application/json".parse().expect("a header"));
        let body = body.map(|json| json.to_string().into_bytes()).unwrap_or_default();
        self.send(method, path, headers, body).await.expect("the relay answers")
    }

    /// The JSON of a GET. Panics unless it succeeds.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    /// The JSON of a POST. Panics unless it succeeds.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    /// The JSON of a GET that is repeated until `wanted` holds. Panics after half a minute.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let (_, body) = self.call(Method::GET, path, None).await;
            if wanted(&body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (status, body) = self.call(Method::GET, path, None).await;
        panic!("GET {path} stays {status} {body}");
    }

    /// One request.
    ///
    /// # Errors
    ///
    /// The relay cannot be reached, or the connection breaks before the answer is complete.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Value), Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move { drop(connection.await) });
        headers.insert(header::HOST, self.address.to_string().parse()?);
        let mut request =
            Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body)))?;
        *request.headers_mut() = headers;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}
