//! Dead letters.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, Select};
use domain::{
    delivery::{Delivery, DeliveryState},
    id::{ApplicationId, DeliveryId, EventId, LetterId},
    letter::{LATEST_PARKING, Letter, LetterState, LetterSubject},
    retry::Policy,
    time::Timestamp,
};

use super::{
    Page, Table, WriteOutcome, delivery_item, parked,
    row::{self, Condition, Row, Write, list_at, n, s},
};
use crate::Unavailable;

/// Deliveries of an event that are read at a time to find one that still needs the event.
const LOOKED_AT: usize = 100;
const LETTERS: &str = "LETTERS";
/// How much longer than a letter what it holds is kept.
const AFTER_LETTER: Duration = Duration::from_secs(86_400);

pub(super) fn key(id: &LetterId) -> (String, String) {
    (format!("LTR#{id}"), "LTR".to_owned())
}

fn number_key(number: u64) -> (String, String) {
    (format!("LTRNO#{number}"), "LTRNO".to_owned())
}

/// The list of an application's letters. The items of their numbers are on it.
pub(super) fn list_of(application: &ApplicationId) -> String {
    format!("{LETTERS}#{application}")
}

/// The item of a letter's number. It stays for longer than the letter.
fn number_row(letter: &Letter, expires: Option<u64>) -> Row {
    let (pk, sk) = number_key(letter.number);
    let expires = expires.map(|at| at + AFTER_LETTER.as_secs());
    let row = Row::new(pk, sk, &letter.id).expires(expires);
    match &letter.what {
        LetterSubject::Delivery { application, .. } => {
            row.listed(list_of(application), letter.created_at, letter.id.as_str())
        }
        LetterSubject::Message { .. } => row,
    }
}

/// The writes that resolve a letter which was in state `was` when it was read; it goes at `at`.
pub(super) fn resolution(letter: &Letter, was: LetterState, at: u64) -> Vec<Write> {
    let as_read = Condition::version(letter.version);
    let number = number_row(letter, Some(at));
    let mut writes =
        vec![Write::Put(row(letter, Some(at)), as_read), Write::Put(number, Condition::default())];
    writes.extend(parked::writes(letter, Some(was), Some(letter.state)));
    writes
}

/// The item of the next version of a letter; it goes when it says, or for a while after it arrived. The
/// letter of a delivery that waits goes when the recovery of its endpoint finds that its time is over.
pub(super) fn row(letter: &Letter, resolved: Option<u64>) -> Row {
    let (pk, sk) = key(&letter.id);
    let resolved = resolved.filter(|_| letter.state == LetterState::Resolved);
    let stays = letter.state == LetterState::Waiting && letter.endpoint().is_some();
    let expires = resolved.or(letter.expires_at.map(Timestamp::secs)).filter(|_| !stays);
    let letter = Letter { version: letter.version + 1, ..letter.clone() };
    Row::new(pk, sk, &letter)
        .with("version", n(letter.version))
        .listed(LETTERS, letter.created_at, letter.id.as_str())
        .expires(expires)
}

impl Table {
    /// Counts up the number of letters and returns it. A crash before the letter is written leaves
    /// a gap.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn next_letter_number(&self) -> Result<u64, Unavailable> {
        let counted = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S("COUNTERS".to_owned()))
            .key("sk", AttributeValue::S("letters".to_owned()))
            .update_expression("ADD #n :one")
            .expression_attribute_names("#n", "n")
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|error| Unavailable::aws("numbering a letter", &error))?;
        let number = counted.attributes.as_ref().and_then(|item| row::number(item, "n"));
        number.ok_or_else(|| Unavailable::new("numbering a letter", "the counter has no number"))
    }

    /// Parks a letter: new under its number, or over the version that was read, whose state was `was` and
    /// which waits again. `Refused` if another worker has parked, redriven, resolved or removed it since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn park(
        &self,
        letter: &Letter,
        was: Option<LetterState>,
    ) -> Result<WriteOutcome, Unavailable> {
        let (row, as_read) = (row(letter, None), Condition::version(letter.version));
        let mut writes = parked::writes(letter, was, Some(letter.state));
        if letter.version == 0 {
            let number = number_row(letter, letter.expires_at.map(Timestamp::secs));
            writes.push(Write::Put(number, Condition::absent()));
        }
        match writes.is_empty() {
            true => self.put(row, Some(as_read)).await,
            false => {
                writes.push(Write::Put(row, as_read));
                self.transact(writes).await
            }
        }
    }

    /// When a letter goes that is parked now, about something recorded at `recorded`: as long after
    /// as anything else is kept, but never after the bodies that it holds.
    pub fn letter_expiry(&self, recorded: Timestamp, now: Timestamp) -> Timestamp {
        let latest = recorded.plus(LATEST_PARKING).plus(self.retention);
        now.plus(self.retention).min(latest)
    }

    /// Marks a dead delivery as parked: it is no longer due, and neither the delivery nor its event
    /// expires before the letter. `Refused` if the delivery is not dead any more; it is still due then.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn mark_parked(
        &self,
        delivery: &Delivery,
        letter: &Letter,
    ) -> Result<WriteOutcome, Unavailable> {
        let row = self.delivery_row(delivery, Duration::ZERO, None);
        let (pk, sk) = delivery_item::event_key(&delivery.event);
        let keep = Condition::new("attribute_exists(pk)");
        // What goes first, is found no more: the letter.
        let until = letter.expires_at.map(|at| at.plus(AFTER_LETTER).secs());
        let keep = match until {
            Some(at) => Write::Update(pk, sk, "SET expires_at = :at", keep.value(":at", n(at))),
            None => Write::Update(pk, sk, "REMOVE expires_at", keep),
        };
        let parked = Write::Put(row, delivery_item::still(DeliveryState::Dead, delivery));
        self.transact(vec![parked, keep]).await
    }

    /// The letter of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn letter(&self, id: &LetterId) -> Result<Option<Letter>, Unavailable> {
        let (pk, sk) = key(id);
        self.entity(&pk, &sk).await
    }

    /// The letter with this number.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn letter_by_number(&self, number: u64) -> Result<Option<Letter>, Unavailable> {
        let (pk, sk) = number_key(number);
        let id: Option<LetterId> = self.entity(&pk, &sk).await?;
        match id {
            Some(id) => self.letter(&id).await,
            None => Ok(None),
        }
    }

    /// Letters by the time at which they were parked first, from behind `cursor`.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn letters(
        &self,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<Letter>, Unavailable> {
        self.page(LETTERS, cursor, limit, oldest_first).await
    }

    /// Where a letter stands in the list, for going on behind it.
    pub fn letter_cursor(letter: &Letter) -> String {
        list_at(letter.created_at, letter.id.as_str())
    }

    /// The number of letters, of one application or of all; `None` if there are `most` or more, which are
    /// not all counted.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn count_letters(
        &self,
        application: Option<&ApplicationId>,
        most: u64,
    ) -> Result<Option<u64>, Unavailable> {
        let list = application.map_or_else(|| LETTERS.to_owned(), list_of);
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("listing")
            .key_condition_expression("#list = :list")
            .expression_attribute_names("#list", "list")
            .expression_attribute_values(":list", s(list))
            .select(Select::Count);
        let (mut pages, mut total) = (query.into_paginator().send(), 0);
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Unavailable::aws("counting letters", &error))?;
            total += u64::try_from(page.count).unwrap_or(0);
            if most <= total {
                return Ok(None);
            }
        }
        Ok(Some(total))
    }

    /// Removes a letter as it was read, and its number; `Refused` if it changed since or is gone. The
    /// delivery stays dead and expires with its event.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn delete_letter(
        &self,
        letter: &Letter,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let (pk, sk) = key(&letter.id);
        let (number_pk, number_sk) = number_key(letter.number);
        let mut writes = vec![
            Write::Delete(pk, sk, Condition::version(letter.version)),
            Write::Delete(number_pk, number_sk, Condition::default()),
        ];
        writes.extend(parked::writes(letter, Some(letter.state), None));
        let written = self.transact(writes).await?;
        if written == WriteOutcome::Refused && self.letter(&letter.id).await?.is_some() {
            return Ok(written);
        }
        if let LetterSubject::Delivery { event, delivery, .. } = &letter.what {
            let (pk, sk) = delivery_item::key(event, delivery);
            let dead = Condition::new("#state = :dead").name("#state", "state");
            self.let_go(pk, sk, dead.value(":dead", s("dead")), now).await?;
            self.let_event_go(event, Some(delivery), now).await?;
        }
        Ok(written)
    }

    /// Lets the event of a letter expire, unless another delivery of the event is dead or pending.
    /// `but` is a delivery that does not count. A crash before this write keeps the event, which
    /// costs storage only.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn let_event_go(
        &self,
        event: &EventId,
        but: Option<&DeliveryId>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let needs = |delivery: &Delivery| {
            matches!(delivery.state, DeliveryState::Dead | DeliveryState::Pending)
                && Some(&delivery.id) != but
        };
        let mut after = None;
        loop {
            let page = self.deliveries_page(event, after.as_deref(), LOOKED_AT).await?;
            if page.items.iter().any(needs) {
                return Ok(());
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let (pk, sk) = delivery_item::event_key(event);
        let there = Condition::new("attribute_exists(pk)").value(":at", n(self.expiry(now)));
        self.update(&pk, &sk, "SET expires_at = :at", there).await.map(WriteOutcome::either_way)
    }

    /// Makes the delivery of a letter pending, and writes the letter, in one transaction; `Refused`
    /// if the delivery is not in state `was` any more, or the letter changed since it was read, in state
    /// `letter_was`, or is gone.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn redrive_delivery(
        &self,
        letter: &Letter,
        letter_was: LetterState,
        delivery: &Delivery,
        was: DeliveryState,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let due = Delivery::due(now, delivery.next_at);
        let row = self.delivery_row(delivery, Delivery::lease(policy), Some(due));
        debug_assert!(delivery.state == DeliveryState::Pending, "a redriven delivery is pending");
        let mut writes = vec![
            Write::Put(row, delivery_item::still(was, delivery)),
            Write::Put(self::row(letter, None), Condition::version(letter.version)),
        ];
        writes.extend(parked::writes(letter, Some(letter_was), Some(letter.state)));
        self.transact(writes).await
    }

    /// Writes a letter over the version that was read, in state `was`; `Refused` if it changed since or is
    /// gone.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn update_letter(
        &self,
        letter: &Letter,
        was: LetterState,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let row = row(letter, Some(self.expiry(now)));
        let as_read = Condition::version(letter.version);
        let mut writes = parked::writes(letter, Some(was), Some(letter.state));
        match writes.is_empty() {
            true => self.put(row, Some(as_read)).await,
            false => {
                writes.push(Write::Put(row, as_read));
                self.transact(writes).await
            }
        }
    }

    async fn let_go(
        &self,
        pk: String,
        sk: String,
        condition: Condition,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let condition = condition.value(":at", n(self.expiry(now)));
        self.update(&pk, &sk, "SET expires_at = :at", condition).await.map(WriteOutcome::either_way)
    }
}
