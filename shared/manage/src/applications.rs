//! Applications: one per tenant. `default` is always there, and an application that a source or a
//! publisher names is there from then on.

mod listing;
mod names;
mod writes;

use std::collections::BTreeMap;

use adapters::{
    contested::{self, TryOutcome},
    table::WriteOutcome,
};
use domain::{
    application::Application,
    id::{ApplicationId, is_identifier},
    time::Timestamp,
};

pub use self::{
    listing::{first, list, only, place, place_of},
    names::{MAX_UID, id_of, must_see, names},
    writes::{DEFAULT, replace, uid_taken},
};
use crate::{ControlPlane, Principal, Refusal, RequestKey, removal};

/// Tries of a change when other requests change the same application.
const TRIES: u32 = 3;

/// An application as its owner wants it.
#[derive(Clone, Debug, Default)]
pub struct ApplicationDraft {
    /// Name for people; not empty.
    pub name: String,
    /// The owner's own name for the application, 1 to [`MAX_UID`] of `A-Z a-z 0-9 - _ .`.
    pub uid: Option<String>,
    /// Requests per second to all its endpoints together, 1 or more.
    pub throttle_rate: Option<u16>,
    /// Data of the owner that the relay only keeps.
    pub metadata: BTreeMap<String, String>,
}

impl ApplicationDraft {
    /// The draft that changes nothing of this application.
    pub fn of(application: &Application) -> Self {
        let Application { name, uid, throttle_rate, metadata, .. } = application.clone();
        Self { name, uid, throttle_rate, metadata }
    }

    /// Writes the draft over an application, if every field can be used.
    fn apply(self, application: &mut Application, now: Timestamp) -> Result<(), Refusal> {
        if self.name.is_empty() {
            return Err(Refusal::field("name", "must not be empty"));
        }
        if let Some(uid) = &self.uid {
            if !is_identifier(uid, MAX_UID) {
                return Err(Refusal::field("uid", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
            }
            // An application is looked up by id first, so that such a uid would never be found.
            if ApplicationId::parse(uid).is_ok() && application.uid != self.uid {
                return Err(Refusal::field("uid", "must not look like an id of ours"));
            }
        }
        if self.throttle_rate == Some(0) {
            return Err(Refusal::field("throttle_rate", "is at least 1"));
        }
        application.name = self.name;
        application.uid = self.uid;
        application.throttle_rate = self.throttle_rate;
        application.metadata = self.metadata;
        application.implicit = false;
        application.updated_at = now;
        Ok(())
    }
}

/// An application, and whether the request created it.
#[derive(Clone, Debug)]
pub struct Creation {
    /// The application as it is now.
    pub application: Application,
    /// Whether this request created it, or an earlier try of the same request.
    pub created: bool,
}

/// The application of this id or uid. `default` comes into being when it is first asked for.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application.
pub async fn resolve(control: &ControlPlane, name: &str) -> Result<Application, Refusal> {
    if name == DEFAULT {
        return ensure(control, name).await;
    }
    let known = control.table().application_named(name).await?;
    known.filter(Application::is_there).ok_or(Refusal::NotFound)
}

/// The name of an application that the caller sees; `None` if it was deleted.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table does not answer.
pub async fn name_of(
    control: &ControlPlane,
    id: &ApplicationId,
) -> Result<Option<String>, Refusal> {
    Ok(control.table().application(id).await?.map(|application| application.name))
}

/// The id of the application of this id or uid, which is created unless it is there.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the caller may not see the application, or the name is an id that was
/// never given.
pub async fn ensure_visible(
    control: &ControlPlane,
    principal: &Principal,
    name: String,
) -> Result<ApplicationId, Refusal> {
    must_see(control, principal, &name).await?;
    let application = ensure(control, &name).await?;
    principal.must_see(&application.id)?;
    Ok(application.id)
}

/// The application of this id or uid, created if it is not there.
async fn ensure(control: &ControlPlane, name: &str) -> Result<Application, Refusal> {
    contested::write(TRIES, || async {
        if let Some(known) = bearer(control, name).await? {
            return Ok(TryOutcome::Settled(known));
        }
        let is_id = ApplicationId::parse(name).is_ok();
        let (id, uid) = match ApplicationId::parse(name) {
            Ok(id) => (id, None),
            Err(_) => {
                let id = free_id(control, Some(name), &RequestKey::default()).await?;
                (id, Some(name.to_owned()))
            }
        };
        let mut implicit = Application::new(id, uid, name, control.now());
        implicit.implicit = true;
        match control.table().create_application(&implicit).await? {
            // The id of a deleted application is never given again.
            WriteOutcome::Refused if is_id => Err(Refusal::NotFound),
            written => Ok(written.settles(implicit)),
        }
    })
    .await
}

/// The application that bears a name. An application whose removal was cut short is removed first,
/// so that its uid is free.
async fn bearer(control: &ControlPlane, name: &str) -> Result<Option<Application>, Refusal> {
    match control.table().application_named(name).await? {
        Some(known) if !known.is_there() => {
            removal::finish(control, known).await?;
            Ok(None)
        }
        known => Ok(known),
    }
}

/// The application of this id or uid, made from a draft if it is not there.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application and no draft, [`Refusal::Invalid`] if the
/// draft has another uid than `name`.
pub async fn resolve_or_create(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    draft: Option<ApplicationDraft>,
) -> Result<Application, Refusal> {
    let found = resolve(control, name).await;
    let (Err(Refusal::NotFound), Some(draft)) = (&found, draft) else { return found };
    if ApplicationId::parse(name).is_ok() {
        // Ids are given by the relay only.
        return found;
    }
    if draft.uid.as_deref().is_some_and(|uid| uid != name) {
        return Err(Refusal::field("application", "has another uid than the path"));
    }
    let draft = ApplicationDraft { uid: Some(name.to_owned()), ..draft };
    let creation = create(control, principal, draft, &RequestKey::default()).await?;
    Ok(creation.application)
}

/// The id of a new application: derived from its uid, unless another application had that id.
async fn free_id(
    control: &ControlPlane,
    uid: Option<&str>,
    key: &RequestKey,
) -> Result<ApplicationId, Refusal> {
    if let Some(uid) = uid {
        let derived = ApplicationId::named(uid);
        if control.table().application_record(&derived).await?.is_none() {
            return Ok(derived);
        }
    }
    Ok(ApplicationId::random(key.bytes()))
}

/// Creates an application. One that exists under the draft's uid is returned as it is; one that
/// only came into being because it was named takes the draft.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a draft out of bounds, [`Refusal::Forbidden`] if the application would
/// not be the caller's, [`Refusal::Busy`] if other requests create it at every try.
pub async fn create(
    control: &ControlPlane,
    principal: &Principal,
    draft: ApplicationDraft,
    key: &RequestKey,
) -> Result<Creation, Refusal> {
    let foreign = || Refusal::Forbidden("this key is for one application only");
    let now = control.now();
    // The draft is checked before anything is read.
    let mut application = Application::new(ApplicationId::random(key.bytes()), None, "", now);
    draft.apply(&mut application, now)?;
    application.made_by.clone_from(&key.0);
    contested::write(TRIES, || async {
        let mut application = application.clone();
        if let Some(uid) = &application.uid
            && let Some(known) = bearer(control, uid).await?
        {
            if !principal.sees(&known.id) {
                return Err(foreign());
            }
            if known.implicit {
                let adopted = Application {
                    id: known.id.clone(),
                    created_at: known.created_at,
                    webhook_secret: known.webhook_secret.clone(),
                    ..application
                };
                let application = replace(control, &known, adopted).await?;
                return Ok(TryOutcome::Settled(Creation { application, created: true }));
            }
            let created = key.made(known.made_by.as_ref());
            return Ok(TryOutcome::Settled(Creation { application: known, created }));
        }
        application.id = free_id(control, application.uid.as_deref(), key).await?;
        if !principal.sees(&application.id) {
            return Err(foreign());
        }
        if control.table().create_application(&application).await? == WriteOutcome::Done {
            return Ok(TryOutcome::Settled(Creation { application, created: true }));
        }
        if application.uid.is_none()
            && let Some(known) = control.table().application(&application.id).await?
        {
            return Ok(TryOutcome::Settled(Creation { application: known, created: true }));
        }
        Ok(TryOutcome::Refused)
    })
    .await
}

/// Replaces the application of this id or uid, or creates it under a new uid.
///
/// # Errors
///
/// [`Refusal::NotFound`] for an id that was never given, otherwise as [`create`] and [`patch`].
pub async fn put(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    mut draft: ApplicationDraft,
) -> Result<Creation, Refusal> {
    let named_by_uid = ApplicationId::parse(name).is_err();
    if named_by_uid {
        // A draft without a uid keeps the uid of the path, so that the same request again is the same.
        draft.uid.get_or_insert_with(|| name.to_owned());
    }
    match bearer(control, name).await? {
        Some(known) => {
            let application = change(control, known, draft).await?;
            Ok(Creation { application, created: false })
        }
        None if named_by_uid => {
            let creation = create(control, principal, draft, &RequestKey::default()).await?;
            if creation.created { Ok(creation) } else { Err(uid_taken()) }
        }
        None => Err(Refusal::NotFound),
    }
}

/// Changes the application of this id or uid; `patch` turns the draft of what is there into the
/// draft that is wanted.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, [`Refusal::Conflict`] if the uid is taken
/// or the application changed at the same time, [`Refusal::Invalid`] for a draft out of bounds.
pub async fn patch(
    control: &ControlPlane,
    name: &str,
    patch: impl FnOnce(ApplicationDraft) -> ApplicationDraft,
) -> Result<Application, Refusal> {
    let known = resolve(control, name).await?;
    let draft = patch(ApplicationDraft::of(&known));
    change(control, known, draft).await
}

async fn change(
    control: &ControlPlane,
    known: Application,
    draft: ApplicationDraft,
) -> Result<Application, Refusal> {
    let mut next = known.clone();
    draft.apply(&mut next, control.now())?;
    if known.uid != next.uid {
        if known.uid.as_deref() == Some(DEFAULT) {
            return Err(Refusal::field("uid", "of the application that is always there stays"));
        }
        if let Some(uid) = &next.uid
            && bearer(control, uid).await?.is_some()
        {
            return Err(uid_taken());
        }
    }
    replace(control, &known, next).await
}

/// Removes an application with its endpoints and API keys. Nothing more is sent: pending deliveries
/// end as cancelled. Its uid is free afterwards; the next application of that uid has another id.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, [`Refusal::Conflict`] if it is `default`
/// or sources belong to it.
pub async fn delete(control: &ControlPlane, name: &str) -> Result<(), Refusal> {
    let known = match name {
        DEFAULT => ensure(control, DEFAULT).await?,
        name => control.table().application_named(name).await?.ok_or(Refusal::NotFound)?,
    };
    removal::remove(control, known).await
}
