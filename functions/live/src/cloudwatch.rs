//! Lines of CloudWatch Logs: kept in the logs of their jobs, and told like others.

use adapters::Unavailable;
use dispatch::logs::KeepOutcome;
use domain::{
    id::ApplicationId,
    key::{ADMIN_ID, KeyScope},
    log::{
        self, LogOwner,
        cloudwatch::{self, SubscribedLines, SubscriptionEvent},
    },
};
use manage::{Principal, Refusal, jobs};
use tracing::{debug, warn};

use crate::{CloudWatch, Live};

impl Live {
    /// Keeps the lines of a subscription filter's event. What can never be kept is logged and
    /// forgotten: CloudWatch would send the same again.
    ///
    /// # Errors
    /// Fails if AWS does. Lambda invokes the function again, and lines that were kept stay as they are.
    pub(crate) async fn cloudwatch(&self, data: &str) -> Result<(), Unavailable> {
        let lines = match cloudwatch::read(data, self.clock.now()) {
            Ok(SubscriptionEvent::Lines(lines)) => lines,
            Ok(SubscriptionEvent::Control) => return Ok(()),
            Err(fault) => {
                warn!(%fault, "lines of CloudWatch Logs cannot be read");
                return Ok(());
            }
        };
        let SubscribedLines { owner: account, group, job, batches } = lines;
        let named = |it: &CloudWatch| it.groups.contain(&account, &group);
        if !self.cloudwatch.as_ref().is_some_and(named) {
            // The permission to invoke this function covers every group of the account.
            warn!(account, group, "lines of a log group that LOG_GROUPS does not name are dropped");
            return Ok(());
        }
        let Some(name) = job else {
            debug!(group, "lines of CloudWatch Logs name no job");
            return Ok(());
        };
        let Some((owner, known)) = self.owner(&name).await? else {
            warn!(group, job = name, "lines of CloudWatch Logs are of no job that is known");
            return Ok(());
        };
        let until = log::expiry(known.as_ref(), self.clock.now());
        for batch in batches {
            match self.logs.keep_new(&owner, batch, until).await? {
                KeepOutcome::Kept | KeepOutcome::Known => (),
                KeepOutcome::Conflict => warn!(job = %owner.job, "an event came with other text"),
                KeepOutcome::TooMany(_) => {
                    return Err(Unavailable::new("keeping lines", "the job logs too much at once"));
                }
            }
        }
        self.logs.tell_watchers(&self.clock).await;
        Ok(())
    }

    /// The job that a sender calls so. One that is not known yet is that of the only source there is.
    /// `None` if several jobs bear the name.
    pub(crate) async fn owner(
        &self,
        name: &str,
    ) -> Result<Option<(LogOwner, Option<domain::job::Job>)>, Unavailable> {
        let relay = Principal {
            key: ADMIN_ID.to_owned(),
            scope: KeyScope::Read,
            application: None::<ApplicationId>,
            session_ends: None,
            portal: None,
        };
        match jobs::find(&self.table, &relay, name, None).await {
            Ok(job) => return Ok(Some((LogOwner::of(&job), Some(job)))),
            Err(Refusal::NotFound) => (),
            Err(Refusal::Unavailable(error)) => return Err(error),
            Err(_) => return Ok(None),
        }
        let mut sources = self.table.sources().await?;
        match (sources.pop(), sources.is_empty()) {
            (Some(only), true) if !only.options.strict => {
                Ok(Some((LogOwner::at(&only.tenure(), name), None)))
            }
            _ => Ok(None),
        }
    }
}
