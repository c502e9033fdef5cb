//! Driving the cloud: requests, one batch at a time, the sweep, time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use deliver::Deliver;
use dispatch::context::CallContext;
use domain::{address::Rule, id::ApplicationId};
use ingest::Ingest;
use process::Process;
use redeliver::Redeliver;
use serde_json::Value;
use tower::ServiceExt;

use super::{ADMIN, Cloud, Sabotage};
use crate::{items, sender};

impl Cloud {
    /// An API call with the admin key, by a process of its own.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        self.call_with(method, path, &[], body).await
    }

    /// An API call with the admin key and further headers.
    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {ADMIN}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        let request = request.body(body).expect("a request");
        let (status, _, body) = self.ask(request).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Any request to the API, to a process of its own.
    pub async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
        self.faults.begin("api");
        let response = self.api().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        (parts.status, parts.headers, body)
    }

    /// The function `ingest`, in a process of its own.
    pub fn ingest(&self) -> Router {
        self.faults.begin("ingest");
        let CallContext { context, vault, .. } = self.calls();
        let ingest = Ingest::new(
            context.table,
            context.bucket,
            self.inbox.clone(),
            vault,
            context.clock,
            "https://relay.example".to_owned(),
            Rule::default(),
        );
        let ingest = match &self.watchers {
            Some(watchers) => ingest.telling_watchers_by(watchers.queue.clone()),
            None => ingest,
        };
        ingest::router(Arc::new(ingest))
    }

    /// Sends a completion once, to a process of its own; whether it was accepted.
    pub async fn send_once(&mut self, body: &[u8]) -> bool {
        let ingest = self.ingest();
        let mut request = Request::post("/in/modal").body(Body::from(body.to_vec())).expect("one");
        *request.headers_mut() = sender::headers(body, self.clock.now());
        let response = ingest.oneshot(request).await.expect("infallible");
        // A process that died answers nobody.
        let accepted = response.status().is_success() && !self.faults.died();
        if accepted {
            self.accepted.push(body.to_vec());
        }
        accepted
    }

    /// Takes many completions at one process and one moment; they are not among
    /// those of [`Cloud::accepted`].
    pub async fn accept_all(&self, bodies: impl IntoIterator<Item = Vec<u8>>) {
        let router = self.ingest();
        for body in bodies {
            let headers = sender::headers(&body, self.clock.now());
            let mut request = Request::post("/in/modal").body(Body::from(body)).expect("one");
            *request.headers_mut() = headers;
            let response = router.clone().oneshot(request).await.expect("infallible");
            assert!(response.status().is_success(), "{}", response.status());
        }
    }

    /// Sends a completion until it is accepted, three times at most, and once a minute while AWS fails.
    pub async fn send(&mut self, body: &[u8]) {
        let mut tries = 0..3;
        while self.waits_for_better_weather() || tries.next().is_some() {
            if self.send_once(body).await {
                return;
            }
        }
        panic!("a completion was not accepted");
    }

    /// Lets a minute pass if a spell of faults lasts; false if none does.
    pub fn waits_for_better_weather(&self) -> bool {
        let lasts = self.faults.lasts();
        if lasts {
            self.pass(Duration::from_secs(60));
        }
        lasts
    }

    /// Publishes a message of `acme`, which has an `eventId`, until the API confirms it, three times at
    /// most, and once a minute while AWS fails.
    pub async fn publish(&self, message: Value) {
        let mut tries = 0..3;
        while self.waits_for_better_weather() || tries.next().is_some() {
            let path = "/api/v1/app/acme/msg";
            let (status, _) = self.call(Method::POST, path, Some(message.clone())).await;
            if status.is_success() || status.as_u16() == 409 {
                return;
            }
        }
    }

    /// Hands up to ten visible messages of a queue to its handler. False if there were none.
    pub async fn step(&self, queue: &str) -> bool {
        if self.aws.queue_depth(queue).0 == 0 {
            return false;
        }
        let clients = &self.sound;
        let received = clients
            .sqs()
            .receive_message()
            .queue_url(self.aws.queue_url(queue))
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .expect("received")
            .messages
            .unwrap_or_default();
        if received.is_empty() {
            return false;
        }
        let bodies = received.iter().filter_map(|message| message.body.clone());
        let handled = bodies.map(|body| (queue.to_owned(), body));
        self.handled.lock().expect("not poisoned").extend(handled);
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
        let batch = event(&received, &arn);
        if self.queues.chance.hits(self.queues.twice) {
            // Somebody else received it, too, and works at the same time.
            let (one, _) = tokio::join!(self.handle(queue, &batch), self.handle(queue, &batch));
            drop(one);
        }
        let response = self.handle(queue, &batch).await;
        let died = self.faults.died() && self.sabotage != Sabotage::AcksTheUnfinished;
        let done: Vec<_> = received
            .iter()
            .filter(|message| {
                let id = message.message_id.as_deref().unwrap_or_default();
                let mut failures = response.batch_item_failures.iter();
                let failed = failures.any(|failure| failure.item_identifier == id);
                let failed = failed && self.sabotage != Sabotage::AcksTheUnfinished;
                !failed && !died && !self.queues.chance.hits(self.queues.unheard)
            })
            .map(|message| {
                DeleteMessageBatchRequestEntry::builder()
                    .set_id(message.message_id.clone())
                    .set_receipt_handle(message.receipt_handle.clone())
                    .build()
                    .expect("complete")
            })
            .collect();
        if !done.is_empty() {
            let delete = clients.sqs().delete_message_batch().queue_url(self.aws.queue_url(queue));
            let deleted = delete.set_entries(Some(done)).send().await.expect("ok");
            assert!(deleted.failed.is_empty(), "{:?}", deleted.failed);
        }
        true
    }

    async fn handle(&self, queue: &str, batch: &SqsEvent) -> SqsBatchResponse {
        let (mut calls, names, inbox) = (self.calls(), self.aws.names(), self.inbox.clone());
        if queue == names.inbox {
            self.faults.begin("process");
            let public_url = "https://relay.example".to_owned();
            return Process { context: calls.context, inbox, public_url }.handle(batch).await;
        }
        if queue == names.outbox {
            self.faults.begin("deliver");
            // It may not send to the inbox.
            calls.context.fan_outs = None;
            return Deliver { calls }.handle(batch).await;
        }
        if queue == names.live {
            self.faults.begin("live");
            return self.live().messages(batch).await;
        }
        self.faults.begin("redeliver");
        if self.sabotage == Sabotage::DropsTheDead {
            return SqsBatchResponse::default();
        }
        let CallContext { context, dead_letters, .. } = calls;
        let inbox_name = names.inbox.clone();
        Redeliver { context, inbox, dead_letters, inbox_name }.handle(batch).await
    }

    /// One round of the sweep, which may fail.
    pub async fn sweep(&self) {
        if self.sabotage == Sabotage::NeverSweeps {
            return;
        }
        self.faults.begin("sweep");
        // A round that fails is followed by the next.
        let _ = self.sweeper().run_alone().await;
    }

    /// Hands the function `live` the event of an alarm, once: an event that fails is not handed over again.
    pub async fn alarm(&self, event: &Value) {
        self.faults.begin("live");
        let _ = live::alarm::note(&self.calls().context.table, event, "relay").await;
    }

    /// Moves the clocks of the functions and of the queues forward.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.aws.skip_queue_time(time);
    }

    /// Runs the handlers until no message is visible on any queue.
    pub async fn work(&self) {
        let queues = self.worked_queues();
        loop {
            let mut any = false;
            for queue in &queues {
                any |= self.step(queue).await;
            }
            if !any {
                return;
            }
        }
    }

    /// Works, moves the clock and sweeps until nothing is left, for `rounds` rounds at most. The first
    /// four rounds are a minute long, the others five. False if something is left.
    pub async fn settle(&self, rounds: usize) -> bool {
        for round in 0..rounds {
            self.work().await;
            if self.is_quiet().await {
                return true;
            }
            self.pass(Duration::from_secs(if round < 4 { 61 } else { 301 }));
            self.sweep().await;
        }
        false
    }

    /// [`Cloud::settle`] where something may be left. After a spell of faults it takes as many rounds
    /// again, so that what a journey does next finds what it would have found without the spell.
    pub async fn settle_for(&self, rounds: usize) {
        self.settle(rounds).await;
        if self.faults.lasts() {
            while self.faults.lasts() {
                self.settle(1).await;
                self.waits_for_better_weather();
            }
            self.settle(rounds).await;
        }
    }

    /// No message is on a queue and nothing is due.
    pub async fn is_quiet(&self) -> bool {
        for queue in &self.worked_queues() {
            if self.aws.queue_depth(queue).1 != 0 {
                return false;
            }
        }
        // Whoever waits for an endpoint that is disabled waits for its owner.
        let endpoints = self.sound_table().endpoints(&ApplicationId::named("acme")).await;
        let asleep = endpoints.expect("read").iter().all(|endpoint| endpoint.disabled.is_some());
        let scan = self.sound.dynamodb().scan().table_name(&self.aws.names().table);
        let scan = scan.consistent_read(true);
        let scan = scan
            .filter_expression("attribute_exists(due_at) AND NOT begins_with(sk, :listener)")
            // A listener is due when nobody has used it for a week.
            .expression_attribute_values(":listener", AttributeValue::S("LISTENER#".to_owned()));
        let due = scan.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let waits = |item: &HashMap<String, AttributeValue>| {
            let json = adapters::table::json(item).unwrap_or_default();
            String::from_utf8_lossy(&json).contains(r#""kind":"recover""#)
        };
        due.expect("read").iter().all(|item| asleep && waits(item)) && !self.waits_for_later().await
    }

    /// Whether the sweep has an entry to ring for.
    async fn waits_for_later(&self) -> bool {
        let places = self.sound_table().later_places().await.expect("read");
        items::scan(self).await.iter().any(|item| {
            let (pk, sk) = (items::text(item, "pk"), items::text(item, "sk"));
            let list = pk.strip_prefix("LATER#").and_then(|list| list.parse().ok());
            list.is_some_and(|list| !places.has_passed(list, sk))
        })
    }

    /// The queues whose messages are worked on.
    fn worked_queues(&self) -> Vec<String> {
        let names = self.aws.names();
        let mut queues = vec![&names.inbox, &names.outbox, &names.dead_letters];
        queues.extend(self.watchers.is_some().then_some(&names.live));
        queues.into_iter().cloned().collect()
    }

    /// Puts any message on a queue.
    pub async fn inject(&self, queue: &str, body: &str) {
        let send = self.sound.sqs().send_message().queue_url(self.aws.queue_url(queue));
        send.message_body(body).send().await.expect("sent");
    }
}

fn event(received: &[Message], arn: &str) -> SqsEvent {
    let mut event = SqsEvent::default();
    for message in received {
        let mut record = SqsMessage::default();
        record.message_id.clone_from(&message.message_id);
        record.body.clone_from(&message.body);
        record.receipt_handle.clone_from(&message.receipt_handle);
        record.event_source_arn = Some(arn.to_owned());
        let attributes = message.attributes.iter().flatten();
        record.attributes =
            attributes.map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
        event.records.push(record);
    }
    event
}
