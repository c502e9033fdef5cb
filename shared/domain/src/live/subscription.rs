//! Subscriptions: what one connection hears of one topic, in its own words.

use serde::{Deserialize, Serialize};

use super::{news::EventFacts, protocol::Protocol};
use crate::{id::JobId, subscription};

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
    /// Whether every event fits.
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let published = EventFacts { source: None, job: None, batch_id: None, ..facts };
        assert!(!FactFilter { source: some("modal"), ..none() }.fits(&published));
    }
}
