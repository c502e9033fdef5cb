//! Conflicts: other bodies that came under the key of an event. `process` keeps the first sixteen of an
//! event and counts them all.

use adapters::table::StoredConflict;
use domain::{event::Event, time::Timestamp};
use futures::future::try_join_all;

use crate::{ControlPlane, Refusal};

/// Most conflicts that are shown, the newest of those that are kept.
pub const MAX_SHOWN: usize = 5;

/// A body that came under the key of an event and differs from the event's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The time at which the request arrived.
    pub at: Timestamp,
    /// The media type of the body, as the sender named it.
    pub content_type: Option<String>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

/// The conflicts of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// At most [`MAX_SHOWN`], newest first.
    pub shown: Vec<Conflict>,
    /// The number of conflicts whose bodies are kept.
    pub kept: usize,
}

/// The newest conflicts of an event that are kept. There are none once the event's content was removed.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table or the bucket cannot be read.
pub async fn of(control: &ControlPlane, event: &Event) -> Result<Conflicts, Refusal> {
    if event.conflicts == 0 || event.is_expunged(control.now()) {
        return Ok(Conflicts::default());
    }
    let mut stored = control.table().conflicts(&event.id).await?;
    let kept = stored.len();
    stored.sort_by_key(|conflict| std::cmp::Reverse(conflict.at));
    stored.truncate(MAX_SHOWN);
    let open = stored.into_iter().map(|conflict| async move {
        let StoredConflict { body, content_type, at } = conflict;
        let body = control.bucket().open(body).await?;
        Ok::<_, Refusal>(Conflict { at, content_type, body })
    });
    Ok(Conflicts { shown: try_join_all(open).await?, kept })
}
