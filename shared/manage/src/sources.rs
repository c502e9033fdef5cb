//! Sources: senders that may call the relay. Their secrets are kept sealed and shown to nobody.

mod calls;
mod draft;
mod keys;

use adapters::{
    contested::{self, TryOutcome},
    random,
    table::{Table, WriteOutcome},
};
use domain::{
    id::{SourceId, Tenure, is_identifier},
    secret::Secret,
    source::{self, FormerTenure, Source},
};

pub(crate) use self::keys::is_token;
pub use self::{
    calls::MAX_CALL_SECRET,
    draft::{SetUpDraft, SourceDraft},
};
use self::{draft::refuse, keys::SourceKeys};
use crate::{ControlPlane, PageRequest, Principal, Refusal, Walk, applications, walk};

/// Longest name of a source, in characters.
pub const MAX_NAME: usize = 64;
/// Tries of a change when other requests change the same source.
const TRIES: u32 = 8;

/// A source, and whether the request created it.
#[derive(Clone, Debug)]
pub struct SourceChange {
    /// The source as it is now.
    pub source: Source,
    /// Whether it was not there before.
    pub created: bool,
}

/// Every source that the caller sees, by name.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn list(control: &ControlPlane, principal: &Principal) -> Result<Vec<Source>, Refusal> {
    let mut sources = control.table().sources().await?;
    sources.retain(|source| principal.sees(&source.application));
    Ok(sources)
}

/// A part of the list of sources that the caller sees, by name. The cursor of a source is its name.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn page(
    control: &ControlPlane,
    principal: &Principal,
    page: PageRequest,
) -> Result<Walk<Source>, Refusal> {
    let keep = |source: &Source| principal.sees(&source.application);
    let fetch = |after: Option<String>, limit| async move {
        control.table().sources_page(after.as_deref(), limit).await
    };
    let place = |source: &Source| source.name.clone();
    Ok(walk(page.cursor, page.limit, fetch, |_| true, keep, place).await?)
}

/// The source of this name.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such source, or the caller may not see it.
pub async fn find(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<Source, Refusal> {
    known(control, principal, name).await?.ok_or(Refusal::NotFound)
}

/// The source of this name, if there is one.
///
/// # Errors
///
/// [`Refusal::NotFound`] if it belongs to another tenant.
async fn known(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<Option<Source>, Refusal> {
    // Other names belong to no source, and may be longer than a key of the table.
    if !is_identifier(name, MAX_NAME) {
        return Ok(None);
    }
    let known = control.table().source(name).await?;
    if let Some(known) = &known {
        principal.must_see(&known.application)?;
    }
    Ok(known)
}

/// The source that a draft names in its field `source`.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `source` if there is no such source, or the caller may not see it.
pub(crate) async fn named(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<Source, Refusal> {
    find(control, principal, name).await.map_err(|refusal| match refusal {
        Refusal::NotFound => Refusal::field("source", "there is no such source"),
        other => other,
    })
}

/// Requires that an application which a draft names beside a source is the source's.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `application` if the source belongs to another one.
pub(crate) async fn must_belong(
    control: &ControlPlane,
    source: &Source,
    application: Option<&str>,
) -> Result<(), Refusal> {
    let Some(application) = application else { return Ok(()) };
    let id = applications::id_of(control.table(), application).await?;
    match id == source.application {
        true => Ok(()),
        false => Err(Refusal::field("application", "is not the one of this source")),
    }
}

/// Creates a source, or replaces the one of this name. Secrets that the draft leaves out stay.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a draft that cannot be used, [`Refusal::NotFound`] if the source or its
/// application belongs to another tenant, [`Refusal::Busy`] if other requests change it at every try.
pub async fn put(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    draft: SourceDraft,
) -> Result<SourceChange, Refusal> {
    contested::write(TRIES, || replace(control, principal, name, draft.clone())).await
}

/// Reads a source and writes the draft over it, on the condition that it has not changed in between.
async fn replace(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    draft: SourceDraft,
) -> Result<TryOutcome<SourceChange>, Refusal> {
    let known = known(control, principal, name).await?;
    let application = draft.application.unwrap_or_else(|| applications::DEFAULT.to_owned());
    let (options, before) = (&draft.options, known.as_ref());
    let id = before.map_or_else(|| SourceId::random(random::bytes()), |known| known.id.clone());
    let platform_secret = calls::platform(control, &id, options, draft.platform_secret, before)?;
    let cancel_secret = calls::cancel(control, &id, options, draft.cancel_secret, before)?;
    let keys = SourceKeys::of(control, &id, &draft.profile, draft.secrets, before)?;
    calls::status_server(control, options)?;
    source::validate(name, &draft.profile, &keys.open, &application, options).map_err(refuse)?;
    calls::key_set(control, options)?;
    let application = applications::ensure_visible(control, principal, application).await?;
    let now = control.now();
    // Another profile is another sender, and what was seen of the former says nothing about it.
    let has_changed_sender = before.is_some_and(|known| known.profile != draft.profile);
    let unlock = draft.locked == Some(false) || has_changed_sender;
    let source = Source {
        id,
        name: name.to_owned(),
        proof: keys::proof(control, &keys.open, &keys.sealed, &options.jwks_url),
        secrets_since: keys::since(control, &keys.open, &keys.sealed, before),
        secrets: keys.sealed,
        application,
        base_url: before.and_then(|known| known.base_url.clone()),
        platform_secret,
        cancel_secret,
        created_at: before.map_or(now, |known| known.created_at),
        updated_at: now,
        locked_at: before.and_then(|known| known.locked_at).filter(|_| !unlock),
        handshake_at: before.and_then(|known| known.handshake_at).filter(|_| !has_changed_sender),
        profile: draft.profile,
        options: draft.options,
        version: before.map_or(1, |known| known.version + 1),
    };
    let written = control.table().put_source(&source, before, now).await?;
    if written == WriteOutcome::Done && has_changed_sender {
        control.table().forget_sender(&source.name, &source.id).await?.either_way();
    } else if written == WriteOutcome::Done && unlock {
        control.table().unlock_source(&source.name, &source.id).await?.either_way();
    }
    Ok(written.settles(SourceChange { source, created: known.is_none() }))
}

/// Creates a source with one secret, or gives the one of this name another secret. Options of a
/// source that exists stay.
///
/// # Errors
///
/// [`Refusal::Conflict`] if the source has another profile, otherwise as [`put`].
pub async fn set_up(
    control: &ControlPlane,
    principal: &Principal,
    draft: SetUpDraft,
) -> Result<Source, Refusal> {
    contested::write(TRIES, || give_secret(control, principal, draft.clone())).await
}

/// Reads a source and gives it another secret, on the condition that it has not changed in between.
async fn give_secret(
    control: &ControlPlane,
    principal: &Principal,
    draft: SetUpDraft,
) -> Result<TryOutcome<Source>, Refusal> {
    let SetUpDraft { name, profile, secret, application, base_url } = draft;
    let known = known(control, principal, name).await?;
    if let Some(known) = known.as_ref().filter(|known| known.profile != profile) {
        let why = format!("the source {name} has the profile {}", known.profile);
        return Err(Refusal::Conflict(why));
    }
    let now = control.now();
    let kept = known.as_ref().map(|known| known.application.to_string());
    let application = application.or(kept).unwrap_or_else(|| applications::DEFAULT.to_owned());
    let options = known.as_ref().map(|known| known.options.clone()).unwrap_or_default();
    let secrets = std::slice::from_ref(&secret);
    source::validate(name, profile, secrets, &application, &options).map_err(refuse)?;
    let application = applications::ensure_visible(control, principal, application).await?;
    let mut source = match &known {
        Some(known) => Source { version: known.version + 1, ..known.clone() },
        None => {
            let id = SourceId::random(random::bytes());
            Source::new(id, name, profile, application.clone(), now)
        }
    };
    source.application = application;
    source.secrets = vec![control.vault().seal(&Source::owner(&source.id), &secret)];
    source.secrets_since = keys::since(control, secrets, &source.secrets, known.as_ref());
    source.proof = keys::proof(control, secrets, &source.secrets, &options.jwks_url);
    source.base_url = Some(base_url);
    source.updated_at = now;
    let written = control.table().put_source(&source, known.as_ref(), now).await?;
    Ok(written.settles(source))
}

/// Removes a source. Its sender is refused from then on.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such source, or the caller may not see it; [`Refusal::Busy`] if
/// other requests change it at every try.
pub async fn delete(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<(), Refusal> {
    contested::write(TRIES, || async {
        let source = find(control, principal, name).await?;
        Ok(control.table().delete_source(&source, control.now()).await?.settles(()))
    })
    .await
}

/// Sources of this name, or of any, while they belonged to an application that the caller sees.
#[derive(Debug, Default)]
pub(crate) struct Tenures {
    /// Tenures that have not ended.
    pub(crate) present: Vec<Tenure>,
    /// Tenures that ended within `RetentionDays`: the source was deleted or moved.
    pub(crate) former: Vec<Tenure>,
}

/// The tenures in which a job that the caller names can be looked for.
pub(crate) async fn tenures(
    table: &Table,
    principal: &Principal,
    name: Option<&str>,
) -> Result<Tenures, Refusal> {
    let (present, former) = tokio::try_join!(table.sources(), table.former_tenures())?;
    let meant = |of: &str, tenure: &Tenure| {
        name.is_none_or(|name| name == of) && principal.sees(&tenure.application)
    };
    let present = present.into_iter().map(|source| (source.tenure(), source.name));
    let present = present.filter(|(tenure, of)| meant(of, tenure)).map(|(tenure, _)| tenure);
    let former = former.into_iter().filter(|FormerTenure { name, tenure, .. }| meant(name, tenure));
    Ok(Tenures { present: present.collect(), former: former.map(|it| it.tenure).collect() })
}

/// Whether at least one of a source's secrets opens. Without one, every request is refused.
pub fn is_usable(control: &ControlPlane, source: &Source) -> bool {
    !secrets(control, source).is_empty()
}

/// The secrets of a source that open.
pub(crate) fn secrets(control: &ControlPlane, source: &Source) -> Vec<Secret> {
    let owner = Source::owner(&source.id);
    let open = |sealed| control.vault().unseal(&owner, sealed).ok();
    source.secrets.iter().filter_map(open).collect()
}
