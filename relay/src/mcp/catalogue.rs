//! The tools, as tables: names, texts for the model, and arguments.

use serde_json::{Map, Value, json};

/// A tool that a model can call.
#[derive(Debug)]
pub(super) struct Tool {
    /// The name that a model calls.
    pub(super) name: &'static str,
    /// A description of the tool for the model.
    pub(super) about: &'static str,
    /// The arguments that the tool takes.
    pub(super) parameters: &'static [Parameter],
    /// Whether the tool changes something.
    pub(super) writes: bool,
}

/// An argument of a tool.
#[derive(Debug)]
pub(super) struct Parameter {
    /// The name, which is that of the API.
    pub(super) name: &'static str,
    /// The kind of values that the argument takes.
    pub(super) kind: Kind,
    /// A description of the argument for the model.
    pub(super) about: &'static str,
    /// Whether a call without it is refused.
    pub(super) required: bool,
}

/// The values of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text of 1 to 512 characters.
    Text,
    /// A text of up to 256 KiB, such as a body.
    Document,
    /// A time: how long ago, such as `2h`, or RFC 3339.
    Moment,
    /// A whole number from 1 to this one.
    Number(u64),
    /// A value that is true or false.
    Flag,
    /// An object of texts, such as headers.
    Texts,
}

/// The most characters of a [`Kind::Text`].
pub(super) const MAX_TEXT: usize = 512;
/// The most bytes of a [`Kind::Document`].
pub(super) const MAX_DOCUMENT: usize = 256 * 1024;
/// Most entries of a page that a model may ask for: more do not fit into an answer.
const PAGE: u64 = 100;

impl Tool {
    /// The JSON Schema of the arguments.
    pub(super) fn schema(&self) -> Map<String, Value> {
        let properties: Map<String, Value> =
            self.parameters.iter().map(|one| (one.name.to_owned(), one.schema())).collect();
        let required: Vec<_> =
            self.parameters.iter().filter(|one| one.required).map(|one| one.name).collect();
        let schema = json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        });
        let Value::Object(schema) = schema else { unreachable!("written as an object above") };
        schema
    }
}

impl Parameter {
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text | Kind::Moment => {
                json!({ "type": "string", "minLength": 1, "maxLength": MAX_TEXT })
            }
            Kind::Document => json!({ "type": "string" }),
            Kind::Number(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::Texts => {
                json!({ "type": "object", "additionalProperties": { "type": "string" } })
            }
        };
        schema["description"] = self.about.into();
        schema
    }
}

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, kind, about, required: false }
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, kind, about, required: true }
}

const APPLICATION: Parameter = optional("application", Kind::Text, "Id or uid of an application.");
const SINCE: Parameter = optional(
    "since",
    Kind::Moment,
    "From this time on: how long ago, such as 30m, 2h or 7d, or RFC 3339.",
);
const UNTIL: Parameter = optional("until", Kind::Moment, "Before this time, in the same form.");
const LIMIT: Parameter = optional("limit", Kind::Number(PAGE), "Most entries; 20 if not given.");
const ITERATOR: Parameter =
    optional("iterator", Kind::Text, "Place to go on from, as the answer before named it.");
const EVENT: Parameter = required("event", Kind::Text, "Id of the event, evt_… or msg_….");
const JOB: Parameter =
    required("job", Kind::Text, "Id of the job: the relay's, the sender's or the platform's.");
const JOB_SOURCE: Parameter =
    optional("source", Kind::Text, "Source of the job, where several have one of this id.");
const LETTER: Parameter = required("letter", Kind::Text, "Number or id of the dead letter.");
const ENDPOINT: Parameter = optional("endpoint", Kind::Text, "Id of an endpoint.");
const EVENT_TYPE: Parameter = optional("event_type", Kind::Text, "Event type.");
const BATCH_ID: Parameter = optional("batch_id", Kind::Text, "Id of a batch.");
const JOB_ID: Parameter = optional("job_id", Kind::Text, "Id of a job, as the relay has it.");
const ERROR_CLASS: Parameter = optional(
    "error_class",
    Kind::Text,
    "Reason of death: status, timeout, dns, connect, tls, protocol and so on.",
);
const CONFIRM: Parameter = optional(
    "confirm",
    Kind::Text,
    "Confirmation that the dry run gave. Without it nothing is sent. Ask the person before you pass it.",
);

/// All tools, those that write included.
pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "list_events",
        about: "List events that came in or were published, newest first.",
        parameters: &[
            APPLICATION,
            optional("source", Kind::Text, "Name of a source."),
            optional("type", Kind::Text, "Event type; job.* is a family of types."),
            optional("job", Kind::Text, "Id of a job."),
            optional("batch", Kind::Text, "Id of a batch."),
            optional("state", Kind::Text, "delivered, pending, failing, dead or nobody."),
            SINCE,
            UNTIL,
            LIMIT,
            ITERATOR,
        ],
        writes: false,
    },
    Tool {
        name: "get_event",
        about: "Show one event: the request that brought it, its payload, and what became of each delivery.",
        parameters: &[EVENT],
        writes: false,
    },
    Tool {
        name: "list_attempts",
        about: "List the attempts to deliver an event, by endpoint: time, status or error, and the answer.",
        parameters: &[EVENT, ENDPOINT],
        writes: false,
    },
    Tool {
        name: "list_jobs",
        about: "List jobs, newest first.",
        parameters: &[
            optional("source", Kind::Text, "Name of a source."),
            optional(
                "status",
                Kind::Text,
                "State of the jobs, such as running, succeeded or failed.",
            ),
            BATCH_ID,
            optional("q", Kind::Text, "Beginning of any of the job's ids."),
            SINCE,
            UNTIL,
            LIMIT,
            ITERATOR,
        ],
        writes: false,
    },
    Tool {
        name: "get_job",
        about: "Show one job: state, times, source, batch and progress.",
        parameters: &[JOB, JOB_SOURCE],
        writes: false,
    },
    Tool {
        name: "read_job_log",
        about: "Read the newest lines of a job's log, or the lines behind a place.",
        parameters: &[
            JOB,
            JOB_SOURCE,
            optional("limit", Kind::Number(1000), "Most lines, the newest; 100 if not given."),
            optional(
                "follow_token",
                Kind::Text,
                "Place to read on from, as the answer before named it.",
            ),
        ],
        writes: false,
    },
    Tool {
        name: "list_letters",
        about: "List dead letters: deliveries whose retries were used up, and messages that could not be processed.",
        parameters: &[
            ENDPOINT,
            APPLICATION,
            EVENT_TYPE,
            BATCH_ID,
            JOB_ID,
            ERROR_CLASS,
            optional("state", Kind::Text, "waiting, redriven or resolved."),
            SINCE,
            UNTIL,
            LIMIT,
            ITERATOR,
        ],
        writes: false,
    },
    Tool {
        name: "get_letter",
        about: "Show one dead letter with its payload and every attempt.",
        parameters: &[LETTER],
        writes: false,
    },
    Tool {
        name: "verify_signature",
        about: "Check the signature of a request without a network, and explain why it does not hold. The secret is \
                named, never passed.",
        parameters: &[
            required(
                "profile",
                Kind::Text,
                "Profile of the sender, such as standard, github or stripe.",
            ),
            required("headers", Kind::Texts, "Headers of the request, as an object of texts."),
            required("body", Kind::Document, "Raw body, to the byte."),
            optional("url", Kind::Text, "URL that the sender called, for profiles that sign it."),
            optional(
                "secret",
                Kind::Text,
                "Name of a variable that --verify-with allows. Needed where several are allowed.",
            ),
            optional("at", Kind::Moment, "Time of arrival; now if not given."),
        ],
        writes: false,
    },
    Tool {
        name: "read_docs",
        about: "Read a page of the relay's documentation. Without a page, list the pages.",
        parameters: &[
            optional("page", Kind::Text, "Name of the page, such as dead-letters."),
            optional("part", Kind::Number(50), "Part of a long page; 1 if not given."),
        ],
        writes: false,
    },
    Tool {
        name: "replay_event",
        about: "Send a past event again, as new deliveries. The first call is a dry run and sends nothing.",
        parameters: &[
            EVENT,
            optional("endpoint", Kind::Text, "Send to this endpoint only, by id."),
            CONFIRM,
        ],
        writes: true,
    },
    Tool {
        name: "retry_letter",
        about: "Try a dead letter once, now. The first call is a dry run and sends nothing.",
        parameters: &[
            LETTER,
            optional("force", Kind::Flag, "Send again what has arrived already."),
            CONFIRM,
        ],
        writes: true,
    },
    Tool {
        name: "redrive_letters",
        about: "Put back every waiting dead letter that a filter matches, with its whole retry schedule. The first call \
                is a dry run and only counts them.",
        parameters: &[
            ENDPOINT,
            APPLICATION,
            EVENT_TYPE,
            BATCH_ID,
            JOB_ID,
            ERROR_CLASS,
            SINCE,
            UNTIL,
            optional("all", Kind::Flag, "All waiting letters, where no filter is given."),
            optional("rate", Kind::Number(500), "Letters per second; 10 if not given."),
            CONFIRM,
        ],
        writes: true,
    },
];
