//! Writes of applications over those that were read.

use adapters::table::WriteOutcome;
use domain::application::Application;

use crate::{ControlPlane, Refusal};

/// Uid of the application that is always there.
pub const DEFAULT: &str = "default";

/// Writes an application over the one that was read.
///
/// # Errors
///
/// [`Refusal::Conflict`] if the uid is taken, or the application changed since it was read.
pub async fn replace(
    control: &ControlPlane,
    known: &Application,
    next: Application,
) -> Result<Application, Refusal> {
    match control.table().update_application(known, &next).await? {
        WriteOutcome::Done => Ok(Application { version: known.version + 1, ..next }),
        WriteOutcome::Refused if known.uid != next.uid => Err(uid_taken()),
        WriteOutcome::Refused => {
            Err(Refusal::Conflict("somebody else changed it at the same time".to_owned()))
        }
    }
}

/// The conflict of two applications with one uid.
pub fn uid_taken() -> Refusal {
    Refusal::Conflict("an application with that uid exists already".to_owned())
}
