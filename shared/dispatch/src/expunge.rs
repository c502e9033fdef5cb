//! Removing what a message said, for good: from the table, and from the bucket.

use adapters::{Unavailable, table::WriteOutcome};
use domain::{event::Event, id::EventId};

use crate::context::Context;

/// Removes an event's content: what subscribers receive, what its source sent, the request that it came
/// with, and other bytes that came under its key. The event and its attempts stay. From the first write on nothing is shown or
/// sent of it; the last one says that nothing is left, so a crash in between leaves objects that the
/// event still names, and doing it again removes them.
///
/// # Errors
/// Fails if DynamoDB or S3 does. Objects may be left then, which the event still names: a second call removes
/// them.
pub async fn expunge(context: &Context, event: &Event) -> Result<WriteOutcome, Unavailable> {
    let Context { table, bucket, clock, .. } = context;
    let mut event = event.clone();
    let mut claims = event.claims();
    event.expunge(clock.now());
    if table.rewrite_event(&event).await? == WriteOutcome::Refused {
        return Ok(WriteOutcome::Refused);
    }
    // What a conflict named is known no more once its row is gone; an object that is left over then
    // ends with the bucket's own rule.
    claims.extend(table.forget_conflicts(&event.id).await?);
    if event.has_request {
        table.forget_request(&event.id).await?;
    }
    for claim in &claims {
        bucket.remove(claim).await?;
    }
    event.forget_claims();
    table.settle_event(&event).await
}

/// Removes the content of an event if the time that its publisher gave it is over.
///
/// # Errors
/// Fails if DynamoDB or S3 does.
pub async fn expire(context: &Context, id: &EventId) -> Result<(), Unavailable> {
    let Some(event) = context.table.event(id).await? else { return Ok(()) };
    if event.is_expunged(context.clock.now()) {
        expunge(context, &event).await?.either_way();
    }
    Ok(())
}
