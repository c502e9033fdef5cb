//! What live updates keep beside connections: tickets, the marks of watched applications, and the
//! budget of pushes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{
    id::ApplicationId,
    live::{
        connection::WATCHED as KEPT,
        push_budget::{PushBudget, PushSlice},
        ticket::Ticket,
    },
    time::Timestamp,
};

use super::{
    Item, Table, WriteOutcome,
    row::{self, Condition, Row, n, s},
};
use crate::{Unavailable, contested};

const TICKET: &str = "TICKET";
const WATCHED: &str = "WATCHED";
const PUSHES: &str = "PUSHES";
const BUDGET: &str = "BUDGET";
/// Tries to take a slice of the budget. At most ten workers want one at the same time.
const TRIES: u32 = 16;

impl Table {
    /// Keeps a ticket under its hash.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_ticket(
        &self,
        hash: &str,
        ticket: &Ticket,
    ) -> Result<WriteOutcome, Unavailable> {
        let row = Row::new(format!("TICKET#{hash}"), TICKET, ticket);
        self.put(row.expires(Some(ticket.expires_at.secs())), Some(Condition::absent())).await
    }

    /// Takes a ticket away: of several who want it, one gets it. The ticket may have expired.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn take_ticket(&self, hash: &str) -> Result<Option<Ticket>, Unavailable> {
        let taken = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(format!("TICKET#{hash}")))
            .key("sk", AttributeValue::S(TICKET.to_owned()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| Unavailable::aws("taking a ticket", &error))?;
        taken.attributes.map(|item| row::document(&item)).transpose()
    }

    /// Marks that somebody looks at an application: its news are worth sending for ten minutes from
    /// `now` on. Returns since when somebody has looked without a break; instances that tell learn of
    /// it within two seconds after that.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn watch(
        &self,
        application: &ApplicationId,
        now: Timestamp,
    ) -> Result<Timestamp, Unavailable> {
        let before = self.item(WATCHED, application.as_str()).await?;
        let held = match &before {
            Some(item) => now < row::document::<Timestamp>(item)?,
            None => false,
        };
        let since = before.filter(|_| held).and_then(|item| row::number(&item, "since"));
        let since = since.map_or(now, Timestamp);
        let until = now.plus(KEPT);
        let row = Row::new(WATCHED, application.as_str(), &until)
            .with("since", n(since.0))
            .expires(Some(until.secs()));
        self.put(row, None).await?.either_way();
        Ok(since)
    }

    /// The applications that somebody looked at, and until when they count as watched: one read, however
    /// many applications there are. The answer may be a second old, which costs half.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn watched(&self) -> Result<HashMap<ApplicationId, Timestamp>, Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(WATCHED));
        let found = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let found = found.map_err(|error| Unavailable::aws("reading what is watched", &error))?;
        let read = |item: &Item| {
            let name = row::text(item, "sk").unwrap_or_default();
            let application = ApplicationId::parse(name);
            let application = application.map_err(|error| Unavailable::new("reading", error))?;
            Ok((application, row::document(item)?))
        };
        Ok(row::readable(&found, read).into_iter().collect())
    }

    /// Takes a slice of the budget that all workers share.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or other workers take a slice during every try.
    pub async fn take_pushes(
        &self,
        budget: PushBudget,
        now: Timestamp,
    ) -> Result<PushSlice, Unavailable> {
        contested::write(TRIES, || async {
            let item = self.item(PUSHES, BUDGET).await?;
            let read = item.as_ref().and_then(|item| row::number(item, "next_free"));
            let taken = budget.take(read.map(Timestamp), now);
            let still = match read {
                None => Condition::absent(),
                Some(read) => Condition::new("next_free = :read").value(":read", n(read)),
            };
            let row = Row::new(PUSHES, BUDGET, &taken.next_free)
                .with("next_free", n(taken.next_free.0))
                .expires(Some(taken.next_free.plus(KEPT).secs()));
            Ok(self.put(row, Some(still)).await?.settles(taken.slice))
        })
        .await
    }
}

#[cfg(test)]
mod tests;
