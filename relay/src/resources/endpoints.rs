//! The verbs of `relay endpoints`, with their routes, options and columns.

use super::{
    show::Show,
    table::{APPLICATION, Kind, OF_APPLICATION, Parameter, Resource, Shape, Verb, Way},
};

const COLUMNS: &[Show] = &[
    Show::state("health.state"),
    Show::text("URL", "url"),
    Show::text("APPLICATION", "application"),
    Show::text("EVENTS", "events"),
    Show::number("LETTERS", "letters_waiting"),
    Show::time("LAST ATTEMPT", "last_attempt.at"),
    Show::text("STATUS", "last_attempt.status|last_attempt.error_class"),
    Show::whole("ID", "id"),
];

const ID: (&str, &str) = ("id", "Id or uid of the endpoint");

/// The fields that an endpoint may be given when it is made and later.
const FIELDS: &[Parameter] = &[
    URL,
    Parameter::text("uid", "uid", "Your own name for it"),
    Parameter::text(
        "events",
        "eventTypes",
        "Event types that it hears, such as job.*; all if left out",
    )
    .kind(Kind::Texts),
    Parameter::text("filter", "filter", "Contents that it hears, as a JSON pattern")
        .kind(Kind::Json),
    Parameter::text("channels", "channels", "Channels that it listens on").kind(Kind::Texts),
    Parameter::text(
        "send",
        "body",
        "What it is sent: notice, the relay's own form, or original, the sender's own body",
    ),
    Parameter::text(
        "forward-headers",
        "forwardHeaders",
        "Headers of the sender's request that go along, such as x-github-event",
    )
    .kind(Kind::Texts),
    Parameter::text("description", "description", "Description for people"),
    Parameter::text("profile", "profile", "Profile whose headers and bodies it gets"),
    Parameter::text(
        "ordering",
        "ordering",
        "Deliveries that follow one another: job, channel or a path",
    ),
    Parameter::text("max-retries", "maxRetries", "Retries after the first attempt")
        .kind(Kind::Number),
    Parameter::text("timeout-seconds", "timeoutSeconds", "Time for one attempt").kind(Kind::Number),
    Parameter::text("rate", "throttleRate", "Requests per second").kind(Kind::Number),
    Parameter::text("metadata", "metadata", "Data of your own, as a JSON object").kind(Kind::Json),
    Parameter::text("disable", "disabled", "Send nothing to it").kind(Kind::Flag(true)),
    SECRET,
];
const URL: Parameter = Parameter::text("endpoint-url", "url", "Address that requests go to");
const SECRET: Parameter = Parameter::text(
    "secret-from",
    "secret",
    "File with its signing secret, whsec_… or whsk_…; - is standard input. One is made if left out",
)
.kind(Kind::Secret);

/// Endpoints.
pub(super) const ENDPOINTS: Resource = Resource {
    name: "endpoints",
    about: "Subscribers: where deliveries go",
    verbs: &[LIST, GET, CREATE, UPDATE, DELETE, SHOW_SECRET, ROTATE, EXAMPLE],
};

const LIST: Verb = Verb {
    about: "List the endpoints of all applications that the key sees",
    example: "relay endpoints list --q orders",
    query: &[
        OF_APPLICATION,
        Parameter::text("q", "q", "Only those of which the id, URL or description has this text"),
    ],
    shape: Shape::List { columns: COLUMNS, paged: true },
    ..Verb::get("list", "/v1/endpoints")
};

const GET: Verb = Verb {
    about: "Show an endpoint",
    example: "relay endpoints get ep_2ZkJ4 --application default",
    places: &[ID],
    query: &[APPLICATION],
    ..Verb::get("get", "/api/v1/app/{application}/endpoint/{id}")
};

const CREATE: Verb = Verb {
    about: "Make an endpoint",
    example: "relay endpoints create --endpoint-url http://127.0.0.1:9000/hook --events 'job.*'",
    way: Way::Post,
    query: &[APPLICATION],
    fields: FIELDS,
    ..Verb::get("create", "/api/v1/app/{application}/endpoint")
};

const UPDATE: Verb = Verb {
    about: "Change an endpoint; what is not given stays",
    example: "relay endpoints update ep_2ZkJ4 --disable",
    way: Way::Patch,
    places: &[ID],
    query: &[APPLICATION],
    fields: CHANGES,
    ..Verb::get("update", "/api/v1/app/{application}/endpoint/{id}")
};

/// The fields that may be changed: all but the secret, which is rotated, and the one that undoes `--disable`.
const CHANGES: &[Parameter] = &{
    let mut changes = [URL; FIELDS.len()];
    let mut at = 0;
    while at < FIELDS.len() {
        changes[at] = FIELDS[at];
        at += 1;
    }
    changes[FIELDS.len() - 1] =
        Parameter::text("enable", "disabled", "Send to it again").kind(Kind::Flag(false));
    changes
};

const DELETE: Verb = Verb {
    about: "Remove an endpoint; what waits for it is let go",
    example: "relay endpoints delete ep_2ZkJ4",
    way: Way::Delete,
    places: &[ID],
    query: &[APPLICATION],
    ..Verb::get("delete", "/api/v1/app/{application}/endpoint/{id}")
};

const SHOW_SECRET: Verb = Verb {
    about: "Show the signing secret of an endpoint",
    example: "relay endpoints secret ep_2ZkJ4",
    places: &[ID],
    query: &[APPLICATION],
    ..Verb::get("secret", "/api/v1/app/{application}/endpoint/{id}/secret")
};

const ROTATE: Verb = Verb {
    about: "Give an endpoint another signing secret; the old one signs beside it for a day",
    example: "relay endpoints rotate ep_2ZkJ4",
    way: Way::Post,
    places: &[ID],
    query: &[APPLICATION],
    fields: &[
        Parameter::text("secret-from", "key", "File with the new secret; - is standard input")
            .kind(Kind::Secret),
        Parameter::text(
            "grace-period-seconds",
            "gracePeriodSeconds",
            "Seconds for which the old secret signs, too; 0 if it is no longer to be trusted",
        )
        .kind(Kind::Number),
    ],
    ..Verb::get("rotate", "/api/v1/app/{application}/endpoint/{id}/secret/rotate")
};

const EXAMPLE: Verb = Verb {
    about: "Send the example of an event type to an endpoint",
    example: "relay endpoints send-example ep_2ZkJ4 --type order.paid",
    way: Way::Post,
    places: &[ID],
    query: &[APPLICATION],
    fields: &[Parameter::text("type", "eventType", "Event type whose example is sent").required()],
    ..Verb::get("send-example", "/api/v1/app/{application}/endpoint/{id}/send-example")
};
