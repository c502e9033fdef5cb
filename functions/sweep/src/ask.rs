//! One job: its platform is asked, and what it answers goes the way of a webhook.

use std::time::Duration;

use adapters::{
    Unavailable,
    caller::{self, FetchResult},
    random,
    table::WriteOutcome,
};
use domain::{
    envelope::{Envelope, StoredBody, Trust},
    job::Job,
    poll::{self, ComposedReport, PollAnswer, PollPlatform, PollRequest, PollStep},
    retry::CallOutcome,
    source::Source,
    time::Timestamp,
};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::{Sweep, SweepCounts, source::PolledSource};

/// Largest answer that is read: what Lambda takes of a webhook.
const MAX_ANSWER: usize = 6 * 1024 * 1024;
/// The time for which a platform is left alone that answered 429 or the like and named no time.
const PAUSE: Duration = Duration::from_secs(60);

impl Sweep {
    /// Asks a job's platform. The mark comes first: it holds when the next question is due, should
    /// this one never be answered.
    pub(crate) async fn ask(
        &self,
        asked: &PolledSource<'_>,
        job: &Job,
    ) -> Result<SweepCounts, Unavailable> {
        let marked = asked.watch.asked(job, self.context().clock.now(), random::dice());
        if self.context().table.keep_job(&marked).await? == WriteOutcome::Refused {
            // It moved, or somebody else asks.
            return Ok(SweepCounts::default());
        }
        let mut swept = SweepCounts { asked: 1, ..SweepCounts::default() };
        let Some(platform) = asked.platform else { return Ok(swept) };
        let question = platform.question(job, asked.secret.as_ref());
        let heard = match &question {
            Some(question) => self.dialogue(asked, platform, question).await?,
            None => None,
        };
        // A job whose id cannot stand in a URL is none that the platform knows.
        let answer = heard.as_ref().map_or(PollAnswer::Unknown, |heard| heard.answer(platform));
        if let (PollAnswer::Ended(ended), Some(heard)) = (&answer, &heard) {
            let body = &heard.last.body;
            let composed = poll::compose(&asked.profile, platform, job, ended, body);
            self.tell(asked.source, composed).await?;
            swept.told = 1;
        } else {
            if matches!(answer, PollAnswer::Refused) {
                warn!(source = asked.source.name, "a platform refuses the secret it is asked with");
            }
            match asked.watch.stop(&marked, &answer, self.context().clock.now()) {
                Some(PollStep::GiveUp) => {
                    self.tell(asked.source, poll::timed_out(&asked.profile, job)).await?;
                    swept.told = 1;
                }
                Some(_) => {
                    // Refused: it moved, and is looked at again.
                    let kept =
                        self.context().table.keep_job(&poll::postponed(&marked, None)).await?;
                    kept.either_way();
                }
                None => (),
            }
        }
        Ok(swept)
    }

    /// Asks, and asks once more where the platform tells the state without the result.
    async fn dialogue(
        &self,
        asked: &PolledSource<'_>,
        platform: &PollPlatform,
        question: &PollRequest,
    ) -> Result<Option<PlatformReply>, Unavailable> {
        let until = Instant::now() + self.limits.answer;
        let first = self.question(asked, question, until).await?;
        let next = match platform.read(&first.outcome, &first.body) {
            PollAnswer::Ask => platform.next_question(question),
            _ => None,
        };
        Ok(Some(match next {
            Some(next) => {
                PlatformReply { last: self.question(asked, &next, until).await?, second: true }
            }
            None => PlatformReply { last: first, second: false },
        }))
    }

    async fn question(
        &self,
        asked: &PolledSource<'_>,
        question: &PollRequest,
        until: Instant,
    ) -> Result<FetchResult, Unavailable> {
        let now = self.context().clock.now();
        let timeout = until.saturating_duration_since(Instant::now());
        let (url, headers) = (question.url.as_str(), question.headers.clone());
        let max_body = MAX_ANSWER;
        let heard = self
            .calls
            .caller
            .get(caller::FetchRequest { url, headers, timeout, max_body, now })
            .await;
        debug!(source = asked.source.name, outcome = ?heard.outcome, detail = heard.detail, "asked");
        if let Some(until) = pause(&heard.outcome, self.context().clock.now())
            && asked.pause(until)
        {
            // For the next rounds as well: the jobs that are due then are not those of this one.
            self.context().table.pause_asking(&asked.source.id, until).await?;
        }
        Ok(heard)
    }

    /// Puts on the inbox what a webhook would have said.
    pub(crate) async fn tell(
        &self,
        source: &Source,
        composed: ComposedReport,
    ) -> Result<(), Unavailable> {
        let ComposedReport { body, mapping, key } = composed;
        let mut options = source.options.clone();
        options.mapping = mapping.or(options.mapping);
        let envelope = Envelope {
            source_id: source.id.clone(),
            source: source.name.clone(),
            profile: source.profile.clone(),
            options,
            application: source.application.clone(),
            proof: None,
            event: Source::event_id(&source.tenure(), &key),
            key,
            arrival: random::token(),
            received_at: self.context().clock.now(),
            event_type: None,
            form: false,
            trust: Trust::Polled,
            request: None,
            encoded: None,
            body: StoredBody::inline(&body),
        };
        self.inbox.put(&self.context().bucket, envelope, &body).await
    }
}

/// The last answer, and which question it answers.
struct PlatformReply {
    last: FetchResult,
    second: bool,
}

impl PlatformReply {
    fn answer(&self, platform: &PollPlatform) -> PollAnswer<'_> {
        let FetchResult { outcome, body, .. } = &self.last;
        if self.second { platform.read_result(outcome, body) } else { platform.read(outcome, body) }
    }
}

/// The time until which a platform wants to be left alone; `None` if it did not say that it had enough.
fn pause(outcome: &CallOutcome, now: Timestamp) -> Option<Timestamp> {
    match outcome {
        CallOutcome::Answered { status: 429, retry_after } => {
            Some(now.plus(retry_after.unwrap_or(PAUSE)))
        }
        CallOutcome::Answered { status: 400.., retry_after: Some(wait) } => Some(now.plus(*wait)),
        _ => None,
    }
}
