//! Event types: descriptions that publishers keep for their subscribers, the same for all
//! applications.
//!
//! Keys of one application may read event types and change none. The relay's own types (`job.*`,
//! `batch.*`) are not among them until they are imported from the relay's OpenAPI document.

mod import;

use std::collections::BTreeMap;

use adapters::table::WriteOutcome;
use domain::{event_type::EventType, id::is_identifier, json_schema, time::Timestamp};
use serde_json::{Map, Value};

pub use self::import::{Import, ImportedEventType, import};
use crate::{
    ControlPlane, PageRequest, Principal, Refusal, RequestKey, Walk,
    names::{MAX_EVENT_TYPE, must_be_event_type},
    walk,
};

/// Largest schemas of one type, in bytes as JSON: an item of the table holds 400 KB.
pub const MAX_SCHEMAS: usize = 300_000;
/// Longest name of a feature flag or a group, in characters.
pub const MAX_LABEL: usize = 256;

/// JSON Schemas of a payload, by version.
pub type Schemas = BTreeMap<String, Map<String, Value>>;

/// An event type as its publisher wants it, without its name.
#[derive(Clone, Debug, Default)]
pub struct EventTypeDraft {
    /// Description that people read.
    pub description: String,
    /// Whether the type is out of use; lists leave it out unless asked.
    pub archived: bool,
    /// Whether the type will go out of use.
    pub deprecated: bool,
    /// JSON Schemas of its payload, [`MAX_SCHEMAS`] bytes at most; each keyword has a value of its
    /// kind.
    pub schemas: Option<Schemas>,
    /// Flags of those who are to see the type, each 1 to 256 of `A-Z a-z 0-9 - _ .`.
    pub feature_flags: Vec<String>,
    /// Group that the type is listed under, 1 to 256 of `A-Z a-z 0-9 - _ .`.
    pub group_name: Option<String>,
}

impl EventTypeDraft {
    /// The draft that changes nothing of this event type.
    pub fn of(known: &EventType) -> Self {
        let known = known.clone();
        Self {
            description: known.description,
            archived: known.archived,
            deprecated: known.deprecated,
            schemas: known.schemas,
            feature_flags: known.feature_flags,
            group_name: known.group_name,
        }
    }

    /// Writes the draft over an event type, if every field can be used.
    fn apply(self, kind: &mut EventType, now: Timestamp) -> Result<(), Refusal> {
        if !self.feature_flags.iter().all(|flag| is_identifier(flag, MAX_LABEL)) {
            let why = format!("are 1 to {MAX_LABEL} of A-Z a-z 0-9 - _ . each");
            return Err(Refusal::field("feature_flags", why));
        }
        if self.group_name.as_ref().is_some_and(|name| !is_identifier(name, MAX_LABEL)) {
            let why = format!("is 1 to {MAX_LABEL} of A-Z a-z 0-9 - _ .");
            return Err(Refusal::field("group_name", why));
        }
        for (version, schema) in self.schemas.iter().flatten() {
            if let Some(fault) = json_schema::fault(schema) {
                return Err(Refusal::field(format!("schemas.{version}"), fault));
            }
        }
        let size = serde_json::to_string(&self.schemas).map_or(0, |text| text.len());
        if MAX_SCHEMAS < size {
            let why = format!("are {MAX_SCHEMAS} bytes at most, together");
            return Err(Refusal::field("schemas", why));
        }
        kind.description = self.description;
        kind.archived = self.archived;
        kind.deprecated = self.deprecated;
        kind.schemas = self.schemas;
        kind.feature_flags = self.feature_flags;
        kind.group_name = self.group_name;
        kind.updated_at = now;
        Ok(())
    }
}

/// An event type without a description, not written yet.
fn blank(name: &str, now: Timestamp) -> EventType {
    EventType {
        name: name.to_owned(),
        description: String::new(),
        archived: false,
        deprecated: false,
        schemas: None,
        feature_flags: Vec::new(),
        group_name: None,
        made_by: None,
        created_at: now,
        updated_at: now,
        version: 0,
    }
}

/// The event type of this name, if the caller sees it.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such event type, or it has flags that a portal does not have.
pub async fn find(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<EventType, Refusal> {
    let known = resolve(control, name).await?;
    if is_visible(principal, &known) { Ok(known) } else { Err(Refusal::NotFound) }
}

/// Whether the caller sees an event type. The flags of a type hide it from portals without one of them.
pub(crate) fn is_visible(principal: &Principal, kind: &EventType) -> bool {
    principal.portal.as_ref().is_none_or(|portal| portal.sees(kind))
}

/// The event type of this name.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such event type.
async fn resolve(control: &ControlPlane, name: &str) -> Result<EventType, Refusal> {
    if !is_identifier(name, MAX_EVENT_TYPE) {
        return Err(Refusal::NotFound);
    }
    control.table().event_type(name).await?.ok_or(Refusal::NotFound)
}

/// A part of the list of event types that the caller sees, by name, against that order if `backwards`; archived ones only if
/// they are asked for. The cursor of an event type is its name.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    archived: bool,
    backwards: bool,
    page: PageRequest,
) -> Result<Walk<EventType>, Refusal> {
    let keep = |kind: &EventType| (archived || !kind.archived) && is_visible(principal, kind);
    let fetch = |after: Option<String>, limit| async move {
        control.table().event_types_page(after.as_deref(), limit, backwards).await
    };
    let place = |kind: &EventType| kind.name.clone();
    Ok(walk(page.cursor, page.limit, fetch, |_| true, keep, place).await?)
}

/// Creates an event type, or brings an archived one back with the draft.
///
/// # Errors
///
/// [`Refusal::Forbidden`] for a tenant's key, [`Refusal::Invalid`] for a name or draft out of
/// bounds, [`Refusal::Conflict`] if the type exists or changed at the same time.
pub async fn create(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    draft: EventTypeDraft,
    key: &RequestKey,
) -> Result<EventType, Refusal> {
    principal.must_see_all()?;
    must_be_event_type("name", name)?;
    let now = control.now();
    let mut kind = match control.table().event_type(name).await? {
        None => blank(name, now),
        Some(known) if known.archived => known,
        // An earlier try of the same request, which ended before its answer was kept, made the type.
        Some(made) if key.made(made.made_by.as_ref()) => return Ok(made),
        Some(_) => {
            let why = "an event type with that name exists already";
            return Err(Refusal::Conflict(why.to_owned()));
        }
    };
    draft.apply(&mut kind, now)?;
    kind.made_by.clone_from(&key.0);
    keep(control, &kind).await?;
    Ok(kind)
}

/// Replaces an event type, or creates it. Returns the type and whether it was created.
///
/// # Errors
///
/// [`Refusal::NotFound`] for a name that cannot be one, otherwise as [`create`].
pub async fn put(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    draft: EventTypeDraft,
) -> Result<(EventType, bool), Refusal> {
    principal.must_see_all()?;
    let now = control.now();
    let (mut kind, created) = match resolve(control, name).await {
        Ok(known) => (known, false),
        Err(Refusal::NotFound) if is_identifier(name, MAX_EVENT_TYPE) => (blank(name, now), true),
        Err(refusal) => return Err(refusal),
    };
    draft.apply(&mut kind, now)?;
    keep(control, &kind).await?;
    Ok((kind, created))
}

/// Changes an event type; `patch` turns the draft of what is there into the draft that is wanted.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such event type, otherwise as [`create`].
pub async fn patch(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    patch: impl FnOnce(EventTypeDraft) -> EventTypeDraft,
) -> Result<EventType, Refusal> {
    principal.must_see_all()?;
    let mut kind = resolve(control, name).await?;
    patch(EventTypeDraft::of(&kind)).apply(&mut kind, control.now())?;
    keep(control, &kind).await?;
    Ok(kind)
}

/// Archives an event type. Endpoints that name the type go on naming it.
///
/// # Errors
///
/// [`Refusal::Forbidden`] for a tenant's key, [`Refusal::NotFound`] if there is no such event type,
/// [`Refusal::Conflict`] if it changed at the same time.
pub async fn archive(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<(), Refusal> {
    principal.must_see_all()?;
    let mut kind = resolve(control, name).await?;
    kind.archived = true;
    kind.updated_at = control.now();
    keep(control, &kind).await
}

/// Removes an event type for good. Endpoints that name the type go on naming it.
///
/// # Errors
///
/// The errors of [`archive`].
pub async fn delete(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<(), Refusal> {
    principal.must_see_all()?;
    let kind = resolve(control, name).await?;
    written(control.table().delete_event_type(&kind).await?)
}

async fn keep(control: &ControlPlane, kind: &EventType) -> Result<(), Refusal> {
    written(control.table().put_event_type(kind).await?)
}

fn written(outcome: WriteOutcome) -> Result<(), Refusal> {
    match outcome {
        WriteOutcome::Done => Ok(()),
        WriteOutcome::Refused => {
            Err(Refusal::Conflict("somebody else changed it at the same time".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_draft_out_of_bounds_names_its_field_and_changes_nothing() {
        let large = Map::from_iter([("x".to_owned(), "x".repeat(MAX_SCHEMAS).into())]);
        let fine = EventTypeDraft { description: "d".to_owned(), ..EventTypeDraft::default() };
        for (draft, wrong) in [
            (
                EventTypeDraft { feature_flags: vec!["a b".to_owned()], ..fine.clone() },
                "feature_flags",
            ),
            (EventTypeDraft { group_name: Some(String::new()), ..fine.clone() }, "group_name"),
            (
                EventTypeDraft {
                    schemas: Some(Schemas::from([("1".to_owned(), large)])),
                    ..fine.clone()
                },
                "schemas",
            ),
        ] {
            let mut kind = blank("invoice.paid", NOW);
            let refused = draft.apply(&mut kind, NOW);
            assert!(
                matches!(&refused, Err(Refusal::Invalid { field, .. }) if field == wrong),
                "{wrong}: {refused:?}"
            );
            assert_eq!(kind, blank("invoice.paid", NOW));
        }
    }

    #[test]
    fn the_draft_of_an_event_type_changes_nothing_of_it() {
        let mut kind = blank("invoice.paid", NOW);
        kind.feature_flags = vec!["beta".to_owned()];
        kind.group_name = Some("billing".to_owned());
        let before = kind.clone();
        EventTypeDraft::of(&before).apply(&mut kind, NOW).expect("fits");
        assert_eq!(kind, before);
    }
}
