//! Endings: an owner ends all portals of an application, or those of some sessions, now or in a while.
//!
//! Portals are not listed anywhere. Each remembers the revision of the endings when it was handed out,
//! so that one write ends all that were handed out before, however many they are.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LINK_LIFE, MAX_LIFE, PortalMark};
use crate::time::Timestamp;

/// Most sessions of one application that wait to end by their names. An item of the table holds 400 KB.
pub const MAX_ENDINGS: usize = 500;

/// The end of portals that were handed out before it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalEnding {
    /// The revision that the request made. Portals of earlier revisions end.
    pub revision: u64,
    /// The time at which they end.
    pub at: Timestamp,
    /// The one session that ends, by its owner's name; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The time of the request. A week later, every portal that the ending is about has ended by itself.
    pub asked_at: Timestamp,
}

impl PortalEnding {
    /// Whether a portal is one of those that end.
    fn concerns(&self, mark: &PortalMark) -> bool {
        mark.revision < self.revision && (self.session.is_none() || self.session == mark.session)
    }

    /// The time from which the ending has nothing left to end.
    fn useless_from(&self) -> Timestamp {
        self.asked_at.plus(MAX_LIFE).plus(LINK_LIFE)
    }

    /// Whether this ending leaves nothing for an other one to end.
    fn covers(&self, other: &Self) -> bool {
        let wider = self.session.is_none() || self.session == other.session;
        wider && other.revision <= self.revision && self.at <= other.at
    }
}

/// All endings of the portals of one application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalEndings {
    /// The revision, which grows with every request. 0 if there was none, or none for a week.
    pub revision: u64,
    /// The endings that may still end something.
    pub endings: Vec<PortalEnding>,
}

/// Too many sessions wait to end by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {MAX_ENDINGS} sessions of the application were ended by their names in a week; end all \
     portals of the application instead"
)]
pub struct TooManyEndings;

impl PortalEndings {
    /// Whether a portal has ended by `now`.
    pub fn has_ended(&self, mark: &PortalMark, now: Timestamp) -> bool {
        self.endings.iter().any(|ending| ending.at <= now && ending.concerns(mark))
    }

    /// The endings with one more: all portals that were handed out before end after `wait`, or those of
    /// `sessions` if that names any.
    ///
    /// # Errors
    /// [`TooManyEndings`] if more than [`MAX_ENDINGS`] would be left.
    pub fn and(
        &self,
        sessions: &[String],
        wait: Duration,
        now: Timestamp,
    ) -> Result<Self, TooManyEndings> {
        // Above every revision that was ever there, also if the item was removed meanwhile: portals that
        // remember an older one must end.
        let revision = now.0.max(self.revision + 1);
        let ending = |session: Option<String>| PortalEnding {
            revision,
            at: now.plus(wait),
            session,
            asked_at: now,
        };
        let mut new: Vec<PortalEnding> = match sessions {
            [] => vec![ending(None)],
            some => some.iter().map(|session| ending(Some(session.clone()))).collect(),
        };
        let kept = self
            .endings
            .iter()
            .filter(|old| now < old.useless_from() && !new.iter().any(|ending| ending.covers(old)));
        let mut endings: Vec<_> = kept.cloned().collect();
        endings.append(&mut new);
        if MAX_ENDINGS < endings.len() {
            return Err(TooManyEndings);
        }
        Ok(Self { revision, endings })
    }

    /// The time from which nothing of this is needed.
    pub fn useless_from(&self) -> Timestamp {
        let last = self.endings.iter().map(PortalEnding::useless_from).max();
        last.unwrap_or(Timestamp(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn of(revision: u64, session: &str) -> PortalMark {
        let session = (!session.is_empty()).then(|| session.to_owned());
        PortalMark { revision, session }
    }

    fn end(
        endings: &PortalEndings,
        sessions: &[&str],
        wait: Duration,
        now: Timestamp,
    ) -> PortalEndings {
        let sessions: Vec<_> = sessions.iter().map(|name| (*name).to_owned()).collect();
        endings.and(&sessions, wait, now).expect("few")
    }

    #[test]
    fn an_ending_ends_what_was_handed_out_before_and_nothing_after() {
        let none = PortalEndings::default();
        assert!(!none.has_ended(&of(0, ""), NOW));
        let all = end(&none, &[], Duration::ZERO, NOW);
        assert!(all.has_ended(&of(0, ""), NOW) && all.has_ended(&of(0, "a"), NOW));
        assert!(!all.has_ended(&of(all.revision, ""), NOW), "handed out afterwards");
        let again = end(&all, &[], Duration::ZERO, NOW);
        assert!(all.revision < again.revision, "in the same millisecond too");
        assert!(again.has_ended(&of(all.revision, ""), NOW));
        assert_eq!(again.endings.len(), 1, "the first has nothing left to end");
    }

    #[test]
    fn sessions_end_by_their_names() {
        let some = end(&PortalEndings::default(), &["a", "b"], Duration::ZERO, NOW);
        for (session, ends) in [("a", true), ("b", true), ("c", false), ("", false)] {
            assert_eq!(some.has_ended(&of(0, session), NOW), ends, "{session}");
        }
        let all = end(&some, &[], Duration::ZERO, NOW);
        assert_eq!(all.endings.len(), 1);
        assert!(all.has_ended(&of(0, "c"), NOW));
    }

    #[test]
    fn a_later_ending_does_not_put_off_an_earlier_one() {
        let soon = end(&PortalEndings::default(), &[], HOUR, NOW);
        assert!(!soon.has_ended(&of(0, ""), NOW) && soon.has_ended(&of(0, ""), NOW.plus(HOUR)));
        let between = of(soon.revision, "");
        let both = end(&soon, &[], HOUR * 3, Timestamp(NOW.0 + 1));
        assert!(both.has_ended(&of(0, ""), NOW.plus(HOUR)));
        assert!(!both.has_ended(&between, NOW.plus(HOUR)));
        assert!(both.has_ended(&between, NOW.plus(HOUR * 4)));
    }

    #[test]
    fn endings_are_dropped_when_they_have_nothing_left_to_end() {
        let old = end(&PortalEndings::default(), &["a"], Duration::ZERO, NOW);
        let later = NOW.plus(MAX_LIFE).plus(LINK_LIFE);
        assert_eq!(old.useless_from(), later);
        let new = end(&old, &["b"], Duration::ZERO, later);
        assert_eq!(new.endings.len(), 1);
        let many: Vec<String> = (0..=MAX_ENDINGS).map(|number| number.to_string()).collect();
        assert_eq!(old.and(&many, HOUR, NOW), Err(TooManyEndings));
        assert!(old.and(&[], HOUR, NOW).is_ok());
    }

    #[test]
    fn a_portal_ends_although_the_record_of_earlier_endings_is_gone() {
        let first = end(&PortalEndings::default(), &[], Duration::ZERO, NOW);
        let handed_out = of(first.revision, "");
        let later = NOW.plus(MAX_LIFE * 2);
        let after = end(&PortalEndings::default(), &[], Duration::ZERO, later);
        assert!(after.has_ended(&handed_out, later));
    }
}
