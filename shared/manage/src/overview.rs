//! Endpoints of all applications at a glance: how each fares, what it was last sent, and its last day.
//!
//! Nothing is counted while events are delivered. A request reads the letters and the deliveries
//! themselves, up to a bound, and its answer says where the bound was met.

mod detail;

use std::{collections::HashMap, time::Duration};

use adapters::table::Table;
use domain::{
    application::Application,
    delivery::{Attempt, Delivery},
    endpoint::Endpoint,
    health::{Circuit, Health},
    id::{ApplicationId, EndpointId},
    time::Timestamp,
};
use futures::future::try_join_all;

pub use self::detail::{EndpointDetail, SecretOverview, Waiting, detail};
use crate::{
    ControlPlane, MAX_SCANNED, Principal, Refusal, Walk, applications, attempts::calls, is_place,
    page::Effort,
};

/// Latest deliveries to an endpoint that one request reads.
const MAX_DELIVERIES: usize = 100;
/// Applications or endpoints that are read at the same time.
const AT_ONCE: usize = 16;
/// Endpoints of an application that are read at a time.
const PAGE: usize = 250;
/// Hours that a series covers.
pub const HOURS: usize = 24;
/// Length of a part of a series.
const HOUR: Duration = Duration::from_secs(3600);

/// Choice of the endpoints that are listed.
#[derive(Clone, Debug, Default)]
pub struct OverviewFilter {
    /// Id or uid of the application.
    pub application: Option<String>,
    /// Text that the id, uid, URL or description holds, in whatever case.
    pub text: Option<String>,
}

/// State of an endpoint's health, with the figures behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointHealth {
    /// `disabled`, `open` while its circuit keeps calls back, `failing` since a failure without a success
    /// after it, `slow`, or `healthy`.
    pub state: &'static str,
    /// The time since which it has been so; `None` if that is not known.
    pub since: Option<Timestamp>,
    /// The time of the next probe of an open circuit, or until which the endpoint is taken for slow.
    pub until: Option<Timestamp>,
    /// Failures in a row that count towards opening the circuit.
    pub failures: u32,
    /// Attempts that failed since the last success.
    pub failed_attempts: u32,
}

/// Attempts to an endpoint in each of the last 24 hours, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaySeries {
    /// Attempts that the endpoint answered as it should.
    pub delivered: [u64; HOURS],
    /// Attempts that failed, by the hour.
    pub failed: [u64; HOURS],
    /// Whether all deliveries were read that were created in the time. Of those that were created before,
    /// attempts are counted as far as the deliveries are among the ones that were read.
    pub complete: bool,
}

/// An endpoint at a glance.
#[derive(Debug)]
pub struct EndpointOverview {
    /// The endpoint that is listed.
    pub endpoint: Endpoint,
    /// Health of the endpoint.
    pub health: EndpointHealth,
    /// Dead letters to it that wait.
    pub letters_waiting: u64,
    /// The latest attempt at the endpoint.
    pub last: Option<Attempt>,
    /// The attempts of the last day.
    pub series: DaySeries,
}

/// A part of the list of endpoints that the caller sees, application by application from the oldest on,
/// and by id within an application. Webhooks of jobs and batches are not among them.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, or the caller may not see it;
/// [`Refusal::Invalid`] of `iterator` for one that this list did not give.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    filter: &OverviewFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Walk<EndpointOverview>, Refusal> {
    let at = match cursor {
        None => None,
        Some(text) => {
            let unknown = || Refusal::field("iterator", "is not one of ours");
            Some(OverviewPlace::parse(text).ok_or_else(unknown)?)
        }
    };
    let found = endpoints(control, principal, filter, at, limit).await?;
    let ids: Vec<_> = found.items.iter().map(|endpoint| &endpoint.id).collect();
    let healths: HashMap<_, _> =
        control.table().healths(ids.iter().copied()).await?.into_iter().collect();
    let letters = match ids.is_empty() {
        true => HashMap::new(),
        false => waiting(control, &found.items).await?,
    };
    let now = control.now();
    let mut latest = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        let read =
            some.iter().map(|id| control.table().deliveries_to(id, None, MAX_DELIVERIES, false));
        latest.extend(try_join_all(read).await?);
    }
    let shown = found.items.into_iter().zip(latest).map(|(endpoint, latest)| EndpointOverview {
        health: health(&endpoint, healths.get(endpoint.id.as_str()), now),
        letters_waiting: letters.get(&endpoint.id).copied().unwrap_or(0),
        last: last(&latest.items).cloned(),
        series: series(&latest.items, latest.next.is_none(), now),
        endpoint,
    });
    Ok(Walk { items: shown.collect(), next: found.next, scanned: found.scanned })
}

/// The place of an endpoint in the list: behind it, or behind all endpoints of its application.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OverviewPlace {
    /// Cursor of the application in the list of applications.
    application: String,
    /// The last endpoint of the application that was listed.
    endpoint: Option<EndpointId>,
}

impl OverviewPlace {
    fn parse(text: &str) -> Option<Self> {
        if let Some((application, endpoint)) = text.rsplit_once('-')
            && let Ok(endpoint) = EndpointId::parse(endpoint)
            && is_place(application)
        {
            return Some(Self { application: application.to_owned(), endpoint: Some(endpoint) });
        }
        is_place(text).then(|| Self { application: text.to_owned(), endpoint: None })
    }

    fn print(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{}-{endpoint}", self.application),
            None => self.application.clone(),
        }
    }

    /// The application that reading goes on within.
    fn within(&self) -> Option<ApplicationId> {
        let (_, id) = self.application.split_once('-')?;
        ApplicationId::parse(id).ok().filter(|_| self.endpoint.is_some())
    }
}

/// The endpoints of a part, without what is known of each.
async fn endpoints(
    control: &ControlPlane,
    principal: &Principal,
    filter: &OverviewFilter,
    mut at: Option<OverviewPlace>,
    limit: usize,
) -> Result<Walk<Endpoint>, Refusal> {
    let one = match (&filter.application, &principal.application) {
        (Some(name), _) => {
            applications::must_see(control, principal, name).await?;
            let known = control.table().application_named(name).await?.ok_or(Refusal::NotFound)?;
            principal.must_see(&known.id)?;
            Some(known)
        }
        (None, Some(own)) => control.table().application(own).await?,
        (None, None) => None,
    };
    let alone = one.is_some() || principal.application.is_some();
    let (mut items, mut effort) = (Vec::new(), Effort::of(MAX_SCANNED));
    loop {
        // The application within which the part before ended, and then those behind it.
        let place = |known: &Application| (Table::application_cursor(known), known.id.clone());
        let (places, more): (Vec<(String, ApplicationId)>, bool) = if alone {
            (one.iter().map(place).collect(), false)
        } else if let Some((id, at)) = at.as_ref().and_then(|at| Some((at.within()?, at))) {
            (vec![(at.application.clone(), id)], true)
        } else {
            let from = at.as_ref().map(|at| at.application.as_str());
            let page = control.table().applications_page(from, AT_ONCE, true).await?;
            (page.items.iter().map(place).collect(), page.next.is_some())
        };
        let first = |(place, id): &(String, ApplicationId)| {
            let behind = at.as_ref().filter(|at| at.application == *place || alone);
            let (id, behind) = (id.clone(), behind.and_then(|at| at.endpoint.clone()));
            async move { control.table().endpoints_page(&id, behind.as_ref(), PAGE).await }
        };
        let read = try_join_all(places.iter().map(first)).await?;
        for ((place, id), mut page) in places.into_iter().zip(read) {
            effort.scan(1);
            loop {
                for endpoint in page.endpoints {
                    effort.scan(1);
                    if items.len() == limit {
                        let (next, scanned) = (at.map(|at| at.print()), effort.scanned());
                        return Ok(Walk { items, next, scanned });
                    }
                    let endpoint_id = Some(endpoint.id.clone());
                    if fits(&endpoint, filter.text.as_deref()) {
                        items.push(endpoint);
                    }
                    at = Some(OverviewPlace { application: place.clone(), endpoint: endpoint_id });
                }
                let Some(after) = page.next else { break };
                if effort.is_spent() {
                    let (next, scanned) = (at.map(|at| at.print()), effort.scanned());
                    return Ok(Walk { items, next, scanned });
                }
                page = control.table().endpoints_page(&id, Some(&after), PAGE).await?;
            }
            at = Some(OverviewPlace { application: place, endpoint: None });
        }
        if !more {
            return Ok(Walk { items, next: None, scanned: effort.scanned() });
        }
        if effort.is_spent() {
            return Ok(Walk { items, next: at.map(|at| at.print()), scanned: effort.scanned() });
        }
    }
}

fn fits(endpoint: &Endpoint, text: Option<&str>) -> bool {
    let Some(text) = text else { return true };
    let text = text.to_lowercase();
    let uid = endpoint.uid.as_deref().unwrap_or_default();
    let fields = [endpoint.id.as_str(), uid, &endpoint.url, &endpoint.description];
    fields.iter().any(|field| field.to_lowercase().contains(&text))
}

/// The number of waiting letters by endpoint, of the applications of these endpoints at least.
async fn waiting(
    control: &ControlPlane,
    endpoints: &[Endpoint],
) -> Result<HashMap<EndpointId, u64>, Refusal> {
    let first = endpoints.first().map(|endpoint| &endpoint.application);
    let all = endpoints.iter().all(|endpoint| Some(&endpoint.application) == first);
    Ok(control.table().count_waiting_letters(first.filter(|_| all)).await?)
}

fn health(endpoint: &Endpoint, health: Option<&Health>, now: Timestamp) -> EndpointHealth {
    let (failures, failed_attempts) = health.map_or((0, 0), |it| (it.failures, it.attempts));
    let of =
        |state, since, until| EndpointHealth { state, since, until, failures, failed_attempts };
    if endpoint.disabled.is_some() {
        // Whatever was changed last: most often it was disabled.
        return of("disabled", Some(endpoint.updated_at), None);
    }
    let Some(health) = health else { return of("healthy", None, None) };
    if let Circuit::Open { until } | Circuit::HalfOpen { until, .. } = &health.circuit {
        return of("open", Some(health.changed_at), Some(*until));
    }
    if health.failing_since.is_some() {
        return of("failing", health.failing_since, None);
    }
    match health.slow_until.filter(|until| now < *until) {
        Some(until) => of("slow", None, Some(until)),
        None => of("healthy", None, None),
    }
}

fn last(deliveries: &[Delivery]) -> Option<&Attempt> {
    deliveries.iter().filter_map(|delivery| calls(delivery).next()).max_by_key(|call| call.at)
}

/// The attempts of the last day among these deliveries, newest first. `all` says
/// that there are no older deliveries.
fn series(deliveries: &[Delivery], all: bool, now: Timestamp) -> DaySeries {
    let day = HOUR * 24;
    let begins = Timestamp(now.0.saturating_sub(u64::try_from(day.as_millis()).unwrap_or(0)));
    let earliest = deliveries.last().map(Table::delivery_cursor);
    let beyond = earliest.is_some_and(|place| place < Table::place_before(begins));
    let mut series = DaySeries { complete: all || beyond, ..DaySeries::default() };
    for call in deliveries.iter().flat_map(calls).filter(|call| begins < call.at) {
        let hour = call.at.since(begins).as_secs() / HOUR.as_secs();
        let hour = usize::try_from(hour).unwrap_or(0).min(HOURS - 1);
        match call.error {
            None => series.delivered[hour] += 1,
            Some(_) => series.failed[hour] += 1,
        }
    }
    series
}

#[cfg(test)]
mod tests;
