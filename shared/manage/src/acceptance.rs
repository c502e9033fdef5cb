//! Acceptance of bodies that no sender posted: an operator speaks in a source's place (R0.21), or a
//! test goes the way of a real request. An accepted body goes to the inbox under the same
//! idempotency key as its sender's own request would.

use adapters::random;
use domain::{
    envelope::{Envelope, StoredBody, Trust},
    id::{EventId, JobId},
    signature::Verification,
    source::Source,
};
use tracing::info;

use crate::{ControlPlane, Principal, Refusal, sources};

/// The event that an accepted body becomes.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// Id of the event that the body becomes, or was before.
    pub event: EventId,
    /// The job whose state the body reports.
    pub job: Option<JobId>,
}

/// Accepts a body in a source's place. Its event stays marked as an operator's.
///
/// # Errors
///
/// [`Refusal::Invalid`] if the source's profile cannot read the body, [`Refusal::Conflict`] if the
/// profile is unknown.
pub async fn inject(
    control: &ControlPlane,
    principal: &Principal,
    source: &Source,
    body: &[u8],
) -> Result<Acceptance, Refusal> {
    let arrival = format!("by-{}-{}", principal.key, random::token());
    let unsigned = Verification::default();
    let accepted = accept(control, source, &unsigned, body, Trust::Operator, arrival).await?;
    info!(
        audit = true, key = %principal, source = source.name, event = %accepted.event,
        "spoke in a source's place"
    );
    Ok(accepted)
}

/// Signs a body with a source's own secret, judges it as a real request is judged, and accepts it.
///
/// # Errors
///
/// [`Refusal::Conflict`] if such a request would be refused, otherwise as [`inject`].
pub async fn rehearse(
    control: &ControlPlane,
    source: &Source,
    body: &[u8],
) -> Result<Acceptance, Refusal> {
    let refused = |why: &dyn ToString| {
        Refusal::Conflict(format!("a test would be refused: {}", why.to_string()))
    };
    let profile = source.effective().ok_or_else(|| refused(&"its profile is unknown"))?;
    let secrets = sources::secrets(control, source);
    let verified = profile.scheme.rehearse(&secrets, body, control.now());
    let verified = verified.map_err(|why| refused(&why))?;
    accept(control, source, &verified, body, Trust::Signed, random::token()).await
}

/// Whether an accepted body has become an event.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn is_processed(control: &ControlPlane, accepted: &Acceptance) -> Result<bool, Refusal> {
    Ok(control.table().event(&accepted.event).await?.is_some())
}

/// Puts a body on the inbox as if its sender had posted it.
async fn accept(
    control: &ControlPlane,
    source: &Source,
    verified: &Verification,
    body: &[u8],
    trust: Trust,
    arrival: String,
) -> Result<Acceptance, Refusal> {
    let unknown = || Refusal::Conflict("its profile is unknown".to_owned());
    let profile = source.effective().ok_or_else(unknown)?;
    let key = profile.key(verified, body, None);
    let (key, _) = key.map_err(|unreadable| Refusal::field("body", unreadable))?;
    let event = Source::event_id(&source.tenure(), &key);
    let report = profile.read(body);
    report.recordable().map_err(|unreadable| Refusal::field("body", unreadable))?;
    let job = report.job.filter(|_| report.status.is_some());
    let envelope = Envelope {
        source_id: source.id.clone(),
        source: source.name.clone(),
        profile: source.profile.clone(),
        options: source.options.clone(),
        application: source.application.clone(),
        proof: None,
        key,
        event: event.clone(),
        arrival,
        received_at: control.now(),
        event_type: None,
        form: false,
        trust,
        request: None,
        encoded: None,
        body: StoredBody::inline(body),
    };
    control.inbox().put(control.bucket(), envelope, body).await?;
    Ok(Acceptance { event, job: job.map(|job| JobId::of(&source.tenure(), &job)) })
}
