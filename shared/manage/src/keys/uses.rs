//! Noting when a key was used: beside the request, within ten minutes once for each key and process.

use std::time::Duration;

use adapters::table::WriteOutcome;
use domain::key::ApiKey;
use tracing::warn;

use crate::ControlPlane;

/// Longest time that the write may take. No request waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Notes the use of a key that was read for a request, if none was noted within ten minutes. The write goes
/// on beside the request, which neither waits for it nor fails with it. Lambda may stop the process before
/// it has ended; the use is then noted by another request, ten minutes later.
pub(super) fn note(control: &ControlPlane, key: ApiKey) {
    let now = control.now();
    if !key.is_use_to_note(now) || !control.key_uses().is_first(&key.id, now) {
        return;
    }
    let table = control.table().clone();
    tokio::spawn(async move {
        match tokio::time::timeout(PATIENCE, table.note_key_use(&key, now)).await {
            Ok(Ok(WriteOutcome::Done | WriteOutcome::Refused)) => (),
            Ok(Err(error)) => warn!(%error, key = key.id, "the use of a key was not noted"),
            Err(_) => warn!(key = key.id, "the use of a key was not noted in time"),
        }
    });
}
