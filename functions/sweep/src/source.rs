//! One source's jobs in one round: so many at a time, none while its platform wants to be left
//! alone, none once the round has used up its time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use adapters::{
    Unavailable,
    table::{DueItem, DueSubject},
};
use domain::{
    id::Tenure,
    job::Job,
    poll::{PollPlatform, PollSchedule, PollStep},
    profile::Profile,
    secret::Secret,
    source::Source,
    time::Timestamp,
};
use futures::{StreamExt, future::join_all, stream};
use tokio::{sync::Semaphore, time::Instant};
use tracing::error;

use crate::{AT_ONCE, Round, Sweep, SweepCounts};

/// A source whose platform may be asked.
pub(crate) struct PolledSource<'a> {
    pub(crate) source: &'a Source,
    pub(crate) profile: Profile,
    pub(crate) watch: PollSchedule,
    pub(crate) platform: Option<&'a PollPlatform>,
    pub(crate) secret: Option<Secret>,
    /// The time until which the source's platform wants to be left alone.
    paused: Mutex<Option<Timestamp>>,
}

impl PolledSource<'_> {
    /// The time until which the source's platform is left alone, if it lies ahead.
    pub(crate) fn paused(&self, now: Timestamp) -> Option<Timestamp> {
        let paused = *self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        paused.filter(|until| now < *until)
    }

    /// Leaves it alone until then at least; whether that is longer than before.
    pub(crate) fn pause(&self, until: Timestamp) -> bool {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        let longer = *paused < Some(until);
        if longer {
            *paused = Some(until);
        }
        longer
    }
}

impl Sweep {
    /// Sees to the jobs of every source at once: a platform that hangs keeps its own waiting.
    pub(crate) async fn ask_all(
        &self,
        jobs: HashMap<(String, Tenure), Vec<DueItem>>,
        until: Instant,
        round: &mut Round,
    ) {
        let room = &Semaphore::new(self.limits.at_once);
        let each = jobs.into_iter().map(|((name, tenure), jobs)| async move {
            let mut round = Round::default();
            let done = self.ask_source(&name, &tenure, jobs, until, room, &mut round).await;
            round.add("a source's jobs were not seen to", done.map(|()| SweepCounts::default()));
            round
        });
        for done in join_all(each).await {
            round.swept = round.swept.and(done.swept);
            round.failed = done.failed.or(round.failed.take());
        }
    }

    async fn ask_source(
        &self,
        name: &str,
        tenure: &Tenure,
        mut due: Vec<DueItem>,
        until: Instant,
        room: &Semaphore,
        round: &mut Round,
    ) -> Result<(), Unavailable> {
        let source = self.context().table.source(name).await?;
        // Another source of this name, or this one in another application, is not asked about them.
        let source = source.filter(|source| source.tenure() == *tenure);
        let Some((source, profile)) = source.and_then(|source| {
            let profile = source.effective()?;
            Some((source, profile))
        }) else {
            // It was removed or moved: there is nobody to ask.
            return self.each(due, round, |job| self.forget(job)).await;
        };
        let watch = PollSchedule::of(&source.options);
        due.sort_by_key(|due| due.at());
        let now = self.context().clock.now();
        let is_question = |due: &DueItem| matches!(&due.what, DueSubject::Job(job) if watch.step(job, now) == PollStep::Ask);
        let (questions, rest): (Vec<DueItem>, Vec<DueItem>) =
            due.into_iter().partition(is_question);
        let asked = PolledSource {
            secret: self.secret(&source),
            platform: source.options.platform.as_ref(),
            paused: Mutex::new(if questions.is_empty() {
                None
            } else {
                self.context().table.asking_paused(&tenure.source).await?
            }),
            source: &source,
            profile,
            watch,
        };
        let asked = &asked;
        self.each(rest, round, |job| self.settle(asked, job)).await?;
        self.questions(asked, questions, until, room, round).await
    }

    /// Does something about each of some jobs.
    async fn each<D: Future<Output = Result<SweepCounts, Unavailable>>>(
        &self,
        due: Vec<DueItem>,
        round: &mut Round,
        what: impl Fn(Job) -> D,
    ) -> Result<(), Unavailable> {
        let jobs = due.into_iter().filter_map(|due| match due.what {
            DueSubject::Job(job) => Some(*job),
            _ => None,
        });
        let mut done = stream::iter(jobs).map(what).buffer_unordered(AT_ONCE);
        while let Some(done) = done.next().await {
            round.add("a job was not seen to", done);
        }
        Ok(())
    }

    async fn questions(
        &self,
        asked: &PolledSource<'_>,
        due: Vec<DueItem>,
        until: Instant,
        room: &Semaphore,
        round: &mut Round,
    ) -> Result<(), Unavailable> {
        let ask = |due: DueItem| async move {
            if until <= Instant::now() {
                return Ok(SweepCounts::default());
            }
            let _room = room.acquire().await;
            // Both may have come about while it waited.
            let now = self.context().clock.now();
            if until <= Instant::now() {
                return Ok(SweepCounts::default());
            }
            if let Some(paused) = asked.paused(now) {
                self.context().table.hold(&due, paused).await?.either_way();
                return Ok(SweepCounts::default());
            }
            match due.what {
                DueSubject::Job(job) => self.ask(asked, &job).await,
                _ => Ok(SweepCounts::default()),
            }
        };
        let mut done = stream::iter(due).map(ask).buffer_unordered(asked.watch.concurrency);
        while let Some(done) = done.next().await {
            round.add("a platform was not asked", done);
        }
        Ok(())
    }

    fn secret(&self, source: &Source) -> Option<Secret> {
        let sealed = source.platform_secret.as_ref()?;
        match self.calls.vault.unseal(&PollPlatform::owner(&source.id), sealed) {
            Ok(secret) => Some(secret),
            Err(cause) => {
                error!(source = source.name, %cause, "a platform's secret");
                None
            }
        }
    }
}
