//! Logs of jobs: lines that come with a key or with the job's own token, and reading them.
//!
//! Lines may come before their job is registered. A job's id follows from its source and the sender's
//! id, so the lines lie where the job will look for them; they are shown if the job is known within
//! [`JOIN_WITHIN`](domain::log::JOIN_WITHIN).

use dispatch::logs::{KeepOutcome, LogPage};
use domain::{
    id::JobId,
    job::Job,
    log::{self, LogBatch, LogClaim, LogOwner, LogPosition, LogToken, Seq},
    time::Timestamp,
};

use crate::{ControlPlane, Principal, Refusal, jobs, registrar_fields, registration};

/// Most lines of one answer.
pub const MAX_LINES: u32 = 1000;

/// Lines that are kept, or were before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendedLines {
    /// The job that the lines belong to, or will belong to.
    pub job: JobId,
    /// The number that the next line of the stream has.
    pub next: Seq,
    /// Whether other lines had been kept under these numbers, so that these were not.
    pub conflict: bool,
}

/// The part of a log that is asked for.
#[derive(Clone, Debug)]
pub enum LogPlace {
    /// The newest lines of the log.
    Newest,
    /// The lines behind a number, in every stream.
    After(Seq),
    /// The lines behind a position that an earlier part named.
    Behind(LogPosition),
    /// The lines from the first on that is kept.
    Beginning,
}

/// The claim of a bearer token, if it is a log token of this relay that has not expired.
pub fn claim(control: &ControlPlane, bearer: &str) -> Option<LogClaim> {
    control.vault().log_claim(&LogToken::parse(bearer)?, control.now())
}

/// Whether a token is of the job with this name: the relay's id, the sender's id, or the call's.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn is_of(control: &ControlPlane, claim: &LogClaim, name: &str) -> Result<bool, Refusal> {
    if claim.owner.job.as_str() == name {
        return Ok(true);
    }
    let job = control.table().job(&claim.owner.job).await?;
    Ok(job.is_some_and(|job| job.external_id == name || job.call_id.as_deref() == Some(name)))
}

/// Appends lines to the log of the job that a token is of.
///
/// # Errors
///
/// [`Refusal::TooMany`] if the job logs more lines than it may.
pub async fn append_claimed(
    control: &ControlPlane,
    claim: &LogClaim,
    batch: &LogBatch,
) -> Result<AppendedLines, Refusal> {
    // The token outlives the job's deadline, so that the job need not be read.
    let end = Timestamp::from_secs(claim.until);
    let until = log::expiry(None, batch.received_at).max(end.plus(log::RETENTION));
    keep(control, &claim.owner, batch, until).await
}

/// Appends lines to the log of a job of this name, whether the job is known or not yet.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the caller may not see the job, or its source insists on jobs that are
/// registered and this one is not; [`Refusal::Invalid`] if the job is not known and the caller does not
/// say which source's it will be; [`Refusal::Conflict`] if jobs of several sources bear the name or the
/// log is no longer kept; [`Refusal::TooMany`] if the job logs more lines than it may.
pub async fn append(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    source: Option<&str>,
    batch: &LogBatch,
) -> Result<AppendedLines, Refusal> {
    let (owner, known) = owner(control, principal, name, source).await?;
    if known.as_ref().is_some_and(|job| log::is_over(job, batch.received_at)) {
        let why = "the job ended more than 7 days ago, and its log is no longer kept";
        return Err(Refusal::Conflict(why.to_owned()));
    }
    let until = log::expiry(known.as_ref(), batch.received_at);
    keep(control, &owner, batch, until).await
}

/// The job of this name, which the relay may not know yet: its id follows from its source and the
/// sender's id.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the caller may not see the job, or its source insists on jobs that are
/// registered and this one is not; [`Refusal::Invalid`] of `id` or `source` if the job is not known and
/// cannot have that name, or the caller does not say which source's it will be; [`Refusal::Conflict`] if
/// jobs of several sources bear the name.
pub(crate) async fn owner(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    source: Option<&str>,
) -> Result<(LogOwner, Option<Job>), Refusal> {
    match jobs::find(control.table(), principal, name, source).await {
        Ok(job) => Ok((LogOwner::of(&job), Some(job))),
        Err(Refusal::NotFound) => Ok((expected(control, principal, name, source).await?, None)),
        Err(refusal) => Err(refusal),
    }
}

/// The job that the relay does not know, once it is registered under this name.
async fn expected(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    source: Option<&str>,
) -> Result<LogOwner, Refusal> {
    if let Ok(id) = JobId::parse(name)
        && control.table().job(&id).await?.is_some()
    {
        // A job of another tenant. A sender's own id may have the same form.
        return Err(Refusal::NotFound);
    }
    let name = registrar_fields::id("id", name.to_owned())?;
    let source = match (registration::source(control, principal, source).await, source) {
        // A source that the caller does not see has no jobs, as one that does not exist.
        (Err(Refusal::Invalid { .. }), Some(_)) => return Err(Refusal::NotFound),
        (found, _) => found?,
    };
    if source.options.strict {
        return Err(Refusal::NotFound);
    }
    Ok(LogOwner::at(&source.tenure(), &name))
}

async fn keep(
    control: &ControlPlane,
    owner: &LogOwner,
    batch: &LogBatch,
    until: Timestamp,
) -> Result<AppendedLines, Refusal> {
    let conflict = match control.logs().keep(owner, batch, until).await? {
        KeepOutcome::Kept | KeepOutcome::Known => false,
        KeepOutcome::Conflict => true,
        KeepOutcome::TooMany(seconds) => return Err(Refusal::TooMany(seconds)),
    };
    Ok(AppendedLines { job: owner.job.clone(), next: batch.next_seq(), conflict })
}

/// A part of a job's log, at most so many lines.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such job, the caller may not see it, or its log is no longer
/// kept; [`Refusal::Conflict`] if jobs of several sources bear the name.
pub async fn read(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    source: Option<&str>,
    place: LogPlace,
    lines: usize,
) -> Result<(Job, LogPage), Refusal> {
    let job = jobs::find(control.table(), principal, name, source).await?;
    if log::is_over(&job, control.now()) {
        return Err(Refusal::NotFound);
    }
    let logs = control.logs();
    let page = match place {
        LogPlace::Newest => logs.newest(&job, lines).await?,
        LogPlace::Beginning => logs.behind(&job, None, lines).await?,
        LogPlace::Behind(position) => logs.behind(&job, Some(position), lines).await?,
        LogPlace::After(seq) => {
            let position = logs.position_after(&job, &seq).await?;
            logs.behind(&job, Some(position), lines).await?
        }
    };
    Ok((job, page))
}
