//! Choices of letters or messages, as a request spells them and as a task shows them.

use domain::{
    id::{ApplicationId, EndpointId, JobId},
    letter::{LetterFilter, LetterState},
    replay::Replay,
    retry::ErrorClass,
};
use manage::{ControlPlane, Principal, letters};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::web::{error::Error, moment::Moment};

/// A choice of letters, in a body or a query.
#[derive(Default, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilterIn {
    /// Letters to this endpoint, by id.
    #[param(nullable = false)]
    endpoint: Option<String>,
    /// Letters of this application, by id or uid.
    #[param(nullable = false)]
    application: Option<String>,
    /// Letters of this event type.
    #[param(nullable = false)]
    event_type: Option<String>,
    /// Letters of this batch.
    #[param(nullable = false)]
    batch_id: Option<String>,
    /// Letters about this job, by the relay's id.
    #[param(nullable = false)]
    job_id: Option<String>,
    /// Letters that died for this reason.
    #[schema(value_type = Option<String>)]
    #[param(value_type = String, required = false)]
    error_class: Option<ErrorClass>,
    /// Letters that are `waiting`, `redriven` or `resolved`.
    #[schema(value_type = Option<String>)]
    #[param(value_type = String, required = false)]
    state: Option<LetterState>,
    /// Letters parked at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[param(value_type = String, format = DateTime, required = false)]
    since: Option<Moment>,
    /// Letters parked before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[param(value_type = String, format = DateTime, required = false)]
    until: Option<Moment>,
}

impl FilterIn {
    /// The filter that the choice means, of the letters that the caller may see.
    pub(super) async fn read(
        self,
        control: &ControlPlane,
        principal: &Principal,
    ) -> Result<LetterFilter, Error> {
        let endpoint = self.endpoint.map(|text| {
            EndpointId::parse(&text).map_err(|_| Error::field("endpoint", "is an id such as ep_…"))
        });
        let job = self.job_id.map(|text| {
            JobId::parse(&text).map_err(|_| Error::field("job_id", "is an id such as job_…"))
        });
        let filter = LetterFilter {
            endpoint: endpoint.transpose()?,
            application: None,
            event_type: self.event_type,
            batch_id: self.batch_id,
            error_class: self.error_class,
            since: self.since.map(|moment| moment.0),
            until: self.until.map(|moment| moment.0),
            state: self.state,
            job: job.transpose()?,
        };
        Ok(letters::scoped(control, principal, filter, self.application.as_deref()).await?)
    }
}

/// The choice of letters or messages that a task works on.
#[derive(Default, Serialize, ToSchema)]
pub(super) struct FilterOut {
    endpoint: Option<String>,
    application: Option<String>,
    event_type: Option<String>,
    batch_id: Option<String>,
    job_id: Option<String>,
    #[schema(value_type = Option<String>)]
    error_class: Option<ErrorClass>,
    #[schema(value_type = Option<String>)]
    state: Option<LetterState>,
    since: Option<String>,
    until: Option<String>,
}

impl FilterOut {
    /// The filter of all letters of an endpoint.
    pub(super) fn of_endpoint(endpoint: &EndpointId) -> Self {
        Self { endpoint: Some(endpoint.to_string()), ..Self::default() }
    }

    /// The filter of all letters of an application.
    pub(super) fn of_application(application: &ApplicationId) -> Self {
        Self { application: Some(application.to_string()), ..Self::default() }
    }

    /// The messages that a replay sends again.
    pub(super) fn of_replay(replay: &Replay) -> Self {
        Self {
            application: Some(replay.application.to_string()),
            event_type: Some(replay.event_types.join(",")).filter(|types| !types.is_empty()),
            since: Some(replay.since.rfc3339()),
            until: replay.until.map(|at| at.rfc3339()),
            ..Self::of_endpoint(&replay.endpoint)
        }
    }
}

impl From<LetterFilter> for FilterOut {
    fn from(filter: LetterFilter) -> Self {
        Self {
            endpoint: filter.endpoint.map(|id| id.to_string()),
            application: filter.application.map(|id| id.to_string()),
            event_type: filter.event_type,
            batch_id: filter.batch_id,
            job_id: filter.job.map(|id| id.to_string()),
            error_class: filter.error_class,
            state: filter.state,
            since: filter.since.map(|at| at.rfc3339()),
            until: filter.until.map(|at| at.rfc3339()),
        }
    }
}
