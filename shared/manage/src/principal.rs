//! The authenticated caller of a use case.

use std::fmt;

use domain::{
    id::ApplicationId,
    key::{ApiKey, KeyScope},
    portal::{Capability, Portal},
    time::Timestamp,
};

use crate::Refusal;

/// The authenticated caller: an API key, or a session that has its right, with its scope and, for a
/// tenant's key, its application; or the session of a portal, which may less. Printed, it is the key, for
/// logs.
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
    /// The right of a portal's session; `None` for other callers.
    pub portal: Option<Portal>,
}

impl Principal {
    /// The caller that presented this key.
    pub fn of(key: &ApiKey) -> Self {
        Self {
            key: key.id.clone(),
            scope: key.scope,
            application: key.application.clone(),
            session_ends: None,
            portal: None,
        }
    }

    /// Whether the caller may see what belongs to this application.
    pub fn sees(&self, application: &ApplicationId) -> bool {
        self.application.as_ref().is_none_or(|own| own == application)
    }

    /// Whether the caller is the session of a portal.
    pub const fn is_portal(&self) -> bool {
        self.portal.is_some()
    }

    /// Whether a portal's session has this capability. Other callers are judged by their scope, and have
    /// every capability.
    pub fn may(&self, capability: Capability) -> bool {
        self.portal.as_ref().is_none_or(|portal| portal.may(capability))
    }

    /// Requires a capability of a portal's session.
    ///
    /// # Errors
    ///
    /// [`Refusal::Forbidden`] for a portal's session that does not have it.
    pub fn must_have(&self, capability: Capability) -> Result<(), Refusal> {
        match self.may(capability) {
            true => Ok(()),
            false => Err(Refusal::Forbidden("this portal's capabilities do not allow that")),
        }
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

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        match (&self.portal, &self.application) {
            (Some(_), Some(application)) => write!(f, " by a portal of {application}"),
            _ => Ok(()),
        }
    }
}
