//! The verbs of `relay jobs`, with their routes, options and columns.

use super::{
    show::Show,
    table::{Kind, Parameter, Resource, SINCE, Shape, UNTIL, Verb, Way},
};

const COLUMNS: &[Show] = &[
    Show::time("CREATED", "created_at"),
    Show::state("status"),
    Show::text("JOB", "external_id"),
    Show::text("SOURCE", "source"),
    Show::text("BATCH", "batch_id"),
    Show::time("FINISHED", "finished_at"),
    Show::whole("ID", "id"),
];

const EVENTS: &[Show] = &[
    Show::time("TIME", "created_at"),
    Show::text("TYPE", "type"),
    Show::count("DELIVERIES", "deliveries"),
    Show::whole("ID", "id"),
];

const ID: (&str, &str) = ("id", "Id of the job: the relay's, the sender's, or the platform's");
const SOURCE: Parameter =
    Parameter::text("source", "source", "Source of the job, where several have one of this id");

/// Jobs.
pub(super) const JOBS: Resource = Resource {
    name: "jobs",
    about: "Work that runs elsewhere, and its end",
    verbs: &[LIST, GET, CREATE, CANCEL, RESULT],
};

const LIST: Verb = Verb {
    about: "List jobs, newest first",
    example: "relay jobs list --source modal --status running",
    query: &[
        Parameter::text("source", "source", "Only those of this source"),
        Parameter::text(
            "status",
            "status",
            "Only those in this state: registered, running, succeeded, failed, timed_out or cancelled",
        ),
        Parameter::text("batch", "batch_id", "Only those of this batch"),
        Parameter::text("run", "run_id", "Only those of this run"),
        Parameter::text("q", "q", "Only those of which an id begins so"),
        SINCE,
        UNTIL,
    ],
    shape: Shape::List { columns: COLUMNS, paged: true },
    ..Verb::get("list", "/v1/jobs")
};

const GET: Verb = Verb {
    about: "Show a job with its events",
    example: "relay jobs get job-1",
    places: &[ID],
    query: &[SOURCE],
    shape: Shape::One { tables: &[("events", EVENTS)] },
    ..Verb::get("get", "/v1/jobs/{id}")
};

const CREATE: Verb = Verb {
    about: "Register a job, so that its end is expected",
    example: "relay jobs create --id job-1 --source modal --deadline-seconds 3600",
    way: Way::Post,
    fields: &[
        Parameter::text("id", "id", "Id of the job, as its sender reports it"),
        Parameter::text("source", "source", "Source that will report on it, if there are several"),
        Parameter::text("call-id", "call_id", "The platform's id of the call that runs it"),
        Parameter::text("batch", "batch_id", "Batch that it belongs to"),
        Parameter::text("project", "project_id", "Project that it belongs to"),
        Parameter::text("run", "run_id", "Run that it belongs to"),
        Parameter::text("deadline-seconds", "deadline_seconds", "Time within which it ends")
            .kind(Kind::Number),
        Parameter::text("webhook-url", "webhook_url", "URL that is told of this job alone"),
        Parameter::text("metadata", "metadata", "Data of your own, as a JSON object")
            .kind(Kind::Json),
    ],
    ..Verb::get("create", "/v1/jobs")
};

const CANCEL: Verb = Verb {
    about: "Cancel a job, and ask its platform to stop it",
    example: "relay jobs cancel job-1",
    way: Way::Post,
    places: &[ID],
    query: &[SOURCE],
    ..Verb::get("cancel", "/v1/jobs/{id}/cancel")
};

const RESULT: Verb = Verb {
    about: "Print the result of a job that succeeded, as its sender wrote it",
    example: "relay jobs result job-1",
    places: &[ID],
    query: &[SOURCE],
    shape: Shape::Bytes,
    ..Verb::get("result", "/v1/jobs/{id}/result")
};
