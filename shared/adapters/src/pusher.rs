//! Frames to live connections, through the management API of API Gateway.
//!
//! A push is made once. Whether it is made again is for the caller, who knows whether the frame is
//! worth it: a repetition may reach the client twice.

use aws_sdk_apigatewaymanagement::{Client, error::SdkError, primitives::Blob};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::Unavailable;

/// Pushes frames to live connections, and closes them.
#[derive(Clone, Debug)]
pub struct Pusher {
    client: Client,
}

/// The outcome of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum PushOutcome {
    /// API Gateway took the frame.
    Pushed,
    /// There is no such connection: it has ended, or `$connect` has not returned yet.
    Gone,
    /// The frame is larger than 128 KB, or the client does not read what it was sent before.
    TooLarge,
    /// The account's callbacks are used up for now.
    Throttled,
}

impl Pusher {
    /// A pusher with a client of the stage whose connections it pushes to.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Pushes one frame of text.
    ///
    /// # Errors
    /// Fails if API Gateway does not answer, or refuses the relay itself.
    pub async fn push(&self, connection: &str, frame: &str) -> Result<PushOutcome, Unavailable> {
        let push = self.client.post_to_connection().connection_id(connection);
        let pushed = push.data(Blob::new(frame)).send().await;
        outcome("pushing a frame", pushed)
    }

    /// Whether a connection is open: `$connect` has returned, and the connection has not ended.
    ///
    /// # Errors
    /// Fails if API Gateway does not answer, refuses the relay itself, or has no call left for now.
    pub async fn is_open(&self, connection: &str) -> Result<bool, Unavailable> {
        let doing = "looking at a connection";
        let found = self.client.get_connection().connection_id(connection).send().await;
        match outcome(doing, found)? {
            PushOutcome::Pushed => Ok(true),
            PushOutcome::Gone => Ok(false),
            refused => Err(Unavailable::new(doing, format!("the answer was {refused:?}"))),
        }
    }

    /// Closes a connection. The client is told nothing but that.
    ///
    /// # Errors
    /// Fails if API Gateway does not answer, or refuses the relay itself.
    pub async fn close(&self, connection: &str) -> Result<PushOutcome, Unavailable> {
        let closed = self.client.delete_connection().connection_id(connection).send().await;
        outcome("closing a connection", closed)
    }
}

/// The outcome that an answer stands for, by its status: emulators of API Gateway name no exception.
fn outcome<O, E>(
    doing: &'static str,
    answer: Result<O, SdkError<E, HttpResponse>>,
) -> Result<PushOutcome, Unavailable>
where
    E: std::error::Error + 'static,
{
    let error = match answer {
        Ok(_) => return Ok(PushOutcome::Pushed),
        Err(error) => error,
    };
    match error.raw_response().map(|response| response.status().as_u16()) {
        // 404 is what emulators say of a connection that they do not know.
        Some(404 | 410) => Ok(PushOutcome::Gone),
        Some(413) => Ok(PushOutcome::TooLarge),
        Some(429) => Ok(PushOutcome::Throttled),
        _ => Err(Unavailable::aws(doing, &error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_apigatewaymanagement::config::{
        BehaviorVersion, Credentials, Region, retry::RetryConfig,
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A gateway that answers every call with this status, and what it was asked.
    async fn gateway(status: u16) -> (Pusher, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}/live", listener.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let whole = |request: &[u8]| {
                    let text = String::from_utf8_lossy(request).into_owned();
                    let (head, body) = text.split_once("\r\n\r\n")?;
                    let length =
                        head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    let length: usize = length.map_or(Ok(0), str::parse).expect("a number");
                    (length <= body.len()).then(|| text.clone())
                };
                let request = loop {
                    if let Some(text) = whole(&request) {
                        break text;
                    }
                    let mut part = [0; 4096];
                    let count = stream.read(&mut part).await.expect("read");
                    request.extend_from_slice(&part[..count]);
                };
                seen.lock().expect("whole").push(request);
                let body = "{}";
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n\
                     content-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.expect("written");
            }
        });
        let config = aws_sdk_apigatewaymanagement::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&url);
        (Pusher::new(Client::from_conf(config.build())), asked)
    }

    #[tokio::test]
    async fn a_frame_goes_to_its_connection_as_it_is() {
        let (pusher, asked) = gateway(200).await;
        let pushed = pusher.push("L0SM9cOFvHcCIhw=", "42[\"a\",\"é\"]").await.expect("answered");
        assert_eq!(pushed, PushOutcome::Pushed);
        assert!(pusher.is_open("c=").await.expect("answered"));
        assert_eq!(pusher.close("c=").await.expect("answered"), PushOutcome::Pushed);
        let asked = asked.lock().expect("whole").clone();
        assert!(asked[0].starts_with("POST /live/@connections/L0SM9cOFvHcCIhw%3D"), "{}", asked[0]);
        assert!(asked[0].ends_with("\r\n\r\n42[\"a\",\"é\"]"), "{}", asked[0]);
        assert!(asked[1].starts_with("GET /live/@connections/c%3D"), "{}", asked[1]);
        assert!(asked[2].starts_with("DELETE /live/@connections/c%3D"), "{}", asked[2]);
    }

    #[tokio::test]
    async fn an_answer_says_what_became_of_the_frame() {
        for (status, outcome) in [
            (410, PushOutcome::Gone),
            (404, PushOutcome::Gone),
            (413, PushOutcome::TooLarge),
            (429, PushOutcome::Throttled),
        ] {
            let (pusher, asked) = gateway(status).await;
            assert_eq!(pusher.push("c=", "x").await.expect("answered"), outcome, "{status}");
            assert_eq!(pusher.close("c=").await.expect("answered"), outcome, "{status}");
            assert_eq!(asked.lock().expect("whole").len(), 2, "a push is made once");
            match pusher.is_open("c=").await {
                Ok(open) => assert!(!open && outcome == PushOutcome::Gone),
                Err(_) => assert_ne!(outcome, PushOutcome::Gone),
            }
        }
        for status in [403, 500, 503] {
            let (pusher, asked) = gateway(status).await;
            assert!(pusher.push("c=", "x").await.is_err(), "{status}");
            assert_eq!(asked.lock().expect("whole").len(), 1);
        }
    }
}
