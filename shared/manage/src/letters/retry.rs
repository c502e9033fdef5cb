//! Putting back one dead letter while a caller waits (R3.8).
//!
//! The delivery is opened and attempted in this process, once, without ringing for it, so that no
//! worker races for the same attempt. If the process dies, the delivery is due and the sweep rings. If
//! the attempt fails, the delivery is dead again, and `redeliver` parks it in the letter that it has.

use std::time::Duration;

use adapters::table::WriteOutcome;
use dispatch::outcome::AttemptOutcome;
use domain::{
    delivery::{AttemptRound, Delivery, DeliveryState},
    letter::{Letter, LetterSubject},
    time::Timestamp,
};

use super::find;
use crate::{ControlPlane, Principal, Refusal};

/// Longest attempt, whatever the endpoint's policy says: API Gateway waits for 29 s in all.
const LIMIT: Duration = Duration::from_secs(25);
/// Time between two looks at a delivery that another worker holds.
const PAUSE: Duration = Duration::from_millis(200);

/// A letter that was put back once.
#[derive(Debug)]
pub struct LetterRetry {
    /// The letter as it was before.
    pub letter: Letter,
    /// Whether the endpoint has it now; `None` if a worker holds the delivery and has not finished.
    pub success: Option<bool>,
    /// Time at which the letter was tried.
    pub retried_at: Timestamp,
}

/// Tries the letter of this number or id once, now. A message goes back to its queue. `forced`
/// sends even what has arrived.
///
/// # Errors
///
/// [`Refusal::NotFound`] as [`find`], [`Refusal::Done`] if the letter was retried successfully
/// before, [`Refusal::Conflict`] if the letter cannot be put back now, or its message can never be
/// recorded.
pub async fn retry(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    forced: bool,
) -> Result<LetterRetry, Refusal> {
    let letter = find(control, principal, name).await?;
    if letter.retry_success == Some(true) && !forced {
        return Err(Refusal::Done(
            "it was retried successfully already; force=true sends it again",
        ));
    }
    let now = control.now();
    let success = match &letter.what {
        LetterSubject::Delivery { .. } => delivery(control, &letter, forced, now).await?,
        LetterSubject::Message { .. } => {
            let context = control.context();
            let outcome =
                context.redrive(control.inbox(), &letter, AttemptRound::Once, now).await?;
            if outcome == WriteOutcome::Refused
                && let Some(why) = context.unrecordable(&letter).await?
            {
                return Err(Refusal::Conflict(why));
            }
            Some(outcome == WriteOutcome::Done)
        }
    };
    Ok(LetterRetry { letter, success, retried_at: now })
}

/// One attempt of the letter's delivery.
async fn delivery(
    control: &ControlPlane,
    letter: &Letter,
    forced: bool,
    now: Timestamp,
) -> Result<Option<bool>, Refusal> {
    let reopened = control.context().reopen(letter, AttemptRound::Once, now, forced).await?;
    let Some(delivery) = reopened else {
        return Err(Refusal::Conflict(why_not(control, letter).await?.to_owned()));
    };
    let (event, id) = (&delivery.event, &delivery.id);
    let attempted = control.calls().attempt_within(event, id, true, Some(LIMIT)).await?;
    Ok(match attempted {
        AttemptOutcome::Called(delivery) | AttemptOutcome::Ended(delivery) => success(&delivery),
        // It waits for longer than the caller does, as a delivery does that nobody listens for.
        AttemptOutcome::Early(at) if LIMIT < at.since(now) => None,
        // A bell from before had another worker claim the delivery first, or a listener is at it.
        AttemptOutcome::Busy
        | AttemptOutcome::HandedOver(_)
        | AttemptOutcome::Early(_)
        | AttemptOutcome::Stale
        | AttemptOutcome::Unknown => settled(control, &delivery).await?,
    })
}

fn success(delivery: &Delivery) -> Option<bool> {
    match delivery.state {
        DeliveryState::Pending => None,
        state => Some(state == DeliveryState::Delivered),
    }
}

/// Outcome of the delivery at another worker; `None` if it is still open after [`LIMIT`].
async fn settled(control: &ControlPlane, delivery: &Delivery) -> Result<Option<bool>, Refusal> {
    let wait = async {
        loop {
            let now = control.table().delivery(&delivery.event, &delivery.id).await?;
            match now.as_ref().map(success) {
                Some(None) => tokio::time::sleep(PAUSE).await,
                Some(known) => return Ok(known),
                None => return Ok(Some(false)),
            }
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or(Ok(None))
}

/// Reason for which a letter cannot be put back now.
async fn why_not(control: &ControlPlane, letter: &Letter) -> Result<&'static str, Refusal> {
    let LetterSubject::Delivery { event, delivery, .. } = &letter.what else {
        return Ok("it is no delivery");
    };
    let delivery = control.table().delivery(event, delivery).await?;
    Ok(match delivery.map(|delivery| delivery.state) {
        None => "its event is gone",
        Some(DeliveryState::Pending) => "it is on its way already",
        Some(DeliveryState::Delivered) => "it has arrived; force=true sends it again",
        Some(DeliveryState::Cancelled) => "its endpoint is gone",
        Some(DeliveryState::Dead) => "it changed at the same time, please try again",
    })
}
