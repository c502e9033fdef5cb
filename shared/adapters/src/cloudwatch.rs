//! Log groups of CloudWatch: their subscription filters, and the lines that they hold.
//!
//! Nothing here is asked again and again: a filter is set once, and lines are read once.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::{
    log::{cloudwatch::CloudWatchLine, groups::LogPlace},
    time::Timestamp,
};
use tokio::time::Instant;

use crate::Unavailable;

/// Name of the subscription filter that the relay sets.
pub const FILTER: &str = "webhook-relay";
/// Most lines that are read of one place: as many as one page of CloudWatch Logs has.
const MAX_LINES: usize = 10_000;
/// Most bytes of text that are read of one place. With the copies that are made of it the text fits
/// into the 256 MB of a function.
const MAX_TEXT: usize = 6 * 1024 * 1024;
/// Time after which no further page is read. A page may be empty although more follow.
const MAX_TIME: Duration = Duration::from_secs(4);

/// A client of CloudWatch Logs.
#[derive(Clone, Debug)]
pub struct LogService {
    client: Client,
}

/// The reason why CloudWatch Logs did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogServiceError {
    /// There is no such group.
    #[error("there is no such log group")]
    NoGroup,
    /// The group has as many subscription filters as a group may have, which are two.
    #[error("the log group has two subscription filters already, and may not have more")]
    LimitExceeded,
    /// IAM does not allow the call.
    #[error("IAM does not allow it: {0}")]
    Denied(String),
    /// CloudWatch Logs refuses calls of the account for its load.
    #[error("CloudWatch Logs refuses calls for its load")]
    Throttled,
    /// Another call changes the group at the same time.
    #[error("another call changes the log group")]
    Contended,
    /// CloudWatch Logs did not answer, or answered something else.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl LogService {
    /// A log service with a client of it.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The time at which a group's subscription filter to this function was made; `None` if the group
    /// has no such filter.
    ///
    /// # Errors
    /// [`LogServiceError`] if there is no such group, or CloudWatch Logs refuses or fails.
    pub async fn filter_to(
        &self,
        group: &str,
        function: &str,
    ) -> Result<Option<Timestamp>, LogServiceError> {
        // A group has two filters at most, so there is no second page.
        let asked = self.client.describe_subscription_filters().log_group_name(group);
        let answer = asked.send().await.map_err(|error| refused("looking at a filter", error))?;
        let mut filters = answer.subscription_filters().iter();
        let found = filters.find(|filter| filter.destination_arn() == Some(function));
        // One without a time counts as one that was there always.
        let made = |time: i64| Timestamp(u64::try_from(time).unwrap_or_default());
        Ok(found.map(|filter| made(filter.creation_time().unwrap_or_default())))
    }

    /// Sets the filter that brings every line of a group to this function from now on. Setting it
    /// again changes nothing.
    ///
    /// # Errors
    /// [`LogServiceError`] if there is no such group, the group has two other filters, or CloudWatch
    /// Logs refuses or fails.
    pub async fn set_filter(&self, group: &str, function: &str) -> Result<(), LogServiceError> {
        let put = self.client.put_subscription_filter().log_group_name(group).filter_name(FILTER);
        let put = put.filter_pattern("").destination_arn(function).send().await;
        put.map(|_| ()).map_err(|error| refused("setting a filter", error))
    }

    /// The newest lines of a place that are not older than `since`, beginning with the newest: at most
    /// 10,000, 6 MB, and what can be read within some seconds. `since` is not before 2024, as
    /// CloudWatch Logs asks. There are no lines if the stream does not exist. Beside the lines stands
    /// how reading ended: if it failed, older lines may be missing.
    pub async fn newest(
        &self,
        place: &LogPlace,
        since: Timestamp,
    ) -> (Vec<CloudWatchLine>, Result<(), LogServiceError>) {
        let (begun, mut text) = (Instant::now(), 0);
        let (mut lines, mut token) = (Vec::new(), None);
        loop {
            let room = MAX_LINES.saturating_sub(lines.len());
            let page = self
                .client
                .filter_log_events()
                .log_group_name(&place.group)
                .set_log_stream_names(place.stream.clone().map(|stream| vec![stream]))
                .start_time(i64::try_from(since.0).unwrap_or(i64::MAX))
                .start_from_head(false)
                .limit(i32::try_from(room).unwrap_or(i32::MAX))
                .set_next_token(token)
                .send()
                .await;
            let page = match page.map_err(|error| refused("reading a log group", error)) {
                Ok(page) => page,
                Err(LogServiceError::NoGroup) if place.stream.is_some() => return (lines, Ok(())),
                Err(error) => return (lines, Err(error)),
            };
            for event in page.events.unwrap_or_default() {
                let message = event.message.unwrap_or_default();
                text += message.len();
                if MAX_TEXT < text {
                    return (lines, Ok(()));
                }
                lines.push(CloudWatchLine {
                    stream: event.log_stream_name.unwrap_or_default(),
                    id: event.event_id.unwrap_or_default(),
                    timestamp: event.timestamp.unwrap_or_default(),
                    message,
                });
            }
            token = page.next_token;
            if token.is_none() || MAX_LINES <= lines.len() || MAX_TIME <= begun.elapsed() {
                return (lines, Ok(()));
            }
        }
    }
}

/// The reason that an error of the SDK stands for.
fn refused<E>(doing: &'static str, error: SdkError<E, HttpResponse>) -> LogServiceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.code() {
        Some("ResourceNotFoundException") => LogServiceError::NoGroup,
        Some("LimitExceededException") => LogServiceError::LimitExceeded,
        Some("AccessDeniedException" | "UnrecognizedClientException") => {
            LogServiceError::Denied(error.message().unwrap_or_default().to_owned())
        }
        Some("ThrottlingException" | "ServiceUnavailableException") => LogServiceError::Throttled,
        Some("OperationAbortedException") => LogServiceError::Contended,
        _ => Unavailable::aws(doing, &error).into(),
    }
}

#[cfg(test)]
mod tests;
