//! The choice of the messages that a receive returns.

use std::collections::HashSet;

use rusqlite::{Transaction, params};

use super::queue::SqsQueue;

/// Messages that can be received: `alive` are to be received (row id and message id), `dead` have been
/// received as often as the redrive policy allows (row id).
#[derive(Debug)]
pub(crate) struct ReadyMessages {
    pub(crate) alive: Vec<(i64, String)>,
    pub(crate) dead: Vec<i64>,
    /// The number of messages that are wanted alive.
    count: usize,
    /// Receives after which a message is dead, if there is a dead-letter queue.
    max_receives: Option<i64>,
}

impl ReadyMessages {
    /// Selects up to `count` messages to be received, and the dead ones among those before them.
    pub(crate) fn of(
        work: &Transaction<'_>,
        queue: &SqsQueue,
        count: usize,
        max_receives: Option<i64>,
        now: i64,
    ) -> rusqlite::Result<ReadyMessages> {
        let mut ready = ReadyMessages { alive: Vec::new(), dead: Vec::new(), count, max_receives };
        if queue.is_fifo() {
            ready.take_groups(work, &queue.name, now)?;
        } else {
            ready.take_visible(work, &queue.name, now)?;
        }
        Ok(ready)
    }

    /// Takes the visible messages in the order in which they became visible.
    fn take_visible(
        &mut self,
        work: &Transaction<'_>,
        queue: &str,
        now: i64,
    ) -> rusqlite::Result<()> {
        let mut select = work.prepare_cached(
            "SELECT id, message_id, receives FROM messages WHERE queue = ?1 AND visible_at <= ?2
             ORDER BY visible_at, id",
        )?;
        let mut rows = select.query(params![queue, now])?;
        while self.alive.len() < self.count
            && let Some(row) = rows.next()?
        {
            self.take(row.get(0)?, row.get(1)?, row.get(2)?);
        }
        Ok(())
    }

    /// Takes the messages of whole groups, the group with the oldest message first. A group that has a
    /// message in flight is left out.
    fn take_groups(
        &mut self,
        work: &Transaction<'_>,
        queue: &str,
        now: i64,
    ) -> rusqlite::Result<()> {
        let mut in_flight = work.prepare_cached(
            "SELECT DISTINCT group_id FROM messages
             WHERE queue = ?1 AND visible_at > ?2 AND receives > 0",
        )?;
        let mut done = in_flight
            .query_map(params![queue, now], |row| row.get(0))?
            .collect::<rusqlite::Result<HashSet<String>>>()?;
        let mut in_order = work.prepare_cached(
            "SELECT group_id FROM messages WHERE queue = ?1 AND sequence IS NOT NULL
             ORDER BY sequence",
        )?;
        let mut rows = in_order.query([queue])?;
        while self.alive.len() < self.count
            && let Some(row) = rows.next()?
        {
            let group = row.get_ref(0)?.as_str()?;
            if !done.contains(group) {
                self.take_group(work, queue, group, now)?;
                done.insert(group.to_owned());
            }
        }
        Ok(())
    }

    /// Takes the messages of a group in their order, up to the first that is delayed.
    fn take_group(
        &mut self,
        work: &Transaction<'_>,
        queue: &str,
        group: &str,
        now: i64,
    ) -> rusqlite::Result<()> {
        let mut select = work.prepare_cached(
            "SELECT id, message_id, receives, visible_at FROM messages
             WHERE queue = ?1 AND group_id = ?2 AND sequence IS NOT NULL ORDER BY sequence",
        )?;
        let mut rows = select.query([queue, group])?;
        while self.alive.len() < self.count
            && let Some(row) = rows.next()?
            && row.get::<_, i64>(3)? <= now
        {
            self.take(row.get(0)?, row.get(1)?, row.get(2)?);
        }
        Ok(())
    }

    fn take(&mut self, id: i64, message_id: String, receives: i64) {
        match self.max_receives {
            Some(max_receives) if receives >= max_receives => self.dead.push(id),
            _ => self.alive.push((id, message_id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::sqs::{
        message::{self, ReceivedMessage},
        queue::RedrivePolicy,
        request::SendMessage,
        store::MessageStore,
    };

    /// Receives after which a message is a dead letter.
    const MAX_RECEIVES: i64 = 3;
    /// The time for which a deduplication id is remembered, in seconds.
    const WINDOW: i64 = 300;

    /// The number of handles that calls are made with. Most of the older ones have expired.
    const NEWEST: usize = 8;

    /// One call, or time that passes. A handle is picked from the newest ones; times are in seconds.
    #[derive(Debug, Clone)]
    enum Step {
        Send { group: u8, id: u8 },
        Receive { count: usize, hide: i64 },
        Delete { handle: usize },
        Hide { handle: usize, hide: i64 },
        Pass { seconds: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        let seconds = prop_oneof![4 => 0..4_i64, 1 => Just(WINDOW - 1), 1 => Just(WINDOW)];
        let hide = prop_oneof![2 => Just(0), 1 => 1..4_i64];
        prop_oneof![
            4 => (0..3_u8, 0..12_u8).prop_map(|(group, id)| Step::Send { group, id }),
            4 => (1..5_usize, 0..4_i64).prop_map(|(count, hide)| Step::Receive { count, hide }),
            2 => (0..NEWEST).prop_map(|handle| Step::Delete { handle }),
            3 => (0..NEWEST, hide).prop_map(|(handle, hide)| Step::Hide { handle, hide }),
            1 => seconds.prop_map(|seconds| Step::Pass { seconds }),
        ]
    }

    /// A message as the model sees it.
    #[derive(Debug, Clone)]
    struct Entry {
        message_id: String,
        group: u8,
        visible_at: i64,
        receives: i64,
        handle: String,
    }

    /// A FIFO queue in plain words: its messages in the order in which they were sent.
    #[derive(Debug, Default)]
    struct Model {
        now: i64,
        queue: Vec<Entry>,
        dead: Vec<Entry>,
        /// When each deduplication id was last sent, and the message's id.
        sends: BTreeMap<u8, (i64, String)>,
        /// Every handle that was given out, with its message's id.
        handles: Vec<(String, String)>,
    }

    impl Model {
        /// The ids that a receive returns. Dead letters leave the queue.
        fn receive(&mut self, count: usize) -> Vec<String> {
            let now = self.now;
            let flies = |entry: &Entry| entry.visible_at > now && entry.receives > 0;
            let mut groups = Vec::new();
            for entry in &self.queue {
                if !groups.contains(&entry.group) {
                    groups.push(entry.group);
                }
            }
            groups.retain(|group| !self.queue.iter().any(|it| it.group == *group && flies(it)));
            let (mut taken, mut dead) = (Vec::new(), Vec::new());
            for group in groups {
                for entry in self.queue.iter().filter(|entry| entry.group == group) {
                    if taken.len() == count || entry.visible_at > now {
                        break;
                    }
                    let list = if entry.receives < MAX_RECEIVES { &mut taken } else { &mut dead };
                    list.push(entry.message_id.clone());
                }
            }
            for id in dead {
                let at = self.queue.iter().position(|entry| entry.message_id == id);
                self.dead.push(self.queue.remove(at.expect("a message of the queue")));
            }
            taken
        }

        fn entry(&mut self, message_id: &str) -> Option<&mut Entry> {
            self.queue.iter_mut().find(|entry| entry.message_id == message_id)
        }

        /// Whether the handle's message is in flight under it, and whether it is still in the queue.
        fn holds(&mut self, handle: usize) -> Option<(String, String, bool, bool)> {
            let (handle, id) = self.handles.iter().rev().nth(handle)?.clone();
            let now = self.now;
            let entry = self.entry(&id);
            let holds = entry.as_ref().is_some_and(|it| it.handle == handle && it.visible_at > now);
            Some((handle, id, holds, entry.is_some()))
        }
    }

    fn queue(store: &mut MessageStore, name: &str, redrive: Option<RedrivePolicy>) -> SqsQueue {
        let fifo = ("FifoQueue".to_owned(), "true".to_owned());
        let redrive = redrive.map(|policy| ("RedrivePolicy".to_owned(), policy.json()));
        let attributes = redrive.into_iter().chain([fifo]).collect();
        let queue = SqsQueue::create(name.to_owned(), attributes).expect("a queue");
        store.save(&queue).expect("saved");
        queue
    }

    fn ids(messages: &[ReceivedMessage]) -> Vec<String> {
        messages.iter().map(|message| message.message_id.clone()).collect()
    }

    fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
        let mut store = MessageStore::open(None).expect("a database");
        let dead_letters = queue(&mut store, "dlq.fifo", None);
        let policy = RedrivePolicy { queue: dead_letters.name.clone(), max_receives: MAX_RECEIVES };
        let queue = queue(&mut store, "q.fifo", Some(policy));
        let mut model = Model::default();
        let mut last_sequence = None;
        for step in steps {
            let now = model.now;
            match step {
                Step::Send { group, id } => {
                    let draft = SendMessage {
                        message_body: "x".to_owned(),
                        message_group_id: Some(group.to_string()),
                        message_deduplication_id: Some(id.to_string()),
                        ..SendMessage::default()
                    };
                    let (message, _) = message::prepare(draft, &queue).expect("valid");
                    let mut messages = [message];
                    store.send(&queue.name, &mut messages, now).expect("sent");
                    let [message] = messages;
                    let earlier = model.sends.get(&id).filter(|(at, _)| now - at < WINDOW * 1000);
                    if let Some((_, earlier)) = earlier {
                        prop_assert_eq!(&message.message_id, earlier);
                        continue;
                    }
                    prop_assert!(message.sequence > last_sequence);
                    last_sequence = message.sequence;
                    model.sends.insert(id, (now, message.message_id.clone()));
                    model.queue.push(Entry {
                        message_id: message.message_id,
                        group,
                        visible_at: now,
                        receives: 0,
                        handle: String::new(),
                    });
                }
                Step::Receive { count, hide } => {
                    let expected = model.receive(count);
                    let (received, _) =
                        store.receive(&queue, count, hide * 1000, now).expect("received");
                    prop_assert_eq!(ids(&received), expected);
                    for message in received {
                        model.handles.push((message.receipt.clone(), message.message_id.clone()));
                        let entry = model.entry(&message.message_id).expect("a message");
                        entry.receives += 1;
                        prop_assert_eq!(entry.receives, message.receives);
                        (entry.visible_at, entry.handle) = (now + hide * 1000, message.receipt);
                    }
                }
                Step::Delete { handle } => {
                    let Some((handle, id, holds, there)) = model.holds(handle) else { continue };
                    let deleted = store.delete(&queue, &handle, now);
                    prop_assert_eq!(deleted.is_ok(), holds || !there);
                    if holds {
                        model.queue.retain(|entry| entry.message_id != id);
                    }
                }
                Step::Hide { handle, hide } => {
                    let Some((handle, id, holds, _)) = model.holds(handle) else { continue };
                    let hidden = store.hide(&queue, &handle, hide * 1000, now);
                    prop_assert_eq!(hidden.is_ok(), holds);
                    if holds {
                        model.entry(&id).expect("a message").visible_at = now + hide * 1000;
                    }
                }
                Step::Pass { seconds } => model.now += seconds * 1000,
            }
        }
        let (letters, _) = store.receive(&dead_letters, 1000, 0, model.now).expect("received");
        for group in 0..3_u8 {
            let died = model.dead.iter().filter(|entry| entry.group == group);
            let died: Vec<_> = died.map(|entry| &entry.message_id).collect();
            let group = Some(group.to_string());
            let lie = letters.iter().filter(|letter| letter.group_id == group);
            prop_assert_eq!(lie.map(|letter| &letter.message_id).collect::<Vec<_>>(), died);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_fifo_queue_keeps_the_order_of_its_groups(
            steps in prop::collection::vec(step(), 1..80),
        ) {
            play(steps)?;
        }
    }
}
