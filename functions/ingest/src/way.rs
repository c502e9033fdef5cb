//! The paths that lead to this function.

use domain::profile::{ErrorShape, Profile};

/// The route by which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The relay's own route, `/in/…`.
    Ours,
    /// A system's own path, to the source that is named like its profile.
    Theirs(&'static str),
}

impl Way {
    /// The shape of an error: the profile's on a system's own path. On ours it would tell who is
    /// refused what is behind a name.
    pub(crate) fn shape(self) -> ErrorShape {
        match self {
            Self::Ours => ErrorShape::Problem,
            Self::Theirs(name) => Profile::named(name).map(|own| own.errors).unwrap_or_default(),
        }
    }
}
