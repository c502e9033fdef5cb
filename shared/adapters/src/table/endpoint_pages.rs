//! The endpoints of an application page by page, and how many there are.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    endpoint::{Endpoint, EndpointScope, MAX_ENDPOINTS, MAX_ORDERED},
    id::{ApplicationId, EndpointId},
};

use super::{
    Page, Table,
    endpoints::{self, partition},
    row::{self, Condition, Write, list_at, n, s},
};
use crate::Unavailable;

/// Sort key of the numbers of an application's endpoints.
const COUNTS: &str = "ENDPOINTS";

/// A part of an application's endpoints, by id.
#[derive(Debug)]
pub struct EndpointPage {
    /// The endpoints, fewer than were asked for if they are large.
    pub endpoints: Vec<Endpoint>,
    /// The id behind which the next page begins, if there may be one.
    pub next: Option<EndpointId>,
}

/// The numbers of an application's endpoints. Webhooks of jobs and batches are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointCounts {
    /// All of them.
    pub endpoints: usize,
    /// Those that want their deliveries in order.
    pub ordered: Vec<EndpointId>,
    /// Those that name an operational event.
    pub hearing: usize,
}

pub(super) fn endpoint_list(application: &ApplicationId) -> String {
    format!("EPS#{application}")
}

/// The write that counts a change of an application's endpoints; `None` if no number changes. Its condition
/// does not hold if there would be more than [`MAX_ENDPOINTS`], or more than [`MAX_ORDERED`] that want order,
/// however many requests there are at once. Endpoints of jobs and batches do not count.
pub(super) fn count_write(old: Option<&Endpoint>, new: Option<&Endpoint>) -> Option<Write> {
    let endpoint = new.or(old)?;
    if endpoint.scope != EndpointScope::Application {
        return None;
    }
    let difference = |counts: fn(&Endpoint) -> bool| {
        i8::from(new.is_some_and(counts)) - i8::from(old.is_some_and(counts))
    };
    let (all, ordered) = (difference(|_| true), difference(|it| it.ordering.is_some()));
    let hearing = difference(Endpoint::hears_of_operation);
    if (all, ordered, hearing) == (0, 0, 0) {
        return None;
    }
    let mut terms = Vec::new();
    if 0 < all {
        terms.push("(attribute_not_exists(endpoints) OR endpoints < :most)");
    }
    if 0 < ordered {
        terms.push("(attribute_not_exists(ordered) OR size(ordered) < :most_ordered)");
    }
    let mut condition = match terms.is_empty() {
        true => Condition::default(),
        false => Condition::new(&terms.join(" AND ")),
    };
    condition = condition.value(":all", n(all)).value(":hearing", n(hearing));
    if 0 < all {
        condition = condition.value(":most", n(MAX_ENDPOINTS));
    }
    if 0 < ordered {
        condition = condition.value(":most_ordered", n(MAX_ORDERED));
    }
    let expression = match ordered {
        0 => "ADD endpoints :all, hearing :hearing",
        1.. => "ADD endpoints :all, hearing :hearing, ordered :id",
        _ => "ADD endpoints :all, hearing :hearing DELETE ordered :id",
    };
    if ordered != 0 {
        condition = condition.value(":id", AttributeValue::Ss(vec![endpoint.id.to_string()]));
    }
    let pk = partition(&endpoint.application);
    Some(Write::Update(pk, COUNTS.to_owned(), expression, condition))
}

impl Table {
    /// A page of an application's endpoints, by id: those behind `after`, `limit` at most, read with one
    /// query.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn endpoints_page(
        &self,
        application: &ApplicationId,
        after: Option<&EndpointId>,
        limit: usize,
    ) -> Result<EndpointPage, Unavailable> {
        // Ids are letters, digits, `-` and `_`: `!` comes before all of them, `~` behind.
        let from = after.map_or_else(|| "EP#".to_owned(), |after| format!("EP#{after}!"));
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(partition(application)))
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":to", s("EP#~"))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(1000))
            .send()
            .await
            .map_err(|error| Unavailable::aws("reading endpoints", &error))?;
        let more = query.last_evaluated_key.is_some();
        let endpoints: Vec<Endpoint> =
            query.items().iter().map(row::document).collect::<Result<_, _>>()?;
        let next = endpoints.last().filter(|_| more).map(|last| last.id.clone());
        Ok(EndpointPage { endpoints, next })
    }

    /// A part of the list of an application's endpoints by time of creation, newest first unless
    /// `oldest_first`: those behind `cursor`.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn endpoints_by_age(
        &self,
        application: &ApplicationId,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<Endpoint>, Unavailable> {
        self.page(&endpoint_list(application), cursor, limit, oldest_first).await
    }

    /// Where an endpoint stands in the list of [`endpoints_by_age`](Self::endpoints_by_age), for going on
    /// behind it.
    pub fn endpoint_cursor(endpoint: &Endpoint) -> String {
        list_at(endpoint.created_at, endpoint.id.as_str())
    }

    /// The numbers of an application's endpoints.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn endpoint_counts(
        &self,
        application: &ApplicationId,
    ) -> Result<EndpointCounts, Unavailable> {
        let Some(item) = self.item(&partition(application), COUNTS).await? else {
            return Ok(EndpointCounts::default());
        };
        let number = |name| row::number(&item, name).and_then(|it| usize::try_from(it).ok());
        let ordered = item.get("ordered").and_then(|ids| ids.as_ss().ok());
        let ordered = ordered.into_iter().flatten().filter_map(|id| EndpointId::parse(id).ok());
        Ok(EndpointCounts {
            endpoints: number("endpoints").unwrap_or(0),
            ordered: ordered.collect(),
            hearing: number("hearing").unwrap_or(0),
        })
    }

    /// These endpoints of an application, in no order; those that are gone are left out.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn endpoints_named(
        &self,
        application: &ApplicationId,
        ids: &[EndpointId],
    ) -> Result<Vec<Endpoint>, Unavailable> {
        let scope = EndpointScope::Application;
        let keys = ids.iter().map(|id| endpoints::key(application, &scope, id)).collect();
        self.items(keys).await?.iter().map(row::document).collect()
    }
}
