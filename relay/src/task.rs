//! Waiting for a task of the relay, with its progress on standard error.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::{
    exit::{CommandError, Exit},
    output::Output,
    remote::{Remote, RemoteError},
    resources::request::escaped,
};

/// The time between two looks at a task.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits until a task has ended, and prints how many letters or events it has `done`. Ctrl-C ends the wait
/// and not the task.
///
/// # Errors
/// [`CommandError`] if the relay does not answer or refuses.
pub(crate) async fn follow(
    remote: &Remote,
    out: &Output,
    id: &str,
    done: &str,
) -> Result<Exit, CommandError> {
    let path = format!("/v1/tasks/{}", escaped(id));
    out.note(&format!("task {id}; stop it with `relay tasks cancel {id}`"));
    loop {
        let task: Value = match remote.ask(Method::GET, &path, Vec::new()).await {
            Ok(answer) => answer.json()?,
            // The task goes on, whether this command hears of it or not.
            Err(
                RemoteError::Unreachable { .. } | RemoteError::Refused { status: 429 | 500.., .. },
            ) => {
                out.progress(&format!("task {id}: the relay does not answer, asking again"));
                tokio::time::sleep(4 * LOOK_EVERY).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let (count, matched) = (&task["redriven"], &task["matched"]);
        if task["state"] != "running" {
            let cancelled = task["state"] == "cancelled";
            match out.is_json() {
                true => out.value(&task)?,
                false => {
                    let how = if cancelled { ", then the task was cancelled" } else { "" };
                    out.line(&format!("{count} of {matched} {done}{how}"))?;
                }
            }
            return Ok(if cancelled { Exit::Partly } else { Exit::Done });
        }
        out.progress(&format!("task {id}: {count} of {matched} {done} …"));
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
