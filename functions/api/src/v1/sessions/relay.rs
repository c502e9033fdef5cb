//! The relay as a page shows it: its version, its addresses, and the name of the application that the page
//! is about.

use domain::{id::ApplicationId, live::url::LiveUrl};
use manage::{ControlPlane, applications};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::error::Error;

/// The relay that a session is with.
#[derive(Serialize, ToSchema)]
pub(super) struct RelayOut {
    /// Version of the relay.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// URL under which senders and the API reach the relay; null if it does not know.
    url: Option<String>,
    /// URL at which clients open live connections, with a ticket; null if the relay does not know.
    live_url: Option<String>,
    /// Name of the one application that the session may see; null for all.
    application_name: Option<String>,
}

impl RelayOut {
    /// The relay for a session that may see this application; `None` for all.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the table does not answer.
    pub(super) async fn of(
        control: &ControlPlane,
        application: Option<&ApplicationId>,
    ) -> Result<Self, Error> {
        let application_name = match application {
            Some(id) => applications::name_of(control, id).await?,
            None => None,
        };
        let url = Some(control.public_url().to_owned()).filter(|url| !url.is_empty());
        let live_url = control.live_url().map(LiveUrl::as_str).map(str::to_owned);
        Ok(Self { version: env!("CARGO_PKG_VERSION"), url, live_url, application_name })
    }
}
