//! Access to the services and to their files.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use aws_sdk_sqs::error::ProvideErrorMetadata;
use local::{AccessKey, Clients, LocalAws};

use crate::{Scratch, in_memory, inbox, send};

/// Sends a request as it stands to the server at `url` and returns the answer.
fn raw(url: &str, request: &str) -> String {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn post(host: &str, target: &str, body: &str, more: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Amz-Target: {target}\r\n\
         Content-Type: application/x-amz-json-1.0\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One harmless request to each service, with the text that a right answer contains.
fn requests(aws: &LocalAws) -> [(String, &'static str, String); 3] {
    [
        (aws.urls().dynamodb.clone(), "DynamoDB_20120810.ListTables", "{}".to_owned()),
        (aws.urls().sqs.clone(), "AmazonSQS.ListQueues", "{}".to_owned()),
        (
            aws.urls().secrets.clone(),
            "secretsmanager.GetSecretValue",
            r#"{"SecretId":"relay/admin-key"}"#.to_owned(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_service_answers_a_request_that_is_not_signed() {
    let aws = in_memory().await;
    for (url, target, body) in requests(&aws) {
        let host = url.trim_start_matches("http://");
        for more in [
            "",
            "Authorization: Bearer x\r\n",
            "Authorization: AWS4-HMAC-SHA256 Credential=local/20261127/us-east-1/x/aws4_request, \
             SignedHeaders=host, Signature=00\r\n",
        ] {
            let answer = raw(&url, &post(host, target, &body, more));
            assert!(answer.starts_with("HTTP/1.1 403 "), "{target}: {answer}");
        }
    }
    let management = aws.urls().websocket.trim_end_matches("/live").to_owned();
    for (url, path) in [
        (&aws.urls().s3, "/"),
        (&aws.urls().s3, "/relay"),
        (&aws.urls().s3, "/relay/object"),
        (&management, "/"),
        (&management, "/live/@connections/L0SM9cOFvHcCIhw="),
    ] {
        let host = url.trim_start_matches("http://");
        let get = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw(url, &get);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_service_answers_a_request_to_a_name_that_was_rebound() {
    let aws = in_memory().await;
    let urls = aws.urls();
    let management = urls.websocket.trim_end_matches("/live").to_owned();
    for url in [&urls.dynamodb, &urls.sqs, &urls.s3, &urls.secrets, &management] {
        for host in ["rebound.example", "rebound.example:80", "127.0.0.1.example"] {
            let get = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = raw(url, &get);
            assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
            assert!(answer.contains("AccessDeniedException"), "{host}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_access_key_of_the_services_opens_them() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    send(&sqs, &url, "signed with the right key").await;
    let id = "local".to_owned();
    let wrong = [
        (AccessKey { id: id.clone(), secret: "guessed".to_owned() }, "InvalidSignatureException"),
        (
            AccessKey { id: "other".to_owned(), ..AccessKey::default() },
            "UnrecognizedClientException",
        ),
    ];
    for (key, name) in wrong {
        let clients = Clients::new(aws.urls().clone(), key);
        let sent = clients.sqs().send_message().queue_url(&url).message_body("x").send().await;
        assert_eq!(sent.expect_err("refused").code(), Some(name));
        let listed = clients.dynamodb().list_tables().send().await.expect_err("refused");
        assert_eq!(listed.code(), Some(name));
        let secret = clients.secrets().get_secret_value().secret_id("relay/admin-key").send().await;
        assert_eq!(secret.expect_err("refused").code(), Some(name));
        clients.s3().list_buckets().send().await.expect_err("refused");
    }
}

/// The mode of a file or directory.
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_can_read_the_data_directory() {
    let scratch = Scratch::new("modes");
    for name in ["lock", "dynamodb.sqlite", "sqs.sqlite"] {
        // As an older version left them.
        std::fs::write(scratch.0.join(name), "").expect("written");
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(scratch.0.join(name), open).expect("opened");
    }
    let aws = LocalAws::start(scratch.options()).await.expect("starts");
    let (sqs, url) = inbox(&aws);
    send(&sqs, &url, "x").await;
    assert_eq!(mode(&scratch.0), 0o700);
    let mut seen = 0;
    for entry in std::fs::read_dir(&scratch.0).expect("listed") {
        let path = entry.expect("an entry").path();
        let want = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), want, "{}", path.display());
        seen += 1;
    }
    assert!(4 <= seen, "{seen}");
    aws.stop().await;
}

#[tokio::test]
async fn a_directory_that_others_use_keeps_its_mode() {
    let scratch = Scratch::new("shared");
    std::fs::write(scratch.0.join("theirs"), "x").expect("written");
    std::fs::set_permissions(&scratch.0, std::fs::Permissions::from_mode(0o755)).expect("opened");
    local::private_directory(&scratch.0).expect("usable");
    assert_eq!(mode(&scratch.0), 0o755);
    let made = scratch.0.join("new/deep");
    local::private_directory(&made).expect("made");
    assert_eq!(mode(&made), 0o700);
}
