//! Examples of the events that the relay itself makes, produced by the code that makes those
//! events.

use serde_json::{Value, value::RawValue};

use crate::{
    application::Application,
    batch::{self, Batch, BatchCounts, BatchEnd, BatchNews, FailOn},
    delivery::{Attempt, Delivery},
    endpoint::Endpoint,
    event::{Event, Origin},
    id::{ApplicationId, AttemptId, EndpointId, EventId, SourceId, Tenure},
    job::{Job, JobStatus},
    notice::job_notice,
    operational, poll,
    profile::SenderReport,
    retry::ErrorClass,
    time::Timestamp,
};

/// The moment of every example: 2026-01-02T03:04:05Z.
const AT: Timestamp = Timestamp::from_secs(1_767_323_045);

/// The payload of an example of an event of this type; `None` if the relay makes no events of the
/// type.
pub fn own_example(event_type: &str) -> Option<Vec<u8>> {
    let status = |word: &str| {
        let all = [
            JobStatus::Running,
            JobStatus::Progress,
            JobStatus::Succeeded,
            JobStatus::Failed,
            JobStatus::TimedOut,
            JobStatus::Cancelled,
        ];
        all.into_iter().find(|status| status.event_type() == Some(word))
    };
    match event_type {
        "completion.missed" => Some(poll::missed_event(&job(JobStatus::Succeeded), AT).1),
        "batch.progress" => Some(batch::notice(&batch(2, 0), BatchNews::Step(1), AT)),
        "batch.completed" => {
            let end =
                Batch { end: Some(BatchEnd::Completed), completed_at: Some(AT), ..batch(9, 1) };
            Some(batch::notice(&end, BatchNews::End(BatchEnd::Completed), AT))
        }
        "batch.failed" => {
            let end = Batch { end: Some(BatchEnd::Failed), completed_at: Some(AT), ..batch(0, 10) };
            Some(batch::notice(&end, BatchNews::End(BatchEnd::Failed), AT))
        }
        _ if operational::TYPES.contains(&event_type) => Some(told_of_endpoint(event_type)),
        _ => status(event_type).map(|status| told_of_job(event_type, status)),
    }
}

fn told_of_job(event_type: &str, status: JobStatus) -> Vec<u8> {
    let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap_or_default();
    let (result, error) = (raw(r#"{"score":0.97}"#), raw(r#""out of memory""#));
    let said = SenderReport {
        result: (status == JobStatus::Succeeded).then_some(&*result),
        error: (status == JobStatus::Failed).then_some(&*error),
        ..SenderReport::default()
    };
    let id = EventId::derive(&["example", event_type]);
    job_notice(&id, event_type, AT, &job(status), &said, "https://relay.example")
}

fn told_of_endpoint(event_type: &str) -> Vec<u8> {
    use operational::{DeliveryTrouble, EndpointChange};
    let application =
        Application::new(ApplicationId::named("acme"), Some("acme".to_owned()), "Acme", AT);
    let id = EndpointId::derive(&["example"]);
    let mut endpoint = Endpoint::new(id, application.id.clone(), "https://acme.example/hook", AT);
    endpoint.uid = Some("main".to_owned());
    let since = AT;
    let change = match event_type {
        "endpoint.created" => Some(EndpointChange::Created),
        "endpoint.updated" => Some(EndpointChange::Updated),
        "endpoint.deleted" => Some(EndpointChange::Deleted),
        "endpoint.disabled" => Some(EndpointChange::Disabled { failing_since: since }),
        "endpoint.enabled" => Some(EndpointChange::Enabled),
        _ => None,
    };
    let told = Some(&application);
    if let Some(change) = change {
        return operational::of_change(change, &endpoint, told, AT).payload;
    }
    let trouble = match event_type {
        "message.attempt.failing" => DeliveryTrouble::Failing { since },
        "message.attempt.recovered" => DeliveryTrouble::Recovered { since },
        _ => DeliveryTrouble::Exhausted,
    };
    let id = EventId::derive(&["example"]);
    let event = Event {
        origin: Origin::Published { event_id: Some("invoice-17".to_owned()) },
        ..Event::by_relay(id, application.id.clone(), "invoice.paid", b"{}", AT)
    };
    let delivery = Delivery::new(&event, &endpoint, 0, AT);
    let last = Attempt {
        id: AttemptId::of(&delivery.id, 0),
        at: AT,
        duration_ms: 12,
        url: endpoint.url.clone(),
        status: Some(503),
        error: Some(ErrorClass::Status),
        detail: String::new(),
        response: String::new(),
        manual: false,
    };
    let story = (&event, &delivery, &last);
    let news = operational::of_trouble(trouble, &endpoint, story, told, AT);
    news.map(|news| news.payload).unwrap_or_default()
}

fn job(status: JobStatus) -> Job {
    let source = SourceId::derive(&["modal"]);
    let tenure = Tenure { source, application: ApplicationId::named("default") };
    let mut job = Job::unknown(tenure, "modal", "fc-01ABC", AT);
    job.status = status;
    job.batch_id = Some("nightly-7".to_owned());
    job
}

fn batch(succeeded: u64, failed: u64) -> Batch {
    let counts = BatchCounts { known: 10, succeeded, failed, ..BatchCounts::default() };
    let steps = Some(batch::Steps::Every(2));
    Batch {
        size: Some(10),
        counts,
        steps,
        fail_on: FailOn::All,
        ..Batch::unknown(ApplicationId::named("default"), "nightly-7", AT)
    }
}

/// The payload of an example as JSON, as [`own_example`].
pub fn own_example_json(event_type: &str) -> Option<Value> {
    serde_json::from_slice(&own_example(event_type)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::OURS;

    #[test]
    fn every_type_of_ours_has_an_example_that_says_its_type() {
        for kind in OURS.iter().chain(&["completion.missed"]).chain(operational::TYPES) {
            let example = own_example_json(kind).unwrap_or_else(|| panic!("{kind}"));
            assert_eq!(example["type"], **kind, "{example}");
            assert!(example["data"].is_object(), "{example}");
        }
        assert_eq!(
            own_example_json("job.succeeded").expect("there")["data"]["job"]["status"],
            "succeeded"
        );
        assert_eq!(own_example("invoice.paid"), None);
    }
}
