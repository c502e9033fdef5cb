//! The registration of a job by a caller, before or after the first report.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{id::EndpointId, profile::SenderReport};

/// A registration that was checked. A field that is not set leaves the job as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registration {
    /// The platform's id of the call.
    pub call_id: Option<String>,
    /// The batch that the job belongs to, as its sender calls it.
    pub batch_id: Option<String>,
    /// The run that the job belongs to.
    pub run_id: Option<String>,
    /// The project that the job belongs to.
    pub project_id: Option<String>,
    /// Data of the caller that the relay only keeps.
    pub metadata: Option<Map<String, Value>>,
    /// The time from now that a report of the end may take.
    pub deadline: Option<Duration>,
    /// The endpoint that receives the job's events.
    pub webhook: Option<EndpointId>,
}

impl Registration {
    /// The ids, in the form of a sender's report.
    pub(super) fn said(&self) -> SenderReport<'static> {
        SenderReport {
            call_id: self.call_id.clone(),
            batch_id: self.batch_id.clone(),
            run_id: self.run_id.clone(),
            project_id: self.project_id.clone(),
            ..SenderReport::default()
        }
    }
}
