//! Figures of applications, by the minute and by the hour.
//!
//! | item | `pk` | `sk` | beside `doc` |
//! |---|---|---|---|
//! | a minute | `STATS#<app>` | `M#<minute>#<shard>` | one number per figure; no `doc` |
//! | an hour | `STATS#<app>` | `H#<hour>` | |
//! | sources and endpoints of an hour | `STATS#<app>` | `P#<hour>` | |
//! | totals | `STATS#<app>` | `TOTAL` | `through` |
//! | how far hours were added up | `STATS` | `FOLDED` | |
//!
//! Minutes and hours are counted from 1970. `through` is the last hour that is in the totals: an hour
//! and the totals with it are written in one transaction, on the condition that the totals are as they
//! were read. So an hour is added once, however often that is tried.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    figures::{Figures, FittedFigures, Hour, MINUTES_KEPT, Minute},
    id::ApplicationId,
};
use serde::{Deserialize, Serialize};

use super::{
    Item, NotAdded, Table, WriteOutcome,
    adding::Addition,
    row::{self, Condition, Row, Write, n, s},
};
use crate::Unavailable;

const TOTAL: &str = "TOTAL";
const FOLDING: (&str, &str) = ("STATS", "FOLDED");

/// Everything that was counted of an application until the end of an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FigureTotals {
    /// The last hour that was added.
    pub through: Hour,
    /// The sums.
    pub figures: Figures,
}

/// How far the hours of all applications were added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldProgress {
    /// The hour that is being added up, counted from 1970.
    pub hour: u64,
    /// The last application whose hours were added up; `None` once all were.
    pub after: Option<String>,
}

/// Which figures of hours are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HourPart {
    /// Those of the application.
    Own,
    /// Those of its sources and endpoints.
    Parts,
}

type Codes = BTreeMap<String, u64>;

fn partition(application: &ApplicationId) -> String {
    format!("STATS#{application}")
}

fn minute_key(minute: Minute) -> String {
    format!("M#{:08}#", minute.0)
}

fn hour_key(part: HourPart, hour: Hour) -> String {
    let letter = match part {
        HourPart::Own => 'H',
        HourPart::Parts => 'P',
    };
    format!("{letter}#{:07}", hour.0)
}

fn codes(figures: &Figures) -> Codes {
    figures.codes().collect()
}

fn figures(codes: &Codes) -> Figures {
    Figures::from_codes(codes.iter().map(|(code, count)| (code.as_str(), *count)))
}

/// The figures in an item of a minute.
fn counted(item: &Item) -> Figures {
    let count = |(name, value): (&'_ String, &AttributeValue)| {
        let count = value.as_n().ok()?.parse().ok()?;
        Some((name.clone(), count))
    };
    let counts: Vec<(String, u64)> = item.iter().filter_map(count).collect();
    Figures::from_codes(counts.iter().map(|(name, count)| (name.as_str(), *count)))
}

impl Table {
    /// Adds figures to a minute of an application. Returns what the item holds then.
    ///
    /// # Errors
    /// [`NotAdded`] if DynamoDB does not confirm it.
    pub async fn add_figures(
        &self,
        application: &ApplicationId,
        minute: Minute,
        shard: u8,
        fitted: &FittedFigures,
    ) -> Result<Figures, NotAdded> {
        let gone = minute.start().plus(MINUTES_KEPT).secs() + 3600;
        let addition = Addition {
            add: fitted.add.codes().collect(),
            remove: fitted.remove.iter().map(|figure| figure.code()).collect(),
            set: vec![("expires_at".to_owned(), n(gone))],
        };
        let key = format!("{}{shard}", minute_key(minute));
        let item = self.add(partition(application), key, addition).await?;
        Ok(counted(&item))
    }

    /// The figures of an application in the minutes from `first` to `last`. A minute may occur several
    /// times, once for each of its items.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn minutes_of(
        &self,
        application: &ApplicationId,
        first: Minute,
        last: Minute,
    ) -> Result<Vec<(Minute, Figures)>, Unavailable> {
        if last < first {
            return Ok(Vec::new());
        }
        let (from, to) = (minute_key(first), format!("{}~", minute_key(last)));
        let items = self.between(&partition(application), from, to).await?;
        let read = |item: &Item| {
            let minute = row::text(item, "sk")?.split('#').nth(1)?.parse().ok()?;
            Some((Minute(minute), counted(item)))
        };
        Ok(items.iter().filter_map(read).collect())
    }

    /// The figures of an application in the hours from `first` to `last` that were added up.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn hours_of(
        &self,
        application: &ApplicationId,
        part: HourPart,
        first: Hour,
        last: Hour,
    ) -> Result<Vec<(Hour, Figures)>, Unavailable> {
        if last < first {
            return Ok(Vec::new());
        }
        let (from, to) = (hour_key(part, first), hour_key(part, last));
        let items = self.between(&partition(application), from, to).await?;
        Ok(row::readable(&items, |item| {
            let hour = row::text(item, "sk").and_then(|key| key.split('#').nth(1)?.parse().ok());
            let hour = hour.ok_or_else(|| Unavailable::new("reading an hour", "it has no hour"))?;
            Ok((Hour(hour), figures(&row::document::<Codes>(item)?)))
        }))
    }

    /// Everything that was counted of an application; `None` if no hour was added up yet.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn figure_totals(
        &self,
        application: &ApplicationId,
    ) -> Result<Option<FigureTotals>, Unavailable> {
        let Some(item) = self.item(&partition(application), TOTAL).await? else { return Ok(None) };
        let through = Hour(row::number(&item, "through").unwrap_or_default());
        Ok(Some(FigureTotals { through, figures: figures(&row::document::<Codes>(&item)?) }))
    }

    /// Writes an hour of an application and adds it to the totals as they were read. `Refused` if they
    /// have changed since: another round added the hour.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn add_hour(
        &self,
        application: &ApplicationId,
        hour: Hour,
        counted: &Figures,
        known: Option<&FigureTotals>,
    ) -> Result<WriteOutcome, Unavailable> {
        let pk = partition(application);
        let (own, parts) = counted.split();
        let mut sum = known.map(|known| known.figures.clone()).unwrap_or_default();
        sum.merge(&own);
        let expires = Some(self.expiry(hour.next().start()));
        let row = |sk: String, figures: &Figures| {
            Row::new(pk.clone(), sk, &codes(figures)).expires(expires)
        };
        let still = match known {
            None => Condition::absent(),
            Some(known) => Condition::new("through = :read").value(":read", n(known.through.0)),
        };
        let total = row(TOTAL.to_owned(), &sum).with("through", n(hour.0));
        let own = row(hour_key(HourPart::Own, hour), &own);
        let mut writes = vec![Write::Put(total, still), Write::Put(own, Condition::default())];
        if !parts.is_empty() {
            let parts = row(hour_key(HourPart::Parts, hour), &parts);
            writes.push(Write::Put(parts, Condition::default()));
        }
        self.transact(writes).await
    }

    /// How far the hours of all applications were added up.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn fold_progress(&self) -> Result<FoldProgress, Unavailable> {
        Ok(self.entity(FOLDING.0, FOLDING.1).await?.unwrap_or_default())
    }

    /// Notes how far the hours of all applications were added up. Two rounds at the same time may undo
    /// each other's note, which costs reads and no count.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn note_folded(&self, progress: &FoldProgress) -> Result<(), Unavailable> {
        let row = Row::new(FOLDING.0, FOLDING.1, progress);
        self.put(row, None).await.map(WriteOutcome::either_way)
    }

    /// The items of a partition whose sort keys lie between two, both included, as the last writes left
    /// them.
    pub(super) async fn between(
        &self,
        pk: &str,
        from: String,
        to: String,
    ) -> Result<Vec<Item>, Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(pk))
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":to", s(to))
            .consistent_read(true);
        let found = query.into_paginator().items().send().collect::<Result<_, _>>().await;
        found.map_err(|error| Unavailable::aws("reading figures", &error))
    }
}

#[cfg(test)]
mod tests;
