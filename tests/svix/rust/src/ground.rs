//! What every check stands on: the relay's client, the subscriber, an application of its own, and the
//! line that is said of each row.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt::Debug,
    io::{Read, Write},
    net::TcpStream,
    panic::Location,
    sync::atomic::{AtomicU64, Ordering as Atomic},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Value, json};
use svix::{
    api::{MessageAttemptListByMsgOptions, Svix, SvixOptions},
    models::{
        ApplicationIn, BackgroundTaskStatus, EndpointIn, MessageAttemptOut, MessageIn, MessageOut,
        MessageStatusText,
    },
};

pub type Played = Result<(), Box<dyn Error>>;
pub type Or<T> = Result<T, Box<dyn Error>>;

/// Plays rows, those that were asked for or all.
pub struct Run {
    pub wanted: Vec<String>,
}

impl Run {
    pub async fn row(&self, row: &str, check: impl Future<Output = Played>) {
        if !self.wanted.is_empty() && !self.wanted.iter().any(|wanted| wanted == row) {
            return;
        }
        match check.await {
            Ok(()) => println!("{row} ok"),
            Err(error) => println!("{row} no {}", error.to_string().replace('\n', " ")),
        }
    }
}

#[track_caller]
pub fn equal<A: Debug + PartialEq<B>, B: Debug>(found: A, wanted: B) -> Played {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{}: {found:?} is not {wanted:?}", Location::caller()).into())
}

#[track_caller]
pub fn holds(what: bool) -> Played {
    equal(what, true)
}

/// The SDK's own error of this status, with what it made of the answer.
#[track_caller]
pub fn refused<T: Debug>(status: u16, answer: svix::Result<T>) -> Played {
    let at = Location::caller();
    let status = StatusCode::from_u16(status)?;
    match answer {
        Err(svix::Error::Http(error)) if error.status == status => {
            let said = error.payload.ok_or(format!("{at}: its error was not understood"))?;
            holds(!said.code.is_empty() && !said.detail.is_empty())
        }
        Err(svix::Error::Validation(error)) if error.status == status => {
            let said = error.payload.ok_or(format!("{at}: its error was not understood"))?;
            holds(said.detail.iter().all(|one| !one.loc.is_empty() && !one.msg.is_empty()))
        }
        other => Err(format!("{at}: {status} is not {other:?}").into()),
    }
}

pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by players.py"))
}

/// What the subscriber does beside listening.
pub fn control(what: &str, about: &[(&str, &str)]) -> Or<Value> {
    let hooks = setting("HOOKS_URL");
    let address = hooks.trim_start_matches("http://");
    let query: Vec<String> = about.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET /control/{what}?{} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n",
        query.join("&")
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    match head.starts_with("HTTP/1.1 200") {
        true => Ok(serde_json::from_str(body)?),
        false => Err(format!("{what}: {body}").into()),
    }
}

/// What the subscriber heard at a path, once it is so much.
pub async fn seen(path: &str, count: usize) -> Or<Vec<Heard>> {
    let deadline = Instant::now() + Duration::from_secs(25);
    loop {
        let heard = control("seen", &[("path", path)])?;
        let heard = heard.as_array().cloned().unwrap_or_default();
        if count <= heard.len() {
            return Ok(heard.iter().map(Heard::of).collect());
        }
        if deadline < Instant::now() {
            return Err(format!("{} of {count} came to {path}", heard.len()).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub struct Heard {
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Heard {
    fn of(said: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let headers = said["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
        Self { headers, body: text(&said["body"]) }
    }
}

/// Tries again until something holds.
#[macro_export]
macro_rules! eventually {
    ($seconds:expr, $holds:expr) => {{
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs($seconds);
        loop {
            if $holds {
                break;
            }
            if deadline < std::time::Instant::now() {
                return Err(format!("line {}: not within {} s", line!(), $seconds).into());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }};
}

/// Everything on a list, part by part: two at a time unless said.
#[macro_export]
macro_rules! every {
    ($limit:expr, |$limit_of:ident, $iterator:ident| $ask:expr) => {{
        let mut found = Vec::new();
        let mut $iterator: Option<String> = None;
        let $limit_of: Option<u64> = Some($limit);
        loop {
            let part = $ask?;
            $crate::ground::holds(part.data.len() <= $limit as usize)?;
            found.extend(part.data);
            if part.done {
                break found;
            }
            $iterator = part.iterator;
        }
    }};
}

pub fn set(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

pub fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn ago(hours: i64) -> DateTime<Utc> {
    Utc::now() - chrono::Duration::hours(hours)
}

/// What nobody used before.
pub fn unique(kind: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{kind}-{now:x}-{}", COUNT.fetch_add(1, Atomic::Relaxed))
}

/// An application of its own, and a subscriber.
pub struct World<'s> {
    pub svix: &'s Svix,
    pub uid: String,
    pub app: String,
    pub path: String,
    pub url: String,
    pub endpoint: String,
}

impl<'s> World<'s> {
    pub async fn new(svix: &'s Svix) -> Or<Self> {
        Self::answering(svix, "200", |_| ()).await
    }

    pub async fn answering(
        svix: &'s Svix,
        status: &str,
        more: impl FnOnce(&mut EndpointIn),
    ) -> Or<Self> {
        let uid = unique("app");
        let given = ApplicationIn { uid: Some(uid.clone()), ..ApplicationIn::new("Acme".into()) };
        let app = svix.application().create(given, None).await?.id;
        let path = format!("/{status}/{uid}");
        let url = format!("{}{path}", setting("HOOKS_URL"));
        let mut given = EndpointIn { uid: Some("hook".into()), ..EndpointIn::new(url.clone()) };
        more(&mut given);
        let endpoint = svix.endpoint().create(app.clone(), given, None).await?.id;
        Ok(Self { svix, uid, app, path, url, endpoint })
    }

    pub fn app(&self) -> String {
        self.app.clone()
    }

    pub fn ep(&self) -> String {
        self.endpoint.clone()
    }

    pub async fn send(
        &self,
        n: u32,
        more: impl FnOnce(&mut MessageIn),
    ) -> svix::Result<MessageOut> {
        let mut given = MessageIn::new("invoice.paid".into(), json!({ "n": n }));
        more(&mut given);
        self.svix.message().create(self.app(), given, None).await
    }

    /// A message that was attempted.
    pub async fn sent(&self, n: u32) -> Or<MessageOut> {
        let made = self.send(n, |_| ()).await?;
        self.attempts(&made.id).await?;
        Ok(made)
    }

    pub async fn attempts(&self, msg: &str) -> Or<Vec<MessageAttemptOut>> {
        let mut found;
        eventually!(25, {
            let options = MessageAttemptListByMsgOptions {
                with_content: Some(true),
                ..MessageAttemptListByMsgOptions::default()
            };
            let list = self.svix.message_attempt();
            found = list.list_by_msg(self.app(), msg.into(), Some(options)).await?.data;
            !found.is_empty()
        });
        Ok(found)
    }

    /// How a message stands with the endpoint.
    pub async fn status(&self, msg: &str) -> Or<Option<MessageStatusText>> {
        let list = self.svix.message_attempt();
        let shown = list.list_attempted_destinations(self.app(), msg.into(), None).await?;
        Ok(shown.data.first().map(|one| one.status_text))
    }

    /// A message that its endpoint failed for good.
    pub async fn dead(&self) -> Or<MessageOut> {
        control("impatient", &[("app", &self.app), ("endpoint", &self.endpoint)])?;
        let made = self.send(1, |_| ()).await?;
        eventually!(25, self.status(&made.id).await? == Some(MessageStatusText::Fail));
        control("heal", &[("path", &self.path)])?;
        Ok(made)
    }
}

/// A task of the relay's, once it is through.
pub async fn finished(svix: &Svix, task: &str) -> Played {
    eventually!(60, {
        let shown = svix.background_task().get(task.into()).await?;
        shown.status == BackgroundTaskStatus::Finished
    });
    Ok(())
}

/// The client of a subscriber that was handed a portal's token.
pub fn as_portal(token: &str) -> Svix {
    let options = SvixOptions { server_url: Some(setting("RELAY_URL")), ..SvixOptions::default() };
    Svix::new(token.to_owned(), Some(options))
}
