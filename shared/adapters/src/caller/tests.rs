//! Calls to endpoints that answer in every way there is.

use domain::{address::Network, time::Timestamp};
use http::{HeaderValue, header};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// A listener that answers one request with these bytes, then hangs if `hang`, else closes.
async fn endpoint(answer: &'static [u8], hang: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let url = format!("http://{}/hook?a=1", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accepted");
        let mut seen = Vec::new();
        // A POST ends with its body here, a GET with its headers.
        while !(seen.ends_with(b"body!") || seen.starts_with(b"GET") && seen.ends_with(b"\r\n\r\n"))
        {
            let mut part = [0; 1024];
            let read = stream.read(&mut part).await.expect("read");
            seen.extend_from_slice(&part[..read]);
        }
        stream.write_all(answer).await.expect("written");
        if hang {
            let mut rest = [0; 1];
            let _ = stream.read(&mut rest).await;
        }
    });
    url
}

fn loopback() -> Caller {
    Caller::new(Rule {
        allowed: Network::parse_list("127.0.0.0/8").expect("a network"),
        ..Rule::default()
    })
}

async fn post(caller: &Caller, url: &str) -> CallResult {
    post_within(caller, url, Duration::from_secs(20)).await
}

async fn post_within(caller: &Caller, url: &str, timeout: Duration) -> CallResult {
    let headers = HeaderMap::new();
    let now = Timestamp::from_secs(784_111_770);
    caller
        .post(OutboundCall { url, headers, body: b"body!".to_vec(), timeout, now, label: None })
        .await
}

#[tokio::test]
async fn an_answer_is_read_to_its_kept_prefix() {
    let url = endpoint(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok", false).await;
    let answer = post(&loopback(), &url).await;
    assert_eq!(answer.outcome, CallOutcome::Answered { status: 201, retry_after: None });
    assert_eq!(answer.response, "ok");
}

#[tokio::test]
async fn an_endless_answer_is_cut_and_counts_by_its_status() {
    static ENDLESS: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[b'x'; 100_000]].concat());
    let url = endpoint(&ENDLESS, true).await;
    let answer = post(&loopback(), &url).await;
    assert_eq!(answer.outcome, CallOutcome::Answered { status: 200, retry_after: None });
    assert_eq!(answer.response.len(), MAX_KEPT);
}

#[tokio::test]
async fn answers_that_never_begin_meet_the_deadline() {
    for silent in [&b""[..], b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nx: y"] {
        let url = endpoint(silent, true).await;
        let answer = post_within(&loopback(), &url, Duration::from_millis(300)).await;
        assert_eq!(answer.outcome, CallOutcome::Failed(ErrorClass::Timeout));
    }
}

#[tokio::test]
async fn answers_that_are_not_http_are_failures_and_are_shown() {
    for (bad, shown) in [
        (&b"220 smtp.example.com ESMTP\r\n"[..], "220 smtp.example.com ESMTP"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 2000 OK"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "HTTP/1.1 200 OK"),
        (b"\x16\x03\x01\x00", "\\x16\\x03\\x01\\x00"),
        (b"", ""),
    ] {
        let url = endpoint(bad, false).await;
        let answer = post(&loopback(), &url).await;
        assert_eq!(answer.outcome, CallOutcome::Failed(ErrorClass::Protocol), "{answer:?}");
        assert!(!answer.detail.is_empty() && answer.detail.contains(shown), "{answer:?}");
    }
}

#[tokio::test]
async fn a_head_that_was_read_is_the_outcome_whatever_its_body_does() {
    let many: String = (0..120).map(|number| format!("x-{number}: v\r\n")).collect();
    let many = format!("HTTP/1.1 200 OK\r\n{many}content-length: 2\r\n\r\nok");
    for (answer, hangs, response) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort"[..], false, "short"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi", true, "hi"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", false, ""),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok", false, "ok"),
        (b"HTTP/1.1 200 OK\r\nServer : old\r\ncontent-length: 2\r\n\r\nok", false, "ok"),
        (b"HTTP/1.1 200 OK\r\nx-long: one\r\n two\r\ncontent-length: 2\r\n\r\nok", false, "ok"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 2\r\n\r\nok", false, "ok"),
        (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok", false, "ok"),
        (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", false, "ok"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok", false, "ok"),
        (many.leak().as_bytes(), false, "ok"),
    ] {
        let url = endpoint(answer, hangs).await;
        let within = Duration::from_millis(if hangs { 300 } else { 20_000 });
        let result = post_within(&loopback(), &url, within).await;
        let outcome = CallOutcome::Answered { status: 200, retry_after: None };
        assert_eq!((&result.outcome, result.response.as_str()), (&outcome, response), "{result:?}");
    }
}

#[tokio::test]
async fn a_redirect_says_where_it_points() {
    let moved = b"HTTP/1.1 301 Moved\r\nlocation: https://new.example/hook\r\n\r\n";
    let result = post(&loopback(), &endpoint(moved, false).await).await;
    assert!(result.detail.ends_with("points to https://new.example/hook"), "{result:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let canary = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let to = canary.local_addr().expect("bound");
    let answer =
        format!("HTTP/1.1 307 Moved\r\nlocation: http://{to}/\r\ncontent-length: 0\r\n\r\n");
    let url = endpoint(answer.leak().as_bytes(), false).await;
    let answer = post(&loopback(), &url).await;
    assert_eq!(answer.outcome, CallOutcome::Answered { status: 307, retry_after: None });
    let waited = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await;
    assert!(waited.is_err(), "nobody connects");
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_and_as_a_date() {
    for header in ["30", "Sun, 06 Nov 1994 08:50:00 GMT"] {
        let answer =
            format!("HTTP/1.1 503 No\r\nretry-after: {header}\r\ncontent-length: 0\r\n\r\n");
        let url = endpoint(answer.leak().as_bytes(), false).await;
        let outcome = post(&loopback(), &url).await.outcome;
        let retry_after = Some(Duration::from_secs(30));
        assert_eq!(outcome, CallOutcome::Answered { status: 503, retry_after }, "{header}");
    }
}

#[tokio::test]
async fn forbidden_addresses_are_never_dialled() {
    let canary = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = canary.local_addr().expect("bound").port();
    let strict = Caller::new(Rule::default());
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"] {
        for scheme in ["http", "https"] {
            let answer = post(&strict, &format!("{scheme}://{host}:{port}/")).await;
            let forbidden = CallOutcome::Failed(ErrorClass::ForbiddenAddress);
            assert_eq!(answer.outcome, forbidden, "{scheme}://{host}");
        }
    }
    let waited = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await;
    assert!(waited.is_err(), "nobody connects");
}

#[tokio::test]
async fn failures_before_an_answer_have_their_class() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("bound").local_addr().expect("bound");
    let refused = post(&loopback(), &format!("http://{gone}/")).await;
    assert_eq!(refused.outcome, CallOutcome::Failed(ErrorClass::Connect));
    let plain = endpoint(b"HTTP/1.1 200 OK\r\n\r\n", false).await.replace("http:", "https:");
    let tls = post_within(&loopback(), &plain, Duration::from_millis(300)).await;
    assert!(
        matches!(tls.outcome, CallOutcome::Failed(ErrorClass::Tls | ErrorClass::Timeout)),
        "{tls:?}"
    );
}

async fn ask(url: &str, max_body: usize) -> FetchResult {
    let headers =
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Key k"))]);
    let (timeout, now) = (Duration::from_millis(300), Timestamp::from_secs(784_111_770));
    loopback().get(FetchRequest { url, headers, timeout, max_body, now }).await
}

#[tokio::test]
async fn an_answer_to_a_question_is_read_whole_or_not_at_all() {
    static LONG: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[b'x'; 100_000]].concat());
    let heard = ask(&endpoint(&LONG, false).await, 100_000).await;
    assert_eq!(heard.outcome, CallOutcome::Answered { status: 200, retry_after: None });
    assert_eq!(heard.body.len(), 100_000);
    let heard = ask(&endpoint(&LONG, false).await, 99_999).await;
    assert_eq!(heard.outcome, CallOutcome::Failed(ErrorClass::Protocol));
    assert_eq!(
        (heard.body.len(), heard.detail.as_str()),
        (0, "the answer is larger than 99999 bytes")
    );
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n";
    let heard = ask(&endpoint(announced, true).await, 1000).await;
    assert_eq!(heard.outcome, CallOutcome::Failed(ErrorClass::Protocol), "not even waited for");
}

#[tokio::test]
async fn a_question_meets_the_same_walls_as_a_notification() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort";
    let heard = ask(&endpoint(cut, false).await, 1000).await;
    assert_eq!(heard.outcome, CallOutcome::Failed(ErrorClass::Protocol));
    let heard = ask(&endpoint(b"HTTP/1.1 200 OK\r\n", true).await, 1000).await;
    assert_eq!(heard.outcome, CallOutcome::Failed(ErrorClass::Timeout));
    let moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let heard = ask(&endpoint(moved, false).await, 1000).await;
    assert_eq!(heard.outcome, CallOutcome::Answered { status: 302, retry_after: None });
    let slow = b"HTTP/1.1 429 No\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
    let heard = ask(&endpoint(slow, false).await, 1000).await;
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(heard.outcome, CallOutcome::Answered { status: 429, retry_after });
    let headers = HeaderMap::new();
    let (timeout, now) = (Duration::from_secs(1), Timestamp::from_secs(1));
    let strict = Caller::new(Rule::default());
    let url = "http://127.0.0.1:1/";
    let heard = strict.get(FetchRequest { url, headers, timeout, max_body: 1, now }).await;
    assert_eq!(heard.outcome, CallOutcome::Failed(ErrorClass::ForbiddenAddress));
}
