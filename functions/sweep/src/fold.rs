//! Adding up the minutes of figures: each hour of an application once it is over, together with the
//! requests that were refused in it.
//!
//! An hour is written in one transaction with the totals that it changes, so that it counts once. Where
//! a round ends early, the next goes on; minutes are kept for two days, so that nothing is lost while
//! AWS fails for a while.

use std::{collections::BTreeMap, time::Duration};

use adapters::{
    Unavailable,
    table::{FigureTotals, FoldProgress, Table, WriteOutcome},
};
use domain::{
    figures::{Counter, Figures, Hour, Minute, Subject},
    id::ApplicationId,
    time::Timestamp,
};
use futures::{StreamExt, stream};
use tokio::time::Instant;
use tracing::warn;

/// Applications whose hours are added up before that is noted.
const CHUNK: usize = 50;
/// Applications whose hours are added up at the same time.
const AT_ONCE: usize = 8;
/// No application is begun later than this after the beginning: the round has more to do.
const LIMIT: Duration = Duration::from_secs(10);
/// Items of refused requests that are read for the hours of one application.
const MAX_REFUSALS: usize = 5000;

/// Adds up the hours that are over, of as many applications as there is time for. Returns how many hours
/// were written.
///
/// # Errors
/// Fails if the progress or the applications cannot be read or written. What fails of one application is
/// logged, and made good for with the next hour.
pub(crate) async fn fold(table: &Table, now: Timestamp) -> Result<usize, Unavailable> {
    let (last, until) = (Hour::last_complete(now), Instant::now() + LIMIT);
    let progress = table.fold_progress().await?;
    let mut after = match progress {
        FoldProgress { hour, after: None } if last.0 <= hour => return Ok(0),
        FoldProgress { hour, after: Some(after) } if last.0 <= hour => after,
        _ => String::new(),
    };
    let applications = table.applications().await?.into_iter().map(|application| application.id);
    let applications: Vec<_> = applications.filter(|id| after.as_str() < id.as_str()).collect();
    let mut written = 0;
    for chunk in applications.chunks(CHUNK) {
        if until <= Instant::now() {
            break;
        }
        let fold = |id: ApplicationId| async move { fold_one(table, &id, now).await };
        let folds = stream::iter(chunk.to_vec()).map(fold);
        let mut folds = folds.buffer_unordered(AT_ONCE);
        while let Some(folded) = folds.next().await {
            match folded {
                Ok(hours) => written += hours,
                Err(error) => warn!(%error, "hours of an application are added up later"),
            }
        }
        let Some(end) = chunk.last() else { break };
        end.as_str().clone_into(&mut after);
        let finished = applications.last() == Some(end);
        let after = (!finished).then(|| after.clone());
        table.note_folded(&FoldProgress { hour: last.0, after }).await?;
    }
    if applications.is_empty() {
        table.note_folded(&FoldProgress { hour: last.0, after: None }).await?;
    }
    Ok(written)
}

/// Adds up the hours of one application that are over and were not added yet.
async fn fold_one(
    table: &Table,
    application: &ApplicationId,
    now: Timestamp,
) -> Result<usize, Unavailable> {
    let mut totals = table.figure_totals(application).await?;
    let first = totals.as_ref().map_or(Hour::default(), |totals| totals.through.next());
    let (first, last) = (first.max(Hour::first_kept(now)), Hour::last_complete(now));
    let mut written = 0;
    for (hour, figures) in hours(table, application, first, last).await? {
        match table.add_hour(application, hour, &figures, totals.as_ref()).await? {
            WriteOutcome::Done => written += 1,
            // Another round adds these hours.
            WriteOutcome::Refused => break,
        }
        let (own, _) = figures.split();
        let mut sum = totals.take().map(|totals| totals.figures).unwrap_or_default();
        sum.merge(&own);
        totals = Some(FigureTotals { through: hour, figures: sum });
    }
    Ok(written)
}

/// The figures of each hour in which something happened, oldest first.
async fn hours(
    table: &Table,
    application: &ApplicationId,
    first: Hour,
    last: Hour,
) -> Result<BTreeMap<Hour, Figures>, Unavailable> {
    let mut hours: BTreeMap<Hour, Figures> = BTreeMap::new();
    let end = Minute(last.next().minute().0 - 1);
    for (minute, figures) in table.minutes_of(application, first.minute(), end).await? {
        hours.entry(minute.hour()).or_default().merge(&figures);
    }
    let refused = table.refusals(Some(application), first, last, MAX_REFUSALS).await?;
    for item in refused.items {
        let source = item.source.as_ref().map(|(id, _)| Subject::source(id));
        for (minute, _, count) in item.counts {
            hours.entry(minute.hour()).or_default().count_many(Counter::Refused, source, count);
        }
    }
    Ok(hours)
}
