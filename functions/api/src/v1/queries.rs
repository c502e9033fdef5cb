//! Query parameters that several kinds of `/v1` share.

use manage::{PageRequest, messages::Period};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::web::{error::Error, moment::Moment, page::PageQuery};

/// Another spelling of `iterator`, as the clients of batch servers send it (R3.2).
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CursorQuery {
    /// Another spelling of `iterator`.
    #[param(nullable = false)]
    cursor: Option<String>,
}

impl CursorQuery {
    /// The part of a list by time that both parameters ask for. `iterator` goes before `cursor`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a position that no list by time gives.
    pub(super) fn beside(self, page: PageQuery) -> Result<PageRequest, Error> {
        page.or_iterator(self.cursor).by_time()
    }
}

/// The source of a job, where several sources use the same id.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SourceQuery {
    /// Name of the source whose job is meant, where several sources use the same id.
    #[param(nullable = false)]
    pub(super) source: Option<String>,
}

/// The application whose figures or refusals are shown.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ApplicationFilter {
    /// Id or uid of the application; every one that the key sees, unless said.
    #[param(nullable = false)]
    pub(super) application: Option<String>,
}

/// The application of a batch, where several applications use the same id.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ApplicationQuery {
    /// Id or uid of the application whose batch is meant, where several applications use the same
    /// id.
    #[param(nullable = false)]
    pub(super) application: Option<String>,
}

/// The time from `since`, before `until`.
///
/// # Errors
///
/// [`Error::Invalid`] of `until` if it is before `since`.
pub(super) fn period(since: Option<Moment>, until: Option<Moment>) -> Result<Period, Error> {
    let at = |moment: Option<Moment>| moment.map(|Moment(at)| at);
    let period = Period { before: at(until), after: at(since) };
    match period.before.zip(period.after).is_some_and(|(before, after)| before < after) {
        true => Err(Error::param("until", "is before `since`")),
        false => Ok(period),
    }
}
