//! Deduplication and sequence numbers of FIFO queues.
//!
//! A message whose deduplication id was sent within the last five minutes is accepted and not stored:
//! its sender gets the id and the sequence number of the first. The queue remembers an id even if the
//! message was received and deleted since.

use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use super::{error::SqsError, queue::SqsQueue, request::SendMessage};

/// The time for which a queue remembers a deduplication id, in milliseconds: five minutes.
const WINDOW: i64 = 5 * 60 * 1000;
/// The longest message group id and deduplication id, in characters.
const MAX_ID: usize = 128;

/// The deduplication id of a message to a FIFO queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deduplication {
    pub(crate) id: String,
    /// The message group within which the id counts; empty if it counts in the whole queue.
    scope: String,
}

impl Deduplication {
    /// The deduplication of a message; `None` if the queue is a standard queue.
    ///
    /// # Errors
    /// `MissingParameter` if a FIFO queue gets no group id. `InvalidParameterValue` if it gets no
    /// deduplication id and makes none of the body, an id that is not 1 to 128 letters, digits and
    /// punctuation marks, or a delay; and if a standard queue gets a deduplication id.
    pub(crate) fn of(
        draft: &SendMessage,
        queue: &SqsQueue,
    ) -> Result<Option<Deduplication>, SqsError> {
        let wrong_kind = "The request include parameter that is not valid for this queue type.";
        let given = draft.message_deduplication_id.as_deref();
        if !queue.is_fifo() {
            return match given {
                Some(id) => Err(SqsError::invalid_value(id, "MessageDeduplicationId", wrong_kind)),
                None => Ok(None),
            };
        }
        if let Some(seconds @ 1..) = draft.delay_seconds {
            return Err(SqsError::invalid_value(seconds, "DelaySeconds", wrong_kind));
        }
        let Some(group) = draft.message_group_id.as_deref() else {
            let message = "The request must contain the parameter MessageGroupId.";
            return Err(SqsError::common("MissingParameter", message));
        };
        check_id("MessageGroupId", group)?;
        let id = match given {
            Some(id) => {
                check_id("MessageDeduplicationId", id)?;
                id.to_owned()
            }
            None if queue.deduplicates_by_content() => {
                hex::encode(Sha256::digest(&draft.message_body))
            }
            None => {
                let message = "The queue should either have ContentBasedDeduplication enabled or \
                               MessageDeduplicationId provided explicitly";
                return Err(SqsError::common("InvalidParameterValue", message));
            }
        };
        let scope = if queue.deduplicates_by_group() { group.to_owned() } else { String::new() };
        Ok(Some(Deduplication { id, scope }))
    }

    /// The id and the sequence number of the message that was sent with this deduplication id within
    /// the last five minutes.
    pub(crate) fn earlier(
        &self,
        work: &Transaction<'_>,
        queue: &str,
        now: i64,
    ) -> rusqlite::Result<Option<(String, i64)>> {
        work.prepare_cached("DELETE FROM sends WHERE queue = ?1 AND sent_at <= ?2")?
            .execute(params![queue, now - WINDOW])?;
        work.prepare_cached(
            "SELECT message_id, sequence FROM sends
             WHERE queue = ?1 AND scope = ?2 AND deduplication_id = ?3",
        )?
        .query_row([queue, &self.scope, &self.id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
    }

    /// Remembers that a message was sent with this deduplication id.
    pub(crate) fn remember(
        &self,
        work: &Transaction<'_>,
        queue: &str,
        message_id: &str,
        sequence: i64,
        now: i64,
    ) -> rusqlite::Result<()> {
        work.prepare_cached(
            "INSERT INTO sends (queue, scope, deduplication_id, message_id, sequence, sent_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![queue, self.scope, self.id, message_id, sequence, now])?;
        Ok(())
    }
}

/// Whether the text can be the id of a message group or of deduplication.
///
/// # Errors
/// `InvalidParameterValue` that names the parameter.
fn check_id(parameter: &str, id: &str) -> Result<(), SqsError> {
    if (1..=MAX_ID).contains(&id.len()) && id.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = format!(
        "{parameter} can only include alphanumeric and punctuation characters. 1 to {MAX_ID} in length."
    );
    Err(SqsError::invalid_value(id, parameter, &reason))
}

/// The place of the next message, which is behind those of all messages before.
pub(crate) fn next_place(work: &Transaction<'_>) -> rusqlite::Result<i64> {
    work.prepare_cached("UPDATE sequence SET last = last + 1 RETURNING last")?
        .query_row([], |row| row.get(0))
}

/// The sequence number of a place: 20 digits, greater for a later place both as number and as text.
pub(crate) fn sequence_number(place: i64) -> String {
    format!("1{place:019}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn queue(attributes: &[(&str, &str)]) -> SqsQueue {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let fifo = ("FifoQueue".to_owned(), "true".to_owned());
        let attributes: BTreeMap<_, _> = attributes.iter().map(own).chain([fifo]).collect();
        SqsQueue::create("q.fifo".to_owned(), attributes).expect("a queue")
    }

    fn draft(group: Option<&str>, id: Option<&str>) -> SendMessage {
        SendMessage {
            message_body: "hello".to_owned(),
            message_group_id: group.map(str::to_owned),
            message_deduplication_id: id.map(str::to_owned),
            ..SendMessage::default()
        }
    }

    #[test]
    fn an_id_is_given_or_the_sha_256_of_the_body() {
        let by_content = queue(&[("ContentBasedDeduplication", "true")]);
        let id = |queue: &SqsQueue, id| {
            let found = Deduplication::of(&draft(Some("g"), id), queue);
            found.map(|found| found.expect("a FIFO queue").id)
        };
        let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(id(&by_content, None), Ok(hash.to_owned()));
        assert_eq!(id(&by_content, Some("x")), Ok("x".to_owned()));
        assert_eq!(id(&queue(&[]), Some("x")), Ok("x".to_owned()));
        assert!(id(&queue(&[]), None).is_err());
    }

    #[test]
    fn an_id_counts_in_its_queue_or_in_its_group() {
        let scope = |scope| {
            let queue = queue(&[("DeduplicationScope", scope)]);
            let found = Deduplication::of(&draft(Some("g"), Some("x")), &queue);
            found.expect("valid").expect("a FIFO queue").scope
        };
        assert_eq!((scope("queue"), scope("messageGroup")), (String::new(), "g".to_owned()));
    }

    #[test]
    fn ids_are_up_to_128_letters_digits_and_punctuation_marks() {
        let long = "x".repeat(128);
        let too_long = "x".repeat(129);
        let fine = [r##"aZ09!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##, &long];
        let wrong = ["", "a b", "é", "\n", &too_long];
        for (ids, expected) in [(&fine[..], true), (&wrong[..], false)] {
            for id in ids {
                for (group, own) in [(*id, "x"), ("g", *id)] {
                    let found = Deduplication::of(&draft(Some(group), Some(own)), &queue(&[]));
                    assert_eq!(found.is_ok(), expected, "{group} {own}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn sequence_numbers_have_20_digits_and_grow(a in 0..i64::MAX, b in 0..i64::MAX) {
            let (one, other) = (sequence_number(a), sequence_number(b));
            prop_assert!(one.len() == 20 && one.bytes().all(|b| b.is_ascii_digit()));
            prop_assert_eq!(one.cmp(&other), a.cmp(&b));
        }
    }
}
