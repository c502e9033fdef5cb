//! The figures that one process counts: noted while an invocation works, written at its end.
//!
//! An invocation writes once for each application that it did something for. Figures are approximate: a
//! write that DynamoDB refuses is made up for by the next invocation, and one without an answer is not
//! repeated. No record fails for it.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapters::{
    clock::Clock,
    random,
    table::{NotAdded, Table},
};
use domain::{
    figures::{self, Figures, Minute, SHARDS},
    id::ApplicationId,
};
use futures::future::join_all;
use tracing::warn;

/// Longest time that one write may take. The invocation waits for it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Applications whose figures one invocation writes. Those of the others are written by the next.
const MAX_WRITES: usize = 16;
/// Applications whose figures wait to be written. Beyond it, those of further ones are not counted.
const MAX_NOTED: usize = 256;

/// The figures of one process. Clones share them. The default tally counts nothing.
#[derive(Clone, Debug, Default)]
pub struct FigureTally(Option<Arc<Mutex<State>>>);

#[derive(Debug)]
struct State {
    noted: BTreeMap<ApplicationId, Figures>,
    /// The contents of the items of the present minute, as the last writes showed.
    known: HashMap<ApplicationId, (Minute, Figures)>,
    /// The item of each minute that this process writes to.
    shard: u8,
}

impl FigureTally {
    /// A tally that counts.
    pub fn counting() -> Self {
        let [byte] = random::bytes();
        let state = State { noted: BTreeMap::new(), known: HashMap::new(), shard: byte % SHARDS };
        Self(Some(Arc::new(Mutex::new(state))))
    }

    /// Notes something of an application.
    pub(crate) fn note(&self, application: &ApplicationId, note: impl FnOnce(&mut Figures)) {
        let Some(mut state) = self.state() else { return };
        if MAX_NOTED <= state.noted.len() && !state.noted.contains_key(application) {
            return;
        }
        note(state.noted.entry(application.clone()).or_default());
    }

    fn state(&self) -> Option<MutexGuard<'_, State>> {
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes what was noted since the last time. A failure is logged.
    pub(crate) async fn write(&self, table: &Table, clock: &Clock) {
        let writes: Vec<_> = {
            let Some(mut state) = self.state() else { return };
            let mut noted = mem::take(&mut state.noted);
            if let Some((first, _)) = noted.iter().nth(MAX_WRITES) {
                let first = first.clone();
                state.noted = noted.split_off(&first);
            }
            noted.into_iter().collect()
        };
        join_all(writes.into_iter().map(|(application, figures)| async move {
            self.write_of(table, clock, &application, &figures).await;
        }))
        .await;
    }

    async fn write_of(
        &self,
        table: &Table,
        clock: &Clock,
        application: &ApplicationId,
        figures: &Figures,
    ) {
        let minute = Minute::of(clock.now());
        let (fitted, shard) = {
            let Some(state) = self.state() else { return };
            let known = state.known.get(application).filter(|(known, _)| *known == minute);
            let none = Figures::default();
            (figures::fit(figures, known.map_or(&none, |(_, known)| known)), state.shard)
        };
        let write = table.add_figures(application, minute, shard, &fitted);
        let written = tokio::time::timeout(PATIENCE, write).await;
        let Some(mut state) = self.state() else { return };
        match written {
            Ok(Ok(known)) => {
                state.known.retain(|_, (known, _)| *known == minute);
                state.known.insert(application.clone(), (minute, known));
            }
            Ok(Err(NotAdded::Refused(error))) => {
                warn!(%error, %application, "figures are written by the next invocation");
                if state.noted.len() < MAX_NOTED || state.noted.contains_key(application) {
                    state.noted.entry(application.clone()).or_default().merge(figures);
                }
            }
            Ok(Err(NotAdded::Unknown(error))) => {
                warn!(%error, %application, "figures may not have been counted");
            }
            Err(_) => warn!(%application, "figures may not have been counted in time"),
        }
    }
}
