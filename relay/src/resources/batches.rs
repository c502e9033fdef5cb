//! The verbs of `relay batches`, with their routes, options and columns.

use super::{
    show::Show,
    table::{IN_APPLICATION, Kind, Parameter, Resource, Shape, Verb, Way},
};

const COLUMNS: &[Show] = &[
    Show::time("CREATED", "created_at"),
    Show::state("status"),
    Show::text("BATCH", "external_id"),
    Show::number("COMPLETED", "request_counts.completed"),
    Show::number("FAILED", "request_counts.failed"),
    Show::number("TOTAL", "request_counts.total"),
    Show::whole("ID", "id"),
];

const ID: (&str, &str) = ("id", "Id of the batch: the relay's, or the sender's");

/// Batches.
pub(super) const BATCHES: Resource = Resource {
    name: "batches",
    about: "Jobs that belong together",
    verbs: &[LIST, GET, CREATE, CLOSE, RESULTS, ERRORS],
};

const LIST: Verb = Verb {
    about: "List batches, newest first",
    example: "relay batches list --status in_progress",
    query: &[Parameter::text("status", "status", "Only those in this state, such as in_progress")],
    shape: Shape::List { columns: COLUMNS, paged: true },
    ..Verb::get("list", "/v1/batches")
};

const GET: Verb = Verb {
    about: "Show a batch and its counts",
    example: "relay batches get night-run",
    places: &[ID],
    query: &[IN_APPLICATION],
    ..Verb::get("get", "/v1/batches/{id}")
};

const CREATE: Verb = Verb {
    about: "Declare a batch",
    example: "relay batches create --id night-run --size 500",
    way: Way::Post,
    fields: &[
        Parameter::text("id", "id", "Id of the batch, as its jobs name it"),
        Parameter::text("source", "source", "Source of its jobs"),
        Parameter::text("application", "application", "Application that hears of it"),
        Parameter::text("size", "size", "Number of its jobs, if it is known").kind(Kind::Number),
        Parameter::text("webhook-url", "webhook_url", "URL that is told of this batch alone"),
        Parameter::text("metadata", "metadata", "Data of your own, as a JSON object")
            .kind(Kind::Json),
    ],
    ..Verb::get("create", "/v1/batches")
};

const CLOSE: Verb = Verb {
    about: "Close a batch: no more jobs come",
    example: "relay batches close night-run",
    way: Way::Post,
    places: &[ID],
    query: &[IN_APPLICATION],
    fields: &[Parameter::text(
        "size",
        "size",
        "Number of its jobs; those that are known now if left out",
    )
    .kind(Kind::Number)],
    ..Verb::get("close", "/v1/batches/{id}/close")
};

const RESULTS: Verb = Verb {
    about: "Print the results of a batch as JSON lines",
    example: "relay batches results night-run > results.jsonl",
    places: &[ID],
    query: &[IN_APPLICATION],
    shape: Shape::Lines,
    ..Verb::get("results", "/v1/batches/{id}/results")
};

const ERRORS: Verb = Verb {
    about: "Print the errors of a batch as JSON lines",
    example: "relay batches errors night-run",
    places: &[ID],
    query: &[IN_APPLICATION],
    shape: Shape::Lines,
    ..Verb::get("errors", "/v1/batches/{id}/errors")
};
