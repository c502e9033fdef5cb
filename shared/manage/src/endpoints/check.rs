//! Trying an endpoint out before it is made: whether the relay may call its address, and which of the
//! latest events it would have received. Nothing is written and nothing is called.

use std::time::Duration;

use domain::{
    application::Application,
    endpoint::Endpoint,
    event::{Event, EventOutcome},
    filter::Payload,
    id::{ApplicationId, EndpointId},
    listener,
    secret::SecretKind,
};
use futures::future::try_join_all;

use super::{EndpointDraft, types};
use crate::{
    ControlPlane, Principal, Refusal,
    applications::{self, DEFAULT},
    page::Effort,
    secret_draft::{self, SecretDraft, SecretUse},
};

/// Latest events of the application that a draft is tried with.
pub const MAX_TRIED: usize = 50;
/// Events whose payloads are read at the same time.
const AT_ONCE: usize = 10;
/// Longest time that a name may take to resolve.
const RESOLVING: Duration = Duration::from_secs(3);
/// Address that stands for a missing or forbidden one while the other fields are checked.
const STAND_IN: &str = "https://subscriber.example/";

/// Result of trying an endpoint out.
#[derive(Clone, Debug)]
pub struct EndpointCheck {
    /// Whether the address can be called now, and if not, the reason as a sentence without its full stop;
    /// `None` for a draft without an address.
    pub address: Option<Result<(), String>>,
    /// The latest events that were tried, newest first, each with whether the endpoint would have
    /// received it.
    pub events: Vec<(Event, bool)>,
}

/// Tries out the draft of an endpoint.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application or the caller may not see it;
/// [`Refusal::Invalid`] as [`create`](super::create), but for the address.
pub async fn check(
    control: &ControlPlane,
    principal: &Principal,
    app: &str,
    mut draft: EndpointDraft,
    secret: &SecretDraft,
) -> Result<EndpointCheck, Refusal> {
    let application = visible(control, principal, app).await?;
    let id = EndpointId::derive(&["draft"]);
    let mut endpoint = Endpoint::new(id, application, STAND_IN, control.now());
    let url = draft.url.take();
    let address = match &url {
        None => None,
        Some(url) => Some(callable(control, url).await),
    };
    // A forbidden address is an answer and no error, and hides no error of another field.
    let fits = |url: &String| control.rule().destination(url).is_ok();
    draft.url = url.filter(|url| fits(url) && listener::name_of(url).is_none());
    draft.apply(control, &mut endpoint)?;
    types::must_exist(control, &[], &endpoint).await?;
    secret_draft::check(secret, SecretUse::Endpoint(&endpoint), SecretKind::Hmac)?;
    let events = latest(control, &endpoint).await?;
    Ok(EndpointCheck { address, events })
}

/// The application of this id or uid. `default` need not be there yet, and is not made.
async fn visible(
    control: &ControlPlane,
    principal: &Principal,
    app: &str,
) -> Result<ApplicationId, Refusal> {
    applications::must_see(control, principal, app).await?;
    let known = control.table().application_named(app).await?.filter(Application::is_there);
    let id = match known {
        Some(known) => known.id,
        None if app == DEFAULT => applications::id_of(control.table(), app).await?,
        None => return Err(Refusal::NotFound),
    };
    principal.must_see(&id)?;
    Ok(id)
}

/// Whether an address may be called, its name resolved now.
async fn callable(control: &ControlPlane, url: &str) -> Result<(), String> {
    if listener::name_of(url).is_some() {
        return Err(
            "the address is that of a listener, which PUT /v1/listeners/{name} makes".to_owned()
        );
    }
    let judged = tokio::time::timeout(RESOLVING, control.calls().caller.judge(url)).await;
    judged.unwrap_or_else(|_| {
        Err(format!("the name does not resolve within {} s", RESOLVING.as_secs()))
    })
}

/// The latest events of the endpoint's application, read for a second or [`MAX_TRIED`] of them.
async fn latest(
    control: &ControlPlane,
    endpoint: &Endpoint,
) -> Result<Vec<(Event, bool)>, Refusal> {
    let page = control.table().events(&endpoint.application, None, MAX_TRIED, false).await?;
    let (mut tried, mut effort) = (Vec::with_capacity(page.items.len()), Effort::of(MAX_TRIED));
    for some in page.items.chunks(AT_ONCE) {
        if effort.is_spent() {
            break;
        }
        let judged = try_join_all(some.iter().map(|event| wants(control, endpoint, event))).await?;
        tried.extend(some.iter().cloned().zip(judged));
        effort.scan(some.len());
    }
    Ok(tried)
}

/// Whether the endpoint would have received an event. A payload is read only for a filter; one that was
/// removed matches no filter.
async fn wants(
    control: &ControlPlane,
    endpoint: &Endpoint,
    event: &Event,
) -> Result<bool, Refusal> {
    if event.outcome != EventOutcome::Announced || !endpoint.wants(event) {
        return Ok(false);
    }
    if endpoint.filter.is_none() {
        return Ok(true);
    }
    if event.is_expunged(control.now()) {
        return Ok(false);
    }
    let payload = control.bucket().open(event.payload.clone()).await?;
    Ok(endpoint.accepts(event, &Payload::new(&payload)))
}
