//! Messages: events of an application as its publisher sees them. Looking them up, reading their
//! payloads, listing them and removing their content.

use adapters::{
    random,
    table::{Table, WriteOutcome},
};
use domain::{
    delivery::Delivery,
    event::Event,
    id::{ApplicationId, EventId, TaskId, is_identifier},
    task::Task,
    time::Timestamp,
};
use futures::{StreamExt, stream};
use serde_json::value::RawValue;
use tracing::info;

use crate::{ControlPlane, PageRequest, Part, Principal, Refusal, Walk, applications, tasks, walk};

/// Longest id that a publisher gives a message, in characters.
pub const MAX_EVENT_ID: usize = 256;
/// Most messages whose content is removed by one request.
pub const MAX_EXPUNGED: usize = 100;
/// Most payload bytes of one part of a list: Lambda answers 6 MB at most.
const MAX_CONTENT: usize = 4 * 1024 * 1024;
/// Payloads that are read from the bucket at the same time.
const PARALLEL_READS: usize = 8;

/// Messages of a list by what they are; an empty selection fits every message.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Event types, one of which the message has; an empty list fits every type.
    pub event_types: Vec<String>,
    /// Channel that the message was published on.
    pub channel: Option<String>,
    /// Tag that the message carries.
    pub tag: Option<String>,
}

impl Selection {
    /// Whether the selection fits every message.
    pub fn is_empty(&self) -> bool {
        self.event_types.is_empty() && self.channel.is_none() && self.tag.is_none()
    }

    /// Whether a message is one of the selection.
    pub fn fits(&self, event: &Event) -> bool {
        let among = |list: &[String], wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| list.contains(wanted))
        };
        (self.event_types.is_empty() || self.event_types.contains(&event.event_type))
            && among(&event.channels, &self.channel)
            && among(&event.asked.tags, &self.tag)
    }
}

/// A half-open interval of time, so that two lists that meet at one moment hold everything once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Period {
    /// End of the period, which is not part of it.
    pub before: Option<Timestamp>,
    /// Beginning of the period, which is part of it.
    pub after: Option<Timestamp>,
}

impl Period {
    /// Whether the interval has neither end.
    pub fn is_unbounded(&self) -> bool {
        self.before.is_none() && self.after.is_none()
    }

    /// Whether a moment lies within the interval.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.before.is_none_or(|before| at < before) && self.after.is_none_or(|after| after <= at)
    }
}

/// The payload of a message as far as it can be shown.
#[derive(Clone, Debug)]
pub enum Content {
    /// The payload, which is JSON.
    Json(Box<RawValue>),
    /// A payload that is not JSON, or was not asked for.
    Hidden,
    /// A payload that is kept no longer.
    Expunged,
}

impl Content {
    fn size(&self) -> usize {
        match self {
            Self::Json(payload) => payload.get().len(),
            Self::Hidden | Self::Expunged => 0,
        }
    }
}

/// The id of the message that a publisher gave an id of its own.
pub fn id_of(application: &ApplicationId, event_id: &str) -> EventId {
    EventId::derive(&["published", application.as_str(), "event-id", event_id])
}

/// The message of an application by its id or its publisher's own id.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the application has no such message.
pub async fn resolve(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
) -> Result<Event, Refusal> {
    let ours = EventId::parse(name).ok();
    let theirs = is_identifier(name, MAX_EVENT_ID).then(|| id_of(application, name));
    for id in [ours, theirs].into_iter().flatten() {
        let event = control.table().event(&id).await?;
        if let Some(event) = event.filter(|event| event.application == *application) {
            return Ok(event);
        }
    }
    Err(Refusal::NotFound)
}

/// The cursor of a message in the list of its application's messages; `None` if there is no such
/// message.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn place_of(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
) -> Result<Option<String>, Refusal> {
    match resolve(control, application, name).await {
        Ok(event) => Ok(Some(Table::event_cursor(&event))),
        Err(Refusal::NotFound) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// The events of deliveries, in no order; events that are gone are left out.
pub(crate) async fn of_deliveries(
    control: &ControlPlane,
    deliveries: &[Delivery],
) -> Result<Vec<Event>, Refusal> {
    let mut ids: Vec<EventId> = deliveries.iter().map(|one| one.event.clone()).collect();
    ids.sort();
    ids.dedup();
    Ok(control.table().events_of(&ids).await?)
}

/// Reads the payload of a message, if it is wanted.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the bucket cannot be read.
pub async fn content(
    control: &ControlPlane,
    event: &Event,
    wanted: bool,
) -> Result<Content, Refusal> {
    if !wanted {
        return Ok(Content::Hidden);
    }
    if event.is_expunged(control.now()) {
        return Ok(Content::Expunged);
    }
    let bytes = control.bucket().open(event.payload.clone()).await?;
    Ok(serde_json::from_slice(&bytes).map_or(Content::Hidden, Content::Json))
}

/// Reads the payloads of a part of a list. The part ends early, at a message at least, where the
/// payloads of one answer would be too large.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the bucket cannot be read.
pub async fn open<T>(
    control: &ControlPlane,
    part: Part<T>,
    event: impl Fn(&T) -> &Event,
    wanted: bool,
) -> Result<Part<(T, Content)>, Refusal> {
    let Part { entries, mut next } = part;
    let found = entries.len();
    let event = &event;
    let opened = stream::iter(entries).map(|(place, entry)| async move {
        let content = content(control, event(&entry), wanted).await?;
        Ok::<_, Refusal>((place, (entry, content)))
    });
    let mut opened = Box::pin(opened.buffered(PARALLEL_READS));
    let (mut entries, mut size) = (Vec::new(), 0);
    while let Some(one) = opened.next().await {
        let (place, (entry, content)) = one?;
        size += content.size();
        if MAX_CONTENT < size && !entries.is_empty() {
            break;
        }
        entries.push((place, (entry, content)));
    }
    if entries.len() < found {
        next = entries.last().map(|(place, _)| place.clone());
    }
    Ok(Part { entries, next })
}

/// Messages of an application, newest first.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn list(
    control: &ControlPlane,
    application: &ApplicationId,
    selection: &Selection,
    period: Period,
    request: PageRequest,
) -> Result<Part<Event>, Refusal> {
    let PageRequest { cursor, back, limit } = request;
    // Without a cursor, reading begins at the edge of the period and not at the edge of the list.
    let edge = if back { period.after } else { period.before };
    let from = cursor.or_else(|| edge.map(Table::place_before));
    let fits = |event: &Event| period.holds(event.created_at) && selection.fits(event);
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().events(application, cursor.as_deref(), limit, back).await
    };
    let within = |event: &Event| match back {
        false => period.after.is_none_or(|after| after <= event.created_at),
        true => period.before.is_none_or(|before| event.created_at < before),
    };
    let walked = walk(from, limit, fetch, within, fits, Table::event_cursor).await?;
    let Walk { items, next, scanned: _ } = walked;
    let entries = items.into_iter().map(|event| (Table::event_cursor(&event), event)).collect();
    Ok(Part { entries, next })
}

/// Removes the content of a message wherever it is kept; the message and its attempts stay.
/// Deliveries that are still to be sent end as cancelled.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the application has no such message.
pub async fn expunge(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
) -> Result<(), Refusal> {
    let event = resolve(control, application, name).await?;
    match dispatch::expunge::expunge(control.context(), &event).await? {
        WriteOutcome::Done => Ok(()),
        WriteOutcome::Refused => Err(Refusal::NotFound),
    }
}

/// Removes the content of several messages. Returns each name with whether there was such a message.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `ids` for more than [`MAX_EXPUNGED`] names, [`Refusal::NotFound`] if there
/// is no such application.
pub async fn expunge_some(
    control: &ControlPlane,
    app: &str,
    ids: Vec<String>,
) -> Result<Vec<(String, bool)>, Refusal> {
    if MAX_EXPUNGED < ids.len() {
        return Err(Refusal::field("ids", format!("has at most {MAX_EXPUNGED} entries")));
    }
    let application = applications::resolve(control, app).await?.id;
    let mut results = Vec::new();
    for id in ids {
        let found = match expunge(control, &application, &id).await {
            Ok(()) => true,
            Err(Refusal::NotFound) => false,
            Err(refusal) => return Err(refusal),
        };
        results.push((id, found));
    }
    Ok(results)
}

/// Starts the task that removes the content of all messages of an application until now.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the task cannot be kept.
pub async fn expunge_all(
    control: &ControlPlane,
    principal: &Principal,
    application: ApplicationId,
) -> Result<Task, Refusal> {
    let task = Task::purge(TaskId::random(random::bytes()), application, control.now());
    tasks::start(control, &task).await?;
    info!(audit = true, key = %principal, task = %task.id, "an application's contents are to be removed");
    Ok(task)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_selection_fits_what_it_names_and_an_empty_one_everything() {
        let id = EventId::derive(&["e"]);
        let mut event = Event::by_relay(id, ApplicationId::named("acme"), "a.b", b"{}", NOW);
        event.channels = vec!["c".to_owned()];
        event.asked.tags = vec!["t".to_owned()];
        let some = |text: &str| Some(text.to_owned());
        for (types, channel, tag, fits) in [
            (vec![], None, None, true),
            (vec!["x", "a.b"], some("c"), some("t"), true),
            (vec!["x"], None, None, false),
            (vec![], some("d"), None, false),
            (vec![], None, some("u"), false),
        ] {
            let event_types = types.into_iter().map(str::to_owned).collect();
            let selection = Selection { event_types, channel, tag };
            assert_eq!(selection.fits(&event), fits, "{selection:?}");
            assert!(!selection.is_empty() || fits);
        }
    }

    #[test]
    fn a_period_holds_its_beginning_and_not_its_end() {
        let later = NOW.plus(std::time::Duration::from_secs(2));
        let between = NOW.plus(std::time::Duration::from_secs(1));
        let period = Period { before: Some(later), after: Some(NOW) };
        assert!(period.holds(between) && period.holds(NOW) && !period.holds(later));
        assert!(Period::default().holds(NOW));
    }
}
