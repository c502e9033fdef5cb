//! Fan-outs: how far the deliveries of an event have been created, where they are created in pages.

use domain::{fan_out::FanOut, id::EventId, time::Timestamp};

use super::{
    EventRecording, Table, WriteOutcome,
    delivery_item::event_partition,
    row::{Condition, Row, Write, n},
};
use crate::Unavailable;

/// Sort key of a fan-out.
pub(super) const FAN: &str = "FAN";

impl Table {
    /// The write that begins the fan-out of an event that is recorded, if its deliveries are created in
    /// pages. The endpoints of the recording have been judged.
    pub(super) fn fan_out_write(&self, recording: &EventRecording<'_>) -> Option<Write> {
        let event = recording.event;
        let (id, application) = (event.id.clone(), event.application.clone());
        let fan = event.in_pages.then(|| FanOut::new(id, application, recording.endpoints))?;
        let row = self.fan_out_row(&fan, fan.due(0, event.created_at), event.created_at);
        Some(Write::Put(row, Condition::absent()))
    }

    fn fan_out_row(&self, fan: &FanOut, due: Option<Timestamp>, now: Timestamp) -> Row {
        Row::new(event_partition(&fan.event), FAN, fan)
            .with("version", n(fan.version))
            .due(fan.event.bare(), due)
            .expires(Some(self.expiry(now)))
    }

    /// The fan-out of an event; `None` if its deliveries were recorded with it.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn fan_out(&self, event: &EventId) -> Result<Option<FanOut>, Unavailable> {
        self.entity(&event_partition(event), FAN).await
    }

    /// Writes how far a fan-out has come, and when the sweep rings for it; `Refused` if it moved since it
    /// was read. The version is counted up here.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn advance_fan_out(
        &self,
        fan: &FanOut,
        due: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let as_read = Condition::version(fan.version);
        let fan = FanOut { version: fan.version + 1, ..fan.clone() };
        self.put(self.fan_out_row(&fan, due, now), Some(as_read)).await
    }
}
