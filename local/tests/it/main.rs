//! Tests of the local services through the AWS SDKs over HTTP. One binary, so that the SDKs are linked
//! once.

mod fifo;
mod guard;
mod http;
mod in_process;
mod kill;
mod order;
mod queues;
mod refusals;
mod restart;
mod services;
mod units;
mod websocket;

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName},
};
use local::{LocalAws, Options};

/// Starts the services in memory.
async fn in_memory() -> LocalAws {
    LocalAws::start(Options::default()).await.expect("the services start")
}

/// A client of SQS and the URL of the inbox.
fn inbox(aws: &LocalAws) -> (Client, String) {
    (aws.clients().sqs(), aws.queue_url(&aws.names().inbox))
}

/// Receives up to ten messages, waiting up to `wait` seconds for the first.
async fn receive(sqs: &Client, url: &str, wait: i32) -> Vec<Message> {
    let receive = sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .wait_time_seconds(wait)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All");
    receive.send().await.expect("a receive").messages.unwrap_or_default()
}

/// Receives and expects exactly one message.
async fn receive_one(sqs: &Client, url: &str, wait: i32) -> Message {
    let mut messages = receive(sqs, url, wait).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

/// Sends a message with this body and returns its id.
async fn send(sqs: &Client, url: &str, body: &str) -> String {
    let sent = sqs.send_message().queue_url(url).message_body(body).send().await.expect("sent");
    sent.message_id.expect("an id")
}

/// The value of a system attribute; empty if the message has none.
fn system(message: &Message, name: MessageSystemAttributeName) -> &str {
    message.attributes.as_ref().and_then(|all| all.get(&name)).map_or("", String::as_str)
}

/// The bodies of messages, in their order.
fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

/// The receipt handle of a received message.
fn handle(message: &Message) -> String {
    message.receipt_handle.clone().expect("a handle")
}

/// A new data directory, removed at the end of a test that passed.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("relay-local-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Scratch(path)
    }

    fn options(&self) -> Options {
        Options { data: Some(self.0.clone()), ..Options::default() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
