//! Whether the relay serves its own pages, and to whom.

use crate::origins::AllowedOrigins;

/// The settings of the relay's own pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// Whether pages are served. Without them no session can be opened.
    pub is_served: bool,
    /// Origins of the pages that may frame the portal and the console of a job. Without any, no page may.
    pub portal_frames: AllowedOrigins,
}

impl Default for Dashboard {
    /// Pages that nobody may frame.
    fn default() -> Self {
        Self { is_served: true, portal_frames: AllowedOrigins::default() }
    }
}
