//! The client of CloudWatch Logs, over HTTP, with a service that answers as a test wants.

use std::sync::{Arc, Mutex};

use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:relay-live";
const SINCE: Timestamp = Timestamp::from_secs(1_800_000_000);

/// The calls that were made: operation and input.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// The operation and input of one request of the protocol JSON 1.1.
async fn request(stream: &mut TcpStream) -> (String, Value) {
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.expect("read");
        request.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length: usize = header("content-length: ").expect("one").parse().expect("a number");
        if length <= body.len() {
            let target = header("x-amz-target: Logs_20140328.").expect("an operation");
            return (target.to_owned(), serde_json::from_str(body).expect("JSON"));
        }
    }
}

/// A service that gives these answers, one after the other, and then the last one always.
async fn service(answers: Vec<(u16, Value)>) -> (LogService, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut answers = answers.into_iter().peekable();
        let mut answer = (200, json!({}));
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = request(&mut stream).await;
            seen.lock().expect("whole").push(request);
            answer = answers.next().unwrap_or(answer);
            if answer.1["events"] == json!([]) {
                // Looking for events takes its time.
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            let (status, body) = (answer.0, answer.1.to_string());
            let text = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(text.as_bytes()).await.expect("written");
        }
    });
    let config = aws_sdk_cloudwatchlogs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(&url);
    (LogService::new(Client::from_conf(config.build())), asked)
}

fn fault(code: &str) -> (u16, Value) {
    (400, json!({ "__type": code, "message": "why" }))
}

fn event(id: usize, text: &str) -> Value {
    json!({ "logStreamName": "job-a", "timestamp": id, "message": text, "eventId": id.to_string() })
}

fn shared() -> LogPlace {
    LogPlace { group: "/ours".to_owned(), stream: Some("job-a".to_owned()) }
}

/// Everything that is read of a stream of a shared group.
async fn read(service: &LogService) -> Vec<CloudWatchLine> {
    let (lines, ended) = service.newest(&shared(), SINCE).await;
    ended.expect("read");
    lines
}

#[tokio::test]
async fn a_filter_is_known_by_its_destination() {
    let filters = json!({ "subscriptionFilters": [
        { "filterName": "theirs", "destinationArn": "arn:aws:kinesis:x", "creationTime": 1 },
        { "filterName": "by hand", "destinationArn": FUNCTION, "creationTime": 1_700_000_000_123_u64 },
    ] });
    let (service, asked) = service(vec![(200, filters), (200, json!({}))]).await;
    let found = service.filter_to("/ours", FUNCTION).await.expect("answered");
    assert_eq!(found, Some(Timestamp(1_700_000_000_123)));
    assert_eq!(service.filter_to("/ours", FUNCTION).await.expect("answered"), None);
    service.set_filter("/ours", FUNCTION).await.expect("set");
    let asked = asked.lock().expect("whole").clone();
    let look = ("DescribeSubscriptionFilters".to_owned(), json!({ "logGroupName": "/ours" }));
    assert_eq!(asked[..2], [look.clone(), look]);
    let put = json!({ "logGroupName": "/ours", "filterName": "webhook-relay", "filterPattern": "",
        "destinationArn": FUNCTION });
    assert_eq!(asked[2..], [("PutSubscriptionFilter".to_owned(), put)]);
}

#[tokio::test]
async fn lines_are_read_from_the_newest_on_page_by_page() {
    let pages = vec![
        (200, json!({ "events": [event(3, "c")], "nextToken": "1" })),
        (200, json!({ "events": [], "nextToken": "2" })),
        (200, json!({ "events": [event(2, "b"), event(1, "a")] })),
    ];
    let (service, asked) = service(pages).await;
    let lines = read(&service).await;
    let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(texts, ["c", "b", "a"]);
    let wanted = CloudWatchLine {
        stream: "job-a".to_owned(),
        id: "3".to_owned(),
        timestamp: 3,
        message: "c".to_owned(),
    };
    assert_eq!(lines[0], wanted);
    let asked = asked.lock().expect("whole").clone();
    let first = json!({ "logGroupName": "/ours", "logStreamNames": ["job-a"],
        "startTime": SINCE.0, "startFromHead": false, "limit": MAX_LINES });
    assert_eq!(asked[0], ("FilterLogEvents".to_owned(), first));
    assert_eq!((&asked[1].1["nextToken"], &asked[1].1["limit"]), (&json!("1"), &json!(9999)));
    assert_eq!((asked[2].1["nextToken"].clone(), asked.len()), (json!("2"), 3));
}

#[tokio::test]
async fn no_more_is_read_than_fits_and_than_there_is_time_for() {
    let many: Vec<_> = (0..6000).map(|id| event(id, "a")).collect();
    let (full, asked) = service(vec![(200, json!({ "events": many, "nextToken": "1" }))]).await;
    assert_eq!(read(&full).await.len(), 12_000);
    assert_eq!(asked.lock().expect("whole").len(), 2, "the service gave more than was asked for");
    let large = json!({ "events": [event(1, &"x".repeat(1_000_000))], "nextToken": "1" });
    let (large, asked) = service(vec![(200, large)]).await;
    assert_eq!(read(&large).await.len(), 6);
    assert_eq!(asked.lock().expect("whole").len(), 7);
    let (empty, asked) = service(vec![(200, json!({ "events": [], "nextToken": "1" }))]).await;
    assert_eq!(read(&empty).await, []);
    assert!(1 < asked.lock().expect("whole").len());
}

#[tokio::test]
async fn a_refusal_says_why() {
    async fn refusal(code: &str) -> LogServiceError {
        let (service, _) = service(vec![fault(code)]).await;
        service.set_filter("/ours", FUNCTION).await.expect_err("refused")
    }
    use LogServiceError as Why;
    assert!(matches!(refusal("ResourceNotFoundException").await, Why::NoGroup));
    assert!(matches!(refusal("LimitExceededException").await, Why::LimitExceeded));
    assert!(matches!(refusal("AccessDeniedException").await, Why::Denied(why) if why == "why"));
    assert!(matches!(refusal("ThrottlingException").await, Why::Throttled));
    assert!(matches!(refusal("OperationAbortedException").await, Why::Contended));
    assert!(matches!(refusal("InvalidParameterException").await, Why::Unavailable(_)));
}

#[tokio::test]
async fn a_stream_that_does_not_exist_has_no_lines_and_a_failure_ends_reading() {
    let (missing, _) = service(vec![fault("ResourceNotFoundException")]).await;
    assert_eq!(read(&missing).await, []);
    let own = LogPlace { stream: None, ..shared() };
    let (lines, ended) = missing.newest(&own, SINCE).await;
    assert!(lines.is_empty() && matches!(ended, Err(LogServiceError::NoGroup)));
    let first = (200, json!({ "events": [event(2, "b")], "nextToken": "1" }));
    let (failing, _) = service(vec![first, fault("ThrottlingException")]).await;
    let (lines, ended) = failing.newest(&shared(), SINCE).await;
    assert!(lines.len() == 1 && matches!(ended, Err(LogServiceError::Throttled)));
}
