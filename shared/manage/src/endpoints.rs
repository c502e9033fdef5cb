//! Endpoints of an application: subscribers that its events are delivered to.

mod check;
mod draft;
mod headers;
pub mod listeners;
mod listing;
mod lookup;
mod pass_through;
mod suiting;
mod types;
mod writes;

use adapters::{contested, table::WriteOutcome};
use domain::{
    endpoint::{Endpoint, MAX_ENDPOINTS, MAX_ORDERED},
    health::Health,
    id::{ApplicationId, EndpointId, TaskId, is_identifier},
    secret::SecretKind,
};
use tracing::warn;

pub use self::{
    check::{EndpointCheck, MAX_TRIED, check},
    draft::{EndpointDraft, MAX_CHANNELS, MAX_UID, PolicyDraft},
    headers::{HeaderChanges, change_headers, replace_headers},
    listing::{healths, part, place_of, whole},
    lookup::find,
    pass_through::PassThroughDraft,
    types::unknown_types,
};
use crate::{
    ControlPlane, Refusal, RequestKey, applications,
    secret_draft::{self, SecretDraft, SecretUse},
};

/// Tries of a removal when other requests change the same endpoint.
const TRIES: u32 = 8;

/// An endpoint, and whether the request created it.
#[derive(Clone, Debug)]
pub struct Creation {
    /// The endpoint as it is now.
    pub endpoint: Endpoint,
    /// Whether this request created it.
    pub created: bool,
}

/// The endpoint of an application by its id or uid.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the application has no such endpoint.
pub async fn resolve(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
) -> Result<Endpoint, Refusal> {
    let found = match EndpointId::parse(name) {
        Ok(id) => control.table().endpoint(application, &id).await?,
        Err(_) if is_identifier(name, MAX_UID) => {
            control.table().endpoint_by_uid(application, name).await?
        }
        Err(_) => None,
    };
    found.ok_or(Refusal::NotFound)
}

/// An endpoint by its name and the name of its application, each an id or uid.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application or endpoint.
pub async fn get(control: &ControlPlane, app: &str, name: &str) -> Result<Endpoint, Refusal> {
    let application = applications::resolve(control, app).await?;
    resolve(control, &application.id, name).await
}

/// The health of an endpoint: its circuit and its failures since the last success.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table does not answer.
pub async fn health(control: &ControlPlane, endpoint: &Endpoint) -> Result<Health, Refusal> {
    Ok(control.table().health(&endpoint.id).await?.unwrap_or_default())
}

/// Creates an endpoint with a signing secret. The same request again finds the endpoint that it
/// created before.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, [`Refusal::Invalid`] if a field of the
/// draft or the secret cannot be used, [`Refusal::Conflict`] if the uid is taken or the application
/// has as many endpoints as it may.
pub async fn create(
    control: &ControlPlane,
    app: &str,
    draft: EndpointDraft,
    secret: &SecretDraft,
    key: &RequestKey,
) -> Result<Endpoint, Refusal> {
    let application = applications::resolve(control, app).await?;
    let id = EndpointId::random(key.bytes());
    let mut endpoint = Endpoint::new(id, application.id, "", control.now());
    draft.apply(control, &mut endpoint)?;
    types::must_exist(control, &[], &endpoint).await?;
    let made = secret_draft::check(secret, SecretUse::Endpoint(&endpoint), SecretKind::Hmac)?;
    endpoint.owner_has_secret = secret.text.is_some();
    endpoint.secrets = vec![secret_draft::seal(control, &endpoint, &made)];
    has_room(control, &endpoint, true).await?;
    match writes::create(control, &endpoint).await? {
        WriteOutcome::Done => Ok(endpoint),
        // An earlier try of the same request may have created it.
        WriteOutcome::Refused => {
            let made = control.table().endpoint(&endpoint.application, &endpoint.id).await?;
            match made {
                Some(made) => Ok(made),
                None => Err(no_place(control, &endpoint, true).await),
            }
        }
    }
}

/// Changes an endpoint by a draft that covers every field, or creates it under a new uid with a
/// secret that the relay makes.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, or `name` is an id that was never given;
/// else as [`create`] and [`patch`].
pub async fn put(
    control: &ControlPlane,
    app: &str,
    name: &str,
    mut draft: EndpointDraft,
) -> Result<Creation, Refusal> {
    let known = match get(control, app, name).await {
        Ok(known) => known,
        Err(Refusal::NotFound)
            if EndpointId::parse(name).is_err() && is_identifier(name, MAX_UID) =>
        {
            let uid = draft.uid.take().flatten().unwrap_or_else(|| name.to_owned());
            draft.uid = Some(Some(uid));
            let (secret, key) = (SecretDraft::default(), RequestKey::default());
            let endpoint = create(control, app, draft, &secret, &key).await?;
            return Ok(Creation { endpoint, created: true });
        }
        Err(refusal) => return Err(refusal),
    };
    let endpoint = change(control, &known, draft).await?;
    Ok(Creation { endpoint, created: false })
}

/// Changes the fields of an endpoint that a draft has. Its secrets stay.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application or endpoint, [`Refusal::Invalid`] if a field
/// cannot be used, [`Refusal::Conflict`] if the new uid is taken, an ordered endpoint has no room in
/// the application, or another request changed the endpoint at the same time.
pub async fn patch(
    control: &ControlPlane,
    app: &str,
    name: &str,
    draft: EndpointDraft,
) -> Result<Endpoint, Refusal> {
    let known = get(control, app, name).await?;
    change(control, &known, draft).await
}

/// Writes a draft over an endpoint as it was read.
async fn change(
    control: &ControlPlane,
    known: &Endpoint,
    draft: EndpointDraft,
) -> Result<Endpoint, Refusal> {
    let mut next = known.clone();
    draft.apply(control, &mut next)?;
    types::must_exist(control, &known.event_types, &next).await?;
    if known.ordering.is_none() && next.ordering.is_some() {
        has_room(control, &next, false).await?;
    }
    next.updated_at = control.now();
    if known.uid != next.uid
        && let Some(uid) = &next.uid
        && control.table().endpoint_by_uid(&known.application, uid).await?.is_some()
    {
        return Err(uid_taken());
    }
    if writes::update(control, known, &next).await? == WriteOutcome::Refused {
        let wants_order = known.ordering.is_none() && next.ordering.is_some();
        let same = control.table().endpoint(&known.application, &known.id).await?;
        let unchanged = same.is_some_and(|same| same.version == known.version);
        return Err(match unchanged && (wants_order || known.uid != next.uid) {
            true => no_place(control, &next, false).await,
            false => changed_meanwhile(),
        });
    }
    next.version = known.version + 1;
    if known.disabled.is_some() && next.disabled.is_none() {
        wake(control, &next).await?;
    }
    Ok(next)
}

/// Removes an endpoint. Pending deliveries to it end as cancelled.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application or endpoint, [`Refusal::Busy`] if other
/// requests change the endpoint at every try.
pub async fn delete(control: &ControlPlane, app: &str, name: &str) -> Result<(), Refusal> {
    contested::write(TRIES, || async {
        let endpoint = get(control, app, name).await?;
        Ok(writes::delete(control, &endpoint).await?.settles(()))
    })
    .await
}

/// Requires that the application has room for this endpoint beside its others.
///
/// # Errors
///
/// [`Refusal::Conflict`] if the application has [`MAX_ENDPOINTS`] others, or the endpoint wants order and
/// [`MAX_ORDERED`] others do.
async fn has_room(
    control: &ControlPlane,
    endpoint: &Endpoint,
    is_new: bool,
) -> Result<(), Refusal> {
    let counts = control.table().endpoint_counts(&endpoint.application).await?;
    if is_new && MAX_ENDPOINTS <= counts.endpoints {
        let why = format!("an application has at most {MAX_ENDPOINTS} endpoints");
        return Err(Refusal::Conflict(why));
    }
    let others = counts.ordered.iter().filter(|id| **id != endpoint.id).count();
    if endpoint.ordering.is_some() && MAX_ORDERED <= others {
        let why = format!("an application has at most {MAX_ORDERED} endpoints with `ordering`");
        return Err(Refusal::Conflict(why));
    }
    Ok(())
}

/// The reason for which the table refused an endpoint: its uid is taken, or the application has no
/// room for it, because other requests were faster.
async fn no_place(control: &ControlPlane, endpoint: &Endpoint, is_new: bool) -> Refusal {
    let taken = async {
        let Some(uid) = &endpoint.uid else { return Ok(false) };
        let bearer = control.table().endpoint_by_uid(&endpoint.application, uid).await?;
        Ok::<_, Refusal>(bearer.is_some_and(|bearer| bearer.id != endpoint.id))
    };
    match taken.await {
        Ok(true) => uid_taken(),
        // If another endpoint went meanwhile, there is room again.
        Ok(false) => match has_room(control, endpoint, is_new).await {
            Ok(()) => changed_meanwhile(),
            Err(refusal) => refusal,
        },
        Err(refusal) => refusal,
    }
}

/// Starts the delivery of events that waited for an endpoint while it was disabled. The endpoint's
/// recovery task is due anyway, so that a lost message to the queue only delays it.
async fn wake(control: &ControlPlane, endpoint: &Endpoint) -> Result<(), Refusal> {
    let Some(task) = control.table().task(&TaskId::recovery(&endpoint.id)).await? else {
        return Ok(());
    };
    control.context().note_answering(&task).await?;
    if let Err(error) = control.dead_letters().task(&task.id).await {
        warn!(%error, task = %task.id, endpoint = %endpoint.id, "a task was not rung for; the sweep will");
    }
    Ok(())
}

fn uid_taken() -> Refusal {
    Refusal::Conflict("an endpoint with that uid exists already".to_owned())
}

fn changed_meanwhile() -> Refusal {
    Refusal::Conflict("somebody else changed it at the same time".to_owned())
}
