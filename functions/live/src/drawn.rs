//! Lines of CloudWatch Logs of a job that somebody watches: a subscription filter brings them from now
//! on, and those that were there before are read.
//!
//! Both are done once: a filter once per group, and reading once per job and group. It is done when
//! somebody subscribes to the job, and, because the job's group may begin later than its watcher, when
//! there is news of the job. Nothing is asked at intervals, and nothing that fails here keeps a
//! watcher from what is kept already.

use std::time::Duration;

use adapters::{Unavailable, cloudwatch::LogServiceError};
use domain::{
    id::JobId,
    job::Job,
    log::{
        self,
        cloudwatch::{self, job_of},
        groups::LogPlace,
    },
    time::Timestamp,
};
use tracing::{info, warn};

use crate::{CloudWatch, Live, remember};

/// Time for which a subscriber waits for CloudWatch. A message of the queue has 30 s.
const PATIENCE: Duration = Duration::from_secs(8);
/// Time for which CloudWatch is not asked again after it refused or failed.
const QUIET: Duration = Duration::from_secs(60);
/// Age of the oldest lines that are read. The time of an older line would not be believed.
const OLDEST: Duration = Duration::from_secs(14 * 86_400);
/// Time after which a filter that was set brings every line. A job that is younger has no lines from
/// before.
const SETTLES: Duration = Duration::from_secs(60);
/// The name under which an instance remembers that CloudWatch is asked about no group.
const EVERY_GROUP: &str = "";

impl Live {
    /// Draws the lines of a job from the log groups that may hold them. That CloudWatch fails is logged.
    ///
    /// # Errors
    /// Fails if the job cannot be read.
    pub(crate) async fn draw_lines(&self, id: &JobId) -> Result<(), Unavailable> {
        let Some(cloudwatch) = &self.cloudwatch else { return Ok(()) };
        let now = self.clock.now();
        let job = self.table.job(id).await?;
        let Some(job) = job.filter(|job| !log::is_over(job, now)) else { return Ok(()) };
        let names = [Some(job.external_id.as_str()), job.call_id.as_deref()].into_iter().flatten();
        let places = names.flat_map(|name| {
            cloudwatch.groups.places_of([name]).into_iter().map(move |place| (name, place))
        });
        for (name, place) in places {
            if self.is_quiet(&place.group, now) {
                continue;
            }
            let draw = self.draw(cloudwatch, &job, name, &place);
            let drawn = tokio::time::timeout(PATIENCE, draw).await;
            let late = || Unavailable::new("drawing lines", "CloudWatch Logs takes too long");
            if let Err(error) = drawn.unwrap_or_else(|_| Err(late().into())) {
                warn!(%error, job = %job.id, group = place.group, "lines of a log group do not come");
                self.be_quiet(&place.group, &error, now);
            }
        }
        self.logs.tell_watchers(&self.clock).await;
        Ok(())
    }

    async fn draw(
        &self,
        cloudwatch: &CloudWatch,
        job: &Job,
        name: &str,
        place: &LogPlace,
    ) -> Result<(), LogServiceError> {
        let now = self.clock.now();
        let progress = self.table.group_progress(&place.group, &job.id, now).await?;
        let since = match progress.filtered_since {
            Some(since) => since,
            None => self.filtered_since(cloudwatch, &place.group).await?,
        };
        if progress.read || since.plus(SETTLES) <= job.created_at {
            return Ok(());
        }
        let owner = match self.owner(name).await? {
            Some((owner, Some(known))) if known.id == job.id => owner,
            _ => {
                // As lines that a filter brings: nobody reads the log of a job of somebody else by
                // giving a job of their own its name.
                warn!(job = %job.id, name, "several jobs bear the name by which a log group knows one");
                return Ok(());
            }
        };
        let oldest = Timestamp(now.0.saturating_sub(OLDEST.as_millis() as u64));
        let (mut lines, read) = cloudwatch.service.newest(place, oldest).await;
        lines.retain(|line| job_of(&place.group, &line.stream).as_deref() == Some(name));
        let batches = cloudwatch::batches(lines, now)
            .map_err(|fault| Unavailable::new("reading a log group", fault))?;
        let until = log::expiry(Some(job), now);
        for batch in batches {
            self.logs.keep_earlier(&owner, batch, until).await?;
        }
        read?;
        // If the process dies before this, the same lines are read again and add nothing.
        self.table.note_group_read(&place.group, &job.id, now).await?;
        Ok(())
    }

    /// The time since which a filter brings the lines of a group, which is now if there was none.
    async fn filtered_since(
        &self,
        cloudwatch: &CloudWatch,
        group: &str,
    ) -> Result<Timestamp, LogServiceError> {
        let Some(function) = cloudwatch.function.get() else {
            return Err(Unavailable::new("setting a filter", "the function has no ARN").into());
        };
        let since = match cloudwatch.service.filter_to(group, function).await? {
            Some(since) => since,
            None => {
                match cloudwatch.service.set_filter(group, function).await {
                    Ok(()) => info!(group, "a subscription filter is set"),
                    // Another worker sets the same filter. It notes that, if it does.
                    Err(LogServiceError::Contended) => return Ok(self.clock.now()),
                    Err(error) => return Err(error),
                }
                self.clock.now()
            }
        };
        // Another worker that noted it first has a time that is as good.
        self.table.note_filter(group, since, self.clock.now()).await?.either_way();
        Ok(since)
    }

    fn is_quiet(&self, group: &str, now: Timestamp) -> bool {
        let state = self.state();
        let quiet = |name: &str| state.quiet.get(name).is_some_and(|until| now < *until);
        quiet(group) || quiet(EVERY_GROUP)
    }

    /// Remembers not to ask again for a while after a failure.
    fn be_quiet(&self, group: &str, error: &LogServiceError, now: Timestamp) {
        let name = match error {
            // The group begins with the first line of its job, which may be soon.
            LogServiceError::NoGroup => return,
            LogServiceError::LimitExceeded
            | LogServiceError::Denied(_)
            | LogServiceError::Contended => group,
            LogServiceError::Throttled | LogServiceError::Unavailable(_) => EVERY_GROUP,
        };
        remember(&mut self.state().quiet, name.to_owned(), now.plus(QUIET));
    }
}
