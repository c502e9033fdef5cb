//! Requests that subscribers receive, as the `webhooks` of the OpenAPI document, with examples made
//! by the code that makes the requests. Endpoints with a profile receive the bodies of the
//! profile's system instead.

use domain::{event_type, operational, subscription};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, HttpMethod, PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder,
        Schema,
        path::{OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
    },
};

/// An event about the state of a job.
#[derive(Serialize, ToSchema)]
struct JobEvent {
    /// `evt_…`, the same in the header `webhook-id`: whoever has seen it has seen all of this.
    id: String,
    r#type: String,
    #[schema(format = DateTime)]
    timestamp: String,
    data: JobEventData,
}

#[derive(Serialize, ToSchema)]
struct JobEventData {
    job: JobEventJob,
    /// Result of the job, as its platform wrote it.
    #[schema(value_type = Option<Value>)]
    result: Option<Value>,
    /// URL of a result above 256 KiB.
    result_url: Option<String>,
    /// Error of the job, as its platform wrote it.
    #[schema(value_type = Option<Value>)]
    error: Option<Value>,
}

#[derive(Serialize, ToSchema)]
struct JobEventJob {
    /// The relay's id of the job, `job_…`.
    id: String,
    /// The sender's id of the job.
    external_id: String,
    /// Name of the source that reported the job.
    source: String,
    /// `running`, `succeeded`, `failed`, `timed_out` or `cancelled`.
    status: String,
    batch_id: Option<String>,
    run_id: Option<String>,
    project_id: Option<String>,
    /// The job ended anew after it had timed out, or succeeded after it had failed.
    late: Option<bool>,
}

/// An event about the progress or the end of a batch.
#[derive(Serialize, ToSchema)]
struct BatchEvent {
    /// `evt_…`, the same in the header `webhook-id`.
    id: String,
    r#type: String,
    #[schema(format = DateTime)]
    timestamp: String,
    data: BatchEventData,
}

#[derive(Serialize, ToSchema)]
struct BatchEventData {
    batch: BatchEventBatch,
    /// Number of jobs that had ended when the batch reached the step that the event announces.
    step: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct BatchEventBatch {
    /// The relay's id of the batch, `batch_…`.
    id: String,
    /// The senders' id of the batch.
    external_id: String,
    /// `in_progress`, `completed` or `failed`.
    status: String,
    endpoint: Option<String>,
    input_file_id: Option<String>,
    total: u64,
    completed: u64,
    failed: u64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    completed_at: Option<String>,
    #[schema(value_type = Object)]
    metadata: Value,
}

/// An event about a job whose end no webhook reported.
#[derive(Serialize, ToSchema)]
struct MissedEvent {
    /// `evt_…`, the same in the header `webhook-id`.
    id: String,
    r#type: String,
    #[schema(format = DateTime)]
    timestamp: String,
    data: MissedEventData,
}

#[derive(Serialize, ToSchema)]
struct MissedEventData {
    job: MissedEventJob,
    source: String,
    /// Time at which the answer was due.
    #[schema(format = DateTime)]
    deadline: Option<String>,
    /// Time at which the relay learned the end from the platform, or gave up.
    #[schema(format = DateTime)]
    asked_at: Option<String>,
    polls: u32,
}

#[derive(Serialize, ToSchema)]
struct MissedEventJob {
    id: String,
    external_id: String,
    call_id: Option<String>,
    status: String,
}

/// An event about an endpoint that was created, changed, removed, disabled or enabled.
#[derive(Serialize, ToSchema)]
struct EndpointEvent {
    /// `evt_…`, the same in the header `webhook-id`.
    id: String,
    r#type: String,
    #[schema(format = DateTime)]
    timestamp: String,
    data: EndpointEventData,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointEventData {
    app_id: String,
    app_uid: Option<String>,
    endpoint_id: String,
    endpoint_uid: Option<String>,
    /// Time since which no delivery arrived, if the relay disabled the endpoint.
    #[schema(format = DateTime)]
    fail_since: Option<String>,
}

/// An event about an endpoint whose messages fail for long, failed for good, or arrive again.
#[derive(Serialize, ToSchema)]
struct MessageAttemptEvent {
    /// `evt_…`, the same in the header `webhook-id`.
    id: String,
    r#type: String,
    #[schema(format = DateTime)]
    timestamp: String,
    data: MessageAttemptEventData,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageAttemptEventData {
    app_id: String,
    app_uid: Option<String>,
    endpoint_id: String,
    msg_id: String,
    /// The publisher's own id of the message.
    msg_event_id: Option<String>,
    last_attempt: MessageAttemptEventLast,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageAttemptEventLast {
    id: String,
    /// 0 if there was no answer.
    response_status_code: u16,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// Schemas that the document has for itself, with those they refer to.
fn schemas() -> Vec<(String, RefOr<Schema>)> {
    fn add<T: ToSchema>(all: &mut Vec<(String, RefOr<Schema>)>) {
        all.push((T::name().into_owned(), T::schema()));
        T::schemas(all);
    }
    let mut all = Vec::new();
    add::<JobEvent>(&mut all);
    add::<BatchEvent>(&mut all);
    add::<MissedEvent>(&mut all);
    add::<EndpointEvent>(&mut all);
    add::<MessageAttemptEvent>(&mut all);
    all
}

/// Every type that subscribers may hear of without anybody publishing it.
pub(crate) fn types() -> impl Iterator<Item = &'static str> {
    subscription::OURS.iter().chain(&["completion.missed"]).chain(operational::TYPES).copied()
}

/// Summary of an event type, and the name of its schema.
fn described(event_type: &str) -> (String, &'static str) {
    let (family, word) = event_type.split_once('.').unwrap_or((event_type, ""));
    match family {
        "job" => (format!("A job: {}.", word.replace('_', " ")), "JobEvent"),
        "batch" => (format!("A batch: {word}."), "BatchEvent"),
        "completion" => ("No webhook told how a job ended.".to_owned(), "MissedEvent"),
        "endpoint" => (format!("An endpoint was {word}."), "EndpointEvent"),
        _ => {
            let told = match word {
                "attempt.exhausted" => "A message could not be delivered to an endpoint.",
                "attempt.failing" => {
                    "An endpoint has failed for half the time until it is disabled."
                }
                _ => "An endpoint answers again.",
            };
            (told.to_owned(), "MessageAttemptEvent")
        }
    }
}

fn webhook(event_type: &str) -> PathItem {
    let (told, schema) = described(event_type);
    let asked = "Only endpoints that name it, or its family, hear it.";
    let asked = (!subscription::OURS.contains(&event_type)).then(|| asked.to_owned());
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .example(event_type::own_example_json(event_type))
        .build();
    let body = RequestBodyBuilder::new()
        .content("application/json", content)
        .required(Some(Required::True))
        .build();
    let header = |name: &str, said: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(said))
            .schema(Some(String::schema()))
            .build()
    };
    let operation = OperationBuilder::new()
        .operation_id(Some(event_type))
        .summary(Some(told))
        .description(asked)
        .tag("webhooks")
        .parameter(header("webhook-id", "The same for every attempt."))
        .parameter(header("webhook-timestamp", "When this attempt was signed, in seconds."))
        .parameter(header("webhook-signature", "One or more of `v1,…` and `v1a,…`, with spaces."))
        .request_body(Some(body))
        .response("2XX", ResponseBuilder::new().description("It has arrived.").build())
        .build();
    PathItem::new(HttpMethod::Post, operation)
}

/// The document with what subscribers receive.
pub(crate) fn with_webhooks(document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let mut document = document;
    document.components.get_or_insert_default().schemas.extend(schemas());
    let paths = types().fold(PathsBuilder::new(), |paths, kind| paths.path(kind, webhook(kind)));
    document.webhooks = Some(paths.build());
    document
}
