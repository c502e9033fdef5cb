//! Tickets and tokens: texts that open live connections, for clients that cannot send a key with the
//! upgrade of a WebSocket, or shall not have one.
//!
//! A ticket opens one connection within seconds, and hears all that its key sees. A token opens
//! connections to one topic until it expires, so that it can be given to the pages of others. Neither
//! outlives the key that it was made with.

use std::time::Duration;

use adapters::{contested, random};
use domain::{
    id::MAX_EXTERNAL_ID,
    live::{
        connection,
        grant::Grant,
        ticket::{self, Ticket},
        token::{DEFAULT_LIFE, LiveToken, MAX_LIFE, MIN_LIFE},
        topic::Topic,
    },
    time::Timestamp,
};

use crate::{ControlPlane, Principal, Refusal, applications, batches, logs};

/// Longest `Origin` that a ticket is bound to, in bytes. A host has 253 at most.
const MAX_ORIGIN: usize = 512;
/// Tries to keep a ticket under a hash of its own.
const TRIES: u32 = 3;

/// A text that opens live connections. The relay shows it once, so that this type does not print.
pub struct LivePass {
    /// The text of the ticket or token.
    pub text: String,
    /// The time from which it opens nothing.
    pub expires_at: Timestamp,
    /// The URL that opens a connection with it; `None` if the relay does not know its URL for that.
    pub url: Option<String>,
}

/// A token to be made. It is for exactly one job, project or batch.
#[derive(Clone, Debug, Default)]
pub struct TokenDraft {
    /// Job, by any of its ids. With the sender's id it may be one that is not registered yet.
    pub job: Option<String>,
    /// Project, as senders call it, 1 to [`MAX_EXTERNAL_ID`] bytes.
    pub project: Option<String>,
    /// Batch, by either of its ids.
    pub batch: Option<String>,
    /// Name of the job's source, where several sources use the same id.
    pub source: Option<String>,
    /// Id or uid of the application, where several have a job, project or batch of that name.
    pub application: Option<String>,
    /// Seconds for which the token is good, 1 to 86,400; an hour if it is `None`.
    pub ttl: Option<u64>,
}

/// Makes a ticket for all that the caller sees. It opens one connection, whose upgrade must have the
/// same `Origin` as the request for the ticket if that had one, as a page's has.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `origin` if that is `null`, as in a sandbox, or longer than an origin can be.
pub async fn create_ticket(
    control: &ControlPlane,
    principal: &Principal,
    origin: Option<&str>,
) -> Result<LivePass, Refusal> {
    if origin == Some("null") {
        let why = "is null, as in a sandbox; a connection cannot be bound to it";
        return Err(Refusal::field("origin", why));
    }
    if origin.is_some_and(|origin| MAX_ORIGIN < origin.len()) {
        return Err(Refusal::field("origin", format!("is longer than {MAX_ORIGIN} bytes")));
    }
    let now = control.now();
    let life = now.plus(connection::LIFE);
    let kept = Ticket {
        grant: Grant {
            key: principal.key.clone(),
            scope: principal.scope,
            application: principal.application.clone(),
            only: None,
            portal: principal.portal.as_ref().map(|portal| portal.mark.clone()),
            expires_at: principal.session_ends.map_or(life, |session| session.min(life)),
        },
        origin: origin.map(str::to_owned),
        expires_at: now.plus(ticket::LIFE),
    };
    let text = contested::write(TRIES, || async {
        let text = Ticket::text(random::bytes());
        let hash = Ticket::hash(&text).expect("a ticket has the form of one");
        let written = control.table().put_ticket(&hash, &kept).await?;
        Ok::<_, Refusal>(written.settles(text))
    })
    .await?;
    let url = control.live_url().map(|url| url.with_ticket(&text));
    Ok(LivePass { text, expires_at: kept.expires_at, url })
}

/// Makes a token, and names the one topic that its connections hear. The relay does not keep it.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such job, batch or application, or the caller may not see it;
/// [`Refusal::Invalid`] for a draft that names none or several of job, project and batch, or a field out
/// of bounds, or does not say which source or application is meant; [`Refusal::Conflict`] if several
/// jobs or batches bear the name.
pub async fn create_token(
    control: &ControlPlane,
    principal: &Principal,
    draft: TokenDraft,
) -> Result<(LivePass, Topic), Refusal> {
    let (least, most) = (MIN_LIFE.as_secs(), MAX_LIFE.as_secs());
    let seconds = draft.ttl.unwrap_or(DEFAULT_LIFE.as_secs());
    if !(least..=most).contains(&seconds) {
        return Err(Refusal::field("ttl", format!("is {least} to {most} seconds")));
    }
    let topic = topic(control, principal, &draft).await?;
    let expires_at = control.now().plus(Duration::from_secs(seconds));
    let token = LiveToken { topic, key: principal.key.clone(), expires_at };
    let text = token.sign(control.vault().live_tokens());
    let url = control.live_url().map(|url| url.with_token(&text));
    Ok((LivePass { text, expires_at, url }, token.topic))
}

/// The topic that a draft names.
async fn topic(
    control: &ControlPlane,
    principal: &Principal,
    draft: &TokenDraft,
) -> Result<Topic, Refusal> {
    let TokenDraft { job, project, batch, source, application, ttl: _ } = draft;
    let why = "a token is for one `job`, `project` or `batch`";
    if job.is_none() && source.is_some() {
        return Err(Refusal::field("source", "belongs to a `job`, and none is named"));
    }
    match (job, project, batch) {
        (Some(job), None, None) => {
            let principal = within(control, principal, application.as_deref()).await?;
            let found = logs::owner(control, &principal, job, source.as_deref()).await;
            let spelt = |field: String| if field == "id" { "job".to_owned() } else { field };
            let (owner, _) = found.map_err(|refusal| refusal.renamed(spelt))?;
            Ok(Topic::job(owner.application, owner.job))
        }
        (None, Some(project), None) => {
            if !(1..=MAX_EXTERNAL_ID).contains(&project.len()) {
                return Err(Refusal::field("project", format!("is 1 to {MAX_EXTERNAL_ID} bytes")));
            }
            let principal = within(control, principal, application.as_deref()).await?;
            let application = applications::only(control, &principal).await?;
            Ok(Topic::project(application, project.clone()))
        }
        (None, None, Some(batch)) => {
            let principal = within(control, principal, application.as_deref()).await?;
            let batch = batches::find(control.table(), &principal, batch, None).await?;
            Ok(Topic::batch(batch.application, batch.id))
        }
        (None, None, None) => Err(Refusal::field("job", format!("is missing: {why}"))),
        (Some(_), Some(_), _) => Err(Refusal::field("project", format!("is too much: {why}"))),
        _ => Err(Refusal::field("batch", format!("is too much: {why}"))),
    }
}

/// The caller as one that sees only the application of this id or uid, if one is named.
async fn within(
    control: &ControlPlane,
    principal: &Principal,
    application: Option<&str>,
) -> Result<Principal, Refusal> {
    let Some(name) = application else { return Ok(principal.clone()) };
    applications::must_see(control, principal, name).await?;
    let application = applications::resolve(control, name).await?;
    Ok(Principal { application: Some(application.id), ..principal.clone() })
}
