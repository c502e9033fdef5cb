//! Removing what a message said, for good: from the table, and from the bucket.

use adapters::{
    Unavailable,
    bucket::Bucket,
    table::{Table, WriteOutcome},
};
use domain::{event::Event, id::EventId, time::Timestamp};

/// Removes an event's content: what subscribers receive, what its source sent, and other bytes that
/// came under its key. The event and its attempts stay. From the first write on nothing is shown or
/// sent of it; the last one says that nothing is left, so a crash in between leaves objects that the
/// event still names, and doing it again removes them.
pub async fn expunge(
    table: &Table,
    bucket: &Bucket,
    event: &Event,
    now: Timestamp,
) -> Result<WriteOutcome, Unavailable> {
    let mut event = event.clone();
    let mut claims = event.claims();
    event.expunge(now);
    if table.rewrite_event(&event).await? == WriteOutcome::Refused {
        return Ok(WriteOutcome::Refused);
    }
    // What a conflict named is known no more once its row is gone; an object that is left over then
    // ends with the bucket's own rule.
    claims.extend(table.forget_conflicts(&event.id).await?);
    for claim in &claims {
        bucket.remove(claim).await?;
    }
    event.forget_claims();
    table.settle_event(&event).await
}

/// The same, if the time that its publisher gave it is over.
pub async fn expire(
    table: &Table,
    bucket: &Bucket,
    id: &EventId,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let Some(event) = table.event(id).await? else { return Ok(()) };
    if event.is_expunged(now) {
        expunge(table, bucket, &event, now).await?;
    }
    Ok(())
}
