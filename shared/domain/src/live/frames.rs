//! From news and log lines to the frames that one connection is pushed.
//!
//! Frames depend on the protocol, the filter and the client's own name of the thing, so connections
//! that agree in these get the same frames, and a worker makes them once.

mod lines;

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::lines::{LINES_PER_SECOND, LineRate, log_frames};
use super::{
    message::{
        BatchStatus, DeliveryEntry, DeliveryList, EventEntry, EventList, Gap, JobCompleted,
        JobFailed, JobProgress, LetterEntry, LetterList, LiveEvent, RefusalEntry, RefusalList,
        TaskEntry, TaskList,
    },
    news::{BatchNews, Bulletin, JobNews, News},
    subscription::LiveSubscription,
    topic::Subject,
};
use crate::job::JobStatus;

/// Largest frame that is made, in bytes, below the 128 KiB of API Gateway. A frame with one entry may
/// be larger.
pub const MAX_FRAME: usize = 100 * 1024;

/// The words of a sender about a job, beside its state. News hold no payload, so a worker reads it from the
/// event.
#[derive(Clone, Debug, Default)]
pub struct JobSaid {
    /// The result, as its sender wrote it.
    pub result: Option<Box<RawValue>>,
    /// The error of the job, described for people.
    pub error: Option<String>,
    /// Per cent that are done.
    pub progress: Option<f64>,
    /// The words of the sender about the state.
    pub message: Option<String>,
}

/// The frames for one subscriber of a bulletin's topic. `said` tells what the sender said of a job.
/// Log lines are not among the frames: see [`log_frames`].
pub fn frames(
    bulletin: &Bulletin,
    to: &LiveSubscription,
    said: &dyn Fn(&JobNews) -> JobSaid,
) -> Vec<String> {
    messages(bulletin, to, said).iter().map(|message| message.frame(to.protocol)).collect()
}

fn messages(
    bulletin: &Bulletin,
    to: &LiveSubscription,
    said: &dyn Fn(&JobNews) -> JobSaid,
) -> Vec<LiveEvent> {
    let (mut events, mut deliveries, mut letters) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tasks, mut refusals) = (Vec::new(), Vec::new());
    let mut messages = Vec::new();
    for news in &bulletin.news {
        match news {
            News::Event(event) if to.filter.fits(&event.facts) => {
                events.push(EventEntry::from(event));
            }
            News::Delivery(delivery) if to.filter.fits(&delivery.facts) => {
                deliveries.push(DeliveryEntry::from(delivery));
            }
            News::Letter(letter) => letters.push(LetterEntry::from(letter)),
            News::Task(task) => tasks.push(TaskEntry::from(task)),
            News::Refusal(refusal) if to.refusals && to.filter.fits_refusal(&refusal.source) => {
                refusals.push(RefusalEntry::from(refusal));
            }
            News::Job(job) => {
                // Only a subscriber of the job has a name of its own for it.
                let is_job = matches!(bulletin.topic.subject, Subject::Job(_));
                messages.push(job_message(job, to.name.as_ref().filter(|_| is_job), said(job)));
            }
            News::Batch(batch) => messages.push(batch_message(batch, to.name.as_ref())),
            News::Event(_) | News::Delivery(_) | News::Lines(_) | News::Refusal(_) => {}
        }
    }
    let mut lists: Vec<LiveEvent> = Vec::new();
    let of = |events: &[_]| LiveEvent::Events(EventList { events: events.to_vec() });
    lists.extend(runs(&events, 0).map(of));
    let of = |list: &[_]| LiveEvent::Deliveries(DeliveryList { deliveries: list.to_vec() });
    lists.extend(runs(&deliveries, 0).map(of));
    let of = |letters: &[_]| LiveEvent::Letters(LetterList { letters: letters.to_vec() });
    lists.extend(runs(&letters, 0).map(of));
    let of = |tasks: &[_]| LiveEvent::Tasks(TaskList { tasks: tasks.to_vec() });
    lists.extend(runs(&tasks, 0).map(of));
    let of = |list: &[_]| LiveEvent::Refusals(RefusalList { refusals: list.to_vec() });
    lists.extend(runs(&refusals, 0).map(of));
    lists.extend(messages);
    if bulletin.gap {
        lists.push(LiveEvent::Gap(Gap { topic: bulletin.topic.clone() }));
    }
    lists
}

/// Entries in runs that fit a frame beside a name of `head` bytes. A run has one entry at least.
fn runs<T: Serialize>(entries: &[T], head: usize) -> impl Iterator<Item = &[T]> {
    // JSON's longest spelling of a byte has six.
    let room = MAX_FRAME.saturating_sub(100 + head.saturating_mul(6));
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut size = 0;
        let fits = rest.iter().take_while(|entry| {
            size += serde_json::to_string(entry).map_or(0, |text| text.len() + 1);
            size <= room
        });
        let count = fits.count().max(1).min(rest.len());
        let (run, left) = rest.split_at(count);
        rest = left;
        (!run.is_empty()).then_some(run)
    })
}

/// The message of a job's state.
pub fn job_message(job: &JobNews, name: Option<&String>, said: JobSaid) -> LiveEvent {
    let id = job.id.to_string();
    let job_id = name.unwrap_or(&job.job_id).clone();
    let (project_id, batch_id) = (job.project_id.clone(), job.batch_id.clone());
    match job.status {
        JobStatus::Succeeded => LiveEvent::JobCompleted(JobCompleted {
            id,
            job_id,
            project_id,
            batch_id,
            status: "completed".to_owned(),
            result: said.result,
        }),
        JobStatus::Failed | JobStatus::TimedOut | JobStatus::Cancelled => {
            LiveEvent::JobFailed(JobFailed {
                id,
                job_id,
                project_id,
                batch_id,
                status: job.status.word().to_owned(),
                error: said.error,
            })
        }
        JobStatus::Pending | JobStatus::Running | JobStatus::Progress => {
            LiveEvent::JobProgress(JobProgress {
                id,
                job_id,
                project_id,
                batch_id,
                progress: said.progress,
                status: job.status.word().to_owned(),
                message: said.message,
                timestamp: job.at.rfc3339(),
            })
        }
    }
}

/// The message of a batch's state.
pub fn batch_message(batch: &BatchNews, name: Option<&String>) -> LiveEvent {
    LiveEvent::BatchStatus(BatchStatus {
        id: batch.id.to_string(),
        batch_id: name.unwrap_or(&batch.batch_id).clone(),
        status: batch.status.clone(),
        completed_jobs: batch.ended,
        total_jobs: batch.total,
        timestamp: batch.at.rfc3339(),
    })
}

#[cfg(test)]
mod tests;
