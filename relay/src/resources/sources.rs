//! The verbs of `relay sources`, with their routes, options and columns.

use super::{
    show::Show,
    table::{Kind, Parameter, Resource, SINCE, Shape, UNTIL, Verb, Way},
};

const COLUMNS: &[Show] = &[
    Show::text("NAME", "name"),
    Show::text("PROFILE", "profile"),
    Show::text("APPLICATION", "application"),
    Show::number("SECRETS", "secret_count"),
    Show::text("REPLAY-SAFE", "replay_safe"),
    Show::time("CHANGED", "updated_at"),
    Show::text("PATH", "path"),
];

const REFUSALS: &[Show] = &[
    Show::time("TIME", "at"),
    Show::text("FROM", "caller"),
    Show::text("REASON", "reason"),
    Show::number("BYTES", "bytes"),
    Show::text("WHY", "sentence"),
];

const COUNTS: &[Show] = &[
    Show::time("MINUTE", "minute"),
    Show::text("REASON", "reason"),
    Show::number("COUNT", "count"),
];

const NAME: (&str, &str) = ("name", "Name of the source");

/// The fields that a source may be given.
const FIELDS: &[Parameter] = &[
    Parameter::text("profile", "profile", "Profile: how the sender signs, and where its body has what"),
    Parameter::text(
        "secret-from",
        "secrets",
        "File with the secret that the sender signs with; - is standard input. It takes the place of \
         those that there are",
    )
    .kind(Kind::Secrets),
    Parameter::text("application", "application", "Application that hears of its events"),
    Parameter::text("allowed-networks", "allowed_networks", "Networks that it may call from, in CIDR notation")
        .kind(Kind::Texts),
    Parameter::text("deadline-seconds", "deadline_seconds", "Time within which its jobs end")
        .kind(Kind::Number),
    Parameter::text("tolerance-seconds", "tolerance_seconds", "How old a signature may be")
        .kind(Kind::Number),
    Parameter::text("strict", "strict", "Refuse reports on jobs that were not registered")
        .kind(Kind::Flag(true)),
];

/// Fields of a source that its route takes; the others are only shown.
const KEPT: &[&str] = &[
    "profile",
    "application",
    "platform",
    "cancel",
    "job_webhooks",
    "allowed_networks",
    "strict",
    "deadline_seconds",
    "jwks_url",
    "mapping",
    "mode",
    "poll",
    "public_url",
    "rate_limit",
    "scheme",
    "status_redis",
    "tolerance_seconds",
];

/// Sources.
pub(super) const SOURCES: Resource = Resource {
    name: "sources",
    about: "Senders that may call the relay",
    verbs: &[LIST, GET, CREATE, UPDATE, DELETE, REFUSED],
};

const LIST: Verb = Verb {
    about: "List sources by name",
    example: "relay sources list",
    shape: Shape::List { columns: COLUMNS, paged: false },
    ..Verb::get("list", "/v1/sources")
};

const GET: Verb = Verb {
    about: "Show a source without its secrets",
    example: "relay sources get stripe",
    places: &[NAME],
    ..Verb::get("get", "/v1/sources/{name}")
};

const CREATE: Verb = Verb {
    about: "Make a source, or put another in the place of the one of this name",
    example: "relay sources create stripe --profile stripe --secret-from secret.txt",
    way: Way::Put,
    places: &[NAME],
    fields: FIELDS,
    ..Verb::get("create", "/v1/sources/{name}")
};

const UPDATE: Verb = Verb {
    about: "Change a source; what is not given stays",
    more: Some("The source is read, changed and written: of two changes at once, one may be lost."),
    example: "relay sources update stripe --secret-from - < secret.txt",
    way: Way::Put,
    places: &[NAME],
    fields: FIELDS,
    keeps: Some(KEPT),
    ..Verb::get("update", "/v1/sources/{name}")
};

const DELETE: Verb = Verb {
    about: "Remove a source; its sender is refused from then on",
    example: "relay sources delete stripe",
    way: Way::Delete,
    places: &[NAME],
    ..Verb::get("delete", "/v1/sources/{name}")
};

const REFUSED: Verb = Verb {
    about: "Show the requests of a source that were refused, and why",
    example: "relay sources refusals stripe --since 1h",
    places: &[NAME],
    query: &[SINCE, UNTIL],
    shape: Shape::One { tables: &[("counts", COUNTS), ("samples", REFUSALS)] },
    ..Verb::get("refusals", "/v1/sources/{name}/refusals")
};
