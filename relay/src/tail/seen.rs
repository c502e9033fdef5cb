//! Ids of events that were printed, so that none is printed twice.

use std::collections::{BTreeSet, VecDeque};

/// The most names that are remembered.
const REMEMBERED: usize = 10_000;

/// Names that were seen, of which the oldest are forgotten.
#[derive(Default)]
pub(super) struct Seen {
    names: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// Notes a name. False if it was there.
    pub(super) fn note(&mut self, name: &str) -> bool {
        if !self.names.insert(name.to_owned()) {
            return false;
        }
        self.order.push_back(name.to_owned());
        if REMEMBERED < self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_known_until_much_else_was() {
        let mut seen = Seen::default();
        assert!(seen.note("a") && !seen.note("a"));
        for number in 0..REMEMBERED {
            assert!(seen.note(&number.to_string()));
        }
        assert!(seen.note("a"), "forgotten");
        assert_eq!((seen.names.len(), seen.order.len()), (REMEMBERED, REMEMBERED));
    }
}
