//! The job that a log belongs to.

use crate::{
    id::{ApplicationId, JobId, Tenure},
    job::Job,
};

/// The job that a log belongs to, which the relay may not know yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOwner {
    /// The application of the job.
    pub application: ApplicationId,
    /// The id of the job.
    pub job: JobId,
}

impl LogOwner {
    /// The owner of the log of a job that the relay knows.
    pub fn of(job: &Job) -> Self {
        Self { application: job.application.clone(), job: job.id.clone() }
    }

    /// The owner of the log of the job that a source calls `external` in this tenure.
    pub fn at(tenure: &Tenure, external: &str) -> Self {
        Self { application: tenure.application.clone(), job: JobId::of(tenure, external) }
    }
}
