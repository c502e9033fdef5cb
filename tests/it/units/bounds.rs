//! The bounds: what each piece of work may cost at the most, and what it is to cost. A bound is what was
//! counted when it was written, so that nothing becomes more expensive unseen. Lower it with the cost.

use super::setting::Counted;

/// Kinds of items that belong to no event: one write of figures for each invocation and application, the
/// lease of the sweep, and its queries. They have rows of their own, and are left out of all others.
pub(super) const SHARED: [&str; 3] = ["STATS", "SWEEP", "due "];

/// What is counted of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Write units of table and indexes.
    Written,
    /// Read units.
    Read,
    /// Write units of what belongs to no event.
    Shared,
    /// `PUT` requests of S3.
    Puts,
    /// Requests of SQS that send.
    Sends,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// The name of the piece of work.
    pub(super) of: &'static str,
    pub(super) unit: Unit,
    /// The name of a piece of work whose cost is taken off.
    pub(super) beyond: Option<&'static str>,
    /// The most that the test allows.
    pub(super) most: f64,
    /// The target of the issue that this table comes from: what must be reached, and what is aimed at.
    pub(super) must: Option<f64>,
    pub(super) aim: Option<f64>,
}

impl Bound {
    pub(super) const fn writes(of: &'static str) -> Self {
        Self { of, unit: Unit::Written, beyond: None, most: 0.0, must: None, aim: None }
    }

    const fn reads(of: &'static str) -> Self {
        Self { unit: Unit::Read, ..Self::writes(of) }
    }

    const fn counts(of: &'static str, unit: Unit) -> Self {
        Self { unit, ..Self::writes(of) }
    }

    const fn beyond(self, other: &'static str) -> Self {
        Self { beyond: Some(other), ..self }
    }

    const fn most(self, most: f64) -> Self {
        Self { most, ..self }
    }

    const fn target(self, must: f64, aim: f64) -> Self {
        Self { must: Some(must), aim: Some(aim), ..self }
    }

    /// The name of the row.
    pub(super) fn name(&self) -> String {
        match self.beyond {
            Some(other) => format!("{} beyond {other}", self.of),
            None => self.of.to_owned(),
        }
    }

    /// What was counted for this row.
    pub(super) fn counted(&self, all: &[Counted]) -> Option<f64> {
        let of = |name: &str| all.iter().find(|it| it.name == name).map(|it| it.units(self.unit));
        let beyond = self.beyond.map_or(Some(0.0), of)?;
        Some(of(self.of)? - beyond)
    }

    /// How the row is outside its bound, if it is.
    pub(super) fn violation(&self, all: &[Counted]) -> Option<String> {
        let (name, unit) = (self.name(), self.unit);
        let Some(counted) = self.counted(all) else {
            return Some(format!("{name} was not counted"));
        };
        let above = self.most + 0.005 < counted;
        above.then(|| format!("{name}: {counted:.2} ({unit:?}), at most {:.2}", self.most))
    }
}

/// A body has 1 KB if its size is not named.
/// Retries are spread by chance, which decides whether the sweep or a delayed message brings one: the rows of
/// ladders have room for that.
pub(super) const BOUNDS: &[Bound] = &[
    Bound::writes("job, no endpoint").most(5.0).target(5.0, 4.0),
    Bound::writes("published, no endpoint").most(3.0).target(3.0, 2.0),
    Bound::writes("no job, no endpoint").most(3.0).target(3.0, 2.0),
    Bound::writes("job, 1 endpoint").beyond("job, no endpoint").most(4.0).target(4.0, 3.0),
    Bound::writes("no job, 1 endpoint").beyond("no job, no endpoint").most(4.0).target(4.0, 3.0),
    Bound::writes("job, 90 endpoints").most(365.0),
    Bound::writes("retry 1").most(3.0).target(4.0, 3.0),
    Bound::writes("retry 9").most(4.0).target(4.0, 3.0),
    Bound::writes("ladder, short answers").most(71.0).target(40.0, 40.0),
    Bound::writes("ladder, 1 KB answers").most(80.0).target(50.0, 50.0),
    Bound::writes("duplicate").most(2.0),
    Bound::writes("redriven letter").most(23.0),
    Bound::writes("job of a batch of 100").most(20.0),
    Bound::writes("job of 256 B, 1 endpoint").most(9.0),
    Bound::writes("job of 4 KB, 1 endpoint").most(11.0),
    Bound::writes("job of 9 KB, 1 endpoint").most(14.0),
    Bound::counts("job of 9 KB, 1 endpoint", Unit::Puts).most(0.0),
    Bound::writes("job of 64 KB, 1 endpoint").most(8.0),
    Bound::counts("job of 64 KB, 1 endpoint", Unit::Puts).most(1.0),
    Bound::writes("registration with webhook and deadline").most(6.0),
    Bound::writes("completion with webhook and deadline").most(9.0),
    Bound::reads("job, no endpoint").most(2.0),
    Bound::reads("job, 1 endpoint").most(3.0).target(3.0, 3.0),
    Bound::reads("job, 1 of 90 endpoints").most(3.0).target(3.0, 3.0),
    Bound::reads("ladder, short answers").most(170.0),
    Bound::reads("redriven letter").most(7.0),
    Bound::reads("idle minute").most(9.5),
    Bound::counts("idle minute", Unit::Shared).most(2.2),
    Bound::counts("job, 1 endpoint", Unit::Shared).most(2.0),
    Bound::counts("job, 1 endpoint", Unit::Sends).most(2.0),
];
