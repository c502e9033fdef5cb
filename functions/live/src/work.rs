//! Messages of the queue: the first frames of connections, signs of life, how a job stands for who
//! subscribed, and what changed.

use std::collections::HashMap;

use adapters::{Unavailable, table::StoredAudience};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use dispatch::batch;
use domain::live::{
    engine_io::{self, EnginePacket},
    frames::{self, JobSaid},
    message::{Hello, LiveEvent},
    news::{Bulletin, JobNews, LiveMessage, News},
    protocol::Protocol,
    subscription::LiveSubscription,
    topic::Subject,
};
use futures::{StreamExt, TryStreamExt, stream};
use tracing::warn;

use crate::{Live, audience::Judged, push::Reach};

/// Connections that one worker pushes to at once.
const AT_ONCE: usize = 64;

impl Live {
    /// Works through a batch of the queue. Bulletins of one topic that follow on each other are merged:
    /// what piled up while others were pushed goes out together.
    pub async fn messages(&self, batch: &SqsEvent) -> SqsBatchResponse {
        batch::by_group(&self.clock, batch, |messages| self.group(messages)).await
    }

    async fn group(&self, messages: Vec<&SqsMessage>) -> (usize, Option<Unavailable>) {
        let mut finished = 0;
        let mut rest = messages.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            let mut count = 1;
            let mut message = match parse(first) {
                Some(message) => message,
                None => {
                    finished += 1;
                    continue;
                }
            };
            if let LiveMessage::Bulletin(bulletin) = &mut message {
                while let Some((next, behind)) = rest.split_first()
                    && let Some(LiveMessage::Bulletin(more)) = parse(next)
                    && more.topic == bulletin.topic
                {
                    bulletin.merge(more);
                    (rest, count) = (behind, count + 1);
                }
            }
            match self.message(message).await {
                Ok(()) => finished += count,
                Err(error) => return (finished, Some(error)),
            }
        }
        (finished, None)
    }

    async fn message(&self, message: LiveMessage) -> Result<(), Unavailable> {
        match message {
            LiveMessage::Open(connection) => self.greet(&connection).await,
            LiveMessage::Ping(connection) => {
                let frame = EnginePacket::Ping("").print();
                match self.pushes.push(&connection, &[frame]).await? {
                    Reach::Reached => self.table.keep_awake(&connection, self.clock.now()).await,
                    Reach::Gone => self.forget(&connection).await,
                }
            }
            LiveMessage::CatchUp { topic, connection } => self.catch_up(&topic, &connection).await,
            LiveMessage::Bulletin(bulletin) => self.tell(bulletin).await,
            LiveMessage::HandOver(handed) => {
                self.hand_over(*handed).await;
                Ok(())
            }
        }
    }

    /// Pushes the first frame to a connection that was accepted.
    async fn greet(&self, id: &str) -> Result<(), Unavailable> {
        let Some(stored) = self.table.connection(id).await? else { return Ok(()) };
        let connection = &stored.connection;
        let frame = match connection.protocol {
            Protocol::Json => {
                let expires_at = connection.ends_at().rfc3339();
                let hello = Hello { session: id.to_owned(), expires_at };
                LiveEvent::Hello(hello).frame(Protocol::Json)
            }
            Protocol::SocketIo => engine_io::open(id),
        };
        match self.pushes.push_first(id, &frame).await? {
            Reach::Reached => Ok(()),
            Reach::Gone => self.forget(id).await,
        }
    }

    /// Pushes what changed to everybody who hears the topic.
    async fn tell(&self, mut bulletin: Bulletin) -> Result<(), Unavailable> {
        let now = self.clock.now();
        bulletin.grow_old(now);
        let StoredAudience { subscriptions, mut told } =
            self.table.audience(&bulletin.topic).await?;
        let subscribers = self.judged(&bulletin, subscriptions).await?;
        if subscribers.is_empty() || bulletin.is_empty() {
            return Ok(());
        }
        self.watch(&bulletin.topic.application).await?;
        if let Subject::Job(job) = &bulletin.topic.subject
            && bulletin.news.iter().any(|news| matches!(news, News::Job(_)))
        {
            self.draw_lines(job).await?;
        }
        let said = self.said(&bulletin).await;
        let before = told.clone();
        let lines = self.lines(&bulletin, &mut told, &subscribers).await?;
        let share = self.pushes.share(subscribers.len());
        let said = |job: &JobNews| -> JobSaid {
            job.event.as_ref().and_then(|event| said.get(event)).cloned().unwrap_or_default()
        };
        // Subscribers that agree in what they hear get the same frames.
        let mut made: HashMap<String, Vec<String>> = HashMap::new();
        let mut targets: Vec<(&str, Vec<String>)> = Vec::new();
        for subscriber in &subscribers {
            let mut frames = match (&bulletin.topic.subject, &subscriber.caught_up) {
                // It is about to be sent how the job stands.
                (Subject::Job(_), None) => continue,
                (Subject::Job(_), Some(caught_up)) if caught_up.ended => {
                    frames::frames(&without_ends(&bulletin), subscriber, &said)
                }
                _ => {
                    let make = || frames::frames(&bulletin, subscriber, &said);
                    made.entry(class(subscriber)).or_insert_with(make).clone()
                }
            };
            if let Subject::Job(job) = &bulletin.topic.subject
                && !lines.is_empty()
            {
                // Before the end, if both are told.
                let mut all = self.frames_of_lines(job, &lines, subscriber, share);
                all.append(&mut frames);
                frames = all;
            }
            if !frames.is_empty() {
                targets.push((&subscriber.connection, frames));
            }
        }
        let pushes = stream::iter(targets).map(Ok::<_, Unavailable>);
        let pushed = pushes
            .try_for_each_concurrent(AT_ONCE, |(connection, frames)| async move {
                self.send(connection, &frames).await
            })
            .await;
        if pushed.is_ok() && told != before {
            self.table.put_told(&bulletin.topic, &told, now).await?;
        }
        match pushed {
            // A hint that is late is worth nothing; a line or an end is waited for.
            Err(error) if !bulletin.is_pressing() => {
                warn!(%error, topic = %bulletin.topic, "watchers were not told");
                Ok(())
            }
            pushed => pushed,
        }
    }

    /// The subscribers of a bulletin's topic who may hear it. The others are dismissed or forgotten.
    async fn judged(
        &self,
        bulletin: &Bulletin,
        all: Vec<LiveSubscription>,
    ) -> Result<Vec<LiveSubscription>, Unavailable> {
        if all.is_empty() {
            return Ok(all);
        }
        let judged = self.audience.judge(&bulletin.topic, all, self.clock.now()).await?;
        let Judged { admitted, revoked, gone } = judged;
        for subscriber in revoked {
            self.dismiss(&subscriber.connection, subscriber.protocol).await?;
        }
        for subscriber in gone {
            self.table.unsubscribe(&bulletin.topic, &subscriber.connection).await?;
        }
        Ok(admitted)
    }
}

/// Reads a message. One that this version cannot read would come back again and again, and hold up its
/// group: it is logged and forgotten.
fn parse(message: &SqsMessage) -> Option<LiveMessage> {
    let read = LiveMessage::parse(message.body.as_deref().unwrap_or_default());
    read.inspect_err(|error| warn!(%error, "a message of live updates cannot be read")).ok()
}

/// The facts of a subscriber on which its frames depend, beside the bulletin.
fn class(subscriber: &LiveSubscription) -> String {
    let LiveSubscription { protocol, name, filter, refusals, .. } = subscriber;
    serde_json::to_string(&(protocol, name, filter, refusals)).unwrap_or_default()
}

/// A bulletin without the ends of jobs.
fn without_ends(bulletin: &Bulletin) -> Bulletin {
    let mut bulletin = bulletin.clone();
    let ends = |news: &News| matches!(news, News::Job(job) if job.status.is_terminal());
    bulletin.news.retain(|news| !ends(news));
    bulletin
}
