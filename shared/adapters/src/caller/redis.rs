//! Publishes to a Redis channel, over a connection to an address that was judged: one connection, one
//! `PUBLISH`, in Redis' own protocol (RESP 2).

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    destination::RedisChannel,
    retry::{CallOutcome, ErrorClass},
};
use http::header;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    Caller,
    call::{Failure, OutboundCall},
};

/// Longest line of an answer.
const MAX_LINE: usize = 512;

impl Caller {
    /// Publishes a body. Who hears it is not known: that a channel has no listeners is no failure.
    pub(super) async fn publish(
        &self,
        channel: &RedisChannel,
        call: &OutboundCall<'_>,
    ) -> Result<(CallOutcome, String), Failure> {
        let encrypted = channel.server.url.scheme() == "https";
        let stream = self.dial(&channel.server, encrypted).await?;
        if encrypted {
            talk(self.handshake(&channel.server, stream).await?, channel, call).await
        } else {
            talk(stream, channel, call).await
        }
    }
}

async fn talk<S>(
    mut stream: S,
    channel: &RedisChannel,
    call: &OutboundCall<'_>,
) -> Result<(CallOutcome, String), Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    if let Some((user, password)) = credentials(call)? {
        let user = Some(user.as_bytes()).filter(|user| !user.is_empty());
        let parts = [Some(&b"AUTH"[..]), user, Some(password.as_bytes())];
        ask(&mut stream, parts.into_iter().flatten()).await?;
    }
    let publish = [&b"PUBLISH"[..], channel.name.as_bytes(), &call.body];
    let heard = ask(&mut stream, publish).await?;
    let outcome = CallOutcome::Answered { status: 200, retry_after: None };
    Ok((outcome, format!("published, heard by {heard}")))
}

/// User and password from an `Authorization: Basic` header of the endpoint's owner: a URL is shown, so
/// it is no place for them.
fn credentials(call: &OutboundCall<'_>) -> Result<Option<(String, String)>, Failure> {
    let Some(header) = call.headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let read = || {
        let digits = header.to_str().ok()?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(digits.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    };
    match read() {
        Some(read) => Ok(Some(read)),
        None => {
            let why = "the authorization of a Redis endpoint is Basic and user:password in base64";
            Err(Failure::new(ErrorClass::Protocol, why))
        }
    }
}

/// Sends a command and reads its answer, a line: `+OK`, `:3` or `-ERR …`.
async fn ask<'p, S>(
    stream: &mut S,
    parts: impl IntoIterator<Item = &'p [u8]>,
) -> Result<String, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let broken = |error: std::io::Error| Failure::new(ErrorClass::Protocol, error);
    let parts: Vec<_> = parts.into_iter().collect();
    let mut command = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        command.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        command.extend_from_slice(part);
        command.extend_from_slice(b"\r\n");
    }
    stream.write_all(&command).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        if MAX_LINE <= line.len() {
            return Err(Failure::new(ErrorClass::Protocol, "what answers is not Redis"));
        }
        line.push(stream.read_u8().await.map_err(broken)?);
    }
    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
    match text.split_at_checked(1) {
        Some(("+" | ":", answer)) => Ok(answer.to_owned()),
        // The code alone: what follows it may quote what was sent.
        Some(("-", error)) => {
            let code = error.split(' ').next().unwrap_or_default();
            Err(Failure::new(ErrorClass::Protocol, format!("Redis refused: {code}")))
        }
        _ => Err(Failure::new(ErrorClass::Protocol, "what answers is not Redis")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{
        address::{Network, Rule},
        time::Timestamp,
    };
    use http::HeaderMap;
    use tokio::{net::TcpListener, task::JoinHandle};

    use super::*;
    use crate::caller::CallResult;

    /// A server that answers the commands that come with these lines, and gives what it read.
    async fn server(answers: &'static [&'static str]) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("redis://{}/model:ready", listener.local_addr().expect("bound"));
        let read = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut seen = Vec::new();
            for answer in answers {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).await.expect("read");
                seen.extend_from_slice(&part[..count]);
                stream.write_all(answer.as_bytes()).await.expect("written");
            }
            String::from_utf8(seen).expect("text")
        });
        (url, read)
    }

    async fn publish(url: &str, authorization: Option<&str>) -> CallResult {
        let rule = Rule {
            allowed: Network::parse_list("127.0.0.0/8").expect("a network"),
            ..Rule::default()
        };
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(header::AUTHORIZATION, text.parse().expect("a header"));
        }
        let (body, now) = (b"{\"a\":1}\r\n".to_vec(), Timestamp::from_secs(0));
        let timeout = Duration::from_secs(20);
        Caller::new(rule).post(OutboundCall { url, headers, body, timeout, now, label: None }).await
    }

    const PUBLISH: &str = "*3\r\n$7\r\nPUBLISH\r\n$11\r\nmodel:ready\r\n$9\r\n{\"a\":1}\r\n\r\n";

    #[tokio::test]
    async fn a_body_is_published_as_it_is() {
        let (url, read) = server(&[":2\r\n"]).await;
        let answer = publish(&url, None).await;
        assert_eq!(answer.outcome, CallOutcome::Answered { status: 200, retry_after: None });
        assert_eq!(answer.response, "published, heard by 2");
        assert_eq!(read.await.expect("served"), PUBLISH);
    }

    #[tokio::test]
    async fn a_password_goes_first() {
        let (url, read) = server(&["+OK\r\n", ":0\r\n"]).await;
        let answer = publish(&url, Some("Basic OnBsYW50ZWQ=")).await;
        assert_eq!(answer.outcome, CallOutcome::Answered { status: 200, retry_after: None });
        let auth = "*2\r\n$4\r\nAUTH\r\n$7\r\nplanted\r\n";
        assert_eq!(read.await.expect("served"), format!("{auth}{PUBLISH}"));
    }

    #[tokio::test]
    async fn what_redis_refuses_or_what_is_no_redis_fails_without_quoting() {
        for answers in [
            &["-NOAUTH Authentication required planted.\r\n"][..],
            &["HTTP/1.1 400 Bad Request\r\n"],
            &["$3\r\nplanted\r\n"],
            &["+"],
            &[""],
        ] {
            let (url, _read) = server(answers).await;
            let answer = publish(&url, None).await;
            assert_eq!(answer.outcome, CallOutcome::Failed(ErrorClass::Protocol), "{answers:?}");
            assert!(!answer.detail.contains("planted"), "{}", answer.detail);
        }
        let (url, _read) = server(&["-WRONGPASS planted\r\n"]).await;
        for bad in ["Bearer planted", "Basic !", "Basic cGxhbnRlZA==", "Basic OnBsYW50ZWQ="] {
            let answer = publish(&url, Some(bad)).await;
            assert!(matches!(answer.outcome, CallOutcome::Failed(_)), "{bad}: {answer:?}");
            assert!(!answer.detail.contains("planted"), "{}", answer.detail);
        }
    }

    #[tokio::test]
    async fn a_forbidden_server_is_never_dialled() {
        let canary = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = canary.local_addr().expect("bound").port();
        let strict = Caller::new(Rule::default());
        for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"] {
            for scheme in ["redis", "rediss"] {
                let url = format!("{scheme}://{host}:{port}/channel");
                let (headers, now) = (HeaderMap::new(), Timestamp::from_secs(0));
                let timeout = Duration::from_secs(20);
                let call = OutboundCall {
                    url: &url,
                    headers,
                    body: Vec::new(),
                    timeout,
                    now,
                    label: None,
                };
                let outcome = strict.post(call).await.outcome;
                assert_eq!(outcome, CallOutcome::Failed(ErrorClass::ForbiddenAddress), "{url}");
            }
        }
        let waited = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await;
        assert!(waited.is_err(), "nobody connects");
    }
}
