//! Portals: an owner hands a subscriber the pages of one application, and ends them.
//!
//! A portal's link carries a code, which opens a session once. The token that is handed out beside the link
//! is a session by itself, for a server that calls the API for its subscriber. Both end with the API key
//! that handed them out, with their application, and when the owner ends them.

use std::{collections::BTreeSet, time::Duration};

use adapters::{contested, random};
use domain::{
    id::{ApplicationId, is_identifier},
    key::KeyScope,
    portal::{
        Capability, DEFAULT_LIFE, LINK_LIFE, MAX_ENDINGS, MAX_FLAGS, MAX_LIFE, MAX_SESSION_ID,
        Portal, PortalMark,
    },
    session::{Session, SessionGrant},
    time::Timestamp,
};
use tracing::info;

use crate::{
    ControlPlane, Principal, Refusal,
    applications::{self, ApplicationDraft},
    event_types::MAX_LABEL,
    sessions,
};

/// Tries to keep a portal under hashes of its own, and to change endings that others change.
const TRIES: u32 = 8;

/// A portal to be handed out.
#[derive(Clone, Debug, Default)]
pub struct PortalDraft {
    /// The rights of its sessions, [`Capability::ViewBase`] among them; all of them if it is `None`.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// Whether its sessions only look, whatever the capabilities are.
    pub read_only: bool,
    /// Flags of the event types that its sessions see besides those without flags, at most [`MAX_FLAGS`]
    /// of 1 to 256 of `A-Z a-z 0-9 - _ .`.
    pub feature_flags: BTreeSet<String>,
    /// Seconds until its sessions end: 1 to a week; an hour if it is `None`.
    pub expiry: Option<u64>,
    /// A name by which its sessions can be ended, 1 to [`MAX_SESSION_ID`] bytes.
    pub session: Option<String>,
}

/// A portal that was handed out. Its texts are shown once, so that this type does not print.
pub struct PortalPass {
    /// The code of the link, which opens one session.
    pub code: String,
    /// The token of a session of the portal.
    pub token: String,
    /// The application that the portal shows.
    pub application: ApplicationId,
    /// The time from which the code opens nothing.
    pub link_ends_at: Timestamp,
    /// The time at which all sessions of the portal end.
    pub ends_at: Timestamp,
}

impl PortalDraft {
    /// The right of the portal, if every field can be used.
    fn judge(self, mark: u64, now: Timestamp) -> Result<Portal, Refusal> {
        let life = match self.expiry {
            None => DEFAULT_LIFE,
            Some(seconds) if (1..=MAX_LIFE.as_secs()).contains(&seconds) => {
                Duration::from_secs(seconds)
            }
            Some(_) => {
                let why = format!("is 1 to {} seconds", MAX_LIFE.as_secs());
                return Err(Refusal::field("expiry", why));
            }
        };
        let mut capabilities =
            self.capabilities.unwrap_or_else(|| Capability::ALL.into_iter().collect());
        if !capabilities.contains(&Capability::ViewBase) {
            let why = "need ViewBase: a portal that shows nothing can do nothing";
            return Err(Refusal::field("capabilities", why));
        }
        if self.read_only {
            capabilities.retain(|capability| *capability == Capability::ViewBase);
        }
        let flags = &self.feature_flags;
        if MAX_FLAGS < flags.len() || !flags.iter().all(|flag| is_identifier(flag, MAX_LABEL)) {
            let why =
                format!("are at most {MAX_FLAGS}, of 1 to {MAX_LABEL} of A-Z a-z 0-9 - _ . each");
            return Err(Refusal::field("feature_flags", why));
        }
        must_be_session_id("session_id", self.session.as_deref())?;
        Ok(Portal {
            capabilities,
            feature_flags: self.feature_flags,
            mark: PortalMark { revision: mark, session: self.session },
            ends_at: now.plus(life),
        })
    }
}

fn must_be_session_id(field: &str, text: Option<&str>) -> Result<(), Refusal> {
    match text {
        Some(text) if !(1..=MAX_SESSION_ID).contains(&text.len()) => {
            Err(Refusal::field(field, format!("is 1 to {MAX_SESSION_ID} bytes")))
        }
        _ => Ok(()),
    }
}

/// Hands out a portal of an application, which is made from a draft if it is not there.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application and no draft of it, [`Refusal::Invalid`] for a
/// draft out of bounds, [`Refusal::Forbidden`] for a caller that has a session itself: the portal would
/// outlive it.
pub async fn hand_out(
    control: &ControlPlane,
    principal: &Principal,
    app: &str,
    application: Option<ApplicationDraft>,
    draft: PortalDraft,
) -> Result<PortalPass, Refusal> {
    if principal.session_ends.is_some() {
        return Err(Refusal::Forbidden("a session hands out no portals; ask with an API key"));
    }
    let now = control.now();
    // Judged before an application is made, and before anything is read.
    let portal = draft.judge(0, now)?;
    let found = applications::resolve_or_create(control, principal, app, application).await?;
    let application = found.id;
    // Read before the portal is kept: endings that are asked for from now on end it.
    let revision = control.table().portal_endings(&application).await?.revision;
    let portal = Portal { mark: PortalMark { revision, ..portal.mark }, ..portal };
    let ends_at = portal.ends_at;
    let grant = SessionGrant {
        key: principal.key.clone(),
        admin_mark: sessions::mark_of(control, &principal.key),
        scope: KeyScope::Read,
        application: Some(application.clone()),
        portal: Some(portal),
    };
    let session = Session { grant: grant.clone(), created_at: now, expires_at: ends_at };
    let link_ends_at = now.plus(LINK_LIFE).min(ends_at);
    let kept = Session { grant, created_at: now, expires_at: link_ends_at };
    let (code, token) = contested::write(TRIES, || async {
        let (code, token) = (Session::code(random::bytes()), Session::token(random::bytes()));
        let code_hash = Session::code_hash(&code).expect("a code has the form of one");
        let hash = Session::token_hash(&token).expect("a session has the form of one");
        let written =
            control.table().hand_out_portal((&code_hash, &kept), (&hash, &session)).await?;
        Ok::<_, Refusal>(written.settles((code, token)))
    })
    .await?;
    info!(audit = true, key = %principal, %application, "a portal was handed out");
    Ok(PortalPass { code, token, application, link_ends_at, ends_at })
}

/// Ends the portals of an application that were handed out before now, in `wait` seconds at most a week;
/// only those of `sessions` if that names any.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, [`Refusal::Invalid`] for a time or a session out
/// of bounds, [`Refusal::Conflict`] if too many sessions were ended by their names, [`Refusal::Busy`] if
/// other requests end portals of the application at every try.
pub async fn end_all(
    control: &ControlPlane,
    principal: &Principal,
    app: &str,
    sessions: &[String],
    wait: u64,
) -> Result<(), Refusal> {
    if MAX_LIFE.as_secs() < wait {
        return Err(Refusal::field("expiry", format!("is 0 to {} seconds", MAX_LIFE.as_secs())));
    }
    if MAX_ENDINGS < sessions.len() {
        return Err(Refusal::field("session_ids", format!("are at most {MAX_ENDINGS}")));
    }
    for session in sessions {
        must_be_session_id("session_ids", Some(session))?;
    }
    let application = applications::resolve(control, app).await?.id;
    principal.must_see(&application)?;
    let wait = Duration::from_secs(wait);
    contested::write(TRIES, || async {
        let known = control.table().portal_endings(&application).await?;
        let next = known.and(sessions, wait, control.now());
        let next = next.map_err(|many| Refusal::Conflict(many.to_string()))?;
        let written =
            control.table().put_portal_endings(&application, known.revision, &next).await?;
        Ok::<_, Refusal>(written.settles(()))
    })
    .await?;
    info!(audit = true, key = %principal, %application, "portals were ended");
    Ok(())
}

/// Whether a portal has neither been ended, nor has its application.
pub(crate) async fn lasts(
    control: &ControlPlane,
    application: &ApplicationId,
    portal: &Portal,
) -> Result<bool, Refusal> {
    let table = control.table();
    let (endings, application) = futures::try_join!(
        table.portal_endings(application),
        table.application_record(application)
    )?;
    let is_there = application.is_some_and(|application| application.is_there());
    Ok(is_there && !endings.has_ended(&portal.mark, control.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_draft_out_of_bounds_names_its_field() {
        let flags = |flags: &[&str]| flags.iter().map(|flag| (*flag).to_owned()).collect();
        let many = (0..=MAX_FLAGS).map(|number| number.to_string()).collect();
        let fine = PortalDraft::default();
        for (draft, wrong) in [
            (PortalDraft { expiry: Some(0), ..fine.clone() }, "expiry"),
            (PortalDraft { expiry: Some(604_801), ..fine.clone() }, "expiry"),
            (PortalDraft { capabilities: Some(BTreeSet::new()), ..fine.clone() }, "capabilities"),
            (PortalDraft { feature_flags: flags(&["a b"]), ..fine.clone() }, "feature_flags"),
            (PortalDraft { feature_flags: many, ..fine.clone() }, "feature_flags"),
            (PortalDraft { session: Some(String::new()), ..fine.clone() }, "session_id"),
            (PortalDraft { session: Some("x".repeat(257)), ..fine }, "session_id"),
        ] {
            let refused = draft.judge(0, NOW);
            assert!(
                matches!(&refused, Err(Refusal::Invalid { field, .. }) if field == wrong),
                "{wrong}: {refused:?}"
            );
        }
    }

    #[test]
    fn a_portal_lasts_an_hour_and_may_everything_unless_it_is_asked_for_otherwise() {
        let usual = PortalDraft::default().judge(3, NOW).expect("fits");
        assert_eq!(usual.ends_at, NOW.plus(DEFAULT_LIFE));
        assert!(Capability::ALL.into_iter().all(|capability| usual.may(capability)));
        assert_eq!(usual.mark.revision, 3);
        let draft =
            PortalDraft { read_only: true, expiry: Some(604_800), ..PortalDraft::default() };
        let looks = draft.judge(0, NOW).expect("fits");
        assert!(looks.is_read_only() && !looks.may(Capability::ViewEndpointSecret));
        assert_eq!(looks.ends_at, NOW.plus(MAX_LIFE));
    }
}
