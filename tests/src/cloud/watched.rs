//! Those who watch: the function `live`, its queue, and a gateway that takes pushes.

use adapters::{live_queue::LiveQueue, queue::Queue};
use domain::live::{push_budget::PushBudget, token::LiveToken, topic::Topic};
use live::{Live, LiveParts};
use serde_json::{Value, json};

use super::{Cloud, RETENTION};
use crate::gateway::Gateway;

/// What is needed so that somebody can watch.
#[derive(Debug)]
pub(super) struct Watchers {
    /// The queue of live updates, with the faults in it.
    pub(super) queue: Queue,
    gateway: Gateway,
}

impl Cloud {
    /// Has the functions tell those who watch, and `live` push to a gateway.
    pub async fn let_watch(&mut self) -> Gateway {
        let failing = Self::failing(&self.aws, &self.faults);
        let queue = Queue::new(failing.sqs(), self.aws.queue_url(&self.aws.names().live));
        let gateway = Gateway::start().await;
        self.watchers = Some(Watchers { queue, gateway: gateway.clone() });
        gateway
    }

    /// The function `live`, in a process of its own.
    ///
    /// # Panics
    /// Panics if nobody was let watch.
    pub fn live(&self) -> Live {
        let watchers = self.watchers.as_ref().expect("somebody may watch");
        let failing = Self::failing(&self.aws, &self.faults);
        let context = self.calls.context.clone();
        Live::new(LiveParts {
            table: adapters::table::Table::new(
                failing.dynamodb(),
                self.aws.names().table.clone(),
                RETENTION,
            ),
            bucket: context.bucket,
            outbox: context.outbox,
            queue: LiveQueue(watchers.queue.clone()),
            pusher: watchers.gateway.pusher(&failing),
            vault: self.vault(),
            clock: self.clock.clone(),
            // The clock stands still, and every process takes a slice.
            budget: PushBudget::new(100_000),
            cloudwatch: None,
        })
    }

    /// A token of the admin key for one topic.
    pub fn live_token(&self, topic: Topic) -> String {
        let expires_at = self.clock.now().plus(std::time::Duration::from_secs(7200));
        LiveToken { topic, key: "admin".to_owned(), expires_at }.sign(self.vault().live_tokens())
    }

    /// Asks for a connection of the JSON protocol; whether the client was let in.
    pub async fn connect(&self, id: &str, token: &str) -> bool {
        self.connect_with(id, "token", token).await
    }

    /// Asks for a connection with a parameter, such as a ticket; whether the client was let in.
    pub async fn connect_with(&self, id: &str, parameter: &str, text: &str) -> bool {
        let query = json!({ (parameter): text });
        let event = self.socket_event(id, "CONNECT", json!({ "queryStringParameters": query }));
        self.socket(event).await == Some(200) && !self.faults.died()
    }

    /// Sends a frame of a client.
    pub async fn say(&self, id: &str, frame: &Value) {
        let event = self.socket_event(id, "MESSAGE", json!({ "body": frame.to_string() }));
        self.socket(event).await;
    }

    /// Ends a connection.
    pub async fn leave(&self, id: &str) {
        self.socket(self.socket_event(id, "DISCONNECT", json!({}))).await;
    }

    async fn socket(&self, event: Value) -> Option<u64> {
        self.faults.begin("live");
        self.live().handle(event).await.ok()?["statusCode"].as_u64()
    }

    fn socket_event(&self, id: &str, kind: &str, mut event: Value) -> Value {
        let now = self.clock.now().0;
        event["requestContext"] = json!({ "eventType": kind, "connectionId": id,
            "connectedAt": now, "requestTimeEpoch": now, "messageId": null });
        event
    }
}
