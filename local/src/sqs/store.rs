//! Queues and messages in SQLite. Receive counts and the ends of visibility timeouts are in the file as
//! well, so a restart continues in the state in which a crash left the queues.
//!
//! Times are milliseconds since 1970; the caller passes the current time. SQLite runs with a write-ahead
//! log and `synchronous = NORMAL`, which `.cargo/config.toml` gives dynoxide too: a committed change has reached the operating system
//! and survives the death of this process, but a power failure may lose the last commits.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    error::SqsError,
    fifo,
    message::{NewMessage, ReceivedMessage},
    queue::{RedrivePolicy, SqsQueue},
    ready::ReadyMessages,
    receipt, schema,
};

/// The number of messages of a queue by state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueueCounts {
    pub(crate) visible: i64,
    pub(crate) in_flight: i64,
    pub(crate) delayed: i64,
}

/// The database of queues and messages.
#[derive(Debug)]
pub(crate) struct MessageStore {
    connection: Connection,
}

impl MessageStore {
    /// Opens the database in `file`, or an empty one in memory.
    ///
    /// # Errors
    /// The error of SQLite.
    pub(crate) fn open(file: Option<&Path>) -> rusqlite::Result<MessageStore> {
        let connection = match file {
            Some(file) => Connection::open(file)?,
            None => Connection::open_in_memory()?,
        };
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        schema::create(&connection)?;
        Ok(MessageStore { connection })
    }

    /// The queue of this name.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub(crate) fn queue(&self, name: &str) -> Result<SqsQueue, SqsError> {
        self.find(name)?.ok_or_else(SqsError::no_such_queue)
    }

    /// The queue of this name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Result<Option<SqsQueue>, SqsError> {
        let select = "SELECT attributes FROM queues WHERE name = ?1";
        let attributes: Option<String> = self
            .connection
            .prepare_cached(select)?
            .query_row([name], |row| row.get(0))
            .optional()?;
        attributes
            .map(|json| {
                let attributes = serde_json::from_str(&json).map_err(|e| SqsError::internal(&e))?;
                Ok(SqsQueue { name: name.to_owned(), attributes })
            })
            .transpose()
    }

    /// Creates the queue, or replaces its attributes.
    ///
    /// # Errors
    /// `InvalidParameterValue` if the dead-letter queue does not exist, or is a FIFO queue while this is
    /// none or the other way round.
    pub(crate) fn save(&mut self, queue: &SqsQueue) -> Result<(), SqsError> {
        if let Some(RedrivePolicy { queue: target, .. }) = queue.redrive() {
            let reason = match self.find(&target)? {
                None => Some("Dead letter target does not exist."),
                Some(target) if target.is_fifo() != queue.is_fifo() => {
                    Some("Dead-letter queue must be same type of queue as the source.")
                }
                Some(_) => None,
            };
            if let Some(reason) = reason {
                return Err(SqsError::invalid_value(target, "RedrivePolicy", reason));
            }
        }
        let attributes =
            serde_json::to_string(&queue.attributes).map_err(|e| SqsError::internal(&e))?;
        self.connection.execute(
            "INSERT INTO queues (name, attributes) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET attributes = excluded.attributes",
            [&queue.name, &attributes],
        )?;
        if queue.is_fifo() {
            // The delay of a FIFO queue also holds for the messages that are in it.
            self.connection.execute(
                "UPDATE messages SET visible_at = sent_at + ?2 WHERE queue = ?1 AND receives = 0",
                params![queue.name, queue.number("DelaySeconds") * 1000],
            )?;
        }
        Ok(())
    }

    /// The names of the queues that begin with `prefix`, in alphabetical order.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>, SqsError> {
        let mut select = self.connection.prepare_cached("SELECT name FROM queues ORDER BY name")?;
        let names = select.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(names.into_iter().filter(|name| name.starts_with(prefix)).collect())
    }

    /// Removes the messages of the queue and its memory of deduplication ids, and the queue itself if
    /// `queue_too`.
    pub(crate) fn clear(&mut self, queue: &str, queue_too: bool) -> Result<(), SqsError> {
        self.queue(queue)?;
        let work = self.connection.transaction()?;
        work.execute("DELETE FROM messages WHERE queue = ?1", [queue])?;
        work.execute("DELETE FROM sends WHERE queue = ?1", [queue])?;
        if queue_too {
            work.execute("DELETE FROM queues WHERE name = ?1", [queue])?;
        }
        Ok(work.commit()?)
    }

    /// Stores all messages in one transaction. In a FIFO queue a message gets its place; a repetition is
    /// not stored, and gets the id and place of the message that it repeats.
    pub(crate) fn send(
        &mut self,
        queue: &str,
        messages: &mut [NewMessage],
        now: i64,
    ) -> Result<(), SqsError> {
        let work = self.connection.transaction()?;
        for message in messages {
            if let Some(deduplication) = &message.deduplication {
                if let Some((id, place)) = deduplication.earlier(&work, queue, now)? {
                    message.message_id = id;
                    message.sequence = Some(place);
                    continue;
                }
                let place = fifo::next_place(&work)?;
                deduplication.remember(&work, queue, &message.message_id, place, now)?;
                message.sequence = Some(place);
            }
            work.prepare_cached(
                "INSERT INTO messages (message_id, queue, body, attributes, group_id, trace, sent_at,
                                       visible_at, sequence, deduplication_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                message.message_id,
                queue,
                message.body,
                message.attributes,
                message.group_id,
                message.trace,
                now,
                now + message.delay_ms,
                message.sequence,
                message.deduplication.as_ref().map(|deduplication| &deduplication.id)
            ])?;
        }
        Ok(work.commit()?)
    }

    /// Receives up to `count` messages and hides them for `hide_ms` milliseconds: of a standard queue the
    /// visible ones in the order in which they became visible, of a FIFO queue those of groups without a
    /// message in flight, in the order in which they were sent. A message that has been received as often as the redrive
    /// policy allows moves to the dead-letter queue instead; the second value tells whether any moved.
    pub(crate) fn receive(
        &mut self,
        queue: &SqsQueue,
        count: usize,
        hide_ms: i64,
        now: i64,
    ) -> Result<(Vec<ReceivedMessage>, bool), SqsError> {
        let redrive = match queue.redrive() {
            Some(redrive) if self.find(&redrive.queue)?.is_some() => Some(redrive),
            _ => None,
        };
        self.expire(queue, now)?;
        let work = self.connection.transaction()?;
        let max_receives = redrive.as_ref().map(|redrive| redrive.max_receives);
        let ReadyMessages { alive, dead, .. } =
            ReadyMessages::of(&work, queue, count, max_receives, now)?;
        if let Some(redrive) = redrive {
            for id in &dead {
                // In a FIFO queue a dead letter counts as sent anew.
                let (place, sent_at) = match queue.is_fifo() {
                    true => (Some(fifo::next_place(&work)?), Some(now)),
                    false => (None, None),
                };
                work.prepare_cached(
                    "UPDATE messages SET queue = ?2, source = ?3, visible_at = ?4, receives = 0,
                            first_received = NULL, receipt = NULL, sequence = ?5,
                            sent_at = coalesce(?6, sent_at) WHERE id = ?1",
                )?
                .execute(params![
                    id,
                    redrive.queue,
                    queue.name,
                    now,
                    place,
                    sent_at
                ])?;
            }
        }
        let mut received = Vec::with_capacity(alive.len());
        for (id, message_id) in alive {
            let receipt = receipt::make(&queue.name, &message_id);
            let message = work
                .prepare_cached(
                    "UPDATE messages SET receives = receives + 1, visible_at = ?2, receipt = ?3,
                            first_received = coalesce(first_received, ?4) WHERE id = ?1
                     RETURNING message_id, receipt, body, attributes, group_id, trace, sent_at,
                               receives, first_received, source, sequence, deduplication_id",
                )?
                .query_row(params![id, now + hide_ms, receipt, now], received_row)?;
            received.push(message);
        }
        work.commit()?;
        Ok((received, !dead.is_empty()))
    }

    /// The time at which the next hidden message becomes visible, if there is one.
    pub(crate) fn next_ready(&self, queue: &str, now: i64) -> Result<Option<i64>, SqsError> {
        let select = "SELECT min(visible_at) FROM messages WHERE queue = ?1 AND visible_at > ?2";
        Ok(self
            .connection
            .prepare_cached(select)?
            .query_row(params![queue, now], |row| row.get(0))?)
    }

    /// Deletes the message of the receipt handle. If the message of a standard queue was received again
    /// since, the handle is out of date: nothing is deleted and no error returned, which SQS permits.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid` if the handle belongs to another queue or is none;
    /// `InvalidParameterValue` if the handle's visibility timeout in a FIFO queue has ended.
    pub(crate) fn delete(
        &mut self,
        queue: &SqsQueue,
        receipt: &str,
        now: i64,
    ) -> Result<(), SqsError> {
        let message_id = receipt::message_id(&queue.name, receipt)?;
        self.check_not_expired(queue, &message_id, receipt, now)?;
        let delete = "DELETE FROM messages WHERE message_id = ?1 AND queue = ?2 AND receipt = ?3";
        self.connection.prepare_cached(delete)?.execute([&message_id, &queue.name, receipt])?;
        Ok(())
    }

    /// Hides a message in flight until `now + hide_ms`.
    ///
    /// # Errors
    /// `MessageNotInflight` if the message is visible, deleted or was received again since;
    /// `InvalidParameterValue` if the handle's visibility timeout in a FIFO queue has ended;
    /// `ReceiptHandleIsInvalid` if the handle belongs to another queue or is none.
    pub(crate) fn hide(
        &mut self,
        queue: &SqsQueue,
        receipt: &str,
        hide_ms: i64,
        now: i64,
    ) -> Result<(), SqsError> {
        let message_id = receipt::message_id(&queue.name, receipt)?;
        self.check_not_expired(queue, &message_id, receipt, now)?;
        let update = "UPDATE messages SET visible_at = ?4 WHERE message_id = ?1 AND queue = ?2
                      AND receipt = ?3 AND visible_at > ?5";
        let changed = self.connection.prepare_cached(update)?.execute(params![
            message_id,
            queue.name,
            receipt,
            now + hide_ms,
            now
        ])?;
        if changed == 0 {
            let message = "The message referred to is not in flight.";
            return Err(SqsError::simple_queue_service("MessageNotInflight", message));
        }
        Ok(())
    }

    /// Refuses a handle of a FIFO queue's message that is visible or was received again. A message that
    /// is no longer there is nobody's to refuse.
    fn check_not_expired(
        &self,
        queue: &SqsQueue,
        message_id: &str,
        receipt: &str,
        now: i64,
    ) -> Result<(), SqsError> {
        if !queue.is_fifo() {
            return Ok(());
        }
        let select = "SELECT receipt = ?3 AND visible_at > ?4 FROM messages
                      WHERE message_id = ?1 AND queue = ?2";
        let in_flight: Option<bool> = self
            .connection
            .prepare_cached(select)?
            .query_row(params![message_id, queue.name, receipt, now], |row| row.get(0))
            .optional()?;
        if in_flight == Some(false) {
            return Err(SqsError::receipt_expired(receipt));
        }
        Ok(())
    }

    /// The number of messages of the queue by state. Expired messages are deleted first.
    pub(crate) fn counts(&mut self, queue: &SqsQueue, now: i64) -> Result<QueueCounts, SqsError> {
        self.expire(queue, now)?;
        let select = "SELECT count(*) FILTER (WHERE visible_at <= ?2),
                             count(*) FILTER (WHERE visible_at > ?2 AND receives > 0),
                             count(*) FILTER (WHERE visible_at > ?2 AND receives = 0)
                      FROM messages WHERE queue = ?1";
        let counts = |row: &Row<'_>| {
            Ok(QueueCounts { visible: row.get(0)?, in_flight: row.get(1)?, delayed: row.get(2)? })
        };
        Ok(self.connection.prepare_cached(select)?.query_row(params![queue.name, now], counts)?)
    }

    /// Deletes the messages that are older than the queue's retention period.
    fn expire(&mut self, queue: &SqsQueue, now: i64) -> Result<(), SqsError> {
        let oldest = now - queue.number("MessageRetentionPeriod") * 1000;
        let delete = "DELETE FROM messages WHERE queue = ?1 AND sent_at < ?2";
        self.connection.prepare_cached(delete)?.execute(params![queue.name, oldest])?;
        Ok(())
    }
}

fn received_row(row: &Row<'_>) -> rusqlite::Result<ReceivedMessage> {
    Ok(ReceivedMessage {
        message_id: row.get(0)?,
        receipt: row.get(1)?,
        body: row.get(2)?,
        attributes: row.get(3)?,
        group_id: row.get(4)?,
        trace: row.get(5)?,
        sent_at: row.get(6)?,
        receives: row.get(7)?,
        first_received: row.get(8)?,
        source: row.get(9)?,
        sequence: row.get(10)?,
        deduplication_id: row.get(11)?,
    })
}
