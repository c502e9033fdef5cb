//! The verbs of `relay events`, with their routes, options and columns.

use super::{
    show::Show,
    table::{
        APPLICATION, Kind, OF_APPLICATION, Parameter, Resource, SINCE, Shape, UNTIL, Verb, Way,
    },
};

/// Columns of a list of events.
pub(crate) const COLUMNS: &[Show] = &[
    Show::time("TIME", "created_at"),
    Show::state("state|outcome"),
    Show::text("TYPE", "type"),
    Show::text("SOURCE", "source"),
    Show::progress("progress"),
    Show::text("JOB", "job_id"),
    Show::whole("ID", "id"),
];

const DELIVERIES: &[Show] = &[
    Show::state("state"),
    Show::whole("ENDPOINT", "endpoint_id"),
    Show::number("ATTEMPTS", "attempts_made"),
    Show::time("NEXT", "next_attempt_at"),
    Show::whole("ID", "id"),
];

const ID: (&str, &str) = ("id", "Id of the event, evt_… or msg_…");

/// Events.
pub(super) const EVENTS: Resource = Resource {
    name: "events",
    about: "What came in or was published, and what became of it",
    verbs: &[LIST, GET, REQUEST, CREATE],
};

/// Filters that the lists of events share.
pub(crate) const FILTERS: &[Parameter] = &[
    OF_APPLICATION,
    Parameter::text("source", "source", "Only those of this source"),
    Parameter::text("type", "type", "Only those of this type; job.* is a family of types"),
    Parameter::text("job", "job", "Only those of this job"),
    Parameter::text("batch", "batch", "Only those of this batch"),
    Parameter::text(
        "state",
        "state",
        "Only those in this state: delivered, pending, failing, dead or nobody",
    ),
    SINCE,
    UNTIL,
    Parameter::text("id", "id", "Only those whose id begins so; at least 8 characters"),
    Parameter::text("has", "has", "Only those with a conflict or a duplicate: conflict, duplicate"),
];

const LIST: Verb = Verb {
    about: "List events, newest first",
    more: Some(
        "STATE is `nobody` if no endpoint wanted the event, `failing` if a delivery failed and is tried \
         again, `dead` if one has used its attempts up.",
    ),
    example: "relay events list --state failing --since 2h",
    query: FILTERS,
    shape: Shape::List { columns: COLUMNS, paged: true },
    ..Verb::get("list", "/v1/events")
};

const GET: Verb = Verb {
    about: "Show an event with its payload and its deliveries",
    example: "relay events get evt_2ZkJ4",
    places: &[ID],
    shape: Shape::One { tables: &[("deliveries", DELIVERIES)] },
    ..Verb::get("get", "/v1/events/{id}")
};

const REQUEST: Verb = Verb {
    about: "Print the body of the request that brought an event, byte for byte",
    example: "relay events request evt_2ZkJ4 > body.bin",
    places: &[ID],
    shape: Shape::Bytes,
    ..Verb::get("request", "/v1/events/{id}/request")
};

const CREATE: Verb = Verb {
    about: "Publish an event to the endpoints of an application",
    example: "relay events create --type order.paid --payload '{\"order\":7}'",
    way: Way::Post,
    query: &[APPLICATION],
    fields: &[
        Parameter::text("type", "eventType", "Type of the event, such as order.paid"),
        Parameter::text("payload", "payload", "Payload, as JSON, @FILE, or - for standard input")
            .kind(Kind::Json),
        Parameter::text("event-id", "eventId", "Your own id: the same id again is a conflict"),
        Parameter::text("channels", "channels", "Channels that it goes out on").kind(Kind::Texts),
        Parameter::text("tags", "tags", "Tags that it can be found by").kind(Kind::Texts),
    ],
    ..Verb::get("create", "/api/v1/app/{application}/msg")
};
