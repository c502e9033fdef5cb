//! The parameters by which events are listed.

use domain::progress::EventState;
use manage::events::{EventFilter, EventMark};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    v1::queries::period,
    web::{error::Error, moment::Moment},
};

/// Words for the marks of an event.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MarkWord {
    Conflict,
    Duplicate,
}

impl From<MarkWord> for EventMark {
    fn from(word: MarkWord) -> Self {
        match word {
            MarkWord::Conflict => Self::Conflict,
            MarkWord::Duplicate => Self::Duplicate,
        }
    }
}

/// Events that are listed. A source, job or batch that is not there leaves none.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Id or uid of the application whose events are listed. It must be named where there are more than
    /// 1000 applications.
    #[param(nullable = false)]
    application: Option<String>,
    /// Name of the source that sent the events.
    #[param(nullable = false)]
    source: Option<String>,
    /// Event type, or the beginning of one with `*` behind it, such as `job.*`.
    #[serde(rename = "type")]
    #[param(rename = "type", nullable = false)]
    event_type: Option<String>,
    /// Job that the events are about: our id, the sender's id or the call's id.
    #[param(nullable = false)]
    job: Option<String>,
    /// Batch of that job: our id or the senders' id.
    #[param(nullable = false)]
    batch: Option<String>,
    /// State of the events as a whole: `delivered`, `pending`, `failing`, `dead` or `nobody`.
    #[param(value_type = String, required = false)]
    state: Option<EventState>,
    /// Events that arrived at this time or later.
    #[param(inline, nullable = false)]
    since: Option<Moment>,
    /// Events that arrived before this time.
    #[param(inline, nullable = false)]
    until: Option<Moment>,
    /// Id of the event, or its first characters, 8 at least behind `evt_` or `msg_`, which may be left
    /// out.
    #[param(nullable = false)]
    id: Option<String>,
    /// `conflict` for events under whose key another body came, `duplicate` for those that came again.
    #[param(value_type = String, required = false)]
    has: Option<MarkWord>,
}

impl EventsQuery {
    /// The filter that the query means.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] of `until` if it is before `since`.
    pub(super) fn read(self) -> Result<EventFilter, Error> {
        let Self { application, source, event_type, job, batch, state, since, until, id, has } =
            self;
        let (period, mark) = (period(since, until)?, has.map(EventMark::from));
        Ok(EventFilter { application, source, event_type, job, batch, state, period, id, mark })
    }
}
