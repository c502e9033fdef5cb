//! Tasks: work over many letters or messages that the relay does step by step.

use adapters::{
    contested::{self, TryOutcome},
    table::Table,
};
use domain::{
    id::TaskId,
    task::{Task, TaskKind},
};
use tracing::{info, warn};

use crate::{ControlPlane, PageRequest, Principal, Refusal, Walk, walk};

/// Tries of a cancellation when the task's own steps change it at the same time.
const TRIES: u32 = 8;

/// Records a new task and rings for it. A task is due from the start, so that a lost bell costs time
/// only.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the task cannot be recorded.
pub async fn start(control: &ControlPlane, task: &Task) -> Result<(), Refusal> {
    control.table().create_task(task, task.created_at).await?.either_way();
    control.context().note_task(task);
    if let Err(error) = control.dead_letters().task(&task.id).await {
        warn!(%error, task = %task.id, "a task was not rung for; the sweep will");
    }
    Ok(())
}

/// The task of this id.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such task or the caller may not see it. A task of no single
/// application is visible to keys of all applications only, and a portal sees those that portals began.
pub async fn find(
    control: &ControlPlane,
    principal: &Principal,
    id: &str,
) -> Result<Task, Refusal> {
    let id = TaskId::parse(id).map_err(|_| Refusal::NotFound)?;
    let task = control.table().task(&id).await?;
    task.filter(|task| is_visible(principal, task)).ok_or(Refusal::NotFound)
}

fn is_visible(principal: &Principal, task: &Task) -> bool {
    if principal.is_portal() && !task.by_portal {
        return false;
    }
    match task.application() {
        Some(application) => principal.sees(application),
        None => principal.application.is_none(),
    }
}

/// A part of the list of tasks that the caller sees and `keep` lets pass: those that run, or ended within
/// the retention, newest first unless `oldest_first`.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    keep: impl Fn(&Task) -> bool,
    oldest_first: bool,
    page: PageRequest,
) -> Result<Walk<Task>, Refusal> {
    let keep = |task: &Task| is_visible(principal, task) && keep(task);
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().tasks_page(cursor.as_deref(), limit, oldest_first).await
    };
    Ok(walk(page.cursor, page.limit, fetch, |_| true, keep, Table::task_cursor).await?)
}

/// The position of a task in the list, from which a later page goes on.
pub fn place(task: &Task) -> String {
    Table::task_cursor(task)
}

/// Stops a task after its present step; finished steps stay done. A task that has ended is returned
/// as it is.
///
/// # Errors
///
/// [`Refusal::NotFound`] as [`find`], [`Refusal::Conflict`] for a recovery, which waits for its
/// endpoint, and for the task that puts messages back, [`Refusal::Busy`] if the task changes at every try.
pub async fn cancel(
    control: &ControlPlane,
    principal: &Principal,
    id: &str,
) -> Result<Task, Refusal> {
    contested::write(TRIES, || async {
        let mut task = find(control, principal, id).await?;
        if matches!(task.kind, TaskKind::Recover { .. }) {
            let why = "it waits for an endpoint; disable that, or delete its letters";
            return Err(Refusal::Conflict(why.to_owned()));
        }
        if matches!(task.kind, TaskKind::Resend { .. }) {
            let why =
                "it puts back messages that a fault of the relay parked; delete their letters";
            return Err(Refusal::Conflict(why.to_owned()));
        }
        if task.finished_at.is_some() {
            return Ok(TryOutcome::Settled(task));
        }
        task.cancelled = true;
        task.finished_at = Some(control.now());
        let written = control.table().update_task(&task, None).await?.settles(task);
        if let TryOutcome::Settled(task) = &written {
            control.context().note_task(task);
            info!(audit = true, key = %principal, task = %task.id, "a task was cancelled");
        }
        Ok(written)
    })
    .await
}
