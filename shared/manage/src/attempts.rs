//! Attempts: calls of endpoints with a message. Looking attempts up, listing them by message and by
//! endpoint, and removing what an endpoint answered.

mod destinations;
mod listing;

pub use adapters::table::EXPUNGED;
use adapters::table::ForgetOutcome;
use domain::{
    delivery::{Attempt, Delivery},
    id::{ApplicationId, AttemptId},
    retry::ErrorClass,
    standing::DeliveryStanding,
};

pub use self::{
    destinations::{destinations, messages_to, place_of_message},
    listing::{AttemptEntry, AttemptPlace, of_endpoint, of_message, place_to},
};
use crate::{ControlPlane, Refusal, messages, messages::Period};

/// Deliveries of a message that are read at a time.
const PAGE: usize = 250;

/// The calls of a delivery, newest first. A note of why there was no call is left out.
pub fn calls(delivery: &Delivery) -> impl DoubleEndedIterator<Item = &Attempt> {
    let called = |attempt: &&Attempt| !attempt.error.is_some_and(ErrorClass::is_note);
    delivery.attempts.iter().rev().filter(called)
}

/// The standing of one attempt: [`DeliveryStanding::Success`] or [`DeliveryStanding::Fail`].
pub fn standing(attempt: &Attempt) -> DeliveryStanding {
    match attempt.error {
        None => DeliveryStanding::Success,
        Some(_) => DeliveryStanding::Fail,
    }
}

/// Attempts of a list by what came of them; the default fits every attempt.
#[derive(Clone, Debug, Default)]
pub struct AttemptFilter {
    /// Standing that the attempt must have; `None` for any.
    pub standing: Option<DeliveryStanding>,
    /// Hundred of the status that the endpoint answered: 0 without an answer, or 100 to 500.
    pub status_class: Option<u16>,
    /// Interval in which the attempt was made.
    pub period: Period,
}

impl AttemptFilter {
    /// Whether an attempt is one of the list.
    pub fn fits(&self, attempt: &Attempt) -> bool {
        let class = attempt.status.unwrap_or(0) / 100 * 100;
        self.standing.is_none_or(|wanted| wanted == standing(attempt))
            && self.status_class.is_none_or(|wanted| wanted == class)
            && self.period.holds(attempt.at)
    }
}

/// An attempt of a message, with its delivery.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such message or attempt.
pub async fn find(
    control: &ControlPlane,
    application: &ApplicationId,
    message: &str,
    attempt: &str,
) -> Result<(Delivery, Attempt), Refusal> {
    let id = AttemptId::parse(attempt).map_err(|_| Refusal::NotFound)?;
    let event = messages::resolve(control, application, message).await?.id;
    let mut after = None;
    loop {
        let page = control.table().deliveries_page(&event, after.as_deref(), PAGE).await?;
        for delivery in page.items {
            let found = calls(&delivery).find(|call| call.id == id).cloned();
            if let Some(call) = found {
                return Ok((delivery, call));
            }
        }
        after = page.next;
        if after.is_none() {
            return Err(Refusal::NotFound);
        }
    }
}

/// The cursor of an attempt in the list of its message's attempts; `None` if it is not in the list.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn place_in_message(
    control: &ControlPlane,
    application: &ApplicationId,
    message: &str,
    attempt: &str,
) -> Result<Option<String>, Refusal> {
    match find(control, application, message, attempt).await {
        Ok((_, attempt)) => Ok(Some(listing::place(&attempt))),
        Err(Refusal::NotFound) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Removes what an endpoint answered; the attempt itself stays. [`EXPUNGED`] stands in its place.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such message or attempt, [`Refusal::Conflict`] while the
/// message is being sent.
pub async fn forget_answer(
    control: &ControlPlane,
    application: &ApplicationId,
    message: &str,
    attempt: &str,
) -> Result<(), Refusal> {
    let (delivery, call) = find(control, application, message, attempt).await?;
    let now = control.now();
    match control.table().forget_answer(&delivery.event, &delivery.id, &call.id, now).await? {
        ForgetOutcome::Done => Ok(()),
        ForgetOutcome::Unknown => Err(Refusal::NotFound),
        ForgetOutcome::Held => {
            let why = "the message is being sent at this moment; please try again";
            Err(Refusal::Conflict(why.to_owned()))
        }
    }
}
