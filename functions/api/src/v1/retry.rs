//! Putting back one dead letter while somebody waits (R3.8).
//!
//! The delivery is opened and attempted right here, once, without ringing for it: no worker races
//! for the same attempt, and should this process die, the delivery is due and the sweep rings. If
//! the attempt fails the delivery is dead again, and `redeliver` parks it in the letter it has.

use std::{sync::Arc, time::Duration};

use adapters::table::RedriveOutcome;
use axum::{
    Json,
    extract::{Path, State},
};
use dispatch::attempt::Attempted;
use domain::{
    delivery::{AttemptRound, Delivery, DeliveryState},
    letter::{Letter, LetterSubject},
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    v1::letter::find,
    web::{Routes, error::Error, gate::Authenticated, params::Params},
};
use manage::ControlPlane;

/// How long an attempt may take here, whatever the endpoint's policy says: we have 29 s in all.
const LIMIT: Duration = Duration::from_secs(25);

pub(crate) fn routes() -> Routes {
    Routes::new().admin(routes!(retry))
}

/// LetterSubject came of putting a letter back (R3.8).
#[derive(Serialize, ToSchema)]
struct Retried {
    /// The letter's number.
    id: u64,
    letter_id: String,
    batch_id: Option<String>,
    /// Whether the endpoint has it now; null if a worker was at it and has not finished.
    retry_success: Option<bool>,
    retried_at: String,
    /// Whether it was to be sent even if it had arrived.
    forced: bool,
}

/// Tries a dead letter once, now. A message goes back to its queue.
#[utoipa::path(post, path = "/v1/webhooks/dead-letter/{id}/retry", tag = "dead letters", operation_id = "retry_dead_letter",
    params(("id" = String, Path, description = "Its number or its id."), ("force" = Option<bool>, Query, description = "Send it even if it has arrived.")),
    responses((status = 200, body = Retried), (status = 400, description = "It has arrived already"), (status = 401), (status = 403), (status = 404), (status = 409)))]
async fn retry(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Json<Retried>, Error> {
    let forced = params.flag("force", false)?;
    let letter = find(&control, &principal, &id).await?;
    if letter.retry_success == Some(true) && !forced {
        let why = "it was retried successfully already; force=true sends it again";
        return Err(Error::Bad(why.to_owned()));
    }
    let now = control.now();
    let (retry_success, batch_id) = match &letter.what {
        LetterSubject::Delivery { batch_id, .. } => {
            (delivery(&control, &letter, forced, now).await?, batch_id.clone())
        }
        LetterSubject::Message { .. } => {
            let redriven = control.redrive().redrive(&letter, AttemptRound::Once, now).await?;
            (Some(redriven == RedriveOutcome::Done), None)
        }
    };
    Ok(Json(Retried {
        id: letter.number,
        letter_id: letter.id.to_string(),
        batch_id,
        retry_success,
        retried_at: now.rfc3339(),
        forced,
    }))
}

/// One attempt of the letter's delivery.
async fn delivery(
    control: &ControlPlane,
    letter: &Letter,
    forced: bool,
    now: Timestamp,
) -> Result<Option<bool>, Error> {
    let Some(delivery) = control.redrive().reopen(letter, AttemptRound::Once, now, forced).await?
    else {
        return Err(Error::Conflict(why_not(control, letter).await?.to_owned()));
    };
    let (event, id) = (&delivery.event, &delivery.id);
    let attempted = control.attempts().attempt_within(event, id, true, Some(LIMIT)).await?;
    Ok(match attempted {
        Attempted::Called(delivery) | Attempted::Ended(delivery) => success(&delivery),
        // A bell from before had somebody take it first.
        Attempted::Busy | Attempted::Early(_) | Attempted::Stale | Attempted::Unknown => {
            settled(control, &delivery).await?
        }
    })
}

fn success(delivery: &Delivery) -> Option<bool> {
    match delivery.state {
        DeliveryState::Pending => None,
        state => Some(state == DeliveryState::Delivered),
    }
}

/// LetterSubject another worker makes of it, as long as we may wait.
async fn settled(control: &ControlPlane, delivery: &Delivery) -> Result<Option<bool>, Error> {
    let wait = async {
        loop {
            let now = control.table().delivery(&delivery.event, &delivery.id).await?;
            match now.as_ref().map(success) {
                Some(None) => tokio::time::sleep(Duration::from_millis(200)).await,
                Some(known) => return Ok(known),
                None => return Ok(Some(false)),
            }
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or(Ok(None))
}

/// Why a letter cannot be put back just now.
async fn why_not(control: &ControlPlane, letter: &Letter) -> Result<&'static str, Error> {
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
