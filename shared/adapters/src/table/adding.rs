//! Adding to numbers of an item. Adding is not repeatable: a write whose answer is lost is not sent again,
//! so that a count may be too low and is never too high.

use aws_sdk_dynamodb::{
    config::{Builder, retry::RetryConfig},
    error::SdkError,
    types::{AttributeValue, ReturnValue},
};

use super::{
    Item, Table,
    row::{n, s},
};
use crate::Unavailable;

/// Why counts were not added, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum NotAdded {
    /// DynamoDB refused the write. Nothing was added, and the counts can be added later.
    #[error("{0}")]
    Refused(Unavailable),
    /// There was no answer, or one of a server that failed: the counts may have been added.
    #[error("{0}")]
    Unknown(Unavailable),
}

/// A change of an item that adds to numbers of it.
#[derive(Debug, Default)]
pub(super) struct Addition {
    /// Attributes with what is added to them.
    pub(super) add: Vec<(String, u64)>,
    /// Attributes that go.
    pub(super) remove: Vec<String>,
    /// Attributes that are set.
    pub(super) set: Vec<(String, AttributeValue)>,
}

impl Table {
    /// Adds to an item, which comes into being if it is not there. Returns the item as it is then. There
    /// is one try.
    ///
    /// # Errors
    /// [`NotAdded`] if DynamoDB does not confirm it.
    pub(super) async fn add(
        &self,
        pk: String,
        sk: String,
        addition: Addition,
    ) -> Result<Item, NotAdded> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .return_values(ReturnValue::AllNew);
        let (mut adds, mut removes, mut sets) = (Vec::new(), Vec::new(), Vec::new());
        let mut number = 0;
        let mut placeholder = || {
            number += 1;
            (format!("#{number}"), format!(":{number}"))
        };
        for (attribute, count) in addition.add {
            let (name, value) = placeholder();
            adds.push(format!("{name} {value}"));
            update = update.expression_attribute_names(name, attribute);
            update = update.expression_attribute_values(value, n(count));
        }
        for attribute in addition.remove {
            let (name, _) = placeholder();
            update = update.expression_attribute_names(&name, attribute);
            removes.push(name);
        }
        for (attribute, set) in addition.set {
            let (name, value) = placeholder();
            sets.push(format!("{name} = {value}"));
            update = update.expression_attribute_names(name, attribute);
            update = update.expression_attribute_values(value, set);
        }
        let clauses = [("ADD", adds), ("REMOVE", removes), ("SET", sets)];
        let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
        let clauses = clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", ")));
        let expression = clauses.collect::<Vec<_>>().join(" ");
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let sent = update.update_expression(expression).customize().config_override(once);
        match sent.send().await {
            Ok(updated) => Ok(updated.attributes.unwrap_or_default()),
            Err(error) => {
                let refused = matches!(&error, SdkError::ServiceError(answer)
                    if answer.raw().status().is_client_error());
                let error = Unavailable::aws("adding to counts", &error);
                Err(if refused { NotAdded::Refused(error) } else { NotAdded::Unknown(error) })
            }
        }
    }
}
