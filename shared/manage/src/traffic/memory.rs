//! The traffic of sources that this process remembers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{
    figures::{Hour, Subject},
    id::ApplicationId,
    time::Timestamp,
};

use super::source_traffic::{SourceTraffic, Traffic};

/// Applications of which something is remembered. Beyond it, everything is forgotten.
const MAX_APPLICATIONS: usize = 200;

/// The hours of a week, by source.
pub(super) type Hourly = BTreeMap<Subject, HourlyOfSource>;

/// The hours of a week of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HourlyOfSource {
    /// The last hour with a request.
    pub(super) last: Hour,
    /// The usual gap between two requests.
    pub(super) usual_gap: Option<Duration>,
}

impl HourlyOfSource {
    pub(super) const fn traffic(self) -> SourceTraffic {
        SourceTraffic { last_accepted: Some(self.last.start()), usual_gap: self.usual_gap }
    }
}

/// The traffic of applications as it was read, with the time of reading.
#[derive(Debug, Default)]
pub(crate) struct TrafficMemory(Mutex<HashMap<ApplicationId, Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    /// The summary of the hours before this one.
    hourly: Option<(Hour, Arc<Hourly>)>,
    traffic: Option<(Timestamp, Arc<Traffic>)>,
}

impl TrafficMemory {
    fn of(&self) -> MutexGuard<'_, HashMap<ApplicationId, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The summary of the hours before `this`, if it was read.
    pub(super) fn hourly(&self, application: &ApplicationId, this: Hour) -> Option<Arc<Hourly>> {
        let memory = self.of();
        let (hour, hourly) = memory.get(application)?.hourly.as_ref()?;
        (*hour == this).then(|| Arc::clone(hourly))
    }

    pub(super) fn remember_hourly(
        &self,
        application: &ApplicationId,
        this: Hour,
        hourly: Hourly,
    ) -> Arc<Hourly> {
        let hourly = Arc::new(hourly);
        self.entry(application, |known| known.hourly = Some((this, Arc::clone(&hourly))));
        hourly
    }

    /// The traffic, if it was read at most so long ago.
    pub(super) fn traffic(
        &self,
        application: &ApplicationId,
        now: Timestamp,
        age: Duration,
    ) -> Option<Arc<Traffic>> {
        let memory = self.of();
        let (at, traffic) = memory.get(application)?.traffic.as_ref()?;
        (now.since(*at) < age).then(|| Arc::clone(traffic))
    }

    pub(super) fn remember_traffic(
        &self,
        application: &ApplicationId,
        now: Timestamp,
        traffic: Traffic,
    ) -> Arc<Traffic> {
        let traffic = Arc::new(traffic);
        self.entry(application, |known| known.traffic = Some((now, Arc::clone(&traffic))));
        traffic
    }

    fn entry(&self, application: &ApplicationId, note: impl FnOnce(&mut Remembered)) {
        let mut memory = self.of();
        if MAX_APPLICATIONS <= memory.len() && !memory.contains_key(application) {
            memory.clear();
        }
        note(memory.entry(application.clone()).or_default());
    }
}
