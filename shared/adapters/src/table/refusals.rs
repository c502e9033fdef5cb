//! Refused requests: counts by minute and reason, and the newest samples, by source and hour.
//!
//! | item | `pk` | `sk` | beside `doc` |
//! |---|---|---|---|
//! | refusals of a source | `REFUSED#<app>` | `<hour>#<source>#<shard>` | `name`, one number per minute and reason |
//! | refusals of names that no source has | `REFUSED` | `<hour>#<shard>` | one number per minute and reason |
//!
//! `doc` holds the samples of the instance that wrote last. The name of a count is its minute within the
//! hour in two digits and the letter of its reason.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    figures::{Hour, Minute},
    id::{ApplicationId, SourceId},
    refusals::{KEPT, RefusalBatch, RefusalPlace, RefusalReason, RefusalSample},
};

use super::{
    Item, NotAdded, Table,
    adding::Addition,
    row::{self, n, s},
};
use crate::Unavailable;

/// The partition of refusals at no source.
const NOWHERE: &str = "REFUSED";
/// Items of one read.
const PAGE: i32 = 100;

/// Refusals of one source within an hour, as one item holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRefusals {
    /// The source, with its name; `None` for names that no source has.
    pub source: Option<(SourceId, String)>,
    /// How many requests were refused for a reason in a minute.
    pub counts: Vec<(Minute, RefusalReason, u64)>,
    /// The newest samples.
    pub samples: Vec<RefusalSample>,
}

/// Refusals of an application, newest hour first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusalPart {
    /// The items.
    pub items: Vec<StoredRefusals>,
    /// The hour down to which they were read: earlier ones were left out because there were too many.
    /// `None` if all were read.
    pub cut_at: Option<Hour>,
}

fn hour_key(hour: Hour) -> String {
    format!("{:07}#", hour.0)
}

fn partition(application: Option<&ApplicationId>) -> String {
    application.map_or_else(|| NOWHERE.to_owned(), |id| format!("{NOWHERE}#{id}"))
}

impl Table {
    /// Adds refusals of one place and hour, and sets the samples to the batch's.
    ///
    /// # Errors
    /// [`NotAdded`] if DynamoDB does not confirm it.
    pub async fn add_refusals(&self, batch: &RefusalBatch, shard: u8) -> Result<(), NotAdded> {
        let gone = batch.hour.next().start().plus(KEPT).secs();
        let count = |(minute, reason): &(Minute, RefusalReason)| {
            format!("{:02}{}", minute.0 % 60, reason.letter())
        };
        let mut addition = Addition {
            add: batch.counts.iter().map(|(key, number)| (count(key), *number)).collect(),
            set: vec![
                ("doc".to_owned(), row::doc(&batch.samples)),
                ("expires_at".to_owned(), n(gone)),
            ],
            ..Addition::default()
        };
        let (pk, sk) = match &batch.place {
            RefusalPlace::Source { tenure, name } => {
                addition.set.push(("name".to_owned(), s(name)));
                let key = format!("{}{}#{shard}", hour_key(batch.hour), tenure.source);
                (partition(Some(&tenure.application)), key)
            }
            RefusalPlace::Nowhere => (partition(None), format!("{}{shard}", hour_key(batch.hour))),
        };
        self.add(pk, sk, addition).await.map(drop)
    }

    /// Refusals at the sources of an application, or at no source, within the hours from `first` to
    /// `last`: the newest hours first, until `most` items were read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn refusals(
        &self,
        application: Option<&ApplicationId>,
        first: Hour,
        last: Hour,
        most: usize,
    ) -> Result<RefusalPart, Unavailable> {
        let mut part = RefusalPart::default();
        if last < first {
            return Ok(part);
        }
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", s(partition(application)))
                .expression_attribute_values(":from", s(hour_key(first)))
                .expression_attribute_values(":to", s(format!("{}~", hour_key(last))))
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(PAGE)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| Unavailable::aws("reading refusals", &error))?;
            let items = page.items.unwrap_or_default();
            part.items.extend(row::readable(&items, stored));
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(part);
            }
            if most <= part.items.len() {
                part.cut_at = items.last().and_then(hour_of);
                return Ok(part);
            }
        }
    }
}

fn hour_of(item: &Item) -> Option<Hour> {
    row::text(item, "sk")?.split('#').next()?.parse().ok().map(Hour)
}

fn stored(item: &Item) -> Result<StoredRefusals, Unavailable> {
    let broken = || Unavailable::new("reading refusals", "the key of an item is not ours");
    let hour = hour_of(item).ok_or_else(broken)?;
    let source = match row::text(item, "pk") {
        Some(NOWHERE) => None,
        _ => {
            let id =
                row::text(item, "sk").and_then(|key| key.split('#').nth(1)).unwrap_or_default();
            let name = row::text(item, "name").unwrap_or_default();
            Some((SourceId::parse(id).map_err(|_| broken())?, name.to_owned()))
        }
    };
    let counts = item.iter().filter_map(|(name, value)| count(hour, name, value)).collect();
    Ok(StoredRefusals { source, counts, samples: row::document(item)? })
}

/// A count of an item: its minute, reason and number.
fn count(hour: Hour, name: &str, value: &AttributeValue) -> Option<(Minute, RefusalReason, u64)> {
    let (minute, letter) = name.split_at_checked(2)?;
    let minute: u64 = minute.parse().ok().filter(|minute| *minute < 60)?;
    let mut letters = letter.chars();
    let reason = RefusalReason::of_letter(letters.next()?).filter(|_| letters.next().is_none())?;
    let number = value.as_n().ok()?.parse().ok()?;
    Some((Minute(hour.minute().0 + minute), reason, number))
}

#[cfg(test)]
mod tests;
