//! Which letters or messages somebody means, as they say it and as we say it back.

use domain::{
    id::{ApplicationId, EndpointId, JobId},
    letter::{LetterFilter, LetterState},
    replay::Replay,
    retry::ErrorClass,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::web::{
    error::Error,
    params::{Params, instant},
};
use manage::Principal;

/// Which letters somebody means.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FilterIn {
    /// Letters to this endpoint, by id.
    endpoint: Option<String>,
    /// Letters of this application, by id or uid.
    application: Option<String>,
    /// Letters of this event type.
    event_type: Option<String>,
    /// Letters of this batch.
    batch_id: Option<String>,
    /// Letters about this job, by our id.
    job_id: Option<String>,
    /// Letters that died for this reason.
    #[schema(value_type = Option<String>)]
    error_class: Option<ErrorClass>,
    /// Letters that are `waiting`, `redriven` or `resolved`.
    #[schema(value_type = Option<String>)]
    state: Option<LetterState>,
    /// Letters parked at this time or later.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Letters parked before this time.
    #[schema(format = DateTime)]
    until: Option<String>,
}

impl FilterIn {
    /// The same from a query.
    pub(crate) fn of_query(params: &Params) -> Result<Self, Error> {
        fn word<T: DeserializeOwned>(params: &Params, name: &str) -> Result<Option<T>, Error> {
            let Some(text) = params.text(name) else { return Ok(None) };
            let word = serde_json::from_value(text.into());
            word.map(Some).map_err(|_| Error::param(name, "is none that there is"))
        }
        let text = |name| params.text(name).map(str::to_owned);
        Ok(Self {
            endpoint: text("endpoint"),
            application: text("application"),
            event_type: text("event_type"),
            batch_id: text("batch_id"),
            job_id: text("job_id"),
            error_class: word(params, "error_class")?,
            state: word(params, "state")?,
            since: text("since"),
            until: text("until"),
        })
    }

    /// What it means, of what whoever asks may see.
    pub(crate) fn read(self, principal: &Principal) -> Result<LetterFilter, Error> {
        let at = |name, text: Option<String>| match text {
            None => Ok(None),
            Some(text) => instant(&text)
                .map(Some)
                .ok_or_else(|| Error::field(name, "is a time such as 2026-11-22T01:13:33Z")),
        };
        let endpoint = self.endpoint.map(|text| {
            EndpointId::parse(&text).map_err(|_| Error::field("endpoint", "is an id such as ep_…"))
        });
        let job = self.job_id.map(|text| {
            JobId::parse(&text).map_err(|_| Error::field("job_id", "is an id such as job_…"))
        });
        let application = match self.application {
            None => principal.application.clone(),
            Some(name) => {
                let id = ApplicationId::named(&name);
                principal.must_see(&id)?;
                Some(id)
            }
        };
        Ok(LetterFilter {
            endpoint: endpoint.transpose()?,
            application,
            event_type: self.event_type,
            batch_id: self.batch_id,
            error_class: self.error_class,
            since: at("since", self.since)?,
            until: at("until", self.until)?,
            state: self.state,
            job: job.transpose()?,
        })
    }
}

/// Which letters or messages a task means.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct FilterOut {
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
    /// Everything of an endpoint.
    pub(crate) fn of_endpoint(endpoint: &EndpointId) -> Self {
        Self { endpoint: Some(endpoint.to_string()), ..Self::default() }
    }

    /// Everything of an application.
    pub(crate) fn of_application(application: &ApplicationId) -> Self {
        Self { application: Some(application.to_string()), ..Self::default() }
    }

    /// What is sent again.
    pub(crate) fn of_replay(replay: &Replay) -> Self {
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
