//! Listeners: endpoints whose deliveries go to whoever is connected and listens, such as `relay listen`.
//! A listener is made and taken again by its name.

use std::time::Duration;

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    random,
    table::Table,
};
use domain::{
    endpoint::Endpoint,
    filter::FilterText,
    id::{ApplicationId, EndpointId, EventId},
    listener::{self, Listener, Listening, MAX_NAME},
    live::topic::Topic,
    secret::{Secret, SecretKind},
    time::Timestamp,
};
use futures::future::try_join_all;
use tracing::info;

use super::{EndpointDraft, has_room, types, writes};
use crate::{
    ControlPlane, PageRequest, Principal, Refusal, Walk, applications,
    secret_draft::{self, SecretDraft, SecretUse},
    sources, walk,
};

/// Tries of a change when other requests change the same listener.
const TRIES: u32 = 8;
/// Most waiting deliveries that are counted.
const MAX_COUNTED: usize = 1000;
/// Largest body that an answer of the API has room for: a Lambda answers at most 6 MB, in base64.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// The time after which the use of a listener is written down again.
const SEEN_AGAIN: Duration = Duration::from_secs(3600);

/// A listener as its user wants it.
#[derive(Clone, Debug, Default)]
pub struct ListenerDraft {
    /// Id or uid of the application; without one the source's, the caller's own, or the only one.
    pub application: Option<String>,
    /// Name of the one source whose events are wanted.
    pub source: Option<String>,
    /// Event types and families that are wanted, at least one; `None` for all.
    pub events: Option<Vec<String>>,
    /// Pattern of the contents that are wanted.
    pub filter: Option<FilterText>,
    /// Key by which deliveries are ordered; `None` for no order.
    pub ordering: Option<String>,
}

/// A listener with all that is shown of it.
#[derive(Clone, Debug)]
pub struct ListenerView {
    /// The name of the listener and the time at which it was last used.
    pub listener: Listener,
    /// The endpoint that its deliveries are made to.
    pub endpoint: Endpoint,
    /// Whether a client is connected and listens.
    pub is_heard: bool,
    /// Deliveries that wait for somebody to listen, 1,000 at most.
    pub waiting: usize,
}

/// A listener that was made or taken again.
#[derive(Clone, Debug)]
pub struct ListenerChange {
    /// The listener as it is now.
    pub view: ListenerView,
    /// The secret that signs its deliveries.
    pub secret: Secret,
    /// Whether this request made it.
    pub created: bool,
    /// The time of the request: deliveries that wait could be attempted before it.
    pub at: Timestamp,
}

/// The application that a caller means: the one it names, its own, or the only one that there is.
async fn application(
    control: &ControlPlane,
    principal: &Principal,
    named: Option<&str>,
) -> Result<ApplicationId, Refusal> {
    if let Some(name) = named {
        applications::must_see(control, principal, name).await?;
        return Ok(applications::resolve(control, name).await?.id);
    }
    applications::only(control, principal).await
}

/// A listener and its endpoint; `None` if either is gone.
async fn read(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
) -> Result<(Option<Listener>, Option<Endpoint>), Refusal> {
    let Some(listener) = control.table().listener(application, name).await? else {
        return Ok((None, None));
    };
    let endpoint = control.table().endpoint(application, &listener.endpoint).await?;
    Ok((Some(listener), endpoint))
}

async fn view(
    control: &ControlPlane,
    listener: Listener,
    endpoint: Endpoint,
) -> Result<ListenerView, Refusal> {
    let topic = Topic::listener(endpoint.application.clone(), endpoint.id.clone());
    let (listening, waiting) = tokio::try_join!(
        control.table().listening(&topic),
        control.table().count_waiting(&endpoint.id, MAX_COUNTED)
    )?;
    let now = control.now();
    let is_heard = listening.is_some_and(|Listening { until, .. }| now < until);
    Ok(ListenerView { listener, endpoint, is_heard, waiting })
}

/// Makes a listener, or takes the one of this name again: what the draft says is true of it from then on,
/// its secret and what waits for it stay.
///
/// # Errors
///
/// [`Refusal::Invalid`] if the name or a field of the draft cannot be used, or several applications could
/// be meant; [`Refusal::NotFound`] if the application belongs to another tenant; [`Refusal::Conflict`] if
/// the application has as many endpoints as it may; [`Refusal::Busy`] if other requests change the
/// listener at every try.
pub async fn put(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    draft: ListenerDraft,
) -> Result<ListenerChange, Refusal> {
    if !listener::is_name(name) {
        let why = format!("is 1 to {MAX_NAME} of A-Z a-z 0-9 - _ .");
        return Err(Refusal::field("name", why));
    }
    let application = match &draft.source {
        Some(source) => {
            let source = sources::named(control, principal, source).await?;
            sources::must_belong(control, &source, draft.application.as_deref()).await?;
            source.application
        }
        None => application(control, principal, draft.application.as_deref()).await?,
    };
    let change =
        contested::write(TRIES, || take(control, &application, name, draft.clone())).await?;
    let endpoint = &change.view.endpoint.id;
    info!(audit = true, key = %principal, %endpoint, "a listener's secret was shown");
    Ok(change)
}

/// Reads a listener and writes the draft over it, on the condition that nothing changed in between.
async fn take(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
    draft: ListenerDraft,
) -> Result<TryOutcome<ListenerChange>, Refusal> {
    let now = control.now();
    let (listener, endpoint) = read(control, application, name).await?;
    let (Some(listener), Some(endpoint)) = (&listener, endpoint) else {
        return make(control, application, name, draft, listener.as_ref()).await;
    };
    let mut next = endpoint.clone();
    apply(control, draft, &mut next)?;
    types::must_exist(control, &endpoint.event_types, &next).await?;
    if endpoint.ordering.is_none() && next.ordering.is_some() {
        has_room(control, &next, false).await?;
    }
    if next != endpoint {
        next.updated_at = now;
        if writes::update(control, &endpoint, &next).await?.settles(()) == TryOutcome::Refused {
            return Ok(TryOutcome::Refused);
        }
    }
    let mut seen = listener.clone();
    if listener.seen_at.plus(SEEN_AGAIN) <= now {
        seen = listener.seen(now);
        // Refused: somebody else used it at the same time.
        control.table().see_listener(listener, now).await?.either_way();
    }
    let newest = next.live_secrets(now).next().ok_or(Refusal::NotFound)?;
    let secret = control.vault().unseal(&Endpoint::owner(&next.id), newest);
    let secret = secret.map_err(|error| Unavailable::new("opening a listener's secret", error))?;
    let view = view(control, seen, next).await?;
    let secret = secret.standard();
    Ok(TryOutcome::Settled(ListenerChange { view, secret, created: false, at: now }))
}

/// Makes a listener, in place of one whose endpoint was removed if there is such.
async fn make(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
    draft: ListenerDraft,
    gone: Option<&Listener>,
) -> Result<TryOutcome<ListenerChange>, Refusal> {
    let now = control.now();
    let id = EndpointId::random(random::bytes());
    let address = listener::address(name);
    let mut endpoint = Endpoint::new(id.clone(), application.clone(), &address, now);
    endpoint.policy = listener::policy();
    apply(control, draft, &mut endpoint)?;
    types::must_exist(control, &[], &endpoint).await?;
    let (any, purpose) = (SecretDraft::default(), SecretUse::Endpoint(&endpoint));
    let secret = secret_draft::check(&any, purpose, SecretKind::Hmac)?;
    endpoint.secrets = vec![secret_draft::seal(control, &endpoint, &secret)];
    has_room(control, &endpoint, true).await?;
    let listener = Listener {
        application: application.clone(),
        name: name.to_owned(),
        endpoint: id,
        seen_at: now,
        version: gone.map_or(1, |gone| gone.version + 1),
    };
    let written = writes::create_listener(control, &listener, &endpoint, gone).await?;
    let view = ListenerView { listener, endpoint, is_heard: false, waiting: 0 };
    Ok(written.settles(ListenerChange { view, secret, created: true, at: now }))
}

/// Writes a draft over the endpoint of a listener. What the draft leaves out is all events, unordered.
fn apply(
    control: &ControlPlane,
    draft: ListenerDraft,
    endpoint: &mut Endpoint,
) -> Result<(), Refusal> {
    let ListenerDraft { source, events, filter, ordering, application: _ } = draft;
    endpoint.source = source;
    let draft = EndpointDraft {
        event_types: Some(events),
        filter: Some(filter.unwrap_or_default()),
        ordering: Some(ordering.unwrap_or_else(|| "none".to_owned())),
        disabled: Some(false),
        ..EndpointDraft::default()
    };
    let spelt = |field: String| if field == "event_types" { "events".to_owned() } else { field };
    draft.apply(control, endpoint).map_err(|refusal| refusal.renamed(spelt))
}

/// The listener of this name.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such listener, or the caller may not see it; [`Refusal::Invalid`]
/// of `application` if several could be meant.
pub async fn find(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    named: Option<&str>,
) -> Result<(Listener, Endpoint), Refusal> {
    if !listener::is_name(name) {
        return Err(Refusal::NotFound);
    }
    let application = application(control, principal, named).await?;
    match read(control, &application, name).await? {
        (Some(listener), Some(endpoint)) => Ok((listener, endpoint)),
        _ => Err(Refusal::NotFound),
    }
}

/// A part of the list of listeners, the last used first: of one application, by id or uid, or of all that
/// the caller sees.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, or the caller may not see it.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    named: Option<&str>,
    page: PageRequest,
) -> Result<Walk<ListenerView>, Refusal> {
    let only = match named {
        Some(name) => Some(application(control, principal, Some(name)).await?),
        None => principal.application.clone(),
    };
    let keep = |listener: &Listener| only.as_ref().is_none_or(|own| *own == listener.application);
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().listeners(cursor.as_deref(), limit).await
    };
    let found = walk(page.cursor, page.limit, fetch, |_| true, keep, Table::listener_cursor);
    let found = found.await?;
    let shown = found.items.into_iter().map(|listener| async move {
        let table = control.table();
        match table.endpoint(&listener.application, &listener.endpoint).await? {
            Some(endpoint) => view(control, listener, endpoint).await.map(Some),
            None => Ok(None),
        }
    });
    let items = try_join_all(shown).await?.into_iter().flatten().collect();
    Ok(Walk { items, next: found.next, scanned: found.scanned })
}

/// Removes a listener. Deliveries that wait for it end as cancelled; its dead letters stay.
///
/// # Errors
///
/// As [`find`], and [`Refusal::Busy`] if other requests change it at every try.
pub async fn delete(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    named: Option<&str>,
) -> Result<(), Refusal> {
    contested::write(TRIES, || async {
        let (listener, endpoint) = find(control, principal, name, named).await?;
        Ok(writes::delete_listener(control, &listener, &endpoint).await?.settles(()))
    })
    .await
}

/// The body of an event's delivery to a listener, for one that is too large for a message.
///
/// # Errors
///
/// As [`find`]; [`Refusal::NotFound`] also if the application has no such event, its content was removed,
/// or the body is too large for an answer.
pub async fn body(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    named: Option<&str>,
    event: &EventId,
) -> Result<Vec<u8>, Refusal> {
    let (listener, _) = find(control, principal, name, named).await?;
    let event = control.table().event(event).await?.ok_or(Refusal::NotFound)?;
    if event.application != listener.application || event.is_expunged(control.now()) {
        return Err(Refusal::NotFound);
    }
    let body = control.bucket().open(event.payload).await?;
    if MAX_BODY < body.len() {
        return Err(Refusal::Conflict(format!("the body has more than {MAX_BODY} bytes")));
    }
    Ok(body)
}
