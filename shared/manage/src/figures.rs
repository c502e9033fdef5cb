//! Figures over time: series of what happened, and totals for a monitoring system.
//!
//! The figures were counted while events were processed and delivered. Minutes are kept for two days,
//! hours for `RetentionDays`. A series of steps of an hour or more is read from the hours that were added
//! up, and for the rest from minutes.

use adapters::table::{HourPart, Table};
use domain::{
    figures::{Counter, Figure, Figures, Hour, Minute, Steps, Subject},
    id::{ApplicationId, EndpointId},
    source::Source,
    time::Timestamp,
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{ControlPlane, Principal, Refusal, applications};

/// Applications whose figures one request adds up.
pub const MAX_APPLICATIONS: usize = 100;
/// Longest time of a series of one source or endpoint, in days.
pub const MAX_SUBJECT_DAYS: u64 = 31;
/// Hours, of all applications together, that one request reads.
const MAX_HOURS: u64 = 20_000;
/// Applications that are read at the same time.
const AT_ONCE: usize = 8;
/// Items of refused requests that are read for one application.
const MAX_REFUSALS: usize = 500;

/// The subject of a series.
#[derive(Clone, Debug, Default)]
pub struct SeriesFilter {
    /// Id or uid of the application; every one that the caller sees if not set.
    pub application: Option<String>,
    /// Name of the only source that is counted.
    pub source: Option<String>,
    /// Id of the only endpoint that is counted.
    pub endpoint: Option<EndpointId>,
}

/// Figures of one step each.
pub type Series = Vec<Figures>;

/// The figures of each step, as far as the caller sees them. A source or endpoint that the caller does not
/// see has none.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the application does not exist or the caller may not see it;
/// [`Refusal::Invalid`] if both a source and an endpoint are named, or more would have to be read than
/// one request may.
pub async fn series(
    control: &ControlPlane,
    principal: &Principal,
    filter: SeriesFilter,
    steps: &Steps,
) -> Result<Series, Refusal> {
    let mut series = vec![Figures::default(); steps.len()];
    let SeriesFilter { application, source, endpoint } = filter;
    if source.is_some() && endpoint.is_some() {
        return Err(Refusal::field("endpoint", "does not go with `source`"));
    }
    let hours = steps.until().since(steps.since()).as_secs() / 3600;
    if (source.is_some() || endpoint.is_some()) && MAX_SUBJECT_DAYS * 24 < hours {
        let why = format!("is at most {MAX_SUBJECT_DAYS} days before `until` with a filter");
        return Err(Refusal::field("since", why));
    }
    let (mut within, mut subject) = (None, endpoint.as_ref().map(Subject::endpoint));
    if let Some(name) = source {
        let Some(source) = find(control, principal, &name).await? else { return Ok(series) };
        subject = Some(Subject::source(&source.id));
        within = Some(source.application);
    }
    let mut seen = match (&application, &within) {
        // The source says whose figures are read, however many applications there are.
        (None, Some(own)) => vec![(own.clone(), String::new())],
        (named, _) => visible(control, principal, named.as_deref()).await?,
    };
    seen.retain(|(id, _)| within.as_ref().is_none_or(|own| own == id));
    must_be_few(&seen)?;
    if MAX_HOURS < hours.saturating_mul(seen.len() as u64) {
        let why = "is too long before `until`; name an application, or a later time";
        return Err(Refusal::field("since", why));
    }
    let (table, now) = (control.table(), control.now());
    let read = seen
        .into_iter()
        .map(|(id, _)| async move { counted(table, &id, steps, subject, now).await });
    let mut read = stream::iter(read).buffer_unordered(AT_ONCE);
    while let Some(counted) = read.try_next().await? {
        for (at, figures) in counted {
            if let Some(point) = steps.at(at).and_then(|point| series.get_mut(point)) {
                point.merge(&figures);
            }
        }
    }
    Ok(series)
}

/// Everything that was counted of each application that the caller sees, by the application's uid, or its
/// id if it has none. The counts only grow, as long as the hours are added up within two days.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the application does not exist or the caller may not see it;
/// [`Refusal::Invalid`] of `application` if none is named and the caller sees too many.
pub async fn totals(
    control: &ControlPlane,
    principal: &Principal,
    application: Option<&str>,
) -> Result<Vec<(String, Figures)>, Refusal> {
    let seen = visible(control, principal, application).await?;
    must_be_few(&seen)?;
    let (table, now) = (control.table(), control.now());
    let read = seen.into_iter().map(|(id, name)| async move {
        // First the totals: an hour that is added to them meanwhile is then still read by the minute.
        let totals = table.figure_totals(&id).await?;
        let through = totals.as_ref().map(|totals| totals.through);
        let open = through.map_or(Hour::default(), Hour::next).max(Hour::first_kept(now));
        let mut sum = totals.map(|totals| totals.figures).unwrap_or_default();
        for (_, figures) in by_minute(table, &id, open, Hour::of(now), None).await? {
            sum.merge(&figures);
        }
        Ok::<_, Refusal>((name, sum))
    });
    stream::iter(read).buffered(AT_ONCE).try_collect().await
}

/// The applications that the caller sees, or the named one, each with the name by which it is shown.
async fn visible(
    control: &ControlPlane,
    principal: &Principal,
    named: Option<&str>,
) -> Result<Vec<(ApplicationId, String)>, Refusal> {
    let ids = match (named, &principal.application) {
        (Some(name), _) => {
            applications::must_see(control, principal, name).await?;
            let known = applications::resolve(control, name).await?;
            principal.must_see(&known.id)?;
            vec![known.id]
        }
        (None, Some(own)) => vec![own.clone()],
        (None, None) => {
            let all = applications::first(control, principal, MAX_APPLICATIONS + 1).await?;
            let all = all.into_iter();
            let name = |uid: Option<String>, id: &ApplicationId| uid.unwrap_or(id.to_string());
            return Ok(all.map(|one| (one.id.clone(), name(one.uid, &one.id))).collect());
        }
    };
    let mut names = applications::names(control, &ids).await?;
    let named = |id: ApplicationId| {
        let name = names.remove(&id).unwrap_or_else(|| id.to_string());
        (id, name)
    };
    Ok(ids.into_iter().map(named).collect())
}

fn must_be_few(seen: &[(ApplicationId, String)]) -> Result<(), Refusal> {
    if seen.len() <= MAX_APPLICATIONS {
        return Ok(());
    }
    let why = format!("must be named, because there are more than {MAX_APPLICATIONS}");
    Err(Refusal::field("application", why))
}

/// The source of this name, if the caller sees it.
async fn find(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<Option<Source>, Refusal> {
    match crate::sources::find(control, principal, name).await {
        Err(Refusal::NotFound) => Ok(None),
        found => found.map(Some),
    }
}

/// The figures of one application, with the time of each part.
async fn counted(
    table: &Table,
    application: &ApplicationId,
    steps: &Steps,
    subject: Option<Subject>,
    now: Timestamp,
) -> Result<Vec<(Timestamp, Figures)>, Refusal> {
    let first = Hour::of(steps.since());
    let last = Hour::of(Timestamp(steps.until().0.saturating_sub(1))).min(Hour::of(now));
    if steps.within_hours() {
        let first = first.max(Hour::first_kept(now));
        return by_minute(table, application, first, last, subject).await;
    }
    let through = table.figure_totals(application).await?.map(|totals| totals.through);
    let mut counted = Vec::new();
    if let Some(through) = through {
        let part = if subject.is_some() { HourPart::Parts } else { HourPart::Own };
        let hours = table.hours_of(application, part, first, last.min(through)).await?;
        let own = |(hour, figures): (Hour, Figures)| (hour.start(), view(&figures, subject));
        counted.extend(hours.into_iter().map(own));
    }
    let open = through.map_or(Hour::default(), Hour::next).max(Hour::first_kept(now)).max(first);
    counted.extend(by_minute(table, application, open, last, subject).await?);
    Ok(counted)
}

/// The figures of each minute, refused requests among them.
async fn by_minute(
    table: &Table,
    application: &ApplicationId,
    first: Hour,
    last: Hour,
    subject: Option<Subject>,
) -> Result<Vec<(Timestamp, Figures)>, Refusal> {
    if last < first {
        return Ok(Vec::new());
    }
    let end = Minute(last.next().minute().0 - 1);
    let minutes = table.minutes_of(application, first.minute(), end).await?.into_iter();
    let minutes = minutes.map(|(minute, figures)| (minute.start(), view(&figures, subject)));
    let mut counted: Vec<_> = minutes.collect();
    let refused = table.refusals(Some(application), first, last, MAX_REFUSALS).await?;
    for item in refused.items {
        let source = item.source.as_ref().map(|(id, _)| Subject::source(id));
        if subject.is_some() && subject != source {
            continue;
        }
        for (minute, _, count) in item.counts {
            let mut figures = Figures::default();
            figures.add(Figure::Count(Counter::Refused), count);
            counted.push((minute.start(), figures));
        }
    }
    Ok(counted)
}

/// The figures of the application alone, or of one source or endpoint of it.
fn view(figures: &Figures, subject: Option<Subject>) -> Figures {
    subject.map_or_else(|| figures.own(), |subject| figures.of(subject))
}
