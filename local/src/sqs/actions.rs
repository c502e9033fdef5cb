//! The actions of SQS, one per request: parse, validate, change the store, answer.

use std::{pin::pin, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Sqs,
    error::SqsError,
    limits,
    message::{self, asked_for, prepare, render},
    queue::SqsQueue,
    request::{
        BatchEntry, BatchRequest, ChangeMessageVisibility, CreateQueue, DeleteMessage,
        GetQueueAttributes, GetQueueUrl, ListQueues, QueueOnly, QueueRequest, ReceiveMessage,
        SendMessage, SetQueueAttributes,
    },
};

type ActionResult = Result<Value, SqsError>;

impl Sqs {
    /// Performs the action of this name with the parameters in `body`.
    pub(super) async fn perform(&self, action: &str, body: &[u8]) -> ActionResult {
        match action {
            "SendMessage" => self.send(read(body)?),
            "SendMessageBatch" => self.send_batch(read(body)?),
            "ReceiveMessage" => self.receive(read(body)?).await,
            "DeleteMessage" => self.delete(read(body)?),
            "DeleteMessageBatch" => self.delete_batch(read(body)?),
            "ChangeMessageVisibility" => self.change_visibility(read(body)?),
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(read(body)?),
            "CreateQueue" => self.create_queue(read(body)?),
            "GetQueueUrl" => self.get_queue_url(read(body)?),
            "ListQueues" => self.list_queues(read(body)?),
            "GetQueueAttributes" => self.queue_attributes(read(body)?),
            "SetQueueAttributes" => self.set_queue_attributes(read(body)?),
            "PurgeQueue" => self.clear(read(body)?, false),
            "DeleteQueue" => self.clear(read(body)?, true),
            _ => {
                let message = format!("The local SQS does not support the action {action:?}.");
                Err(SqsError::common("UnknownOperation", message))
            }
        }
    }

    fn send(&self, request: QueueRequest<SendMessage>) -> ActionResult {
        let (name, now) = (request.queue(), self.now());
        let sent_to = name.clone();
        let answer = self.with_store(|store| {
            let queue = store.queue(&name)?;
            let (message, mut answer) = prepare(request.action, &queue)?;
            let mut messages = [message];
            store.send(&name, &mut messages, now)?;
            message::name(&messages[0], &mut answer);
            Ok(answer)
        })?;
        self.bells.ring(&sent_to);
        Ok(answer)
    }

    fn send_batch(&self, request: QueueRequest<BatchRequest<SendMessage>>) -> ActionResult {
        let (name, now) = (request.queue(), self.now());
        let sent_to = name.clone();
        let answer = self.with_store(|store| {
            let queue = store.queue(&name)?;
            let entries = request.action.entries;
            limits::check_batch(&entries)?;
            limits::check_batch_length(&entries)?;
            let mut messages = Vec::with_capacity(entries.len());
            let mut answer = each_entry(entries, |draft| {
                let (message, answer) = prepare(draft, &queue)?;
                messages.push(message);
                Ok(answer)
            });
            store.send(&name, &mut messages, now)?;
            for (index, message) in messages.iter().enumerate() {
                message::name(message, &mut answer["Successful"][index]);
            }
            Ok(answer)
        })?;
        self.bells.ring(&sent_to);
        Ok(answer)
    }

    /// Receives messages. If none is visible, the call waits until a message is visible, the wait time
    /// of the request or queue has passed, or the service stops.
    async fn receive(&self, request: QueueRequest<ReceiveMessage>) -> ActionResult {
        let name = request.queue();
        let receive = request.action;
        let count = limits::messages_per_receive(receive.max_number_of_messages)?;
        let hide =
            limits::within(receive.visibility_timeout, &limits::VISIBILITY, "VisibilityTimeout")?;
        let wait = limits::within(receive.wait_time_seconds, &limits::WAIT, "WaitTimeSeconds")?;
        let (waiter, mut stopping) = (self.bells.waiter(&name), self.stopping.clone());
        let started = Instant::now();
        loop {
            // From here on a ring is heard, also while the store is asked.
            let mut rung = pin!(waiter.rung());
            rung.as_mut().enable();
            let (name, now) = (name.clone(), self.now());
            let (messages, dead, next, wait) = self.with_store(|store| {
                let queue = store.queue(&name)?;
                let hide = hide.unwrap_or_else(|| queue.number("VisibilityTimeout"));
                let wait = wait.unwrap_or_else(|| queue.number("ReceiveMessageWaitTimeSeconds"));
                let (messages, dead) = store.receive(&queue, count, hide * 1000, now)?;
                Ok((messages, dead, store.next_ready(&name, now)?, wait))
            })?;
            if dead {
                self.bells.ring_all();
            }
            let wait = Duration::from_secs(wait.unsigned_abs());
            if !messages.is_empty() || started.elapsed() >= wait || *stopping.borrow() {
                return render(&messages, &receive);
            }
            let ready = next.map(|at| {
                Duration::from_millis(at.saturating_sub(self.now()).max(0).unsigned_abs())
            });
            let until = (started + wait).min(Instant::now() + ready.unwrap_or(wait));
            tokio::select! {
                () = rung => {}
                _ = stopping.wait_for(|stopping| *stopping) => return render(&[], &receive),
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    fn delete(&self, request: QueueRequest<DeleteMessage>) -> ActionResult {
        let (name, now) = (request.queue(), self.now());
        let queue = self.with_store(|store| {
            let queue = store.queue(&name)?;
            store.delete(&queue, &request.action.receipt_handle, now)?;
            Ok(queue)
        })?;
        self.deleted(&queue);
        Ok(json!({}))
    }

    fn delete_batch(&self, request: QueueRequest<BatchRequest<DeleteMessage>>) -> ActionResult {
        let (name, now) = (request.queue(), self.now());
        let (answer, queue) = self.with_store(|store| {
            let queue = store.queue(&name)?;
            limits::check_batch(&request.action.entries)?;
            let answer = each_entry(request.action.entries, |delete| {
                store.delete(&queue, &delete.receipt_handle, now)?;
                Ok(json!({}))
            });
            Ok((answer, queue))
        })?;
        self.deleted(&queue);
        Ok(answer)
    }

    /// Wakes a waiting receive after a delete from a FIFO queue, where the next message of the group may
    /// have been waiting for that.
    fn deleted(&self, queue: &SqsQueue) {
        if queue.is_fifo() {
            self.bells.ring(&queue.name);
        }
    }

    fn change_visibility(&self, request: QueueRequest<ChangeMessageVisibility>) -> ActionResult {
        let (name, now) = (request.queue(), self.now());
        let changed = name.clone();
        let ChangeMessageVisibility { receipt_handle, visibility_timeout } = request.action;
        limits::within(Some(visibility_timeout), &limits::VISIBILITY, "VisibilityTimeout")?;
        self.with_store(|store| {
            let queue = store.queue(&name)?;
            store.hide(&queue, &receipt_handle, visibility_timeout * 1000, now)
        })?;
        self.bells.ring(&changed);
        Ok(json!({}))
    }

    fn change_visibility_batch(
        &self,
        request: QueueRequest<BatchRequest<ChangeMessageVisibility>>,
    ) -> ActionResult {
        let (name, now) = (request.queue(), self.now());
        let changed = name.clone();
        let answer = self.with_store(|store| {
            let queue = store.queue(&name)?;
            limits::check_batch(&request.action.entries)?;
            Ok(each_entry(request.action.entries, |change| {
                let seconds = change.visibility_timeout;
                limits::within(Some(seconds), &limits::VISIBILITY, "VisibilityTimeout")?;
                store.hide(&queue, &change.receipt_handle, seconds * 1000, now)?;
                Ok(json!({}))
            }))
        })?;
        self.bells.ring(&changed);
        Ok(answer)
    }

    fn create_queue(&self, request: CreateQueue) -> ActionResult {
        let url = self.queue_url(&request.queue_name);
        self.with_store(|store| {
            let queue = SqsQueue::create(request.queue_name, request.attributes)?;
            match store.find(&queue.name)? {
                None => store.save(&queue)?,
                Some(existing) => {
                    let had = existing.all_attributes();
                    if queue.attributes.iter().any(|(name, value)| had.get(name) != Some(value)) {
                        return Err(SqsError::queue_exists());
                    }
                }
            }
            Ok(json!({ "QueueUrl": url }))
        })
    }

    fn get_queue_url(&self, request: GetQueueUrl) -> ActionResult {
        let url = self.queue_url(&request.queue_name);
        self.with_store(|store| {
            store.queue(&request.queue_name)?;
            Ok(json!({ "QueueUrl": url }))
        })
    }

    fn list_queues(&self, request: ListQueues) -> ActionResult {
        let names = self.with_store(|store| store.names(&request.queue_name_prefix))?;
        let urls: Vec<_> = names.iter().map(|name| self.queue_url(name)).collect();
        Ok(json!({ "QueueUrls": urls }))
    }

    fn queue_attributes(&self, request: QueueRequest<GetQueueAttributes>) -> ActionResult {
        let (name, now) = (request.queue(), self.now());
        self.with_store(|store| {
            let queue = store.queue(&name)?;
            let counts = store.counts(&queue, now)?;
            let mut attributes = queue.all_attributes();
            for (name, count) in [
                ("ApproximateNumberOfMessages", counts.visible),
                ("ApproximateNumberOfMessagesNotVisible", counts.in_flight),
                ("ApproximateNumberOfMessagesDelayed", counts.delayed),
            ] {
                attributes.insert(name.to_owned(), count.to_string());
            }
            let wanted = request.action.attribute_names;
            attributes.retain(|name, _| asked_for(name, &wanted));
            Ok(json!({ "Attributes": attributes }))
        })
    }

    fn set_queue_attributes(&self, request: QueueRequest<SetQueueAttributes>) -> ActionResult {
        let name = request.queue();
        self.with_store(|store| {
            let mut queue = store.queue(&name)?;
            queue.set(request.action.attributes)?;
            store.save(&queue)
        })?;
        self.bells.ring_all();
        Ok(json!({}))
    }

    fn clear(&self, request: QueueRequest<QueueOnly>, queue_too: bool) -> ActionResult {
        let name = request.queue();
        self.with_store(|store| {
            store.clear(&name, queue_too)?;
            Ok(json!({}))
        })
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|e| SqsError::common("Serialization", e.to_string()))
}

/// Applies `act` to each entry and collects the successful and the failed ones.
fn each_entry<T>(entries: Vec<BatchEntry<T>>, mut act: impl FnMut(T) -> ActionResult) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for BatchEntry { id, action } in entries {
        match act(action) {
            Ok(mut answer) => {
                answer["Id"] = id.into();
                successful.push(answer);
            }
            Err(refusal) => failed.push(refusal.entry(&id)),
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}
