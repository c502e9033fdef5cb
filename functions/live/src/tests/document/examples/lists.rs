//! Examples of lists: events, deliveries, dead letters, tasks, refusals.

use domain::{
    delivery::DeliveryState,
    id::{DeliveryId, EndpointId, EventId, JobId, LetterId, TaskId},
    letter::LetterState,
    live::message::{
        DeliveryEntry, DeliveryList, EventEntry, EventList, LetterEntry, LetterList, LiveEvent,
        RefusalEntry, RefusalList, TaskEntry, TaskList,
    },
    refusals::RefusalReason,
    retry::ErrorClass,
    task::{TaskState, TaskWord},
};

use super::{JOB, NOW, some};

/// Messages with lists, with a word on each.
pub(super) fn lists() -> Vec<(&'static str, LiveEvent)> {
    let event = EventId::derive(&["example"]);
    let endpoint = EndpointId::derive(&["example"]);
    let delivery = DeliveryId::of(&event, &endpoint, 0);
    let recorded = EventEntry {
        id: event.event(),
        event_type: "job.succeeded".to_owned(),
        source: some("modal-mesh"),
        job_id: Some(JobId::derive(&[JOB]).to_string()),
        batch_id: some("night-run"),
        created_at: NOW.rfc3339(),
    };
    let published = EventEntry {
        id: EventId::derive(&["published"]).event(),
        event_type: "invoice.paid".to_owned(),
        source: None,
        job_id: None,
        batch_id: None,
        created_at: NOW.rfc3339(),
    };
    let retried = DeliveryEntry {
        id: delivery.to_string(),
        event_id: event.event(),
        endpoint_id: endpoint.to_string(),
        event_type: "job.succeeded".to_owned(),
        state: DeliveryState::Pending,
        attempts_made: 1,
        status: Some(503),
        error_class: Some(ErrorClass::Status),
        next_attempt_at: Some(NOW.plus(std::time::Duration::from_secs(5)).rfc3339()),
        updated_at: NOW.rfc3339(),
    };
    let delivered = DeliveryEntry {
        state: DeliveryState::Delivered,
        attempts_made: 2,
        status: Some(204),
        error_class: None,
        next_attempt_at: None,
        ..retried.clone()
    };
    let letter = LetterEntry {
        id: 17,
        letter_id: LetterId::of_delivery(&delivery).to_string(),
        state: LetterState::Waiting,
        deleted: false,
        error_class: ErrorClass::Timeout,
        endpoint_id: Some(endpoint.to_string()),
        event_type: some("job.succeeded"),
        updated_at: NOW.rfc3339(),
    };
    let gone = LetterEntry { deleted: true, ..letter.clone() };
    let task = TaskEntry {
        id: TaskId::derive(&["example"]).to_string(),
        kind: TaskWord::Redrive,
        state: TaskState::Running,
        matched: 600,
        scanned: 750,
        redriven: 598,
        rate: 10,
        updated_at: NOW.rfc3339(),
    };
    let refusal = RefusalEntry {
        source: "modal-mesh".to_owned(),
        reason: RefusalReason::Mismatch,
        sentence: "The signature does not match the secret of the source.".to_owned(),
        at: NOW.rfc3339(),
    };
    let deliveries = |entry| LiveEvent::Deliveries(DeliveryList { deliveries: vec![entry] });
    let letters = |entry| LiveEvent::Letters(LetterList { letters: vec![entry] });
    vec![
        (
            "Of a source, and published.",
            LiveEvent::Events(EventList { events: vec![recorded, published] }),
        ),
        ("An attempt failed; another follows.", deliveries(retried)),
        ("The delivery arrived.", deliveries(delivered)),
        ("A delivery became a dead letter.", letters(letter)),
        ("The letter was deleted.", letters(gone)),
        ("A task did a step.", LiveEvent::Tasks(TaskList { tasks: vec![task] })),
        (
            "The sender's secret was changed.",
            LiveEvent::Refusals(RefusalList { refusals: vec![refusal] }),
        ),
    ]
}
