//! API keys. A key is shown once, when it is made; the table holds a hash of its secret part.

mod uses;

use adapters::{
    random,
    table::{Table, WriteOutcome},
};
use domain::{
    key::{self, ApiKey, KeyScope},
    session::Session,
    time::Timestamp,
};

use crate::{ControlPlane, PageRequest, Principal, Refusal, Walk, applications, sessions, walk};

/// Longest name of a key, in bytes.
pub const MAX_NAME: usize = 256;
/// Longest id of a key, in characters: 16 random bytes as hexadecimal.
const MAX_ID: usize = 32;

/// An API key to be made.
#[derive(Clone, Debug)]
pub struct KeyDraft {
    /// Name for people, 1 to [`MAX_NAME`] bytes.
    pub name: String,
    /// Scope that the key gets.
    pub scope: KeyScope,
    /// Id or uid of the one application that the key may see; `None` means all.
    pub application: Option<String>,
}

/// The caller that presented this bearer token; `None` if the token is neither a key of this relay nor a
/// session that lasts.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn identify(control: &ControlPlane, bearer: &str) -> Result<Option<Principal>, Refusal> {
    if control.admin_key().opens(bearer) {
        return Ok(Some(Principal::of(&admin())));
    }
    if let Some(hash) = Session::token_hash(bearer) {
        return sessions::caller(control, &hash).await;
    }
    let Some((id, secret)) = ApiKey::split(bearer) else { return Ok(None) };
    let key = control.table().key(id).await?.filter(|key| key.opens(secret));
    let Some(key) = key else { return Ok(None) };
    let principal = Principal::of(&key);
    uses::note(control, key);
    Ok(Some(principal))
}

/// The administrator's key, which is deployed with the relay and not in the table.
fn admin() -> ApiKey {
    ApiKey {
        id: key::ADMIN_ID.to_owned(),
        hash: String::new(),
        scope: KeyScope::Admin,
        application: None,
        name: String::new(),
        created_at: Timestamp(0),
        last_used_at: None,
    }
}

/// Makes a key. Returns the key as kept and the bearer token, which is shown nowhere again.
///
/// # Errors
///
/// [`Refusal::Forbidden`] for a tenant's key, [`Refusal::Invalid`] for a name out of bounds or an
/// application that is not there.
pub async fn create(
    control: &ControlPlane,
    principal: &Principal,
    draft: KeyDraft,
) -> Result<(ApiKey, String), Refusal> {
    principal.must_see_all()?;
    if draft.name.is_empty() || MAX_NAME < draft.name.len() {
        return Err(Refusal::field("name", format!("is 1 to {MAX_NAME} characters")));
    }
    let application = match &draft.application {
        None => None,
        Some(name) => match applications::resolve(control, name).await {
            Ok(application) => Some(application.id),
            Err(Refusal::NotFound) => {
                return Err(Refusal::field("application", "there is no such application"));
            }
            Err(refusal) => return Err(refusal),
        },
    };
    // 128 bits name the key and 256 open it.
    let (id, secret) = (random::token(), format!("{}{}", random::token(), random::token()));
    let key = ApiKey {
        hash: ApiKey::hash(&secret),
        id,
        scope: draft.scope,
        application,
        name: draft.name,
        created_at: control.now(),
        last_used_at: None,
    };
    if control.table().put_key(&key).await? == WriteOutcome::Refused {
        return Err(Refusal::Conflict("chance gave the same id twice".to_owned()));
    }
    let bearer = format!("rk_{}_{secret}", key.id);
    Ok((key, bearer))
}

/// A part of the list of keys, oldest first, without their secrets.
///
/// # Errors
///
/// [`Refusal::Forbidden`] for a tenant's key.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    page: PageRequest,
) -> Result<Walk<ApiKey>, Refusal> {
    principal.must_see_all()?;
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().keys_page(cursor.as_deref(), limit).await
    };
    Ok(walk(page.cursor, page.limit, fetch, |_| true, |_| true, Table::key_cursor).await?)
}

/// Revokes the key of this id.
///
/// # Errors
///
/// [`Refusal::Forbidden`] for a tenant's key, [`Refusal::NotFound`] if there is no such key.
pub async fn delete(
    control: &ControlPlane,
    principal: &Principal,
    id: &str,
) -> Result<(), Refusal> {
    principal.must_see_all()?;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !(1..=MAX_ID).contains(&id.len()) {
        return Err(Refusal::NotFound);
    }
    match control.table().delete_key(id).await? {
        WriteOutcome::Done => Ok(()),
        WriteOutcome::Refused => Err(Refusal::NotFound),
    }
}
