//! Attempts: how one HTTP call is shown, and how its answer is removed.

use std::sync::Arc;

use adapters::table::ForgetOutcome;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    delivery::{Attempt, Delivery},
    event::Event,
    id::{ApplicationId, AttemptId, EventId},
    retry::ErrorClass,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    error::HttpErrorOut,
    messages::{self, MessageOut},
};
use crate::web::{Routes, error::Error, params::Params};
use manage::{ControlPlane, applications};

pub(super) fn routes() -> Routes {
    Routes::new().read(routes!(get)).admin(routes!(expunge))
}

/// An attempt as we show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageAttemptOut {
    id: String,
    msg_id: String,
    endpoint_id: String,
    url: String,
    /// The first bytes of the answer, or why there was none.
    response: String,
    /// 0 if there was no answer.
    response_status_code: u16,
    response_duration_ms: u64,
    /// 0 is success, 2 is failure.
    status: u8,
    status_text: &'static str,
    /// 0 is by schedule, 1 is by hand.
    trigger_type: u8,
    #[schema(format = DateTime)]
    timestamp: String,
    /// The message without its payload, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<MessageOut>,
}

const SUCCESS: u8 = 0;
const FAIL: u8 = 2;

fn status(attempt: &Attempt) -> u8 {
    if attempt.error.is_none() { SUCCESS } else { FAIL }
}

fn show(delivery: &Delivery, attempt: &Attempt) -> MessageAttemptOut {
    let status = status(attempt);
    let answered = attempt.status.is_some();
    MessageAttemptOut {
        id: attempt.id.to_string(),
        msg_id: delivery.event.message(),
        endpoint_id: delivery.endpoint.to_string(),
        url: attempt.url.clone(),
        response: if answered { attempt.response.clone() } else { attempt.detail.clone() },
        response_status_code: attempt.status.unwrap_or(0),
        response_duration_ms: attempt.duration_ms,
        status,
        status_text: if status == SUCCESS { "success" } else { "fail" },
        trigger_type: attempt.manual.into(),
        timestamp: attempt.at.rfc3339(),
        msg: None,
    }
}

/// The calls of a delivery, newest first. A note of why there was none is none.
pub(super) fn calls(delivery: &Delivery) -> impl DoubleEndedIterator<Item = &Attempt> {
    let called = |attempt: &&Attempt| !attempt.error.is_some_and(ErrorClass::is_note);
    delivery.attempts.iter().rev().filter(called)
}

/// Which attempts a list is to show.
pub(super) struct Filter {
    with_content: bool,
    /// Whether to show what a message is, too.
    pub(super) with_msg: bool,
    status: Option<u8>,
    code_class: Option<u16>,
    before: Option<Timestamp>,
    /// Nothing before that.
    pub(super) after: Option<Timestamp>,
}

impl Filter {
    pub(super) fn read(params: &Params) -> Result<Self, Error> {
        let status = status_param(params)?;
        let code_class = match params.text("status_code_class") {
            None => None,
            Some(text) => {
                let class = text.parse().ok().filter(|class| *class <= 500 && class % 100 == 0);
                let why = "is 0, 100, 200, 300, 400 or 500";
                Some(class.ok_or_else(|| Error::param("status_code_class", why))?)
            }
        };
        let (before, after) = (params.instant("before")?, params.instant("after")?);
        let with_content = params.flag("with_content", true)?;
        let with_msg = params.flag("with_msg", false)?;
        Ok(Self { with_content, with_msg, status, code_class, before, after })
    }

    pub(super) fn show(
        &self,
        delivery: &Delivery,
        attempt: &Attempt,
        event: Option<&Event>,
    ) -> MessageAttemptOut {
        let mut shown = show(delivery, attempt);
        if !self.with_content {
            shown.response.clear();
        }
        let event = event.filter(|_| self.with_msg);
        shown.msg = event.map(|event| MessageOut::of(event.clone(), messages::empty()));
        shown
    }

    pub(super) fn fits(&self, attempt: &Attempt) -> bool {
        let class = attempt.status.unwrap_or(0) / 100 * 100;
        self.status.is_none_or(|wanted| wanted == status(attempt))
            && self.code_class.is_none_or(|wanted| wanted == class)
            && self.before.is_none_or(|before| attempt.at < before)
            && self.after.is_none_or(|after| after < attempt.at)
    }
}

/// The status that a list is to show: a number from 0 to 4.
pub(super) fn status_param(params: &Params) -> Result<Option<u8>, Error> {
    let Some(text) = params.text("status") else { return Ok(None) };
    let status = text.parse().ok().filter(|status| *status <= 4);
    status.map(Some).ok_or_else(|| Error::param("status", "is 0, 1, 2, 3 or 4"))
}

/// An attempt of a message, with its delivery.
async fn find(
    control: &ControlPlane,
    application: &ApplicationId,
    msg: &str,
    attempt: &str,
) -> Result<(Delivery, Attempt), Error> {
    let id = AttemptId::parse(attempt).map_err(|_| Error::NotFound)?;
    let event: EventId = messages::resolve(control, application, msg).await?.id;
    for delivery in control.table().deliveries_of(&event).await? {
        let found = calls(&delivery).find(|call| call.id == id).cloned();
        if let Some(call) = found {
            return Ok((delivery, call));
        }
    }
    Err(Error::NotFound)
}

/// One attempt.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg/{msg}/attempt/{attempt}", tag = "svix: attempt", operation_id = "v1.message-attempt.get",
    params(("app" = String, Path), ("msg" = String, Path), ("attempt" = String, Path)),
    responses((status = 200, body = MessageAttemptOut), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg, attempt)): Path<(String, String, String)>,
) -> Result<Json<MessageAttemptOut>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let (delivery, call) = find(&control, &application, &msg, &attempt).await?;
    Ok(Json(show(&delivery, &call)))
}

/// Removes what an endpoint answered; the attempt itself stays.
#[utoipa::path(delete, path = "/api/v1/app/{app}/msg/{msg}/attempt/{attempt}/content", tag = "svix: attempt", operation_id = "v1.message-attempt.expunge-content",
    params(("app" = String, Path), ("msg" = String, Path), ("attempt" = String, Path)),
    responses((status = 204), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut)))]
async fn expunge(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg, attempt)): Path<(String, String, String)>,
) -> Result<StatusCode, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let (delivery, call) = find(&control, &application, &msg, &attempt).await?;
    let now = control.now();
    match control.table().forget_answer(&delivery.event, &delivery.id, &call.id, now).await? {
        ForgetOutcome::Done => Ok(StatusCode::NO_CONTENT),
        ForgetOutcome::Unknown => Err(Error::NotFound),
        ForgetOutcome::Held => {
            let why = "the message is being sent at this moment; please try again";
            Err(Error::Conflict(why.to_owned()))
        }
    }
}
