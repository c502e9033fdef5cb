//! Finding a thing by whichever of its ids somebody has at hand.
//!
//! Every form of id is read directly. Two things have no index of their own: deliveries and attempts are
//! looked for among the latest events, and the beginning of an id among the latest events and jobs. These
//! walks are bounded, and begin only if nothing was found directly.

use domain::{
    application::Application,
    batch::Batch,
    delivery::{Attempt, Delivery},
    endpoint::Endpoint,
    event::Event,
    id::{AttemptId, BatchId, DeliveryId, EventId, LetterId, MAX_EXTERNAL_ID, is_identifier},
    job::Job,
    letter::{Letter, LetterSubject},
    listener::{self, Listener},
    source::Source,
    task::Task,
};

use crate::{
    ControlPlane, PageRequest, Principal, Refusal, applications, endpoints,
    events::{self, EventFilter, MAX_MERGED, MIN_PREFIX},
    jobs::{self, JobFilter},
    letters, sources, tasks,
};

/// Most things that one search finds.
pub const MAX_FOUND: usize = 10;
/// Longest text that is looked for, in bytes: no id is longer.
pub const MAX_TEXT: usize = MAX_EXTERNAL_ID;
/// Listeners that are looked through.
const MAX_LISTENERS: usize = 250;

/// A thing that was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// An event, by its id or the beginning of it.
    Event(Box<Event>),
    /// A delivery, by its id.
    Delivery(Box<Delivery>),
    /// An attempt, by its id, with its delivery.
    Attempt(Box<Delivery>, Box<Attempt>),
    /// A job, by any of its ids or the beginning of one.
    Job(Box<Job>),
    /// A batch, by the relay's id or the senders'.
    Batch(Box<Batch>),
    /// An endpoint, by its id, or by its uid for a caller of one application.
    Endpoint(Box<Endpoint>),
    /// A dead letter, by its number or id.
    Letter(Box<Letter>),
    /// A source, by its name.
    Source(Box<Source>),
    /// A task, by its id.
    Task(Box<Task>),
    /// An application, by its id or uid.
    Application(Box<Application>),
    /// A listener, by its name.
    Listener(Box<Listener>),
}

/// The things that were found.
#[derive(Clone, Debug)]
pub struct Search {
    /// At most [`MAX_FOUND`], those that the whole text names first.
    pub found: Vec<Found>,
    /// Whether everything was looked through that could bear the id.
    pub complete: bool,
}

/// Looks for the things that bear an id, among those that the caller sees.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `q` for a text that is empty or longer than [`MAX_TEXT`].
pub async fn search(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<Search, Refusal> {
    if text.is_empty() || MAX_TEXT < text.len() {
        return Err(Refusal::field("q", format!("is 1 to {MAX_TEXT} bytes")));
    }
    let (mut found, mut complete) = named(control, principal, text).await?;
    if found.is_empty() {
        let parts = [
            beginnings_of_events(control, principal, text).await?,
            among_deliveries(control, principal, text).await?,
            beginnings_of_jobs(control, principal, text).await?,
        ];
        for (some, all) in parts {
            found.extend(some);
            complete &= all;
        }
    }
    complete &= found.len() <= MAX_FOUND;
    found.truncate(MAX_FOUND);
    Ok(Search { found, complete })
}

/// A result that may be missing, or that would take too many applications to look through.
fn there<T>(result: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Refusal::NotFound | Refusal::Invalid { .. }) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// The things that the whole text names, each read directly, and whether every application was looked at.
async fn named(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<(Vec<Found>, bool), Refusal> {
    let (event, dead, jobs, batches, endpoint, letter, source, task, application, listeners) = tokio::try_join!(
        event(control, principal, text),
        dead_delivery(control, principal, text),
        jobs::candidates(control.table(), principal, text, None),
        batches(control, principal, text),
        endpoint(control, principal, text),
        async { there(letters::find(control, principal, text.trim_start_matches('#')).await) },
        async { there(sources::find(control, principal, text).await) },
        async { there(tasks::find(control, principal, text).await) },
        application(control, principal, text),
        listeners(control, principal, text),
    )?;
    let ((batches, all_batches), (endpoint, all_endpoints), (listeners, all_listeners)) =
        (batches, endpoint, listeners);
    let mut found: Vec<Found> = Vec::new();
    found.extend(event.map(|it| Found::Event(Box::new(it))));
    found.extend(dead.map(|it| Found::Delivery(Box::new(it))));
    found.extend(jobs.into_iter().map(|it| Found::Job(Box::new(it))));
    found.extend(batches.into_iter().map(|it| Found::Batch(Box::new(it))));
    found.extend(endpoint.map(|it| Found::Endpoint(Box::new(it))));
    found.extend(letter.map(|it| Found::Letter(Box::new(it))));
    found.extend(source.map(|it| Found::Source(Box::new(it))));
    found.extend(task.map(|it| Found::Task(Box::new(it))));
    found.extend(application.map(|it| Found::Application(Box::new(it))));
    found.extend(listeners.into_iter().map(|it| Found::Listener(Box::new(it))));
    Ok((found, all_batches && all_endpoints && all_listeners))
}

/// The endpoint of this id, and whether every application was looked at.
async fn endpoint(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<(Option<Endpoint>, bool), Refusal> {
    match endpoints::find(control, principal, text, None).await {
        Ok(endpoint) => Ok((Some(endpoint), true)),
        Err(Refusal::NotFound) => Ok((None, true)),
        // There are too many applications to look through.
        Err(Refusal::Invalid { .. }) => Ok((None, false)),
        Err(refusal) => Err(refusal),
    }
}

async fn event(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<Option<Event>, Refusal> {
    match EventId::parse(text) {
        Ok(id) => there(events::find(control, principal, &id).await),
        Err(_) => Ok(None),
    }
}

/// The delivery of this id if it has a dead letter, whose id follows from the delivery's.
async fn dead_delivery(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<Option<Delivery>, Refusal> {
    let Ok(id) = DeliveryId::parse(text) else { return Ok(None) };
    let letter = control.table().letter(&LetterId::of_delivery(&id)).await?;
    let Some(Letter { what: LetterSubject::Delivery { event, .. }, .. }) = letter else {
        return Ok(None);
    };
    let delivery = control.table().delivery(&event, &id).await?;
    Ok(delivery.filter(|delivery| principal.sees(&delivery.application)))
}

/// The batches that the relay or senders call so, and whether every application was looked at.
async fn batches(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<(Vec<Batch>, bool), Refusal> {
    let table = control.table();
    let mut ids: Vec<BatchId> = BatchId::parse(text).ok().into_iter().collect();
    let (applications, all) = match &principal.application {
        Some(own) => (vec![own.clone()], true),
        None => {
            let page = table.applications_page(None, MAX_MERGED, false).await?;
            let ids = page.items.into_iter().map(|application| application.id);
            (ids.collect(), page.next.is_none())
        }
    };
    ids.extend(applications.iter().map(|application| BatchId::of(application, text)));
    let mut batches = table.batches_of(&ids).await?;
    batches.retain(|batch| principal.sees(&batch.application));
    Ok((batches, all))
}

async fn application(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<Option<Application>, Refusal> {
    if !is_identifier(text, applications::MAX_UID) {
        return Ok(None);
    }
    let known = control.table().application_named(text).await?;
    Ok(known.filter(|known| known.is_there() && principal.sees(&known.id)))
}

/// The listeners of this name, in the caller's application or among the last used of all, and whether all
/// were looked at.
async fn listeners(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<(Vec<Listener>, bool), Refusal> {
    if !is_identifier(text, listener::MAX_NAME) {
        return Ok((Vec::new(), true));
    }
    match &principal.application {
        Some(own) => {
            let listener = control.table().listener(own, text).await?;
            Ok((listener.into_iter().collect(), true))
        }
        None => {
            let page = control.table().listeners(None, MAX_LISTENERS).await?;
            let named = page.items.into_iter().filter(|listener| listener.name == text);
            Ok((named.collect(), page.next.is_none()))
        }
    }
}

/// Events whose id begins with the text, among the latest, and whether all were looked at.
async fn beginnings_of_events(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<(Vec<Found>, bool), Refusal> {
    let bare = text.strip_prefix(EventId::PREFIX);
    let bare = bare.or_else(|| text.strip_prefix(EventId::MESSAGE_PREFIX)).unwrap_or(text);
    if bare.len() < MIN_PREFIX || !bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok((Vec::new(), true));
    }
    let filter = EventFilter { id: Some(bare.to_owned()), ..EventFilter::default() };
    let Some(part) = there(events::list(control, principal, filter, first()).await)? else {
        return Ok((Vec::new(), false));
    };
    let found = part.items.into_iter().map(|listed| Found::Event(Box::new(listed.event)));
    Ok((found.collect(), part.next.is_none()))
}

/// Jobs with an id that begins with the text, among the latest, and whether all were looked at.
async fn beginnings_of_jobs(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<(Vec<Found>, bool), Refusal> {
    let filter = JobFilter { prefix: Some(text.to_owned()), ..JobFilter::default() };
    let part = jobs::list(control, principal, &filter, first()).await?;
    let found = part.items.into_iter().map(|job| Found::Job(Box::new(job)));
    Ok((found.collect(), part.next.is_none()))
}

/// The delivery or attempt of this id, among the deliveries of the latest events, and whether all were
/// looked at.
async fn among_deliveries(
    control: &ControlPlane,
    principal: &Principal,
    text: &str,
) -> Result<(Vec<Found>, bool), Refusal> {
    if let Ok(id) = DeliveryId::parse(text) {
        let is_it = |delivery: &Delivery| delivery.id == id;
        let Some(looked) = there(events::find_delivery(control, principal, is_it).await)? else {
            return Ok((Vec::new(), false));
        };
        let found = looked.found.map(|delivery| Found::Delivery(Box::new(delivery)));
        return Ok((found.into_iter().collect(), looked.complete));
    }
    let Ok(id) = AttemptId::parse(text) else { return Ok((Vec::new(), true)) };
    let is_it = |delivery: &Delivery| delivery.attempts.iter().any(|attempt| attempt.id == id);
    let Some(looked) = there(events::find_delivery(control, principal, is_it).await)? else {
        return Ok((Vec::new(), false));
    };
    let found = looked.found.and_then(|delivery| {
        let attempt = delivery.attempts.iter().find(|attempt| attempt.id == id)?.clone();
        Some(Found::Attempt(Box::new(delivery), Box::new(attempt)))
    });
    Ok((found.into_iter().collect(), looked.complete))
}

/// The first part of a list, as long as a search's answer.
const fn first() -> PageRequest {
    PageRequest { cursor: None, back: false, limit: MAX_FOUND }
}
