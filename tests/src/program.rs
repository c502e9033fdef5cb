//! A program that listens for the deliveries of a listener, as `relay listen` does: it makes the calls,
//! answers until it is heard, and comes back after it was killed.

use std::collections::HashMap;

use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{cloud::Cloud, gateway::Gateway};

/// Rounds of work; one for each delivery of the longest lane, and more.
const ROUNDS: usize = 1000;
/// Tries to connect, a minute apart while AWS fails.
const TRIES: usize = 60;

/// A call that the program made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCall {
    /// The event.
    pub event: String,
    /// The number of the attempt, as the relay said.
    pub attempt: u64,
    /// The body.
    pub body: Value,
    /// The header `webhook-id`.
    pub webhook_id: String,
}

/// A program that listens.
#[derive(Debug)]
pub struct Program {
    gateway: Gateway,
    listener: String,
    /// Distinguishes the connections of several programs.
    prefix: &'static str,
    /// The connections that it had, and the present one at the end.
    connections: usize,
    /// The status of its server.
    pub status: u16,
    /// Calls that it made, in order.
    pub calls: Vec<ProgramCall>,
    /// Answers that the relay has not confirmed, by delivery.
    unconfirmed: HashMap<String, Value>,
    /// Whether another program took its place.
    pub taken_over: bool,
    /// Whether the relay said that it listens.
    listens: bool,
    /// Whether more waits than was rung for.
    more: bool,
}

impl Program {
    /// A program that listens under a name of `acme`, which a request has made.
    pub fn new(gateway: &Gateway, listener: &str, prefix: &'static str) -> Self {
        Self {
            gateway: gateway.clone(),
            listener: listener.to_owned(),
            prefix,
            connections: 0,
            status: 200,
            calls: Vec::new(),
            unconfirmed: HashMap::new(),
            taken_over: false,
            listens: false,
            more: false,
        }
    }

    /// The id of the present connection.
    pub fn id(&self) -> String {
        format!("{}{}=", self.prefix, self.connections)
    }

    /// Connects and listens, until the relay says so.
    ///
    /// # Panics
    /// Panics if the relay never does.
    pub async fn connect(&mut self, cloud: &mut Cloud) {
        for _ in 0..TRIES {
            self.connections += 1;
            self.listens = false;
            let (status, ticket) = cloud.call(Method::POST, "/v1/live/tickets", None).await;
            let ticket = ticket["ticket"].as_str().unwrap_or_default().to_owned();
            if status.is_success() && cloud.connect_with(&self.id(), "ticket", &ticket).await {
                for _ in 0..3 {
                    self.listen(cloud).await;
                    if self.listens {
                        return;
                    }
                }
            }
            cloud.waits_for_better_weather();
        }
        panic!("nobody lets the program listen");
    }

    /// Asks for what waits.
    pub async fn listen(&mut self, cloud: &Cloud) {
        let listen =
            json!({ "action": "listen", "listener": self.listener, "application": "acme" });
        cloud.say(&self.id(), &listen).await;
        self.hear(usize::MAX);
    }

    /// Works until nothing comes any more, or its answers are not confirmed: its connection may be gone, or
    /// AWS fails.
    ///
    /// # Panics
    /// Panics if it never ends.
    pub async fn work(&mut self, cloud: &Cloud) {
        for _ in 0..ROUNDS {
            cloud.work().await;
            self.hear(usize::MAX);
            if std::mem::take(&mut self.more) {
                self.listen(cloud).await;
                continue;
            }
            let answers = self.unconfirmed.clone();
            if answers.is_empty() {
                return;
            }
            for answer in answers.values() {
                cloud.say(&self.id(), answer).await;
            }
            self.hear(usize::MAX);
            if answers.keys().all(|delivery| self.unconfirmed.contains_key(delivery)) {
                return;
            }
        }
        panic!("deliveries come without end");
    }

    /// Makes so many of the calls that came, answers `answered` of them, and is killed: the gateway knows
    /// its connection no more. With `noticed` the gateway tells the relay so.
    pub async fn die(&mut self, cloud: &Cloud, made: usize, answered: usize, noticed: bool) {
        self.hear(made);
        let answers: Vec<_> = self.unconfirmed.values().take(answered).cloned().collect();
        for answer in answers {
            cloud.say(&self.id(), &answer).await;
        }
        self.gateway.end(&self.id());
        self.gateway.take(&self.id());
        if noticed {
            cloud.leave(&self.id()).await;
        }
        (self.listens, self.more) = (false, false);
        self.unconfirmed.clear();
    }

    /// Reads what was pushed, and makes at most `most` of the calls.
    fn hear(&mut self, most: usize) {
        let mut made = 0;
        for message in self.gateway.take_json(&self.id()) {
            match message["event"].as_str() {
                Some("listening") => {
                    self.listens = true;
                    self.more |= message["more"] == true;
                }
                Some("delivery") if made < most => {
                    made += 1;
                    self.call(&message);
                }
                Some("confirmed") => {
                    let delivery = message["delivery"].as_str().expect("an id");
                    self.unconfirmed.remove(delivery);
                }
                Some("taken_over") => self.taken_over = true,
                _ => (),
            }
        }
    }

    fn call(&mut self, message: &Value) {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let request = &message["request"];
        let body = STANDARD.decode(text(&request["body_base64"])).expect("base64");
        self.calls.push(ProgramCall {
            event: text(&message["event_id"]),
            attempt: message["attempt"].as_u64().expect("a number"),
            body: serde_json::from_slice(&body).expect("JSON"),
            webhook_id: text(&request["headers"]["webhook-id"]),
        });
        let answer = json!({ "action": "concluded", "delivery": message["delivery"],
            "token": message["token"], "status": self.status, "ms": 3, "body": "ok" });
        self.unconfirmed.insert(text(&message["delivery"]), answer);
    }
}
