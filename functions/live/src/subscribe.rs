//! Actions of clients: subscribing, unsubscribing, and `ping`.

use std::collections::BTreeMap;

use adapters::{
    Unavailable,
    table::{StoredConnection, SubscribeOutcome},
};
use domain::{
    id::{ApplicationId, JobId},
    job::Job,
    key::KeyScope,
    live::{
        action::{
            Action, BatchNamed, EventFilter, EventsWanted, JobNamed, LettersWanted, LogsWanted,
            MAX_SUBSCRIPTIONS, ProjectNamed, TasksWanted,
        },
        message::{
            BatchName, JobName, JobType, LiveEvent, Pong, ProjectName, Subscribed,
            SubscriptionStatus,
        },
        news::LiveMessage,
        refusal::{LiveRefusal, RefusalCode},
        subscription::{FactFilter, LiveSubscription},
        topic::{Subject, Topic},
    },
    log::StreamName,
};
use manage::{Principal, Refusal, applications, batches, jobs};

use crate::Live;

/// The part of a topic that a client wants: its own name of the topic, a filter, and the lines that it has.
#[derive(Default)]
struct Wanted {
    name: Option<String>,
    filter: FactFilter,
    after: BTreeMap<StreamName, domain::log::Seq>,
}

impl Live {
    /// Does what a client asks for; the answer, or why it is refused.
    pub(crate) async fn act(
        &self,
        stored: &StoredConnection,
        action: Action,
    ) -> Result<LiveEvent, LiveRefusal> {
        let name = action.name();
        match action {
            Action::SubscribeLogs(wanted) => self.subscribe_logs(stored, wanted, name).await,
            Action::UnsubscribeLogs(JobNamed { job_id, source, .. }) => {
                let job = self.job(stored, &job_id, source.as_deref(), name).await?;
                let topic = Topic::job(job.application, job.id);
                let id = &stored.connection.id;
                self.table.unsubscribe(&topic, id).await.map_err(unavailable)?;
                Ok(LiveEvent::Unsubscribed(JobName { job_id }))
            }
            Action::SubscribeProject(ProjectNamed { project_id, application }) => {
                let application = self.application(stored, application.as_deref(), name).await?;
                let topic = Topic::project(application, project_id.clone());
                let wanted = Wanted { name: Some(project_id.clone()), ..Wanted::default() };
                self.hear(stored, topic, wanted, name).await?;
                Ok(LiveEvent::SubscribedProject(ProjectName { project_id }))
            }
            Action::JoinBatch(BatchNamed { batch_id, application }) => {
                let principal = principal(stored);
                let found =
                    batches::find(&self.table, &principal, &batch_id, application.as_deref()).await;
                let batch = found.map_err(|refusal| refused(refusal, name))?;
                let topic = Topic::batch(batch.application, batch.id);
                let wanted = Wanted { name: Some(batch_id.clone()), ..Wanted::default() };
                self.hear(stored, topic, wanted, name).await?;
                Ok(LiveEvent::JoinedBatch(BatchName { batch_id }))
            }
            Action::SubscribeEvents(EventsWanted { application, filter }) => {
                let application = self.application(stored, application.as_deref(), name).await?;
                let filter = self.filter(stored, filter, name).await?;
                let wanted = Wanted { filter, ..Wanted::default() };
                self.hear_application(stored, Topic::events(application), wanted, name).await
            }
            Action::SubscribeLetters(LettersWanted { application }) => {
                let application = self.application(stored, application.as_deref(), name).await?;
                let topic = Topic::letters(application);
                self.hear_application(stored, topic, Wanted::default(), name).await
            }
            Action::SubscribeTasks(TasksWanted { application }) => {
                let application = match &stored.connection.grant.application {
                    None if application.is_none() => ApplicationId::every(),
                    _ => self.application(stored, application.as_deref(), name).await?,
                };
                let topic = Topic::tasks(application);
                self.hear_application(stored, topic, Wanted::default(), name).await
            }
            Action::Listen(wanted) => self.listen(stored, wanted, name).await,
            Action::Concluded(conclusion) => self.concluded(stored, conclusion, name).await,
            Action::Ping => {
                self.renew(stored).await.map_err(unavailable)?;
                Ok(LiveEvent::Pong(Pong {}))
            }
        }
    }

    async fn subscribe_logs(
        &self,
        stored: &StoredConnection,
        wanted: LogsWanted,
        action: &str,
    ) -> Result<LiveEvent, LiveRefusal> {
        let LogsWanted { job_id, source, after, .. } = wanted;
        let job = self.job(stored, &job_id, source.as_deref(), action).await?;
        let mut streams = BTreeMap::new();
        for (stream, seq) in after {
            let stream = StreamName::parse(&stream).map_err(|invalid| {
                LiveRefusal::new(RefusalCode::Invalid, format!("after: a stream {invalid}"))
            })?;
            streams.insert(stream, seq);
        }
        let topic = Topic::job(job.application.clone(), job.id.clone());
        let wanted = Wanted { name: Some(job_id.clone()), after: streams, ..Wanted::default() };
        let status = self.hear(stored, topic, wanted, action).await?;
        Ok(LiveEvent::Subscribed(Subscribed {
            action: action.to_owned(),
            job_id: Some(job_id),
            status: Some(status),
            job_type: Some(JobType::of(&job.external_id)),
            warning: job.status.is_terminal().then(|| "the job has ended".to_owned()),
            ..Subscribed::default()
        }))
    }

    async fn hear_application(
        &self,
        stored: &StoredConnection,
        topic: Topic,
        wanted: Wanted,
        action: &str,
    ) -> Result<LiveEvent, LiveRefusal> {
        let one = Some(&topic.application).filter(|named| **named != ApplicationId::every());
        let application = one.map(ToString::to_string);
        let status = self.hear(stored, topic, wanted, action).await?;
        Ok(LiveEvent::Subscribed(Subscribed {
            action: action.to_owned(),
            application,
            status: Some(status),
            ..Subscribed::default()
        }))
    }

    /// Lets a connection hear a topic, if its right covers it.
    ///
    /// Of a job or batch the queue is told that the client is to be sent how it stands. If the process
    /// dies before that, the client was not answered and asks again.
    async fn hear(
        &self,
        stored: &StoredConnection,
        topic: Topic,
        wanted: Wanted,
        action: &str,
    ) -> Result<SubscriptionStatus, LiveRefusal> {
        let (connection, now) = (&stored.connection, self.clock.now());
        if !connection.grant.admits(&topic, now) {
            return Err(LiveRefusal::not_found(action));
        }
        self.watch(&topic.application).await.map_err(unavailable)?;
        let Wanted { name, filter, after } = wanted;
        let subscription = LiveSubscription {
            connection: connection.id.clone(),
            protocol: connection.protocol,
            name,
            filter,
            refusals: topic.subject == Subject::Events && connection.grant.hears_refusals(),
            after,
            caught_up: None,
        };
        let subscribed = self.table.subscribe(&topic, &subscription, MAX_SUBSCRIPTIONS, now).await;
        let status = match subscribed.map_err(unavailable)? {
            SubscribeOutcome::Started => SubscriptionStatus::Started,
            SubscribeOutcome::AlreadyActive => SubscriptionStatus::AlreadyActive,
            SubscribeOutcome::TooMany => {
                return Err(LiveRefusal::too_many(action, MAX_SUBSCRIPTIONS));
            }
            SubscribeOutcome::Gone => {
                return Err(LiveRefusal::new(RefusalCode::Unavailable, "the connection has ended"));
            }
        };
        if matches!(topic.subject, Subject::Job(_) | Subject::Batch(_)) {
            let known = match status {
                SubscriptionStatus::Started => None,
                SubscriptionStatus::AlreadyActive => {
                    let kept = self.table.subscription(&topic, &connection.id).await;
                    kept.map_err(unavailable)?.and_then(|kept| kept.caught_up)
                }
            };
            if known.is_none() {
                let message = LiveMessage::CatchUp { topic, connection: connection.id.clone() };
                self.queue.tell(&message).await.map_err(unavailable)?;
            }
        }
        Ok(status)
    }

    async fn job(
        &self,
        stored: &StoredConnection,
        name: &str,
        source: Option<&str>,
        action: &str,
    ) -> Result<Job, LiveRefusal> {
        let found = jobs::find(&self.table, &principal(stored), name, source).await;
        found.map_err(|refusal| refused(refusal, action))
    }

    /// The application that a client means: the one it names, its own, or the only one there is.
    pub(crate) async fn application(
        &self,
        stored: &StoredConnection,
        name: Option<&str>,
        action: &str,
    ) -> Result<ApplicationId, LiveRefusal> {
        if let Some(name) = name {
            let found = applications::id_of(&self.table, name).await;
            return found.map_err(|refusal| refused(refusal, action));
        }
        if let Some(own) = &stored.connection.grant.application {
            return Ok(own.clone());
        }
        let mut all = self.table.applications().await.map_err(unavailable)?;
        match (all.pop(), all.is_empty()) {
            (Some(only), true) => Ok(only.id),
            _ => Err(LiveRefusal::new(
                RefusalCode::Ambiguous,
                "the connection may hear several applications: name the application",
            )),
        }
    }

    async fn filter(
        &self,
        stored: &StoredConnection,
        filter: EventFilter,
        action: &str,
    ) -> Result<FactFilter, LiveRefusal> {
        let EventFilter { source, event_type, job, batch } = filter;
        let job: Option<JobId> = match job {
            Some(job) => Some(self.job(stored, &job, source.as_deref(), action).await?.id),
            None => None,
        };
        Ok(FactFilter { source, event_type, job, batch })
    }
}

/// The caller that a connection stands for.
fn principal(stored: &StoredConnection) -> Principal {
    let grant = &stored.connection.grant;
    Principal {
        key: grant.key.clone(),
        scope: KeyScope::Read,
        application: grant.application.clone(),
        session_ends: None,
        portal: None,
    }
}

pub(crate) fn unavailable(error: Unavailable) -> LiveRefusal {
    tracing::warn!(%error, "an action is refused for now");
    LiveRefusal::new(RefusalCode::Unavailable, "the relay cannot do that now; ask again")
}

fn refused(refusal: Refusal, action: &str) -> LiveRefusal {
    match refusal {
        Refusal::NotFound | Refusal::Gone(_) | Refusal::Forbidden(_) => {
            LiveRefusal::not_found(action)
        }
        Refusal::Conflict(why) => LiveRefusal::new(RefusalCode::Ambiguous, why),
        Refusal::Invalid { field, why } => {
            LiveRefusal::new(RefusalCode::Invalid, format!("{field}: {why}"))
        }
        Refusal::Done(why) => LiveRefusal::new(RefusalCode::Invalid, why),
        Refusal::Busy(_) | Refusal::TooMany(_) => {
            LiveRefusal::new(RefusalCode::Unavailable, "the relay cannot do that now; ask again")
        }
        Refusal::Unavailable(error) => unavailable(error),
    }
}
