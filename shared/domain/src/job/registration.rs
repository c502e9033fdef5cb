//! What somebody tells us of a job before or after it speaks for itself.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{id::EndpointId, profile::SenderReport};

/// A registration that was checked. What it leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registration {
    /// The platform's id of the call.
    pub call_id: Option<String>,
    /// Its batch.
    pub batch_id: Option<String>,
    /// Its run.
    pub run_id: Option<String>,
    /// Its project.
    pub project_id: Option<String>,
    /// The registrar's own data.
    pub metadata: Option<Map<String, Value>>,
    /// How long from now its answer may take.
    pub deadline: Option<Duration>,
    /// The endpoint that hears of it.
    pub webhook: Option<EndpointId>,
}

impl Registration {
    /// The ids, as a sender would have said them.
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
