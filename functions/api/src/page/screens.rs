//! The paths of the pages.

/// A page, by the path that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// The dashboard, which shows one of its screens by the path.
    Dashboard,
    /// The portal of one application.
    Portal,
    /// The console of one job.
    Console,
}

/// First segments of the dashboard's paths. `/health` belongs to the API, so that the health of the relay
/// is shown at `/status`.
const DASHBOARD: [&str; 12] = [
    "",
    "batches",
    "endpoints",
    "event-types",
    "events",
    "jobs",
    "keys",
    "letters",
    "login",
    "sources",
    "status",
    "tasks",
];

impl Screen {
    /// The page at a path without empty segments.
    pub(super) fn at(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.splitn(4, '/').collect();
        match segments[..] {
            ["portal", ..] => Some(Self::Portal),
            ["jobs", id, "console"] if !id.is_empty() => Some(Self::Console),
            [first, ..] if DASHBOARD.contains(&first) => Some(Self::Dashboard),
            _ => None,
        }
    }
}
