//! The verbs of `relay tasks`, with their routes, options and columns.

use super::{
    show::Show,
    table::{Parameter, Resource, Shape, Verb, Way},
};

const COLUMNS: &[Show] = &[
    Show::time("CREATED", "created_at"),
    Show::state("state"),
    Show::text("KIND", "kind"),
    Show::number("DONE", "redriven"),
    Show::number("MATCHED", "matched"),
    Show::number("SCANNED", "scanned"),
    Show::whole("ID", "id"),
];

const ID: (&str, &str) = ("id", "Id of the task");

/// Tasks.
pub(super) const TASKS: Resource = Resource {
    name: "tasks",
    about: "Work over many letters or events, and how far it is",
    verbs: &[LIST, GET, CANCEL],
};

const LIST: Verb = Verb {
    about: "List tasks, newest first",
    example: "relay tasks list --state running",
    query: &[
        Parameter::text(
            "state",
            "state",
            "Only those in this state: running, finished or cancelled",
        ),
        Parameter::text("kind", "kind", "Only those of this kind, such as redrive"),
    ],
    shape: Shape::List { columns: COLUMNS, paged: false },
    ..Verb::get("list", "/v1/tasks")
};

const GET: Verb = Verb {
    about: "Show how far a task is",
    example: "relay tasks get task_2ZkJ4",
    places: &[ID],
    ..Verb::get("get", "/v1/tasks/{id}")
};

const CANCEL: Verb = Verb {
    about: "Stop a task; what it has done stays done",
    example: "relay tasks cancel task_2ZkJ4",
    way: Way::Post,
    places: &[ID],
    ..Verb::get("cancel", "/v1/tasks/{id}/cancel")
};
