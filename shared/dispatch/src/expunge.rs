//! Removing what a message said, for good: from the table, and from the bucket.

use adapters::{
    Unavailable,
    bucket::Bucket,
    table::{Table, Written},
};
use domain::{event::Event, time::Timestamp};

/// Removes an event's content: what subscribers receive, what its source sent, and other bytes that
/// came under its key. The event and its attempts stay. From the first write on nothing is shown or
/// sent of it; a crash after that leaves objects in the bucket that the event still names, and doing
/// it again removes them.
pub async fn expunge(
    table: &Table,
    bucket: &Bucket,
    event: &Event,
    now: Timestamp,
) -> Result<Written, Unavailable> {
    let mut event = event.clone();
    let mut claims = event.claims();
    let done = event.expunged_at.is_some() && claims.is_empty();
    event.expunge(now);
    if !done && table.rewrite_event(&event).await? == Written::Refused {
        return Ok(Written::Refused);
    }
    let named = !claims.is_empty();
    // What a conflict named is known no more once its row is gone: objects first would need another
    // look, and an object that is left over ends with the bucket's own rule.
    claims.extend(table.forget_conflicts(&event.id).await?);
    for claim in &claims {
        bucket.remove(claim).await?;
    }
    if named {
        event.forget_claims();
        return table.rewrite_event(&event).await;
    }
    Ok(Written::Yes)
}
