//! The times at which a source was heard of, and the time from which it counts as silent.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    figures::{Subject, is_silent},
    time::Timestamp,
};

/// The times at which a source was heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceTraffic {
    /// The minute in which a request was accepted last, within a week; of one older than two days, the
    /// hour.
    pub(super) last_accepted: Option<Timestamp>,
    /// The usual gap between two requests; `None` if too few are known.
    pub(super) usual_gap: Option<Duration>,
}

impl SourceTraffic {
    pub(super) fn silent_since(self, now: Timestamp) -> Option<Timestamp> {
        let (last, usual) = (self.last_accepted?, self.usual_gap?);
        is_silent(last, usual, now).then_some(last)
    }
}

/// The traffic of each source of an application.
pub(super) type Traffic = BTreeMap<Subject, SourceTraffic>;
