//! The traffic of sources: when each was heard of last, how long its requests usually lie apart, and which
//! sources are silent for longer than that.
//!
//! All of it is read from figures and refusals that are kept anyway. What the hours of a week say is
//! remembered until another hour has begun, because it is the dearer part: up to 168 items of an
//! application.

pub(crate) mod memory;
mod source_traffic;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use adapters::table::{HourPart, Table};
use domain::{
    figures::{Counter, Figure, Figures, HOURS_OF_USUAL, Hour, Minute, Part, Subject, usual_gap},
    id::ApplicationId,
    source::{Handshake, Source},
    time::Timestamp,
};

use self::{
    memory::{Hourly, HourlyOfSource},
    source_traffic::{SourceTraffic, Traffic},
};
use crate::{
    ControlPlane, MAX_SCANNED, PageRequest, Principal, Refusal, page::Effort, refusals, sources,
};

/// Hours before the present one whose minutes are read: every hour that was not added up yet.
const HOURS_BY_MINUTE: u64 = 2;
/// The greatest age of the traffic by which silent sources are looked for.
const FRESH: Duration = Duration::from_secs(60);
/// Sources among which silent ones are looked for.
const MAX_SOURCES: usize = 500;

/// The last requests of a source, and how long they usually lie apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceActivity {
    /// The minute in which a request was accepted last, within a week; of one older than two days, the
    /// hour.
    pub last_accepted_at: Option<Timestamp>,
    /// The time at which a request was refused last, within a week.
    pub last_refused_at: Option<Timestamp>,
    /// The reason why that request was refused, in a sentence.
    pub last_refusal: Option<String>,
    /// The last accepted request, if the source is silent for longer than usual.
    pub silent_since: Option<Timestamp>,
    /// The usual gap between two requests; `None` if too few are known.
    pub usual_gap: Option<Duration>,
    /// The state of the handshake with the sender.
    pub handshake: Handshake,
}

/// A source that is silent for longer than usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilentSource {
    /// The name of the source.
    pub name: String,
    /// The application that the source belongs to.
    pub application: ApplicationId,
    /// The minute in which a request was accepted last; of one older than two days, the hour.
    pub last_accepted_at: Timestamp,
    /// The usual gap between two requests.
    pub usual_gap: Duration,
}

/// The last requests of a source that the caller has found, and how long they usually lie apart.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn activity(control: &ControlPlane, source: &Source) -> Result<SourceActivity, Refusal> {
    let now = control.now();
    let (traffic, refused) = tokio::try_join!(
        of_application(control, &source.application, Duration::ZERO),
        refusals::last(control, source)
    )?;
    let (traffic, _) = traffic;
    let of = traffic.get(&Subject::source(&source.id)).copied().unwrap_or_default();
    let of = exact(control, &source.application, Subject::source(&source.id), of).await?;
    let (last_refused_at, last_refusal) = refused.unzip();
    Ok(SourceActivity {
        last_accepted_at: of.last_accepted,
        last_refused_at,
        last_refusal: last_refusal.flatten(),
        silent_since: of.silent_since(now),
        usual_gap: of.usual_gap,
        handshake: source.handshake(),
    })
}

/// Sources that the caller sees and that are silent for longer than usual, among the first 500 by name; and
/// whether all were looked at within the effort of one request.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub(crate) async fn silent(
    control: &ControlPlane,
    principal: &Principal,
) -> Result<(Vec<SilentSource>, bool), Refusal> {
    let (now, mut effort) = (control.now(), Effort::of(MAX_SCANNED));
    let page = PageRequest { cursor: None, back: false, limit: MAX_SOURCES };
    let seen = sources::page(control, principal, page).await?;
    effort.scan(seen.scanned);
    let mut complete = seen.next.is_none();
    let mut by_application: BTreeMap<ApplicationId, Vec<Source>> = BTreeMap::new();
    for source in seen.items {
        by_application.entry(source.application.clone()).or_default().push(source);
    }
    let mut silent = Vec::new();
    for (application, sources) in by_application {
        if effort.is_spent() {
            complete = false;
            break;
        }
        let (traffic, read) = of_application(control, &application, FRESH).await?;
        effort.scan(read);
        for source in sources {
            let subject = Subject::source(&source.id);
            let Some(of) = traffic.get(&subject) else { continue };
            if of.silent_since(now).is_none() {
                continue;
            }
            let of = exact(control, &application, subject, *of).await?;
            if let (Some(since), Some(usual_gap)) = (of.silent_since(now), of.usual_gap) {
                silent.push(SilentSource {
                    name: source.name,
                    application: application.clone(),
                    last_accepted_at: since,
                    usual_gap,
                });
            }
        }
    }
    Ok((silent, complete))
}

/// The traffic of the sources of an application, at most so old; and how many items were read for it.
async fn of_application(
    control: &ControlPlane,
    application: &ApplicationId,
    age: Duration,
) -> Result<(Arc<Traffic>, usize), Refusal> {
    let (table, memory, now) = (control.table(), control.traffic(), control.now());
    if let Some(known) = memory.traffic(application, now, age) {
        return Ok((known, 0));
    }
    let this = Hour::of(now);
    let mut read = 0;
    let hourly = match memory.hourly(application, this) {
        Some(known) => known,
        None => {
            let first = Hour(this.0.saturating_sub(HOURS_OF_USUAL));
            let hours = table.hours_of(application, HourPart::Parts, first, this).await?;
            read += hours.len();
            memory.remember_hourly(application, this, summary(&hours))
        }
    };
    let mut traffic: Traffic =
        hourly.iter().map(|(subject, of)| (*subject, of.traffic())).collect();
    let first = Hour(this.0.saturating_sub(HOURS_BY_MINUTE));
    for (minute, figures) in table.minutes_of(application, first.minute(), Minute::of(now)).await? {
        read += 1;
        for (subject, _) in received(&figures) {
            let of = traffic.entry(subject).or_default();
            of.last_accepted = of.last_accepted.max(Some(minute.start()));
        }
    }
    Ok((memory.remember_traffic(application, now, traffic), read))
}

/// The traffic with the minute of the last accepted request, where only its hour was read and the minutes are
/// still kept.
async fn exact(
    control: &ControlPlane,
    application: &ApplicationId,
    subject: Subject,
    of: SourceTraffic,
) -> Result<SourceTraffic, Refusal> {
    let now = control.now();
    let Some(last) = of.last_accepted else { return Ok(of) };
    let hour = Hour::of(last);
    if last != hour.start()
        || hour < Hour::first_kept(now)
        || Hour::of(now).0.saturating_sub(HOURS_BY_MINUTE) <= hour.0
    {
        return Ok(of);
    }
    let last = last_minute(control.table(), application, subject, hour).await?;
    Ok(SourceTraffic { last_accepted: last.or(of.last_accepted), ..of })
}

async fn last_minute(
    table: &Table,
    application: &ApplicationId,
    subject: Subject,
    hour: Hour,
) -> Result<Option<Timestamp>, Refusal> {
    let end = Minute(hour.next().minute().0 - 1);
    let minutes = table.minutes_of(application, hour.minute(), end).await?;
    let mut minutes = minutes.into_iter().rev();
    let last = minutes.find(|(_, figures)| received(figures).any(|(of, _)| of == subject));
    Ok(last.map(|(minute, _)| minute.start()))
}

/// The accepted requests of each source among these figures.
fn received(figures: &Figures) -> impl Iterator<Item = (Subject, u64)> {
    figures.iter().filter_map(|(figure, count)| match figure {
        Figure::Part(Part { subject, counter: Counter::Received }) => Some((subject, count)),
        _ => None,
    })
}

/// The hours of a week, by source.
fn summary(hours: &[(Hour, Figures)]) -> Hourly {
    let mut by_source: BTreeMap<Subject, Vec<(Hour, u64)>> = BTreeMap::new();
    for (hour, figures) in hours {
        for (subject, count) in received(figures) {
            by_source.entry(subject).or_default().push((*hour, count));
        }
    }
    let of = |(subject, hours): (Subject, Vec<(Hour, u64)>)| {
        let last = hours.last().map(|(hour, _)| *hour)?;
        Some((subject, HourlyOfSource { last, usual_gap: usual_gap(&hours) }))
    };
    by_source.into_iter().filter_map(of).collect()
}
