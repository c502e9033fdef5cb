//! One endpoint with all that is known of it: how it fares, its secrets by their marks, and the
//! deliveries that wait for it.

use adapters::table::Table;
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    secret::SecretKind,
    time::Timestamp,
};

use super::{EndpointOverview, MAX_DELIVERIES, health, last, series};
use crate::{ControlPlane, MAX_SCANNED, Principal, Refusal, endpoints, page::Effort};

/// An endpoint with all that is known of it.
#[derive(Debug)]
pub struct EndpointDetail {
    /// The endpoint at a glance.
    pub overview: EndpointOverview,
    /// The secrets that sign now, newest first.
    pub secrets: Vec<SecretOverview>,
    /// The deliveries that are still to be attempted.
    pub waiting: Waiting,
}

/// A signing secret of an endpoint, by its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretOverview {
    /// The algorithm by which the secret signs.
    pub kind: SecretKind,
    /// The first 8 hex digits of an HMAC of the secret under the master key; `None` if the secret does
    /// not open under the present one.
    pub fingerprint: Option<String>,
    /// The time from which the secret signs, if that is known.
    pub since: Option<Timestamp>,
    /// The time at which a replaced secret stops signing.
    pub until: Option<Timestamp>,
}

/// The deliveries to an endpoint that are still to be attempted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The number of such deliveries among those that were read.
    pub count: u64,
    /// Whether all deliveries to the endpoint were read.
    pub complete: bool,
    /// The time at which the oldest of them was created.
    pub oldest_at: Option<Timestamp>,
}

/// One endpoint, by id or uid, of the application that is named or of any that the caller sees.
///
/// # Errors
///
/// The errors of [`endpoints::find`].
pub async fn detail(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    application: Option<&str>,
) -> Result<EndpointDetail, Refusal> {
    let endpoint = endpoints::find(control, principal, name, application).await?;
    let (known, letters, deliveries) = tokio::try_join!(
        endpoints::health(control, &endpoint),
        letters(control, &endpoint),
        latest(control, &endpoint),
    )?;
    let (deliveries, complete) = deliveries;
    let now = control.now();
    let overview = EndpointOverview {
        health: health(&endpoint, Some(&known), now),
        letters_waiting: letters,
        last: last(&deliveries).cloned(),
        series: series(&deliveries, complete, now),
        endpoint,
    };
    let secrets = secrets(control, &overview.endpoint, now);
    Ok(EndpointDetail { overview, secrets, waiting: count(&deliveries, complete) })
}

/// The number of letters to an endpoint that wait.
async fn letters(control: &ControlPlane, endpoint: &Endpoint) -> Result<u64, Refusal> {
    Ok(control.table().count_waiting_at(&endpoint.application, &endpoint.id).await?)
}

/// The latest deliveries to an endpoint, read for a second or [`MAX_SCANNED`] of them, and whether these
/// are all.
async fn latest(
    control: &ControlPlane,
    endpoint: &Endpoint,
) -> Result<(Vec<Delivery>, bool), Refusal> {
    let (mut read, mut effort): (Vec<Delivery>, _) = (Vec::new(), Effort::of(MAX_SCANNED));
    loop {
        let cursor = read.last().map(Table::delivery_cursor);
        let table = control.table();
        let page =
            table.deliveries_to(&endpoint.id, cursor.as_deref(), MAX_DELIVERIES, false).await?;
        effort.scan(page.items.len().max(1));
        let more = page.next.is_some() && !page.items.is_empty();
        read.extend(page.items);
        if !more || effort.is_spent() {
            return Ok((read, !more));
        }
    }
}

fn count(deliveries: &[Delivery], complete: bool) -> Waiting {
    let waiting = deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Pending);
    let oldest_at = waiting.clone().map(|delivery| delivery.created_at).min();
    Waiting { count: waiting.count() as u64, complete, oldest_at }
}

fn secrets(control: &ControlPlane, endpoint: &Endpoint, now: Timestamp) -> Vec<SecretOverview> {
    let (vault, owner) = (control.vault(), Endpoint::owner(&endpoint.id));
    let live = endpoint.secrets.iter().filter(|secret| secret.signs(now));
    let shown = live.map(|secret| SecretOverview {
        kind: secret.kind,
        fingerprint: vault.unseal(&owner, &secret.sealed).ok().map(|it| vault.fingerprint(&it)),
        since: secret.since,
        until: secret.expires_at,
    });
    shown.collect()
}
