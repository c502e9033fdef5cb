//! Examples of messages: actions as clients write them, and messages as the code makes them.

mod lists;

use std::collections::BTreeMap;

use domain::{
    id::{ApplicationId, BatchId, DeliveryId, EndpointId, EventId, JobId},
    job::JobStatus,
    listener::{HandedDelivery, HandedRequest, HandedToken, MAX_INLINE},
    live::{
        frames::{JobSaid, batch_message, job_message},
        message::{
            BatchName, DeliveryName, Gap, Hello, JobName, JobType, LineEntry, LineText,
            ListenerName, ListenerState, LiveEvent, LogLines, Pong, ProjectName, Subscribed,
            SubscriptionStatus,
        },
        news::{BatchNews, JobNews},
        refusal::{LiveRefusal, RefusalCode},
        topic::Topic,
    },
    log::{Seq, StreamName},
    time::Timestamp,
};
use serde_json::{Value, json, value::to_raw_value};

/// The present time of every example: 2026-11-27T12:00:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_780_800);
const JOB: &str = "modal-abc123";

fn application() -> ApplicationId {
    ApplicationId::named("acme")
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The token of a delivery that was handed over.
fn token() -> String {
    let event = EventId::derive(&["e"]);
    HandedToken { event, claim: "9f86d081884c7d659a2feaa0c55ad015".to_owned() }.print()
}

/// Messages to listeners, with a word on each.
fn listening() -> Vec<(&'static str, LiveEvent)> {
    let listener = || "laptop-ann".to_owned();
    let delivery = |request| {
        LiveEvent::Delivery(HandedDelivery {
            listener: listener(),
            delivery: DeliveryId::derive(&["d"]).to_string(),
            token: token(),
            attempt: 1,
            event_id: EventId::derive(&["e"]).event(),
            event_type: "job.succeeded".to_owned(),
            timeout_ms: 45_000,
            request,
        })
    };
    let headers: BTreeMap<String, String> = [
        ("content-type", "application/json"),
        ("webhook-id", "evt_2c26b46b68ffc68ff99b453c1d304134"),
        ("webhook-timestamp", "1795780800"),
        ("webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    let small = HandedRequest::post(headers.clone(), b"{}", String::new);
    let path = || "/v1/listeners/laptop-ann/bodies/evt_2c26b46b68ffc68ff99b453c1d304134".to_owned();
    let large = HandedRequest::post(headers, &[b' '; MAX_INLINE + 1], path);
    let endpoint_id = EndpointId::derive(&["p"]).to_string();
    let state = ListenerState { listener: listener(), endpoint_id, waiting: 3, more: false };
    let name = DeliveryName { delivery: DeliveryId::derive(&["d"]).to_string() };
    vec![
        ("Three deliveries waited, and come now.", LiveEvent::Listening(state)),
        ("A request to be made.", delivery(small)),
        ("Its body is fetched over HTTP.", delivery(large)),
        ("The relay has the answer.", LiveEvent::Confirmed(name)),
        (
            "The same name listens elsewhere.",
            LiveEvent::TakenOver(ListenerName { listener: listener() }),
        ),
    ]
}

/// Actions with a word on each.
pub(super) fn action_examples() -> Vec<(&'static str, Value)> {
    let cloudwatch = "31953106606966983378809025079804211143289615424298221568";
    vec![
        (
            "The log and the states of a job, by the sender's id.",
            json!({ "action": "subscribe_logs", "job_id": JOB }),
        ),
        (
            "After a reconnection: only the lines behind those that the client has.",
            json!({ "action": "subscribe_logs", "job_id": JOB, "source": "modal-mesh",
                "after": { "main": 120, "job-abc123": cloudwatch } }),
        ),
        (
            "As clients of the mesh service send it.",
            json!({ "action": "subscribe_logs", "job_id": JOB, "project_id": 42 }),
        ),
        ("No more of the job.", json!({ "action": "unsubscribe_logs", "job_id": JOB })),
        ("The jobs of a project.", json!({ "action": "subscribe_project", "project_id": "42" })),
        (
            "A batch, by the senders' id.",
            json!({ "action": "join_batch", "batch_id": "night-run", "application": "acme" }),
        ),
        ("Every event.", json!({ "action": "subscribe_events" })),
        (
            "What one source says of its jobs.",
            json!({ "action": "subscribe_events", "application": "acme",
                "filter": { "source": "modal-mesh", "type": "job.*" } }),
        ),
        (
            "Every dead letter of an application.",
            json!({ "action": "subscribe_letters", "application": "acme" }),
        ),
        ("Every task.", json!({ "action": "subscribe_tasks" })),
        (
            "The deliveries of a listener, those that waited first.",
            json!({ "action": "listen", "listener": "laptop-ann", "application": "acme" }),
        ),
        (
            "What waited before the program began is left waiting.",
            json!({ "action": "listen", "listener": "laptop-ann", "after_ms": NOW.0 }),
        ),
        (
            "The program's server answered.",
            json!({ "action": "concluded", "delivery": DeliveryId::derive(&["d"]), "token": token(),
                "status": 204, "ms": 12, "body": "" }),
        ),
        (
            "The program's server is not there.",
            json!({ "action": "concluded", "delivery": DeliveryId::derive(&["d"]), "token": token(),
                "error": "connect", "ms": 1, "body": "connection refused" }),
        ),
        ("A sign of life.", json!({ "action": "ping" })),
    ]
}

/// The message of a job in a state.
pub(super) fn job_example(status: JobStatus) -> LiveEvent {
    let job = JobNews {
        id: JobId::derive(&[JOB]),
        job_id: JOB.to_owned(),
        source: "modal-mesh".to_owned(),
        project_id: some("42"),
        batch_id: some("night-run"),
        status,
        event: None,
        version: 3,
        at: NOW,
    };
    let result = json!({ "success": true, "s3_output_path": "s3://meshes/abc123.msh" });
    let said = match status {
        JobStatus::Progress => JobSaid {
            progress: Some(40.0),
            message: some("meshing volume 2"),
            ..JobSaid::default()
        },
        JobStatus::Succeeded => {
            JobSaid { result: to_raw_value(&result).ok(), ..JobSaid::default() }
        }
        JobStatus::Failed => {
            JobSaid { error: some("Gmsh: no elements in volume 1"), ..JobSaid::default() }
        }
        _ => JobSaid::default(),
    };
    job_message(&job, None, said)
}

/// Messages with a word on each.
pub(super) fn event_examples() -> Vec<(&'static str, LiveEvent)> {
    let mut examples = answers();
    examples.extend(lines());
    examples.extend(lists::lists());
    examples.extend(listening());
    let batch = |ended, status: &str| {
        let has_ended = status != "in_progress";
        let batch = BatchNews {
            id: BatchId::of(&application(), "night-run"),
            batch_id: "night-run".to_owned(),
            status: status.to_owned(),
            has_ended,
            ended,
            total: 8,
            version: ended + 1,
            at: NOW,
        };
        batch_message(&batch, None)
    };
    examples.extend([
        ("A job progresses.", job_example(JobStatus::Progress)),
        ("A job has started.", job_example(JobStatus::Running)),
        ("A job has succeeded.", job_example(JobStatus::Succeeded)),
        ("A job has failed.", job_example(JobStatus::Failed)),
        ("No end was reported in time.", job_example(JobStatus::TimedOut)),
        ("Three of eight jobs have ended.", batch(3, "in_progress")),
        ("All jobs have ended.", batch(8, "completed")),
    ]);
    examples
}

fn answers() -> Vec<(&'static str, LiveEvent)> {
    let subscribed = |action: &str| Subscribed {
        action: action.to_owned(),
        status: Some(SubscriptionStatus::Started),
        ..Subscribed::default()
    };
    let of_job = |status, warning| {
        LiveEvent::Subscribed(Subscribed {
            job_id: some(JOB),
            status: Some(status),
            job_type: Some(JobType::of(JOB)),
            warning,
            ..subscribed("subscribe_logs")
        })
    };
    let of_application = |action| {
        let application = Some(application().to_string());
        LiveEvent::Subscribed(Subscribed { application, ..subscribed(action) })
    };
    let ends = NOW.plus(domain::live::connection::LIFE).rfc3339();
    let unknown = "the action is not known; did you mean `subscribe_logs`? known are …";
    vec![
        (
            "The first message of a connection.",
            LiveEvent::Hello(Hello { session: "OBxvEf3uDoECJmQ=".to_owned(), expires_at: ends }),
        ),
        ("The client hears a job.", of_job(SubscriptionStatus::Started, None)),
        (
            "The client hears the job already.",
            of_job(SubscriptionStatus::AlreadyActive, some("the job has ended")),
        ),
        ("The client hears events.", of_application("subscribe_events")),
        ("The client hears dead letters.", of_application("subscribe_letters")),
        ("The client hears tasks.", of_application("subscribe_tasks")),
        ("No more of a job.", LiveEvent::Unsubscribed(JobName { job_id: JOB.to_owned() })),
        (
            "The client hears a project.",
            LiveEvent::SubscribedProject(ProjectName { project_id: "42".to_owned() }),
        ),
        (
            "The client hears a batch.",
            LiveEvent::JoinedBatch(BatchName { batch_id: "night-run".to_owned() }),
        ),
        (
            "Events were dropped: list them.",
            LiveEvent::Gap(Gap { topic: Topic::events(application()) }),
        ),
        ("The answer to a sign of life.", LiveEvent::Pong(Pong {})),
        (
            "A job that there is not, or that is another application's.",
            LiveEvent::Error(LiveRefusal::not_found("subscribe_logs")),
        ),
        (
            "An unknown action.",
            LiveEvent::Error(LiveRefusal::new(RefusalCode::UnknownAction, unknown)),
        ),
    ]
}

fn lines() -> Vec<(&'static str, LiveEvent)> {
    let line = |seq: u64, message: &str, level| LineEntry {
        seq: Seq::Number(seq),
        message: message.to_owned(),
        timestamp: NOW.rfc3339(),
        stream: StreamName::default(),
        level,
    };
    let id = "31953106606966983378809025079804211143289615424298221568";
    let cloudwatch = LineEntry {
        seq: Seq::event(id).expect("digits"),
        stream: StreamName::parse("job-abc123").expect("a name"),
        ..line(1, "[SUCCESS] mesh written", some("success"))
    };
    let text = |message: &str, lines| {
        let (job_id, timestamp) = (JOB.to_owned(), NOW.rfc3339());
        LiveEvent::LogLine(LineText { job_id, message: message.to_owned(), timestamp, lines })
    };
    let all = vec![
        line(121, "[INFO] reading geometry", some("info")),
        line(122, "   • 3 volumes", None),
        cloudwatch,
    ];
    vec![
        (
            "Lines of two streams.",
            LiveEvent::LogLines(LogLines { job_id: JOB.to_owned(), lines: all }),
        ),
        ("A line.", text("[INFO] reading geometry", None)),
        ("More lines than a second takes one by one.", text("pass 21\npass 22\npass 23", Some(3))),
    ]
}
