//! Search: the things that bear an id.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{
    event::Event,
    id::ApplicationId,
    letter::{Letter, LetterSubject},
    retry::ErrorClass,
};
use manage::{
    ControlPlane,
    search::{self, Found, Search},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::web::{Routes, error::Error, gate::Authenticated, input::Query};

pub(super) fn routes() -> Routes {
    Routes::tagged("search").read(routes!(search))
}

/// Text that is looked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// An id in whatever form, 1 to 2048 bytes.
    #[param(min_length = 1, max_length = 2048)]
    q: String,
}

/// Things that were found.
#[derive(Serialize, ToSchema)]
struct SearchOut {
    /// At most 10, those that the whole text names first.
    data: Vec<FoundOut>,
    /// Whether everything was looked through that could bear the id. Deliveries and attempts are looked for
    /// among the latest 500 events, beginnings of ids among the latest 2000 events and jobs, and each for a
    /// second at most.
    complete: bool,
}

/// A thing that was found.
#[derive(Serialize, ToSchema)]
struct FoundOut {
    /// `event`, `delivery`, `attempt`, `job`, `batch`, `endpoint`, `letter`, `source`, `task`, `application`
    /// or `listener`.
    kind: &'static str,
    /// Id of the thing; the name of a source or listener, the number of a letter.
    id: String,
    /// Id of its application; null for what belongs to none.
    application: Option<String>,
    /// A few words for people: the type of an event, the sender's id of a job, the URL of an endpoint.
    title: String,
    /// Id of its event, of a delivery, an attempt or a letter.
    event_id: Option<String>,
}

impl FoundOut {
    fn of(kind: &'static str, id: impl ToString, title: impl Into<String>) -> Self {
        let (id, title) = (id.to_string(), title.into());
        Self { kind, id, application: None, title, event_id: None }
    }

    fn within(self, application: &ApplicationId) -> Self {
        Self { application: Some(application.to_string()), ..self }
    }

    fn about(self, event: String) -> Self {
        Self { event_id: Some(event), ..self }
    }

    fn of_letter(letter: &Letter) -> Self {
        let class = word(letter.error_class);
        match &letter.what {
            LetterSubject::Delivery { event, application, url, .. } => {
                let found = Self::of("letter", letter.number, format!("{class}, {url}"));
                found.within(application).about(event.event())
            }
            LetterSubject::Message { .. } => {
                Self::of("letter", letter.number, format!("{class}, a message"))
            }
        }
    }
}

/// The word for a class of errors.
fn word(class: ErrorClass) -> String {
    let word = serde_json::to_value(class).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

impl From<Found> for FoundOut {
    fn from(found: Found) -> Self {
        match found {
            Found::Event(event) => {
                let Event { id, application, event_type, .. } = *event;
                Self::of("event", id.event(), event_type).within(&application)
            }
            Found::Delivery(delivery) => {
                let title = format!("{} to {}", delivery.state.word(), delivery.endpoint);
                let found = Self::of("delivery", &delivery.id, title);
                found.within(&delivery.application).about(delivery.event.event())
            }
            Found::Attempt(delivery, attempt) => {
                let outcome = match (attempt.status, attempt.error) {
                    (Some(status), _) => status.to_string(),
                    (None, Some(class)) => word(class),
                    (None, None) => "sent".to_owned(),
                };
                let found = Self::of("attempt", &attempt.id, format!("{outcome}, {}", attempt.url));
                found.within(&delivery.application).about(delivery.event.event())
            }
            Found::Job(job) => {
                let title = format!("{}, {}", job.external_id, job.status.word());
                Self::of("job", &job.id, title).within(&job.application)
            }
            Found::Batch(batch) => {
                let title = format!("{}, {}", batch.external_id, batch.word());
                Self::of("batch", &batch.id, title).within(&batch.application)
            }
            Found::Endpoint(endpoint) => {
                Self::of("endpoint", &endpoint.id, endpoint.url).within(&endpoint.application)
            }
            Found::Letter(letter) => Self::of_letter(&letter),
            Found::Source(source) => {
                Self::of("source", &source.name, source.profile).within(&source.application)
            }
            Found::Task(task) => {
                let state = match (task.finished_at, task.cancelled) {
                    (None, _) => "running",
                    (Some(_), true) => "cancelled",
                    (Some(_), false) => "finished",
                };
                let found = Self::of("task", &task.id, state);
                match task.application() {
                    Some(application) => found.within(application),
                    None => found,
                }
            }
            Found::Application(application) => {
                let found = Self::of("application", &application.id, application.name);
                found.within(&application.id)
            }
            Found::Listener(listener) => {
                let found = Self::of("listener", &listener.name, listener.endpoint.to_string());
                found.within(&listener.application)
            }
        }
    }
}

/// Things that bear an id: of an event, delivery, attempt, job, batch, endpoint, letter, task, application,
/// source or listener; in the relay's form or, of jobs and batches, in the senders'.
///
/// The beginning of the id of an event, 8 characters and more, or of any id of a job will do if nothing
/// bears the whole text. What the key may not see is not found.
#[utoipa::path(get, path = "/v1/search", operation_id = "search", params(SearchQuery),
    responses((status = 200, body = SearchOut)))]
async fn search(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(SearchQuery { q }): Query<SearchQuery>,
) -> Result<Json<SearchOut>, Error> {
    let found = search::search(&control, &principal, &q).await;
    let Search { found, complete } = found.map_err(Error::of_query)?;
    Ok(Json(SearchOut { data: found.into_iter().map(FoundOut::from).collect(), complete }))
}
