//! Metrics of what the relay does, over all applications, from the figures of a minute that is over.
//!
//! The figures are in the table; CloudWatch reads the metrics from a line that is printed. Alarms watch
//! them.

use std::time::Duration;

use adapters::{
    Unavailable,
    metrics::{self, NAMESPACE, Unit},
    table::Table,
};
use domain::{
    figures::{Counter, Figure, Figures, Minute},
    id::ApplicationId,
    retry::ErrorClass,
    time::Timestamp,
    trouble::MinuteCounts,
};
use futures::{StreamExt, stream};
use tokio::time::timeout;
use tracing::warn;

/// Minutes that a minute lies back when it is read. Functions write their figures after their work, and
/// `ingest` those of refused requests up to ten seconds later.
const BACK: u64 = 2;
/// Most applications whose figures are read.
const MAX_APPLICATIONS: usize = 500;
/// Applications that are read at the same time.
const AT_ONCE: usize = 8;
/// Items of refused requests of the hour that are read of one application.
const MAX_REFUSALS: usize = 200;
/// Longest time for which figures are read: the round has more to do.
const PATIENCE: Duration = Duration::from_secs(5);

/// Emits the metrics of the minute before the last, and returns its counts. If they cannot be read in time,
/// there are none for this minute, and the round goes on.
pub(crate) async fn emit(table: &Table, now: Timestamp) -> Option<MinuteCounts> {
    match timeout(PATIENCE, read(table, now)).await {
        Ok(Ok(figures)) => {
            let metrics = metrics_of(&figures);
            if !metrics.is_empty() {
                metrics::emit(NAMESPACE, now, &metrics, &[]);
            }
            Some(counts(&figures, read_minute(now)))
        }
        Ok(Err(error)) => {
            warn!(%error, "figures of the minute were not read");
            None
        }
        Err(_) => {
            warn!("figures of the minute were not read in time");
            None
        }
    }
}

/// The minute whose figures are complete.
const fn read_minute(now: Timestamp) -> Minute {
    Minute(Minute::of(now).0.saturating_sub(BACK))
}

/// The counts of a minute by which troubles are judged.
fn counts(figures: &Figures, minute: Minute) -> MinuteCounts {
    let count = |counter| figures.get(Figure::Count(counter));
    MinuteCounts {
        minute: minute.0,
        received: count(Counter::Received),
        refused: count(Counter::Refused),
        attempts: count(Counter::Attempts),
        delivered: count(Counter::Delivered),
    }
}

/// The figures of the minute before the last, of all applications together.
pub(crate) async fn read(table: &Table, now: Timestamp) -> Result<Figures, Unavailable> {
    let minute = read_minute(now);
    let ids = table.applications().await?.into_iter().map(|application| application.id);
    let read = ids.take(MAX_APPLICATIONS).map(|id| of_application(table, id, minute));
    let mut read = stream::iter(read).buffer_unordered(AT_ONCE);
    let mut sum = Figures::default();
    while let Some(figures) = read.next().await {
        sum.merge(&figures?);
    }
    Ok(sum)
}

async fn of_application(
    table: &Table,
    id: ApplicationId,
    minute: Minute,
) -> Result<Figures, Unavailable> {
    let mut sum = Figures::default();
    for (_, figures) in table.minutes_of(&id, minute, minute).await? {
        sum.merge(&figures.own());
    }
    let hour = minute.hour();
    for item in table.refusals(Some(&id), hour, hour, MAX_REFUSALS).await?.items {
        let of_minute = item.counts.into_iter().filter(|(of, ..)| *of == minute);
        of_minute.for_each(|(.., count)| sum.add(Figure::Count(Counter::Refused), count));
    }
    Ok(sum)
}

/// The metrics that figures make. A share or a percentile of nothing is left out. A minute in which nothing
/// happened makes none, because CloudWatch bills a metric for each hour in which it is emitted; otherwise
/// all counts are there, zeros too, because alarms compare them.
pub(crate) fn metrics_of(figures: &Figures) -> Vec<(&'static str, Unit, f64)> {
    let count = |counter| number(figures.get(Figure::Count(counter)));
    let failed = ErrorClass::ALL.into_iter().map(|class| count(Counter::Failed(class))).sum();
    if figures.is_empty() {
        return Vec::new();
    }
    let (attempts, delivered) = (count(Counter::Attempts), count(Counter::Delivered));
    let mut metrics = vec![
        ("received", Unit::Count, count(Counter::Received)),
        ("refused", Unit::Count, count(Counter::Refused)),
        ("attempts", Unit::Count, attempts),
        ("delivered", Unit::Count, delivered),
        ("failed", Unit::Count, failed),
        ("parked", Unit::Count, count(Counter::Parked)),
    ];
    if 0.0 < attempts {
        metrics.push(("success_percent", Unit::Percent, 100.0 * delivered / attempts));
    }
    if let Some(p95) = figures.histogram(Figure::Delivery).percentile(95) {
        metrics.push(("delivery_p95_ms", Unit::Milliseconds, number(p95)));
    }
    metrics
}

#[allow(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
const fn number(count: u64) -> f64 {
    count as f64
}
