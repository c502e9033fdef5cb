//! Subscriptions: what one connection hears of one topic, in its own words.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{news::EventFacts, protocol::Protocol};
use crate::{
    id::JobId,
    log::{LogLine, Seq, StreamName},
    subscription,
    time::Timestamp,
};

/// The difference between two clocks of the relay that is allowed for.
const CLOCKS: Duration = Duration::from_secs(5);

/// A connection that hears a topic, as the table holds it with the topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSubscription {
    /// The id of the connection.
    pub connection: String,
    /// The protocol that the connection speaks.
    pub protocol: Protocol,
    /// The job, project or batch as the client named it. Messages bear this name, because a client
    /// compares it with its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The events that the client wants, of a topic of events.
    #[serde(default, skip_serializing_if = "FactFilter::is_empty")]
    pub filter: FactFilter,
    /// Whether the client hears of refused requests, of a topic of events.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refusals: bool,
    /// The number of the last line that the client has, by stream, of a topic of a job.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<StreamName, Seq>,
    /// The part of a job's log that the client was sent when it subscribed; `None` before that, and for
    /// other topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caught_up: Option<CaughtUp>,
}

/// The part of a job's log that a client was sent when it subscribed: the lines that were kept then, and
/// the end if the job had ended. News of the same lines may come later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaughtUp {
    /// The time at which the lines were read.
    pub at: Timestamp,
    /// The number of the last line that was sent, by stream.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub through: BTreeMap<StreamName, Seq>,
    /// Whether the end of the job was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

impl CaughtUp {
    /// Whether a line that was kept at `kept_at` was among those that were sent. A line that came
    /// later is new, though its number may be lower: it fills a hole.
    pub fn includes(&self, line: &LogLine, kept_at: Timestamp) -> bool {
        let through = self.through.get(&line.stream);
        kept_at <= self.at.plus(CLOCKS) && through.is_some_and(|through| line.seq <= *through)
    }
}

/// The events that a client wants: those that fit every field which is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactFilter {
    /// The name of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// An event type, a family such as `job.*`, or another system's word for a type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The batch, as senders call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
}

impl FactFilter {
    /// Whether the filter asks for nothing, so that every event fits.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an event with these facts fits.
    pub fn fits(&self, facts: &EventFacts) -> bool {
        let is =
            |wanted: &Option<String>, fact: &Option<String>| wanted.is_none() || wanted == fact;
        let wanted = self.event_type.as_deref();
        is(&self.source, &facts.source)
            && is(&self.batch, &facts.batch_id)
            && (self.job.is_none() || self.job == facts.job)
            && wanted.is_none_or(|wanted| subscription::covers(wanted, &facts.event_type))
    }

    /// Whether a request to a source that was refused fits. It became no event, so that it has no type, job
    /// or batch.
    pub fn fits_refusal(&self, source: &str) -> bool {
        let Self { source: wanted, event_type, job, batch } = self;
        wanted.as_ref().is_none_or(|wanted| wanted == source)
            && event_type.is_none()
            && job.is_none()
            && batch.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_sent_is_not_new_and_one_that_fills_a_hole_is() {
        let now = Timestamp::from_secs(1_700_000_000);
        let stream = StreamName::default();
        let line = |seq| LogLine {
            stream: stream.clone(),
            seq: Seq::Number(seq),
            at: now,
            level: None,
            message: String::new(),
        };
        let through = BTreeMap::from([(stream.clone(), Seq::Number(7))]);
        let caught_up = CaughtUp { at: now, through, ended: false };
        assert!(caught_up.includes(&line(7), now) && caught_up.includes(&line(1), now));
        assert!(!caught_up.includes(&line(8), now));
        assert!(!caught_up.includes(&line(3), Timestamp(now.plus(CLOCKS).0 + 1)));
        let other = LogLine { stream: StreamName::parse("err").expect("a name"), ..line(1) };
        assert!(!caught_up.includes(&other, now));
    }

    #[test]
    fn an_event_fits_a_filter_by_all_its_fields() {
        let some = |text: &str| Some(text.to_owned());
        let job = JobId::derive(&["j"]);
        let facts = EventFacts {
            event_type: "job.failed".to_owned(),
            source: some("modal"),
            job: Some(job.clone()),
            batch_id: some("b"),
        };
        let none = FactFilter::default;
        for (filter, fits) in [
            (none(), true),
            (FactFilter { event_type: some("job.failed"), ..none() }, true),
            (FactFilter { event_type: some("job.*"), ..none() }, true),
            (FactFilter { event_type: some("*"), ..none() }, true),
            (FactFilter { event_type: some("batch.*"), ..none() }, false),
            (FactFilter { source: some("modal"), batch: some("b"), ..none() }, true),
            (FactFilter { source: some("modal"), batch: some("c"), ..none() }, false),
            (FactFilter { source: some("mod"), ..none() }, false),
            (FactFilter { job: Some(job), ..none() }, true),
            (FactFilter { job: Some(JobId::derive(&["k"])), ..none() }, false),
        ] {
            assert_eq!(filter.fits(&facts), fits, "{filter:?}");
            let stored = serde_json::to_string(&filter).expect("JSON");
            assert_eq!(serde_json::from_str::<FactFilter>(&stored).expect("ours"), filter);
        }
        for (filter, fits) in [
            (none(), true),
            (FactFilter { source: some("modal"), ..none() }, true),
            (FactFilter { source: some("mod"), ..none() }, false),
            (FactFilter { event_type: some("*"), ..none() }, false),
            (FactFilter { job: Some(JobId::derive(&["k"])), ..none() }, false),
            (FactFilter { source: some("modal"), batch: some("b"), ..none() }, false),
        ] {
            assert_eq!(filter.fits_refusal("modal"), fits, "{filter:?}");
        }
        let published = EventFacts { source: None, job: None, batch_id: None, ..facts };
        assert!(!FactFilter { source: some("modal"), ..none() }.fits(&published));
    }
}
