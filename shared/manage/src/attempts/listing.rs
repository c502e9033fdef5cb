//! Lists of attempts by message and by endpoint, in parts that can be read in both directions.

use std::fmt;

use adapters::table::Table;
use domain::{
    delivery::{Attempt, Delivery},
    event::Event,
    id::{AttemptId, DeliveryId, EndpointId, EventId},
};

use super::{AttemptFilter, calls};
use crate::{
    ControlPlane, MAX_SCANNED, PageRequest, Part, Refusal, is_place,
    messages::{self, Selection},
};

/// An attempt with its delivery and, where it was read, its event.
#[derive(Clone, Debug)]
pub struct AttemptEntry {
    /// Delivery that the attempt belongs to.
    pub delivery: Delivery,
    /// The attempt that was made.
    pub attempt: Attempt,
    /// Event of the delivery, if the list was asked for events or chooses by them.
    pub event: Option<Event>,
}

/// Attempts of a message, newest first; only those to one endpoint if it is given.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn of_message(
    control: &ControlPlane,
    event: &Event,
    endpoint: Option<&EndpointId>,
    selection: &Selection,
    filter: &AttemptFilter,
    request: PageRequest,
) -> Result<Part<AttemptEntry>, Refusal> {
    let PageRequest { cursor, back, limit } = request;
    let mut deliveries = match endpoint {
        Some(endpoint) => {
            control.table().delivery_to(&event.id, endpoint).await?.into_iter().collect()
        }
        None => control.table().deliveries_of(&event.id).await?,
    };
    if !selection.fits(event) {
        deliveries.clear();
    }
    let mut entries: Vec<(String, (&Delivery, &Attempt))> = Vec::new();
    for delivery in &deliveries {
        for call in calls(delivery).filter(|call| filter.fits(call)) {
            entries.push((place(call), (delivery, call)));
        }
    }
    entries.sort_by(|(one, _), (other, _)| if back { one.cmp(other) } else { other.cmp(one) });
    if let Some(cursor) = &cursor {
        entries.retain(|(place, _)| if back { cursor < place } else { place < cursor });
    }
    let more = limit < entries.len();
    entries.truncate(limit);
    let next = entries.last().map(|(place, _)| place.clone()).filter(|_| more);
    let entry = |(delivery, attempt): (&Delivery, &Attempt)| AttemptEntry {
        delivery: delivery.clone(),
        attempt: attempt.clone(),
        event: Some(event.clone()),
    };
    let entries = entries.into_iter().map(|(place, found)| (place, entry(found))).collect();
    Ok(Part { entries, next })
}

/// The cursor of an attempt in the list of its message's attempts.
pub(super) fn place(attempt: &Attempt) -> String {
    format!("{:013}-{}", attempt.at.0, attempt.id)
}

/// Finds the place of an attempt in the list of an endpoint's attempts by its id, among the
/// [`MAX_SCANNED`] newest deliveries; `None` if it is not among them.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn place_to(
    control: &ControlPlane,
    endpoint: &EndpointId,
    attempt: &AttemptId,
) -> Result<Option<AttemptPlace>, Refusal> {
    let (mut cursor, mut scanned) = (None::<String>, 0);
    loop {
        let page = control.table().deliveries_to(endpoint, cursor.as_deref(), 100, false).await?;
        let holds = |delivery: &&Delivery| calls(delivery).any(|call| call.id == *attempt);
        if let Some(delivery) = page.items.iter().find(holds) {
            return Ok(Some(AttemptPlace::of(delivery, attempt)));
        }
        scanned += page.items.len();
        cursor = page.next;
        if cursor.is_none() || MAX_SCANNED <= scanned {
            return Ok(None);
        }
    }
}

/// Place in the list of attempts to an endpoint: behind a delivery, or within it behind an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptPlace {
    /// Cursor of the delivery in its endpoint's list.
    delivery: String,
    /// Event and attempt, by which both are found again.
    within: Option<(EventId, AttemptId)>,
}

impl AttemptPlace {
    fn of(delivery: &Delivery, attempt: &AttemptId) -> Self {
        let within = Some((delivery.event.clone(), attempt.clone()));
        Self { delivery: Table::delivery_cursor(delivery), within }
    }

    /// Reads a place as it is printed; `None` for other text.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let (at, id, within) = match parts[..] {
            [at, id] => (at, id, None),
            [at, id, event, attempt] => {
                let within = (EventId::parse(event).ok()?, AttemptId::parse(attempt).ok()?);
                (at, id, Some(within))
            }
            _ => return None,
        };
        let delivery = format!("{at}-{id}");
        is_place(&delivery).then_some(Self { delivery, within })
    }

    fn delivery_id(&self) -> Option<DeliveryId> {
        DeliveryId::parse(self.delivery.split_once('-')?.1).ok()
    }
}

impl fmt::Display for AttemptPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.delivery)?;
        match &self.within {
            Some((event, attempt)) => write!(f, "-{}-{attempt}", event.event()),
            None => Ok(()),
        }
    }
}

/// Attempts to an endpoint, beginning behind `from`: the newest delivery first, each with its
/// attempts from the newest to the oldest. Events are read if `with_events` is set or the
/// selection chooses by them. The cursor of `request` is not looked at.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn of_endpoint(
    control: &ControlPlane,
    endpoint: &EndpointId,
    selection: &Selection,
    filter: &AttemptFilter,
    with_events: bool,
    from: Option<AttemptPlace>,
    request: &PageRequest,
) -> Result<Part<AttemptEntry>, Refusal> {
    let with_events = with_events || !selection.is_empty();
    // One more entry shows whether there are more.
    let most = request.limit + 1;
    let mut reading = Reading {
        control,
        endpoint,
        selection,
        filter,
        with_events,
        back: request.back,
        most,
        entries: Vec::new(),
    };
    let mut next = reading.read(from).await?;
    let mut entries = reading.entries;
    if request.limit < entries.len() {
        entries.truncate(request.limit);
        next = entries.last().map(|(place, _)| place.clone());
    }
    Ok(Part { entries, next })
}

/// A list of attempts that is being read in one of two directions.
struct Reading<'a> {
    control: &'a ControlPlane,
    endpoint: &'a EndpointId,
    selection: &'a Selection,
    filter: &'a AttemptFilter,
    with_events: bool,
    back: bool,
    most: usize,
    entries: Vec<(String, AttemptEntry)>,
}

impl Reading<'_> {
    /// Reads until enough entries are found, the list ends, or [`MAX_SCANNED`] deliveries were read.
    /// Returns the cursor behind which the list goes on.
    async fn read(&mut self, from: Option<AttemptPlace>) -> Result<Option<String>, Refusal> {
        let begun = from.as_ref().and_then(AttemptPlace::delivery_id);
        if let Some(AttemptPlace { within: Some((event, attempt)), .. }) = &from
            && let Some(id) = &begun
            && let Some(delivery) = self.control.table().delivery(event, id).await?
            && delivery.endpoint == *self.endpoint
        {
            let event = self.control.table().event(event).await?;
            let calls = self.ordered(&delivery);
            let behind = calls.iter().position(|call| call.id == *attempt);
            let rest = behind.map_or(&calls[..0], |behind| &calls[behind + 1..]);
            self.take(&delivery, rest, event.as_ref());
        }
        let (mut cursor, mut scanned) = (from.map(|from| from.delivery), 0);
        while self.entries.len() < self.most {
            let limit = self.most.clamp(10, 100);
            let table = self.control.table();
            let page = table.deliveries_to(self.endpoint, cursor.as_deref(), limit, self.back);
            let page = page.await?;
            let events = match self.with_events {
                true => messages::of_deliveries(self.control, &page.items).await?,
                false => Vec::new(),
            };
            for delivery in &page.items {
                if self.entries.len() < self.most && begun.as_ref() != Some(&delivery.id) {
                    let event = events.iter().find(|event| event.id == delivery.event);
                    self.take(delivery, &self.ordered(delivery), event);
                }
            }
            scanned += page.items.len();
            // However old a delivery is, it may have been attempted within the period.
            cursor = page.next;
            if cursor.is_none() {
                return Ok(None);
            }
            if MAX_SCANNED <= scanned {
                break;
            }
        }
        Ok(cursor)
    }

    /// The calls of a delivery in the direction of reading.
    fn ordered<'d>(&self, delivery: &'d Delivery) -> Vec<&'d Attempt> {
        if self.back { calls(delivery).rev().collect() } else { calls(delivery).collect() }
    }

    fn take(&mut self, delivery: &Delivery, calls: &[&Attempt], event: Option<&Event>) {
        if !self.selection.is_empty() && !event.is_some_and(|event| self.selection.fits(event)) {
            return;
        }
        for call in calls.iter().copied().filter(|call| self.filter.fits(call)) {
            let place = AttemptPlace::of(delivery, &call.id).to_string();
            let entry = AttemptEntry {
                delivery: delivery.clone(),
                attempt: call.clone(),
                event: event.cloned(),
            };
            self.entries.push((place, entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_printed_and_other_text_is_none() {
        let event = EventId::derive(&["e"]);
        let delivery = DeliveryId::of(&event, &EndpointId::derive(&["p"]), 0);
        let attempt = AttemptId::of(&delivery, 1);
        let behind = format!("1700000000000-{delivery}");
        for within in [None, Some((event.clone(), attempt.clone()))] {
            let place = AttemptPlace { delivery: behind.clone(), within };
            assert_eq!(AttemptPlace::parse(&place.to_string()), Some(place));
        }
        for bad in [
            "",
            "x",
            "-",
            "1700000000000-a-b",
            "1700000000000-a-b-c",
            "1700000000000-a--",
            "1700000000000#a",
        ] {
            assert_eq!(AttemptPlace::parse(bad), None, "{bad}");
        }
    }
}
