//! Alarms: one item for each, with its newest state.

use std::time::Duration;

use domain::{alarm::Alarm, time::Timestamp};

use super::{
    Table, WriteOutcome,
    row::{self, Condition, Row, n},
};
use crate::Unavailable;

const ALARMS: &str = "ALARMS";
/// How long a state is kept after it began.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

impl Table {
    /// Writes the state of an alarm; `Refused` if a later one is known.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn put_alarm(&self, alarm: &Alarm) -> Result<WriteOutcome, Unavailable> {
        let row = Row::new(ALARMS, &alarm.name, alarm)
            .with("since", n(alarm.since.0))
            .expires(Some(alarm.since.plus(KEPT).secs()));
        let newer = Condition::new("attribute_not_exists(pk) OR since <= :since");
        self.put(row, Some(newer.value(":since", n(alarm.since.0)))).await
    }

    /// Alarms whose state began within 30 days, by name.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn alarms(&self, now: Timestamp) -> Result<Vec<Alarm>, Unavailable> {
        let mut alarms = row::readable(&self.partition(ALARMS, "").await?, row::document::<Alarm>);
        // DynamoDB may take two days to remove what has expired.
        alarms.retain(|alarm| now.since(alarm.since) <= KEPT);
        Ok(alarms)
    }
}
