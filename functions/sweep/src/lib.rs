//! Rings for what is due: deliveries whose bell was lost or lies too far ahead for a message,
//! deliveries that died unparked, fan-outs, tasks, listeners that nobody uses. Then keeps silent live
//! connections open, and asks platforms about completions that never came.
//!
//! Marking comes before ringing and before asking. A crash in between costs the time until the mark
//! is due again; the other order could ring for the same thing on every round while the table is
//! slow. It also makes a second round at the same time harmless: whoever marks first, does it.
//!
//! Platforms are asked here and not by a worker that a bell wakes: there is one round at a time, so
//! how many questions a platform gets at once is bounded without anybody counting, and what a round
//! does not get to is simply still due in the next.

mod ask;
mod bells;
mod fold;
mod gauge;
mod lateness;
mod later;
mod reckon;
mod source;
mod watching;

use std::{collections::HashMap, time::Duration};

use adapters::{
    Unavailable,
    inbox::Inbox,
    metrics::{self, NAMESPACE},
    random,
    table::{DueCursor, DueItem, DueSubject, SHARDS, SweepRound, WriteOutcome},
};
use dispatch::context::{CallContext, Context};
use domain::{id::Tenure, time::Timestamp, trouble::Watch};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{info, warn};

use self::lateness::Lateness;
pub use self::watching::Watched;

/// One round of the sweep, and what it needs.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Storage, queues, the vault, the caller and the clock.
    pub calls: CallContext,
    /// Queue of accepted requests: answers of platforms go there as their webhooks would have.
    pub inbox: Inbox,
    /// Time limits of a round.
    pub limits: Limits,
    /// The queues that are watched for troubles. `None` where no alarm listens: then no figures are read
    /// either.
    pub watched: Option<Watched>,
}

/// Bounds of a round. With the usual values its last answer is in 50 s after it began, and the function has
/// 55 s.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// No question is begun later than this after the round began, and no page of what is due is read
    /// later than half of it.
    pub asking: Duration,
    /// The longest time that all questions about one job may take.
    pub answer: Duration,
    /// The most questions that are under way at once, to all platforms together: each answer may fill memory.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { asking: Duration::from_secs(40), answer: Duration::from_secs(10), at_once: 16 }
    }
}

/// The numbers of what a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepCounts {
    /// The number of bells that were rung.
    pub rung: usize,
    /// Jobs whose platform was asked.
    pub asked: usize,
    /// Ends that went on the inbox.
    pub told: usize,
    /// Completions that no webhook told.
    pub missed: usize,
    /// Silent live connections that are kept open.
    pub pinged: usize,
    /// Hours of applications' figures that were added up.
    pub folded: usize,
}

impl SweepCounts {
    const fn and(self, other: Self) -> Self {
        Self {
            rung: self.rung + other.rung,
            asked: self.asked + other.asked,
            told: self.told + other.told,
            missed: self.missed + other.missed,
            pinged: self.pinged + other.pinged,
            folded: self.folded + other.folded,
        }
    }
}

/// The results of a round so far, and the failures on the way. One failure does not hold up the rest.
#[derive(Debug, Default)]
struct Round {
    swept: SweepCounts,
    failed: Option<Unavailable>,
}

impl Round {
    fn add(&mut self, what: &str, done: Result<SweepCounts, Unavailable>) {
        match done {
            Ok(swept) => self.swept = self.swept.and(swept),
            Err(error) => {
                warn!(%error, "{what}");
                self.failed = Some(error);
            }
        }
    }
}

/// The jobs whose platforms are to be asked, by the name and the tenure of their source.
type JobsOfSources = HashMap<(String, Tenure), Vec<DueItem>>;

/// A shard of what is due, as far as a round has read it.
#[derive(Debug)]
struct ShardPart {
    shard: u32,
    /// The position at which the rest of the shard begins; `None` for its beginning.
    cursor: Option<DueCursor>,
    /// The jobs of each source that were read.
    jobs: HashMap<Tenure, usize>,
    /// The most jobs of one source that it may bring into the round.
    most: usize,
}

impl ShardPart {
    /// A part that is the whole of this shard.
    fn of(shard: u32) -> Self {
        Self { shard, cursor: None, jobs: HashMap::new(), most: MAX_JOBS }
    }

    /// A part that stands for all shards together.
    fn of_all() -> Self {
        Self { most: MAX_JOBS * SHARDS as usize, ..Self::of(0) }
    }
}

/// The result of a page of a shard.
#[derive(Debug)]
struct SweptPage {
    swept: Result<SweepCounts, Unavailable>,
    /// The jobs whose platforms are to be asked.
    jobs: Vec<DueItem>,
    late: Lateness,
    /// The rest of the shard, if there is more.
    rest: Option<ShardPart>,
}

/// The longest time that a round may run on AWS, where the schedule may call for two at once: the timeout of
/// `SweepFunction` in template.yaml. It is under a minute, so that a round that died holds up none.
pub const LEASE: Duration = Duration::from_secs(55);
/// Items read from a shard at a time.
const PAGE: i32 = 100;
/// Pages of a shard in one round; the next round goes on.
const MAX_PAGES: usize = 50;
/// Shards whose pages are worked on at the same time.
const SHARDS_AT_ONCE: usize = 16;
/// Items of a shard marked at the same time.
const AT_ONCE: usize = 8;
/// Jobs of one source that a shard brings into one round: with all shards, about 800.
const MAX_JOBS: usize = 13;
/// The time for which jobs beyond that bound wait. It is less than any platform's interval, so that they come
/// first in the next round.
const NEXT_ROUND: Duration = Duration::from_secs(30);

impl Sweep {
    const fn context(&self) -> &Context {
        &self.calls.context
    }

    /// Makes a round and answers with what it did.
    ///
    /// # Errors
    /// As [`Sweep::run_alone`].
    pub async fn handle(&self) -> Result<Value, Unavailable> {
        let swept = self.run_alone().await?;
        Ok(json!({ "rung": swept.rung, "asked": swept.asked }))
    }

    /// One round, unless another is under way: the one that comes second does nothing.
    ///
    /// # Errors
    /// As [`Sweep::run`], and if the lease cannot be taken.
    pub async fn run_alone(&self) -> Result<SweepCounts, Unavailable> {
        let Context { table, clock, .. } = self.context();
        let (holder, now) = (random::token(), clock.now());
        if table.lease_sweep(&holder, now, now.plus(LEASE)).await? == WriteOutcome::Refused {
            info!("another round is under way");
            return Ok(SweepCounts::default());
        }
        let (swept, watch) = self.round().await;
        let round = SweepRound { at: now, took: clock.now().since(now) };
        if let Err(error) = table.release_sweep(&holder, round, watch.as_ref()).await {
            warn!(%error, "the lease of this round ends by itself");
        }
        swept
    }

    /// One round: every shard, then live connections, then every source at once. What fails does not hold up the
    /// rest, and is what the round answers with.
    ///
    /// # Errors
    /// One of the failures of the round, after everything else that is due was seen to.
    pub async fn run(&self) -> Result<SweepCounts, Unavailable> {
        self.round().await.0
    }

    /// One round, and what it remembers for the next.
    async fn round(&self) -> (Result<SweepCounts, Unavailable>, Option<Watch>) {
        let until = Instant::now() + self.limits.asking;
        let mut round = Round::default();
        let mut jobs = JobsOfSources::new();
        let later = later::ring(self.context(), Instant::now() + self.limits.asking / 4).await;
        let mut lateness = Lateness::default();
        let later = later.map(|later::LaterRound { rung, late }| {
            lateness.due = late;
            SweepCounts { rung, ..SweepCounts::default() }
        });
        round.add("what waits for later was not rung for", later);
        let lateness = lateness.max(self.see_to_what_is_due(&mut round, &mut jobs).await);
        let metrics = lateness.metrics();
        if !metrics.is_empty() {
            metrics::emit(NAMESPACE, self.context().clock.now(), &metrics, &[]);
        }
        let pinged = self.context().ping_silent_connections().await;
        let pinged = pinged.map(|pinged| SweepCounts { pinged, ..SweepCounts::default() });
        round.add("silent live connections were not looked for", pinged);
        let folded = fold::fold(&self.context().table, self.context().clock.now()).await;
        let folded = folded.map(|folded| SweepCounts { folded, ..SweepCounts::default() });
        round.add("hours of figures were not added up", folded);
        let watch = match &self.watched {
            Some(watched) => self.watch(watched, lateness).await,
            None => None,
        };
        self.ask_all(jobs, until, &mut round).await;
        self.context().tell_watchers().await;
        let Round { swept, failed } = round;
        if swept != SweepCounts::default() {
            let SweepCounts { rung, asked, told, missed, pinged, folded } = swept;
            info!(rung, asked, told, missed, pinged, folded, "saw to what was due");
        }
        (failed.map_or(Ok(swept), Err), watch)
    }

    /// Rings for what is due, collects the jobs whose platforms are to be asked, and says how late it was.
    async fn see_to_what_is_due(&self, round: &mut Round, jobs: &mut JobsOfSources) -> Lateness {
        let now = self.context().clock.now();
        // An index that is too large for one read, or a read that fails, is read shard by shard.
        if let Ok(Some(due)) = self.context().table.due_at_once(now).await {
            let (late, mut part) = (Lateness::of(&due, now), ShardPart::of_all());
            let (swept, due) = self.see_to(due, &mut part, now).await;
            round.add("what is due was not swept", swept);
            add_jobs(jobs, due);
            return late;
        }
        let mut lateness = Lateness::default();
        let (began, mut parts) =
            (Instant::now(), (0..SHARDS).map(ShardPart::of).collect::<Vec<_>>());
        // A page of every shard before the next of one: a shard with a backlog keeps no other waiting.
        for _ in 0..MAX_PAGES {
            // Collected, or the stream is tied to a lifetime the runtime cannot name.
            let pages: Vec<_> = parts.drain(..).map(|part| self.page(part)).collect();
            let mut pages = stream::iter(pages).buffer_unordered(SHARDS_AT_ONCE);
            while let Some(SweptPage { swept, jobs: due, late, rest }) = pages.next().await {
                lateness = lateness.max(late);
                round.add("a shard was not swept", swept);
                parts.extend(rest);
                add_jobs(jobs, due);
            }
            if parts.is_empty() || self.limits.asking / 2 <= began.elapsed() {
                break;
            }
        }
        lateness
    }

    /// Rings for a page of what is due in a shard, and brings the jobs that are, and how late all of it is.
    async fn page(&self, mut part: ShardPart) -> SweptPage {
        let now = self.context().clock.now();
        let read = self.context().table.due(part.shard, now, PAGE, part.cursor.take()).await;
        let page = match read {
            Ok(page) => page,
            Err(error) => {
                let (jobs, late) = (Vec::new(), Lateness::default());
                return SweptPage { swept: Err(error), jobs, late, rest: None };
            }
        };
        let late = Lateness::of(&page.due, now);
        let (swept, jobs) = self.see_to(page.due, &mut part, now).await;
        let rest = page.next.map(|cursor| ShardPart { cursor: Some(cursor), ..part });
        SweptPage { swept, jobs, late, rest }
    }

    /// Rings for what is due, puts off what a worker holds, and brings the jobs.
    async fn see_to(
        &self,
        due: Vec<DueItem>,
        part: &mut ShardPart,
        now: Timestamp,
    ) -> (Result<SweepCounts, Unavailable>, Vec<DueItem>) {
        let (mut bells, mut held, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
        for due in due {
            // A claim does not move what it takes. It is looked at again when the claim has ended.
            if let Some(until) = due.held_until(now) {
                held.push((due, until));
                continue;
            }
            let DueSubject::Job(job) = &due.what else {
                bells.push(due);
                continue;
            };
            let count = part.jobs.entry(job.tenure()).or_default();
            *count += 1;
            // Those beyond would stand in front of everything else in every round.
            let next = now.plus(NEXT_ROUND);
            if *count <= part.most { jobs.push(due) } else { held.push((due, next)) }
        }
        let mut failed = self.hold(held).await;
        let (marked, marking) = self.mark(bells, now).await;
        let rung = marked.len();
        failed = failed.and(marking).and(self.ring(marked, now).await);
        (failed.map(|()| SweepCounts { rung, ..SweepCounts::default() }), jobs)
    }
}

/// Sorts jobs by their sources.
fn add_jobs(jobs: &mut JobsOfSources, due: Vec<DueItem>) {
    for due in due {
        if let DueSubject::Job(job) = &due.what {
            jobs.entry((job.source.clone(), job.tenure())).or_default().push(due);
        }
    }
}

#[cfg(test)]
mod tests;
