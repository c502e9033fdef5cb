//! The authenticated caller of a use case.

use domain::{
    id::ApplicationId,
    key::{ApiKey, KeyScope},
    time::Timestamp,
};

use crate::Refusal;

/// The authenticated caller: an API key, or a session that has its right, with its scope and, for a
/// tenant's key, its application.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Id of the API key.
    pub key: String,
    /// Scope of the API key.
    pub scope: KeyScope,
    /// The one application that the key may see; `None` means all.
    pub application: Option<ApplicationId>,
    /// The end of the session that the caller has in place of the key itself; `None` for a key.
    pub session_ends: Option<Timestamp>,
}

impl Principal {
    /// The caller that presented this key.
    pub fn of(key: &ApiKey) -> Self {
        Self {
            key: key.id.clone(),
            scope: key.scope,
            application: key.application.clone(),
            session_ends: None,
        }
    }

    /// Whether the caller may see what belongs to this application.
    pub fn sees(&self, application: &ApplicationId) -> bool {
        self.application.as_ref().is_none_or(|own| own == application)
    }

    /// Requires that the caller sees this application.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotFound`] otherwise: another tenant's application does not exist for the caller.
    pub fn must_see(&self, application: &ApplicationId) -> Result<(), Refusal> {
        if self.sees(application) { Ok(()) } else { Err(Refusal::NotFound) }
    }

    /// Requires a key for all applications: the thing asked for belongs to none.
    ///
    /// # Errors
    ///
    /// [`Refusal::Forbidden`] for a key of one application.
    pub fn must_see_all(&self) -> Result<(), Refusal> {
        match self.application {
            None => Ok(()),
            Some(_) => Err(Refusal::Forbidden("this key is for one application only")),
        }
    }
}
