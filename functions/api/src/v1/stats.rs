//! Figures over time: aligned series, and totals in the format of OpenMetrics.

mod open_metrics;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use domain::{
    figures::{Counter, Figure, Figures, InvalidSteps, Measure, Steps},
    id::EndpointId,
    portal::Capability,
    retry::ErrorClass,
    time::Timestamp,
};
use manage::{
    ControlPlane, Refusal,
    figures::{self, SeriesFilter},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};
use utoipa_axum::routes;

use crate::{
    v1::queries::ApplicationFilter,
    web::{Routes, Stated, error::Error, gate::Authenticated, input::Query, moment::Moment},
};

pub(super) fn routes() -> Routes {
    Routes::tagged("statistics")
        .read(routes!(stats).portal(Capability::ViewBase))
        .read(routes!(metrics))
}

/// Time before `until` at which a series begins unless said.
const DEFAULT_WINDOW: Duration = Duration::from_secs(86_400);

/// Length of a step, in seconds.
#[derive(Clone, Copy)]
struct StepLength(u64);

impl<'de> Deserialize<'de> for StepLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let length = Steps::parse_length(&text).map(Self);
        length.ok_or_else(|| D::Error::custom("is a length such as 1m, 15m, 1h or 1d"))
    }
}

impl PartialSchema for StepLength {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]+[smhd]$")).into()
    }
}

impl ToSchema for StepLength {}

/// Time and subject of a series.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatsQuery {
    /// Beginning; a day before `until`, unless said. The series begins with the step that holds it.
    #[param(inline, nullable = false)]
    since: Option<Moment>,
    /// End; now, unless said.
    #[param(inline, nullable = false)]
    until: Option<Moment>,
    /// Length of a step, such as `5m`: whole minutes, and whole hours where the time begins more than
    /// 48 h ago; at most 1500 steps. The shortest usual one with at most 300 steps, unless said.
    #[param(inline, nullable = false)]
    step: Option<StepLength>,
    /// Name of a source: its requests only.
    #[param(nullable = false)]
    source: Option<String>,
    /// Id of an endpoint: its deliveries only.
    #[param(nullable = false)]
    endpoint: Option<String>,
}

/// Figures of equal steps of time, oldest first. Every list has one entry per step.
#[derive(Serialize, ToSchema)]
struct StatsOut {
    /// Beginning of the first step.
    #[schema(format = DateTime)]
    since: String,
    /// End of the last step.
    #[schema(format = DateTime)]
    until: String,
    /// Length of a step.
    #[schema(example = "5m")]
    step: String,
    /// Always true: a write whose outcome is not known is not repeated, and what an instance had not
    /// written when it ended is lost.
    approximate: bool,
    /// Beginnings of the steps.
    times: Vec<String>,
    series: SeriesOut,
    /// Milliseconds from the arrival of an event to the first attempt of a delivery.
    first_attempt_ms: PercentilesOut,
    /// Milliseconds from the arrival of an event to its delivery.
    delivered_ms: PercentilesOut,
}

/// Numbers of each step.
#[derive(Serialize, ToSchema)]
struct SeriesOut {
    /// Requests of sources that were accepted and recorded, repetitions included.
    received: Vec<u64>,
    /// Requests that repeated an earlier one.
    duplicates: Vec<u64>,
    /// Requests with the key of an earlier one and other bytes.
    conflicts: Vec<u64>,
    /// Requests of sources that were refused; null in a portal.
    refused: Option<Vec<u64>>,
    /// Events of sources that subscribers receive.
    announced: Vec<u64>,
    /// Attempts of deliveries.
    attempts: Vec<u64>,
    /// Deliveries that arrived.
    delivered: Vec<u64>,
    /// Attempts that failed, by the class of the failure. Only classes that occurred.
    failed: BTreeMap<&'static str, Vec<u64>>,
    /// Deliveries that became dead letters.
    parked: Vec<u64>,
}

/// Percentiles of each step; null where nothing was measured, and for a source or endpoint. 900000 stands
/// for 15 minutes or more.
#[derive(Serialize, ToSchema)]
struct PercentilesOut {
    p50: Vec<Option<u64>>,
    p95: Vec<Option<u64>>,
    p99: Vec<Option<u64>>,
    /// Percentiles of all steps together.
    total: TotalOut,
}

/// Percentiles of the whole time.
#[derive(Serialize, ToSchema)]
struct TotalOut {
    p50: Option<u64>,
    p95: Option<u64>,
    p99: Option<u64>,
}

impl SeriesOut {
    fn of(series: &[Figures], is_portal: bool) -> Self {
        let of = |counter: Counter| -> Vec<u64> {
            series.iter().map(|point| point.get(Figure::Count(counter))).collect()
        };
        let failed = ErrorClass::ALL.into_iter().map(|class| (class, of(Counter::Failed(class))));
        let failed = failed.filter(|(_, counts)| counts.iter().any(|count| *count != 0));
        Self {
            received: of(Counter::Received),
            duplicates: of(Counter::Duplicates),
            conflicts: of(Counter::Conflicts),
            refused: (!is_portal).then(|| of(Counter::Refused)),
            announced: of(Counter::Announced),
            attempts: of(Counter::Attempts),
            delivered: of(Counter::Delivered),
            failed: failed.map(|(class, counts)| (class.word(), counts)).collect(),
            parked: of(Counter::Parked),
        }
    }
}

impl PercentilesOut {
    fn of(series: &[Figures], measure: fn(Measure) -> Figure) -> Self {
        let histograms: Vec<_> = series.iter().map(|point| point.histogram(measure)).collect();
        let of = |percent| histograms.iter().map(|times| times.percentile(percent)).collect();
        let mut whole = Figures::default();
        series.iter().for_each(|point| whole.merge(point));
        let times = whole.histogram(measure);
        let [half, most, nearly_all] = [50, 95, 99].map(|percent| times.percentile(percent));
        let total = TotalOut { p50: half, p95: most, p99: nearly_all };
        Self { p50: of(50), p95: of(95), p99: of(99), total }
    }
}

/// Figures of events over time: of one application, or of all that the key sees, at most 100.
///
/// A source or an endpoint narrows the series down to its own requests or deliveries. Of each, the
/// figures of the 50 with the most failures are kept for an hour, then those with the highest numbers.
#[utoipa::path(get, path = "/v1/stats", operation_id = "get_stats",
    params(StatsQuery, ApplicationFilter),
    responses((status = 200, body = StatsOut), (status = 404)))]
async fn stats(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(query): Query<StatsQuery>,
    Query(ApplicationFilter { application }): Query<ApplicationFilter>,
) -> Result<Json<StatsOut>, Error> {
    if principal.is_portal() && query.source.is_some() {
        return Err(Error::Forbidden("a portal does not see sources"));
    }
    let now = control.now();
    let until = query.until.map_or(now, |moment| moment.0);
    let millis = u64::try_from(DEFAULT_WINDOW.as_millis()).unwrap_or(u64::MAX);
    let before = Timestamp(until.0.saturating_sub(millis));
    let since = query.since.map_or(before, |moment| moment.0);
    let steps = Steps::between(since, until, query.step.map(|step| step.0), now);
    let steps = steps.map_err(|invalid| match invalid {
        InvalidSteps::Since => Error::param("since", invalid),
        InvalidSteps::Step(_) => Error::param("step", invalid),
    })?;
    let endpoint = query.endpoint.map(|text| {
        EndpointId::parse(&text).map_err(|_| Error::param("endpoint", "is an id such as ep_…"))
    });
    let filter =
        SeriesFilter { application, source: query.source, endpoint: endpoint.transpose()? };
    let series = figures::series(&control, &principal, filter, &steps).await;
    let series = series.map_err(of_query)?;
    Ok(Json(StatsOut {
        since: steps.since().rfc3339(),
        until: steps.until().rfc3339(),
        step: steps.length(),
        approximate: true,
        times: steps.times().map(Timestamp::rfc3339).collect(),
        series: SeriesOut::of(&series, principal.is_portal()),
        first_attempt_ms: PercentilesOut::of(&series, Figure::FirstAttempt),
        delivered_ms: PercentilesOut::of(&series, Figure::Delivery),
    }))
}

/// Totals of each application that the key sees, at most 100, in the format of OpenMetrics.
///
/// Counters and histograms since the relay began to count. They grow within seconds, and only grow
/// while the relay's sweep runs.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", params(ApplicationFilter),
    responses((status = 200, description = "Metrics.",
        content_type = "application/openmetrics-text", body = String), (status = 404)))]
async fn metrics(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(ApplicationFilter { application }): Query<ApplicationFilter>,
) -> Result<Response, Error> {
    let totals = figures::totals(&control, &principal, application.as_deref()).await;
    let text = open_metrics::print(&totals.map_err(of_query)?);
    Ok(([(header::CONTENT_TYPE, open_metrics::MEDIA_TYPE)], text).into_response())
}

/// A field of the use case is a parameter here.
fn of_query(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Invalid { field, why } => Error::param(&field, why),
        other => other.into(),
    }
}
