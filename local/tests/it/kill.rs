//! `kill -9` while clients write: acknowledged writes survive, deleted messages stay deleted.
//!
//! The services run in a child process, which is this test binary started again. The clients and the
//! record of acknowledged requests are in the parent.

use std::{
    collections::HashSet,
    io::Write,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::retry::RetryConfig;
use local::{AccessKey, Clients, LocalAws, Urls};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

use crate::{Scratch, handle, inbox, receive};

const DATA: &str = "LOCAL_AWS_TEST_DATA";
const READY: &str = "serving on ";

/// The requests that the services acknowledged.
#[derive(Debug, Default)]
struct Book {
    sent: HashSet<String>,
    deleted: HashSet<String>,
    /// Messages whose deletion was requested. Without an answer both outcomes are correct.
    maybe_deleted: HashSet<String>,
    items: HashSet<String>,
    objects: HashSet<String>,
}

type Shared = Arc<Mutex<Book>>;

fn open(book: &Shared) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The access key that both processes know.
fn key() -> AccessKey {
    AccessKey { id: "test".to_owned(), secret: "secret of the tests".to_owned() }
}

/// The `main` of the child process and not a test: serves until the parent kills it or exits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(data) = std::env::var(DATA) else { return };
    let options =
        local::Options { data: Some(data.into()), access_key: key(), ..local::Options::default() };
    let aws = LocalAws::start(options).await.expect("started");
    let urls = aws.urls();
    writeln!(
        std::io::stdout(),
        "\n{READY}{} {} {} {} {}",
        urls.dynamodb,
        urls.sqs,
        urls.s3,
        urls.secrets,
        urls.websocket
    )
    .expect("printed");
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
}

/// Starts the child process. Returns the child and the URLs that it printed.
async fn spawn(scratch: &Scratch) -> (Child, Urls) {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "kill::child", "--nocapture"])
        .env(DATA, &scratch.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    while let Some(line) = lines.next_line().await.expect("a line") {
        if let Some(urls) = line.strip_prefix(READY) {
            let mut urls = urls.split(' ').map(str::to_owned);
            let mut next = || urls.next().expect("a URL");
            let urls = Urls {
                dynamodb: next(),
                sqs: next(),
                s3: next(),
                secrets: next(),
                websocket: next(),
            };
            return (child, urls);
        }
    }
    panic!("the child ended before it served");
}

/// Writes messages, items and objects until the services are killed.
async fn write(book: Shared, urls: Urls, round: usize, writer: usize) {
    let queue = format!("{}/000000000000/relay-inbox", urls.sqs);
    let clients = Clients::new(urls, key()).with_retries(RetryConfig::disabled());
    let (sqs, dynamodb, s3) = (clients.sqs(), clients.dynamodb(), clients.s3());
    for n in 0.. {
        let name = format!("{round}-{writer}-{n}");
        let send = sqs.send_message().queue_url(&queue).message_body(&name).send().await;
        if send.is_err() {
            return;
        }
        open(&book).sent.insert(name.clone());
        let text = || AttributeValue::S(name.clone());
        let put = dynamodb.put_item().table_name("relay").item("pk", text()).item("sk", text());
        if put.send().await.is_err() {
            return;
        }
        open(&book).items.insert(name.clone());
        let object = s3.put_object().bucket("relay").key(&name);
        if object.body(ByteStream::from(name.clone().into_bytes())).send().await.is_err() {
            return;
        }
        open(&book).objects.insert(name);
    }
}

/// Receives messages and deletes some of them until the services are killed.
async fn consume(book: Shared, urls: Urls) {
    let queue = format!("{}/000000000000/relay-inbox", urls.sqs);
    let clients = Clients::new(urls, key()).with_retries(RetryConfig::disabled());
    let sqs = clients.sqs();
    loop {
        let received = sqs.receive_message().queue_url(&queue).max_number_of_messages(3);
        let Ok(received) = received.wait_time_seconds(1).send().await else { return };
        for message in received.messages() {
            let name = message.body().expect("a body").to_owned();
            // Chosen by number, so that a fast consumer leaves some messages too.
            if name.ends_with(['0', '3', '6', '9']) {
                continue;
            }
            open(&book).maybe_deleted.insert(name.clone());
            let delete = sqs.delete_message().queue_url(&queue).receipt_handle(handle(message));
            if delete.send().await.is_err() {
                return;
            }
            open(&book).deleted.insert(name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    let scratch = Scratch::new("kill");
    let book = Shared::default();
    for round in 0..2 {
        let (mut child, urls) = spawn(&scratch).await;
        let before = open(&book).objects.len();
        let mut work: Vec<_> =
            (0..3).map(|n| tokio::spawn(write(book.clone(), urls.clone(), round, n))).collect();
        work.push(tokio::spawn(consume(book.clone(), urls)));
        let enough = async {
            while open(&book).objects.len() < before + 60 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), enough)
            .await
            .expect("writes are acknowledged");
        child.kill().await.expect("killed");
        for task in work {
            task.await.expect("a task that ends");
        }
    }

    let aws = LocalAws::start(scratch.options()).await.expect("started on what was left");
    let book = std::mem::take(&mut *open(&book));
    // All messages in flight become visible; none has been received five times.
    aws.skip_queue_time(Duration::from_secs(180));
    let (sqs, queue) = inbox(&aws);
    let mut found = HashSet::new();
    loop {
        let messages = receive(&sqs, &queue, 0).await;
        if messages.is_empty() {
            break;
        }
        found.extend(messages.into_iter().filter_map(|message| message.body));
    }
    let lost: Vec<_> =
        book.sent.difference(&found).filter(|name| !book.maybe_deleted.contains(*name)).collect();
    assert!(lost.is_empty(), "lost messages: {lost:?}");
    let risen: Vec<_> = book.deleted.intersection(&found).collect();
    assert!(risen.is_empty(), "deleted messages that came back: {risen:?}");
    assert!(
        book.deleted.len() > 10 && found.len() > 10,
        "{} deleted, {} found",
        book.deleted.len(),
        found.len()
    );

    let (dynamodb, s3) = (aws.clients().dynamodb(), aws.clients().s3());
    for name in &book.items {
        let text = || AttributeValue::S(name.clone());
        let get = dynamodb.get_item().table_name("relay").key("pk", text()).key("sk", text());
        assert!(get.send().await.expect("got").item.is_some(), "lost item {name}");
    }
    for name in &book.objects {
        let object = s3.get_object().bucket("relay").key(name).send().await.expect("got");
        let body = object.body.collect().await.expect("a body").into_bytes();
        assert_eq!(body, name.as_bytes(), "a damaged object");
    }
    aws.stop().await;
}
