//! Sessions: a web page calls the API for some hours without holding an API key.
//!
//! A key makes a one-time code, and the page changes the code for a session. Both carry the right of the
//! key and end with it. If the process dies after the code was used and before the answer, the session is
//! nobody's and ends by itself; the page asks for another code.

use adapters::{
    contested, random,
    table::{Table, WriteOutcome},
};
use domain::{
    id,
    key::{ADMIN_ID, KeyScope},
    session::{CODE_LIFE, MAX_WRONG, Session, SessionGrant},
    time::Timestamp,
};
use tracing::{info, warn};

use crate::{ControlPlane, Principal, Refusal, portals};

/// Tries to keep a code or a session under a hash of its own.
const TRIES: u32 = 3;

/// The text of a code or a session, and when it ends. The relay shows the text once, so that this type
/// does not print.
pub struct SessionPass {
    /// The code or the session.
    pub text: String,
    /// The time from which it opens nothing.
    pub expires_at: Timestamp,
    /// The right that it carries.
    pub grant: SessionGrant,
}

/// Makes a code, which opens one session within a minute. The session has the caller's right.
///
/// # Errors
///
/// [`Refusal::Forbidden`] for a caller that has a session itself: otherwise a session could be prolonged
/// for ever. [`Refusal::NotFound`] if the relay serves no pages.
pub async fn create_code(
    control: &ControlPlane,
    principal: &Principal,
) -> Result<SessionPass, Refusal> {
    must_serve_pages(control)?;
    if principal.session_ends.is_some() {
        return Err(Refusal::Forbidden("a session makes no codes; ask with an API key"));
    }
    let grant = SessionGrant {
        key: principal.key.clone(),
        admin_mark: mark_of(control, &principal.key),
        scope: principal.scope,
        application: principal.application.clone(),
        portal: None,
    };
    let code = Session::new(grant, control.now(), CODE_LIFE);
    let text = contested::write(TRIES, || async {
        let text = Session::code(random::bytes());
        let hash = Session::code_hash(&text).expect("a code has the form of one");
        let written = control.table().put_code(&hash, &code).await?;
        Ok::<_, Refusal>(written.settles(text))
    })
    .await?;
    Ok(SessionPass { text, expires_at: code.expires_at, grant: code.grant })
}

/// Makes a code with the right of the deployed administrator's key, for a program that runs the relay and
/// opens a page for its owner.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the code cannot be kept, [`Refusal::NotFound`] if the relay serves no pages.
pub async fn create_admin_code(control: &ControlPlane) -> Result<SessionPass, Refusal> {
    let admin = Principal {
        key: ADMIN_ID.to_owned(),
        scope: KeyScope::Admin,
        application: None,
        session_ends: None,
        portal: None,
    };
    create_code(control, &admin).await
}

/// Changes a code for a session: of at most 12 hours, or of a portal until that ends. `address` is the caller's, as far as it is known.
///
/// # Errors
///
/// [`Refusal::Forbidden`] for a code that is wrong, was used or has expired, or whose key was revoked;
/// [`Refusal::TooMany`] after [`MAX_WRONG`] of these from one address within a minute;
/// [`Refusal::NotFound`] if the relay serves no pages.
pub async fn open(
    control: &ControlPlane,
    code: &str,
    address: &str,
) -> Result<SessionPass, Refusal> {
    must_serve_pages(control)?;
    let (table, now) = (control.table(), control.now());
    let address = id::digest(&["session code", address]);
    // Counted first: of many codes that come at once, no more than these are looked at.
    if table.count_guess(&address, MAX_WRONG, now).await? == WriteOutcome::Refused {
        return Err(Refusal::TooMany(Table::guesses_end(now)));
    }
    let opened = exchange(control, code, now).await?;
    if let Err(error) = table.forget_guess(&address, now).await {
        warn!(%error, "a right code stays counted as a wrong one for a minute");
    }
    info!(audit = true, key = %opened.grant.key, "a session was opened");
    Ok(opened)
}

/// Sessions are for pages. A relay whose owner turned those off has neither.
fn must_serve_pages(control: &ControlPlane) -> Result<(), Refusal> {
    if control.dashboard().is_served { Ok(()) } else { Err(Refusal::NotFound) }
}

async fn exchange(
    control: &ControlPlane,
    code: &str,
    now: Timestamp,
) -> Result<SessionPass, Refusal> {
    let wrong = || Refusal::Forbidden("the code is wrong, was used, or has expired");
    let code_hash = Session::code_hash(code).ok_or_else(wrong)?;
    let kept = control.table().code(&code_hash).await?.filter(|kept| kept.lasts(now));
    let kept = kept.ok_or_else(wrong)?;
    if !lives(control, &kept.grant).await? {
        return Err(wrong());
    }
    let session = kept.opened(now);
    let text = Session::token(random::bytes());
    let hash = Session::token_hash(&text).expect("a session has the form of one");
    match control.table().open_session(&code_hash, &hash, &session).await? {
        WriteOutcome::Done => {
            Ok(SessionPass { text, expires_at: session.expires_at, grant: session.grant })
        }
        WriteOutcome::Refused => Err(wrong()),
    }
}

/// The caller that has the session with this hash; `None` if there is none, or it or its key has ended.
/// The key is read with every request, so that a session ends in the moment in which its key does.
pub(crate) async fn caller(
    control: &ControlPlane,
    hash: &str,
) -> Result<Option<Principal>, Refusal> {
    let session = control.table().session(hash).await?;
    let Some(session) = session.filter(|session| session.lasts(control.now())) else {
        return Ok(None);
    };
    if !lives(control, &session.grant).await? {
        return Ok(None);
    }
    let SessionGrant { key, scope, application, portal, admin_mark: _ } = session.grant;
    let session_ends = Some(session.expires_at);
    Ok(Some(Principal { key, scope, application, session_ends, portal }))
}

/// Ends the session with this text.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the text is no session, or one that has ended.
pub async fn end(control: &ControlPlane, text: &str) -> Result<(), Refusal> {
    let hash = Session::token_hash(text).ok_or(Refusal::NotFound)?;
    match control.table().end_session(&hash).await? {
        WriteOutcome::Done => Ok(()),
        WriteOutcome::Refused => Err(Refusal::NotFound),
    }
}

/// Whether the key of a right is still there, and a portal was not ended.
async fn lives(control: &ControlPlane, grant: &SessionGrant) -> Result<bool, Refusal> {
    let has_key = async {
        match grant.key == ADMIN_ID {
            true => Ok(grant.admin_mark == admin_mark(control)),
            false => Ok::<_, Refusal>(control.table().key(&grant.key).await?.is_some()),
        }
    };
    let lasts = async {
        match (&grant.portal, &grant.application) {
            (None, _) => Ok(true),
            (Some(portal), Some(application)) => portals::lasts(control, application, portal).await,
            // A portal is of one application.
            (Some(_), None) => Ok(false),
        }
    };
    let (has_key, lasts) = futures::try_join!(has_key, lasts)?;
    Ok(has_key && lasts)
}

/// The mark that a right of this key carries; `None` unless it is the administrator's.
pub(crate) fn mark_of(control: &ControlPlane, key: &str) -> Option<String> {
    (key == ADMIN_ID).then(|| admin_mark(control)).flatten()
}

/// A mark of the deployed administrator's key, which changes with the key and does not tell it.
fn admin_mark(control: &ControlPlane) -> Option<String> {
    control.vault().mark([b"session".as_slice(), control.admin_key().reveal().as_bytes()])
}
