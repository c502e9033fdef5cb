//! The places that are searched for secrets: answers, log lines, the table, queues, the bucket.

use std::{
    io::{Read, Write},
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::{HeaderMap, Method, Request};
use flate2::read::{DeflateDecoder, GzDecoder};
use serde_json::Value;
use tests::cloud::{ADMIN, Cloud};
use tracing::{
    Dispatch, Level,
    subscriber::{DefaultGuard, NoSubscriber},
};
use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt};

/// A text that is searched for secrets.
pub(super) struct Place {
    /// The place, for the report.
    pub(super) name: String,
    /// The whole text.
    pub(super) text: String,
    /// The name of the secret that this place shows on purpose, if any.
    pub(super) shows: Option<String>,
}

/// Every log line of this thread: of our own crates all, of others from `debug`.
#[derive(Clone, Default)]
pub(super) struct Logs(Arc<Mutex<Vec<u8>>>);

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The packages that are deployed: all of their log lines are kept.
const OURS: [&str; 9] =
    ["adapters", "api", "deliver", "dispatch", "domain", "ingest", "process", "redeliver", "sweep"];

impl Logs {
    /// Listens until the guards go.
    pub(super) fn listen() -> (Self, DefaultGuard, Dispatch) {
        let logs = Self::default();
        let writer = logs.clone();
        let lines = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let levels = Targets::new().with_default(Level::DEBUG);
        let levels = levels.with_targets(OURS.map(|name| (name, Level::TRACE)));
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(levels));
        // While there is one dispatcher only, whichever test reaches a line first decides for all threads
        // whether anybody listens to it. With a second one each is asked.
        let second = Dispatch::new(NoSubscriber::default());
        (logs, tracing::subscriber::set_default(subscriber), second)
    }

    /// The log lines so far.
    pub(super) fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("not poisoned");
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

/// A client of the API that keeps every answer.
pub(super) struct Witness<'c> {
    pub(super) cloud: &'c Cloud,
    pub(super) places: Vec<Place>,
}

impl Witness<'_> {
    /// Any request, with these headers.
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> (u16, HeaderMap, String) {
        let mut request = Request::builder().method(method.clone()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into().into()).expect("a request");
        let (status, headers, body) = self.cloud.ask(request).await;
        let text = String::from_utf8_lossy(&body).into_owned();
        let name = format!("answer to {method} {path}");
        self.places.push(Place { name, text: format!("{status} {headers:?} {text}"), shows: None });
        (status.as_u16(), headers, text)
    }

    /// A request of the operator's; what it answers must be a success.
    pub(super) async fn done(&mut self, method: Method, path: &str, body: Value) -> Value {
        let bearer = format!("Bearer {ADMIN}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, _, text) =
            self.send(method.clone(), path, &[("authorization", &bearer)], body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A request of the operator's that makes no sense.
    pub(super) async fn refused(&mut self, method: Method, path: &str, body: impl Into<Vec<u8>>) {
        let bearer = format!("Bearer {ADMIN}");
        let (status, _, text) =
            self.send(method.clone(), path, &[("authorization", &bearer)], body).await;
        assert!((400..500).contains(&status), "{method} {path}: {status} {text}");
    }

    /// The last answer is there to show this secret.
    pub(super) fn shows(&mut self, name: &str) {
        self.places.last_mut().expect("an answer").shows = Some(name.to_owned());
    }
}

/// Every item of the table, attribute by attribute.
pub(super) async fn table(cloud: &Cloud) -> Vec<Place> {
    let scan = cloud.sound.dynamodb().scan().table_name(&cloud.aws.names().table);
    let items = scan.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let place = |item: std::collections::HashMap<String, AttributeValue>| {
        let text = |value: &AttributeValue| match value {
            AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
            AttributeValue::B(packed) => unpacked(packed.as_ref()),
            other => format!("{other:?}"),
        };
        let name = item.get("pk").map(&text).unwrap_or_default();
        let text: Vec<_> =
            item.iter().map(|(key, value)| format!("{key} {}", text(value))).collect();
        Place { name: format!("item {name}"), text: text.join("\n"), shows: None }
    };
    items.expect("scanned").into_iter().map(place).collect()
}

/// The text of packed bytes: deflated, as requests are, or in gzip, as lines of logs are.
fn unpacked(packed: &[u8]) -> String {
    let mut text = Vec::new();
    let deflated = DeflateDecoder::new(packed).read_to_end(&mut text);
    if deflated.is_err() {
        text.clear();
        GzDecoder::new(packed).read_to_end(&mut text).expect("one of the two");
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Every object of the bucket.
pub(super) async fn bucket(cloud: &Cloud) -> Vec<Place> {
    let (s3, name) = (cloud.sound.s3(), &cloud.aws.names().bucket);
    let listed = s3.list_objects_v2().bucket(name).send().await.expect("listed");
    let mut places = Vec::new();
    for key in listed.contents().iter().filter_map(|object| object.key()) {
        let got = s3.get_object().bucket(name).key(key).send().await.expect("there");
        let body = got.body.collect().await.expect("read").into_bytes();
        let text = format!("{key} {}", String::from_utf8_lossy(&body));
        places.push(Place { name: format!("object {key}"), text, shows: None });
    }
    places
}
