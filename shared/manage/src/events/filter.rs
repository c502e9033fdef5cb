//! The choice of the events that a list holds.

use domain::{
    event::{Event, Origin},
    id::{ApplicationId, BatchId, EventId, JobId, is_identifier},
    progress::EventState,
    time::Timestamp,
};

use crate::{
    ControlPlane, Principal, Refusal, applications, jobs,
    messages::Period,
    names::MAX_EVENT_TYPE,
    sources::{self, Tenures},
};

/// Most applications whose lists are merged into one. Each costs a read, however little is wanted.
pub const MAX_MERGED: usize = 1000;
/// Fewest characters of an id by which events are looked for: shorter ones fit too many.
pub const MIN_PREFIX: usize = 8;
/// Characters of an id that the relay gave, behind the prefix.
const WHOLE_ID: usize = 32;

/// A mark that requests which came later left on an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventMark {
    /// Another body came under the same key.
    Conflict,
    /// A request with the same key and the same body came again.
    Duplicate,
}

/// The choice of the events that a list holds. A part that is `None` lets every event pass.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Id or uid of the application.
    pub application: Option<String>,
    /// Name of the source that sent the event.
    pub source: Option<String>,
    /// Event type, or the beginning of one with `*` behind it.
    pub event_type: Option<String>,
    /// Job that the event is about, by any of its ids.
    pub job: Option<String>,
    /// Batch of that job, by either of its ids.
    pub batch: Option<String>,
    /// The state of the event as a whole, which follows from those of its deliveries.
    pub state: Option<EventState>,
    /// Time in which the event arrived.
    pub period: Period,
    /// The id, or the first characters of it, [`MIN_PREFIX`] at least, with or without its prefix.
    pub id: Option<String>,
    /// A mark that the event bears.
    pub mark: Option<EventMark>,
}

/// A filter whose names were looked up.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Applications whose events are read.
    pub(super) applications: Vec<ApplicationId>,
    /// The time in which the events arrived; no event outside of it is read.
    pub(super) period: Period,
    /// The state that the events are in; `None` for any.
    pub(super) state: Option<EventState>,
    source: Option<String>,
    event_type: Option<String>,
    jobs: Option<Vec<JobId>>,
    batch: Option<String>,
    id: Option<String>,
    mark: Option<EventMark>,
}

impl EventFilter {
    /// Whether the filter chooses nothing but an application, whose list is read as it is.
    pub fn is_plain(&self) -> bool {
        let Self { application: _, source, event_type, job, batch, state, period, id, mark } = self;
        [source, event_type, job, batch, id].into_iter().all(Option::is_none)
            && state.is_none()
            && mark.is_none()
            && period.is_unbounded()
    }

    /// Looks the names up. A source, job or batch that is not there, or is another tenant's, leaves no
    /// application to be read.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotFound`] if there is no such application, or the caller may not see it;
    /// [`Refusal::Invalid`] of `until`, `type` or `id` for one out of bounds, and of `application` if it
    /// must be named because there are more than [`MAX_MERGED`].
    pub(super) async fn look_up(
        self,
        control: &ControlPlane,
        principal: &Principal,
    ) -> Result<Wanted, Refusal> {
        self.check()?;
        let named = named(control, principal, self.application.as_deref()).await?;
        let only = named.clone();
        let own = |id: &ApplicationId| only.as_ref().is_none_or(|only| only == id);
        let mut wanted = Wanted {
            applications: Vec::new(),
            period: self.period,
            state: self.state,
            source: None,
            event_type: self.event_type,
            jobs: None,
            batch: None,
            id: self.id.as_deref().map(|id| bare(id).to_owned()),
            mark: self.mark,
        };
        // The applications that a part of the filter leaves; `None` for all.
        let mut left: Option<Vec<ApplicationId>> = None;
        if let Some(name) = self.source {
            let Tenures { present, former } =
                sources::tenures(control.table(), principal, Some(&name)).await?;
            let all = present.into_iter().chain(former).map(|tenure| tenure.application);
            left = Some(among(left, all.collect()));
            wanted.source = Some(name);
        }
        if let Some(name) = self.job {
            let found = jobs::candidates(control.table(), principal, &name, None).await?;
            left = Some(among(left, found.iter().map(|job| job.application.clone()).collect()));
            // No event about a job is older than the job.
            let begun = found.iter().map(|job| job.created_at).min().unwrap_or_default();
            let after = wanted.period.after.map_or(begun, |after| after.max(begun));
            wanted.period.after = Some(after).filter(|after| *after != Timestamp::default());
            wanted.jobs = Some(found.into_iter().map(|job| job.id).collect());
        }
        if let Some(name) = self.batch {
            let known = match BatchId::parse(&name) {
                Ok(id) => control.table().batch(&id).await?,
                Err(_) => None,
            };
            if let Some(batch) = &known {
                let seen = Some(&batch.application).filter(|id| principal.sees(id));
                left = Some(among(left, seen.into_iter().cloned().collect()));
            }
            wanted.batch = Some(known.map_or(name, |batch| batch.external_id));
        }
        wanted.applications = match (left, named) {
            (Some(left), _) => left.into_iter().filter(own).collect(),
            (None, Some(named)) => vec![named],
            (None, None) => every_application(control).await?,
        };
        Ok(wanted)
    }

    fn check(&self) -> Result<(), Refusal> {
        let Period { before, after } = self.period;
        if before.zip(after).is_some_and(|(before, after)| before < after) {
            return Err(Refusal::field("until", "is before `since`"));
        }
        if let Some(kind) = &self.event_type {
            let name = kind.strip_suffix('*').unwrap_or(kind);
            let fits = is_identifier(name, MAX_EVENT_TYPE) || kind == "*";
            if !fits {
                let why = "is an event type, or the beginning of one with `*` behind it";
                return Err(Refusal::field("type", why));
            }
        }
        if let Some(id) = &self.id {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            let bare = bare(id);
            if bare.len() < MIN_PREFIX || !bare.bytes().all(plain) {
                let why = format!("is an id, or its first {MIN_PREFIX} characters and more");
                return Err(Refusal::field("id", why));
            }
        }
        Ok(())
    }
}

impl Wanted {
    /// The id of the only event that can fit, if the filter names it whole.
    pub(super) fn only(&self) -> Option<EventId> {
        let id = self.id.as_deref().filter(|id| WHOLE_ID <= id.len())?;
        EventId::parse(&format!("{}{id}", EventId::PREFIX)).ok()
    }

    /// Whether an event is one of those, but for its application and its state.
    pub(super) fn fits(&self, event: &Event) -> bool {
        let from = match &event.origin {
            Origin::Source { name, .. } => Some(name),
            Origin::Relay | Origin::Published { .. } => None,
        };
        let is_type = |kind: &String| match kind.strip_suffix('*') {
            Some(beginning) => event.event_type.starts_with(beginning),
            None => event.event_type == *kind,
        };
        let bears = |mark| match mark {
            EventMark::Conflict => 0 < event.conflicts,
            EventMark::Duplicate => 0 < event.duplicates,
        };
        self.period.holds(event.created_at)
            && self.source.as_ref().is_none_or(|source| Some(source) == from)
            && self.event_type.as_ref().is_none_or(is_type)
            && self
                .jobs
                .as_ref()
                .is_none_or(|jobs| event.job.as_ref().is_some_and(|job| jobs.contains(job)))
            && self.batch.as_ref().is_none_or(|batch| event.batch_id.as_ref() == Some(batch))
            && self.id.as_ref().is_none_or(|id| event.id.bare().starts_with(id))
            && self.mark.is_none_or(bears)
    }
}

/// The application that the caller names, or its own.
async fn named(
    control: &ControlPlane,
    principal: &Principal,
    name: Option<&str>,
) -> Result<Option<ApplicationId>, Refusal> {
    let Some(name) = name else { return Ok(principal.application.clone()) };
    applications::must_see(control, principal, name).await?;
    let known = control.table().application_named(name).await?.ok_or(Refusal::NotFound)?;
    principal.must_see(&known.id)?;
    Ok(Some(known.id))
}

/// Every application, if their lists can be merged.
async fn every_application(control: &ControlPlane) -> Result<Vec<ApplicationId>, Refusal> {
    let page = control.table().applications_page(None, MAX_MERGED, false).await?;
    if page.next.is_some() {
        let why = format!("must be named: there are more than {MAX_MERGED}");
        return Err(Refusal::field("application", why));
    }
    Ok(page.items.into_iter().map(|application| application.id).collect())
}

/// Those of `found` that are among the applications that are left.
fn among(left: Option<Vec<ApplicationId>>, mut found: Vec<ApplicationId>) -> Vec<ApplicationId> {
    found.sort();
    found.dedup();
    found.retain(|id| left.as_ref().is_none_or(|left| left.contains(id)));
    found
}

/// An id without the prefix of either spelling.
fn bare(id: &str) -> &str {
    let ours = id.strip_prefix(EventId::PREFIX);
    ours.or_else(|| id.strip_prefix(EventId::MESSAGE_PREFIX)).unwrap_or(id)
}
