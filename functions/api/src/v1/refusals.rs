//! Refused requests of senders: how often, why, and the newest. No body and no value of a header.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use domain::refusals::{MAX_SAMPLES, RefusalReason, RefusalSample};
use manage::{
    ControlPlane, Refusal,
    refusals::{self, RefusalCount, RefusalFilter, RefusalList},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};
use utoipa_axum::routes;

use crate::{
    v1::queries::ApplicationFilter,
    web::{Routes, error::Error, gate::Authenticated, input::Query, moment::Moment, page::Limit},
};

pub(super) fn routes() -> Routes {
    Routes::tagged("sources").read(routes!(list)).read(routes!(of_source))
}

/// The reason for which requests were refused, as a word.
#[derive(Clone, Copy)]
struct ReasonWord(RefusalReason);

impl<'de> Deserialize<'de> for ReasonWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Cow::<str>::deserialize(deserializer)?;
        let words = || RefusalReason::ALL.map(RefusalReason::word).join(", ");
        let reason = RefusalReason::parse(&word).map(Self);
        reason.ok_or_else(|| D::Error::custom(format!("is one of {}", words())))
    }
}

impl PartialSchema for ReasonWord {
    fn schema() -> RefOr<Schema> {
        reason_schema()
    }
}

fn reason_schema() -> RefOr<Schema> {
    let words = RefusalReason::ALL.map(RefusalReason::word);
    let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
    word.description(Some("Reason, as a word.")).into()
}

impl ToSchema for ReasonWord {}

/// The query of a list of refusals: the choice of those that are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RefusalsQuery {
    /// Refusals from this time on; an hour before `until`, unless said. They are kept for 7 days.
    #[param(inline, nullable = false)]
    since: Option<Moment>,
    /// Refusals before this time; now, unless said.
    #[param(inline, nullable = false)]
    until: Option<Moment>,
    /// Refusals for this reason only.
    #[param(inline, nullable = false)]
    reason: Option<ReasonWord>,
    /// Most samples; 20 unless said.
    #[param(inline, nullable = false)]
    limit: Option<Limit>,
}

impl RefusalsQuery {
    fn filter(self) -> RefusalFilter {
        RefusalFilter {
            since: self.since.map(|moment| moment.0),
            until: self.until.map(|moment| moment.0),
            reason: self.reason.map(|reason| reason.0),
            limit: self.limit.map_or(MAX_SAMPLES, |limit| limit.0 as usize),
        }
    }
}

/// Requests that were refused, newest first.
#[derive(Serialize, ToSchema)]
struct RefusalsOut {
    /// Numbers by minute, source and reason.
    counts: Vec<RefusalCountOut>,
    /// The newest requests, at most 20 of each source.
    samples: Vec<RefusalOut>,
    /// Whether all refusals of the time were read.
    complete: bool,
    /// Time from which on all were read, if there were too many.
    #[schema(format = DateTime)]
    counted_from: Option<String>,
}

/// Number of requests that were refused for one reason in a minute.
#[derive(Serialize, ToSchema)]
struct RefusalCountOut {
    /// Beginning of the minute.
    #[schema(format = DateTime)]
    minute: String,
    /// Name of the source; null for all names that no source has.
    source: Option<String>,
    /// Reason, as a word.
    #[schema(schema_with = reason_schema)]
    reason: &'static str,
    count: u64,
}

/// One request that was refused.
#[derive(Serialize, ToSchema)]
struct RefusalOut {
    /// Time of arrival.
    #[schema(format = DateTime)]
    at: String,
    /// Name of the source in the path, at most 64 characters of it.
    source: String,
    /// Address of the caller.
    caller: Option<String>,
    /// Reason, as a word.
    #[schema(schema_with = reason_schema)]
    reason: &'static str,
    /// Reason, in a sentence that says what can be done.
    sentence: String,
    /// Names of its headers, at most 32.
    headers: Vec<String>,
    /// Length of its body.
    bytes: u64,
    /// Media type that it named.
    content_type: Option<String>,
}

impl From<RefusalSample> for RefusalOut {
    fn from(sample: RefusalSample) -> Self {
        Self {
            at: sample.at.rfc3339(),
            source: sample.source,
            caller: sample.caller.map(|caller| caller.to_string()),
            reason: sample.reason.word(),
            sentence: sample.sentence,
            headers: sample.headers,
            bytes: sample.bytes,
            content_type: sample.content_type,
        }
    }
}

impl From<RefusalCount> for RefusalCountOut {
    fn from(count: RefusalCount) -> Self {
        Self {
            minute: count.minute.start().rfc3339(),
            source: count.source,
            reason: count.reason.word(),
            count: count.count,
        }
    }
}

impl From<RefusalList> for RefusalsOut {
    fn from(list: RefusalList) -> Self {
        Self {
            counts: list.counts.into_iter().map(RefusalCountOut::from).collect(),
            samples: list.samples.into_iter().map(RefusalOut::from).collect(),
            complete: list.counted_from.is_none(),
            counted_from: list.counted_from.map(|from| from.rfc3339()),
        }
    }
}

/// Requests of senders that were refused: of every source that the key sees. A key of all applications
/// also sees those to names that no source has.
///
/// An instance writes what it refused at most every 10 s for each source, with the next refused request.
/// Numbers may come late, and be lost with an instance that ends.
#[utoipa::path(get, path = "/v1/refusals", operation_id = "list_refusals",
    params(RefusalsQuery, ApplicationFilter),
    responses((status = 200, body = RefusalsOut), (status = 404)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(query): Query<RefusalsQuery>,
    Query(ApplicationFilter { application }): Query<ApplicationFilter>,
) -> Result<Json<RefusalsOut>, Error> {
    let found = refusals::list(&control, &principal, application.as_deref(), query.filter());
    Ok(Json(found.await.map_err(of_query)?.into()))
}

/// Requests of one source's sender that were refused.
#[utoipa::path(get, path = "/v1/sources/{name}/refusals", operation_id = "list_source_refusals",
    params(RefusalsQuery), responses((status = 200, body = RefusalsOut)))]
async fn of_source(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
    Query(query): Query<RefusalsQuery>,
) -> Result<Json<RefusalsOut>, Error> {
    let found = refusals::of_source(&control, &principal, &name, query.filter());
    Ok(Json(found.await.map_err(of_query)?.into()))
}

/// A field of the use case is a parameter here.
fn of_query(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Invalid { field, why } => Error::param(&field, why),
        other => other.into(),
    }
}
