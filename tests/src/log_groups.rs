//! CloudWatch Logs with groups that a test fills, and what the service was asked. Pages are small, so
//! that reading takes several.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use adapters::cloudwatch::LogService;
use aws_sdk_cloudwatchlogs::Client;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::time::Timestamp;
use flate2::{Compression, write::GzEncoder};
use local::Clients;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use crate::wire;

/// The account that the groups belong to.
pub const ACCOUNT: &str = "123456789012";
/// Events of a page.
const PAGE: usize = 3;
/// Subscription filters that a group may have.
const MAX_FILTERS: usize = 2;

/// The service.
#[derive(Clone, Debug)]
pub struct LogGroupService {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    groups: BTreeMap<String, Group>,
    /// Operations that were asked for since the last time.
    calls: Vec<String>,
    /// The exception that every call is answered with.
    fault: Option<&'static str>,
    events: u64,
}

#[derive(Debug, Default)]
struct Group {
    events: Vec<Event>,
    /// Names and destinations.
    filters: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Event {
    stream: String,
    id: String,
    at: Timestamp,
    message: String,
}

impl LogGroupService {
    /// Starts a service without groups.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let service = Self { url, state: Arc::default() };
        let server = service.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        service
    }

    /// A client of this service.
    pub fn client(&self, clients: &Clients) -> LogService {
        LogService::new(Client::new(&clients.sdk_config(&self.url)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a group.
    pub fn create(&self, group: &str) {
        self.state().groups.entry(group.to_owned()).or_default();
    }

    /// A job prints lines to a group, which is created if it is not there.
    pub fn print(&self, group: &str, stream: &str, at: Timestamp, lines: &[&str]) {
        let mut state = self.state();
        for line in lines {
            state.events += 1;
            let id = format!("3195310660696698337880902507980421{:022}", state.events);
            let (stream, message) = (stream.to_owned(), (*line).to_owned());
            let group = state.groups.entry(group.to_owned()).or_default();
            group.events.push(Event { stream, id, at, message });
        }
    }

    /// The event by which a subscription filter brings the lines of a stream, without the first
    /// `skip` of them.
    pub fn bring(&self, group: &str, stream: &str, skip: usize) -> Value {
        let events = self.state().groups[group].events.clone();
        let events = events.iter().filter(|event| event.stream == stream).skip(skip);
        let events: Vec<_> = events
            .map(|it| json!({ "id": it.id, "timestamp": it.at.0, "message": it.message }))
            .collect();
        brought(&json!({ "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": group,
            "logStream": stream, "subscriptionFilters": ["webhook-relay"], "logEvents": events }))
    }

    /// Sets a filter of somebody else.
    pub fn set_filter(&self, group: &str, name: &str) {
        let filter = (name.to_owned(), "arn:aws:kinesis:theirs".to_owned());
        self.state().groups.entry(group.to_owned()).or_default().filters.push(filter);
    }

    /// The names and destinations of the filters of a group.
    pub fn filters(&self, group: &str) -> Vec<(String, String)> {
        self.state().groups.get(group).map(|group| group.filters.clone()).unwrap_or_default()
    }

    /// The operations that were asked for since the last time.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }

    /// Answers every call with this exception from now on; `None` ends that.
    pub fn fail(&self, exception: Option<&'static str>) {
        self.state().fault = exception;
    }

    /// Answers one request and closes, as `connection: close` says.
    async fn serve(self, mut stream: TcpStream) {
        let Some((head, body)) = wire::request(&mut stream).await else { return };
        let target = head.lines().find_map(|line| line.strip_prefix("x-amz-target: "));
        let operation = target.and_then(|target| target.split_once('.')).map(|(_, name)| name);
        let input = serde_json::from_str(&body).unwrap_or_default();
        let (status, answer) = match self.state().answer(operation.unwrap_or_default(), &input) {
            Ok(answer) => (200, answer),
            Err(exception) => (400, json!({ "__type": exception, "message": "refused" })),
        };
        let answer = answer.to_string();
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{answer}",
            answer.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

impl State {
    fn answer(&mut self, operation: &str, input: &Value) -> Result<Value, &'static str> {
        self.calls.push(operation.to_owned());
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        let group = self.groups.get_mut(&text("logGroupName"));
        let group = group.ok_or("ResourceNotFoundException")?;
        match operation {
            "DescribeSubscriptionFilters" => {
                let filter = |(name, to): &(String, String)| {
                    json!({ "filterName": name, "destinationArn": to,
                        "creationTime": 1_700_000_000_000_u64 })
                };
                let filters: Vec<_> = group.filters.iter().map(filter).collect();
                Ok(json!({ "subscriptionFilters": filters }))
            }
            "PutSubscriptionFilter" => {
                let (name, to) = (text("filterName"), text("destinationArn"));
                group.filters.retain(|(known, _)| *known != name);
                if MAX_FILTERS <= group.filters.len() {
                    return Err("LimitExceededException");
                }
                group.filters.push((name, to));
                Ok(json!({}))
            }
            "FilterLogEvents" => group.page(input),
            _ => Err("UnknownOperationException"),
        }
    }
}

impl Group {
    /// A page of events, newest first. The token is the number of those before it.
    fn page(&self, input: &Value) -> Result<Value, &'static str> {
        if input["startFromHead"] != false {
            return Err("InvalidParameterException");
        }
        let stream = input["logStreamNames"][0].as_str();
        let mut events = self.events.clone();
        events.retain(|event| stream.is_none_or(|stream| event.stream == stream));
        if events.is_empty() && stream.is_some() {
            return Err("ResourceNotFoundException");
        }
        let since = input["startTime"].as_u64().unwrap_or_default();
        events.retain(|event| since <= event.at.0);
        events.reverse();
        let skip = input["nextToken"].as_str().map_or(0, |token| token.parse().expect("ours"));
        let page = events.iter().skip(skip).take(PAGE);
        let page = page.map(|it| {
            json!({ "logStreamName": it.stream, "timestamp": it.at.0, "message": it.message,
                "eventId": it.id })
        });
        let mut answer = json!({ "events": page.collect::<Vec<_>>() });
        if skip + PAGE < events.len() {
            answer["nextToken"] = json!((skip + PAGE).to_string());
        }
        Ok(answer)
    }
}

/// The event that invokes the function with this content.
pub fn brought(content: &Value) -> Value {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.to_string().as_bytes()).expect("written");
    json!({ "awslogs": { "data": STANDARD.encode(encoder.finish().expect("packed")) } })
}
