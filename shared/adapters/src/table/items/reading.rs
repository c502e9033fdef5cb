//! Reading an item of any kind, to find out whether this version can.

use std::collections::BTreeMap;

use domain::{
    alarm::Alarm,
    application::Application,
    batch::{Batch, BatchMarker},
    delivery::Delivery,
    endpoint::Endpoint,
    envelope::StoredBody,
    event_type::EventType,
    fan_out::FanOut,
    gate::Gate,
    health::Health,
    id::{ApplicationId, DeliveryId, EndpointId, EventId, JobId, LetterId},
    idempotency::IdempotencyRecord,
    job::Job,
    key::ApiKey,
    letter::Letter,
    listener::{Listener, Listening},
    live::{connection::LiveConnection, subscription::LiveSubscription, ticket::Ticket},
    log::{LogLoss, Seq, StreamName},
    portal::PortalEndings,
    refusals::RefusalSample,
    session::Session,
    source::{FormerTenure, JobToken},
    time::Timestamp,
};
use serde::de::DeserializeOwned;

use super::{
    super::{
        LaterPlaces, events, figures, logs, requests,
        row::{self, Item},
        sources, tasks,
    },
    ItemKind,
};
use crate::Unavailable;

type ItemReader = fn(&Item) -> Result<(), Unavailable>;

fn document<T: DeserializeOwned>(item: &Item) -> Result<(), Unavailable> {
    row::document::<T>(item).map(drop)
}

/// An item that is updated in place, attribute by attribute.
fn attributes(item: &Item) -> Result<(), Unavailable> {
    row::known(item).map(drop).map_err(|error| Unavailable::new("reading an item", error))
}

/// A document that only some items of the kind have.
fn document_if_any<T: DeserializeOwned>(item: &Item) -> Result<(), Unavailable> {
    if item.contains_key("doc") { document::<T>(item) } else { attributes(item) }
}

/// How an item of a kind is read; `None` for a kind that this file does not know.
fn reader(kind: &str) -> Option<ItemReader> {
    Some(match kind {
        "source" => |item| sources::from_item(item).map(drop),
        "tenure of a source that ended" => document::<FormerTenure>,
        "path token of a job" => document::<JobToken>,
        "application" => document::<Application>,
        "application that bears a uid" => document::<ApplicationId>,
        "endpoint" | "endpoint of a job" | "endpoint of a batch" | "endpoint that was deleted" => {
            document::<Endpoint>
        }
        "endpoint that bears a uid" => document::<EndpointId>,
        "failures of an endpoint" => document::<Health>,
        "event type" => document::<EventType>,
        "answer to a POST with `Idempotency-Key`" => document::<IdempotencyRecord>,
        "event" => |item| {
            events::from_item(item)?;
            requests::if_any(item).map(drop)
        },
        "delivery" => document::<Delivery>,
        "fan-out of an event in pages" => document::<FanOut>,
        "conflict" => document::<StoredBody>,
        "job" => document::<Job>,
        "last number of a lane" => document::<u64>,
        "delivery in a lane"
        | "delivery that waits for its listener"
        | "delivery that waits at its endpoint's gate" => document::<(EventId, DeliveryId)>,
        "delivery that waits for a later time" => document::<(EventId, DeliveryId, EndpointId)>,
        "how far the sweep rang for later times" => document::<LaterPlaces>,
        "gate of an endpoint" => document::<Gate>,
        "listener" => document::<Listener>,
        "batch of a job's log lines" => |item| logs::from_item(item).map(drop),
        "loss of a job's log" => document_if_any::<LogLoss>,
        "batch" => document::<Batch>,
        "marker: a job that is to be counted" => document::<BatchMarker>,
        "job that ended in a batch" | "job that a call runs" => document::<JobId>,
        "dead letter" => document::<Letter>,
        "letter that bears a number" | "entry of a letter that waits" => document::<LetterId>,
        "alarm of the stack" => document::<Alarm>,
        "task" => |item| tasks::from_item(item).map(drop),
        "API key" => document::<ApiKey>,
        "one-time code for a session" | "session" => document::<Session>,
        "ends of an application's portals" => document::<PortalEndings>,
        "live connection" => document::<LiveConnection>,
        "subscription of a live connection" => document::<LiveSubscription>,
        "how far the lines of a topic were told" => document::<BTreeMap<StreamName, Seq>>,
        "live connection that hears a listener" => document::<Listening>,
        "ticket for a live connection" => document::<Ticket>,
        "figures of an application in an hour"
        | "figures of sources and endpoints in an hour"
        | "totals of an application's figures" => document::<BTreeMap<String, u64>>,
        "how far hours of figures were added up" => document::<figures::FoldProgress>,
        "refused requests of a source in an hour"
        | "refused requests of names that no source has, in an hour" => {
            document::<Vec<RefusalSample>>
        }
        "time until which a source's platform is not asked"
        | "place of a call under way to a slow endpoint"
        | "subscription filter of a log group"
        | "log group that was read for a job"
        | "write of the health check"
        | "live connection that is kept awake"
        | "mark that somebody watches an application"
        | "time at which the next slice of pushes is free" => document::<Timestamp>,
        "number of requests of a source, or of slices of lines of a job, in a window"
        | "numbers of an application's endpoints"
        | "next free moment of an endpoint or application with a rate"
        | "last number of a letter"
        | "number of letters that wait"
        | "lease of the sweep, how its last round went, and what it remembers for the next"
        | "number of wrong codes from an address, in a minute"
        | "figures of an application in a minute" => attributes,
        _ => return None,
    })
}

/// Reads an item as its kind is read.
///
/// # Errors
/// Says why the item cannot be read: it is of no kind, has a newer layout, or a document of another form.
pub fn reads(item: &Item) -> Result<(), Unavailable> {
    let doing = "reading an item";
    let part = |name| row::text(item, name).unwrap_or_default();
    let kind = ItemKind::of(part("pk"), part("sk"))
        .ok_or_else(|| Unavailable::new(doing, "no kind of item has its key"))?;
    let read =
        reader(kind.name).ok_or_else(|| Unavailable::new(doing, "nothing reads its kind"))?;
    read(item)
}

#[cfg(test)]
mod tests {
    use super::{super::ITEMS, *};

    #[test]
    fn every_kind_of_item_is_read() {
        let unread: Vec<_> = ITEMS.iter().filter(|kind| reader(kind.name).is_none()).collect();
        assert!(unread.is_empty(), "{unread:#?}");
    }
}
