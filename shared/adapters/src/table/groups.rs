//! Log groups of CloudWatch: since when the relay's filter brings their lines, and the jobs whose earlier
//! lines were read. An item holds for a day, so that a filter that somebody removed is set again.

use std::time::Duration;

use domain::{id::JobId, time::Timestamp};

use super::{
    Item, Table, WriteOutcome,
    row::{self, Condition, Row, n},
};
use crate::Unavailable;

const FILTER: &str = "FILTER";
/// Time for which it is not looked again.
const HOLDS: Duration = Duration::from_secs(86_400);

/// The progress of drawing the lines of a job from a log group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupProgress {
    /// The time since which a subscription filter brings the lines of the group; `None` if the relay
    /// has not looked within a day.
    pub filtered_since: Option<Timestamp>,
    /// Whether the lines that the group had of the job before were read within a day.
    pub read: bool,
}

fn partition(group: &str) -> String {
    format!("LOGGROUP#{group}")
}

fn read_key(job: &JobId) -> String {
    format!("READ#{job}")
}

impl Table {
    /// The progress of drawing the lines of a job from a log group.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn group_progress(
        &self,
        group: &str,
        job: &JobId,
        now: Timestamp,
    ) -> Result<GroupProgress, Unavailable> {
        let keys = [FILTER.to_owned(), read_key(job)].map(|sk| (partition(group), sk));
        let items = self.items(keys.into()).await?;
        // The time to live may be days late.
        let holds =
            |item: &&Item| row::number(item, "expires_at").is_some_and(|at| now.secs() < at);
        let mut progress = GroupProgress::default();
        for item in items.iter().filter(holds) {
            match row::text(item, "sk") {
                Some(FILTER) => progress.filtered_since = Some(row::document(item)?),
                _ => progress.read = true,
            }
        }
        Ok(progress)
    }

    /// Notes since when a filter brings the lines of a group. `Refused` if another worker noted it
    /// within a day: its time stands.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn note_filter(
        &self,
        group: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let free = Condition::new("attribute_not_exists(pk) OR expires_at <= :now")
            .value(":now", n(now.secs()));
        let row = Row::new(partition(group), FILTER, &since);
        self.put(row.expires(Some(now.plus(HOLDS).secs())), Some(free)).await
    }

    /// Notes that the lines that a group had of a job before were read and kept.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn note_group_read(
        &self,
        group: &str,
        job: &JobId,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let row = Row::new(partition(group), read_key(job), &now);
        self.put(row.expires(Some(now.plus(HOLDS).secs())), None)
            .await
            .map(WriteOutcome::either_way)
    }
}
