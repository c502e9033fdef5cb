//! The kinds of items in the table: keys, indexes, lifetime. The list under "The table" in
//! ARCHITECTURE.md is this one (`tests/it/items.rs` compares them), and the same test compares it
//! with the items that the code writes.
//!
//! An item is its entity as JSON in `doc`. Beside `doc` stand only the attributes that conditions and
//! indexes need. Lines of logs and requests are packed, in attributes of their own.

mod kind;
mod reading;

use self::kind::{always, indexed, kind, never, sometimes};
pub use self::{
    kind::{Attribute, ItemKind, Presence, fits},
    reading::reads,
};

const RETAINED: &str = "`RetentionDays` after it was written";
const SLICE_KEPT: &str = "10 minutes after that time";

/// Every kind of item that the table holds.
pub const ITEMS: &[ItemKind] = &[
    kind("source", "SOURCES", "<name>", never("when it is deleted")),
    indexed(
        kind(
            "tenure of a source that ended",
            "TENURE#<source>",
            "<application>",
            always("`RetentionDays` after the source was deleted or moved"),
        ),
        never(""),
        always("TENURES"),
    ),
    kind("path token of a job", "TOKEN#<sha256>", "TOKEN", always(RETAINED)),
    kind(
        "number of requests of a source, or of slices of lines of a job, in a window",
        "RATE#<source or job>",
        "<start of the window>",
        always("an hour after the window began"),
    ),
    kind(
        "time until which a source's platform is not asked",
        "PAUSES",
        "<source>",
        always("a minute after that time"),
    ),
    indexed(
        kind("application", "APPS", "<id>", never("never; a deleted one stays, marked")),
        never(""),
        // One that was deleted is on no list.
        sometimes("APPS"),
    ),
    kind(
        "application that bears a uid",
        "APPUIDS",
        "<uid>",
        never("when the application is deleted or renamed"),
    ),
    indexed(
        kind("endpoint", "APP#<app>", "EP#<id>", never("when it is deleted")),
        never(""),
        always("EPS#<app>"),
    ),
    kind(
        "endpoint that was deleted",
        "APP#<app>",
        "EPGONE#<id>",
        always("`RetentionDays` after it was deleted"),
    ),
    kind("endpoint that bears a uid", "APP#<app>", "EPUID#<uid>", never("with its endpoint")),
    kind(
        "numbers of an application's endpoints",
        "APP#<app>",
        "ENDPOINTS",
        never("never; it stays with its application"),
    ),
    kind(
        "failures of an endpoint",
        "HEALTH#<endpoint>",
        "HEALTH",
        always("`RetentionDays` after the last failure, or when the endpoint is enabled or moved"),
    ),
    kind(
        "next free moment of an endpoint or application with a rate",
        "PACE#<endpoint or application>",
        "PACE",
        always("`RetentionDays` after the last reservation"),
    ),
    kind(
        "place of a call under way to a slow endpoint",
        "CALLS#<endpoint or application>",
        "<place>",
        always("when the call ends, or `RetentionDays` after it began"),
    ),
    indexed(
        kind("gate of an endpoint", "GATE#<endpoint>", "GATE", never("when nothing waits at it")),
        always("always"),
        never(""),
    ),
    kind(
        "delivery that waits at its endpoint's gate",
        "GATED#<endpoint>#<n>",
        "<time and delivery>",
        always("when the delivery is let through, or `RetentionDays` after it may wait no longer"),
    ),
    kind(
        "delivery that waits for a later time",
        "LATER#<n>",
        "<time and delivery>",
        always("`RetentionDays` after that time"),
    ),
    kind("how far the sweep rang for later times", "SWEEP", "LATER", never("never")),
    kind("event type", "TYPES", "<name>", never("when it is deleted")),
    kind(
        "answer to a POST with `Idempotency-Key`",
        "IDEM#<sha256>",
        "IDEM",
        always("24 hours after the answer, or a minute after a request that was not answered"),
    ),
    indexed(
        kind(
            "event",
            "EVT#<id>",
            "EVT",
            always("`RetentionDays` after it was recorded, or a day after its last letter"),
        ),
        sometimes("while its content has a time to go"),
        always("EVTS#<app>"),
    ),
    indexed(
        kind(
            "delivery",
            "EVT#<id>",
            "DLV#<id>",
            always("`RetentionDays` after its last or next attempt; with a letter 14 days more"),
        ),
        sometimes("while something is to happen to it"),
        always("EP#<endpoint>"),
    ),
    indexed(
        kind(
            "fan-out of an event in pages",
            "EVT#<id>",
            "FAN",
            always("`RetentionDays` after its last page"),
        ),
        sometimes("until its last page"),
        never(""),
    ),
    kind("conflict", "EVT#<id>", "CONFLICT#<sha256>", always(RETAINED)),
    indexed(
        kind(
            "job",
            "JOB#<id>",
            "JOB",
            always("`RetentionDays` after its last change or next look"),
        ),
        sometimes("while its platform is to be asked, or its deadline to be watched"),
        always("JOBS"),
    ),
    // One that was changed since, for example disabled by a 410, is written without `expires_at`.
    kind(
        "endpoint of a job",
        "JOB#<id>",
        "EP#<id>",
        sometimes("four times `RetentionDays` after it was registered"),
    ),
    kind(
        "last number of a lane",
        "LANE#<endpoint>#<key>",
        "LAST",
        always("`RetentionDays` after the last number was given"),
    ),
    kind(
        "delivery in a lane",
        "LANE#<endpoint>#<key>",
        "AT#<number>",
        always("when the delivery ends, or `RetentionDays` after it was recorded"),
    ),
    indexed(
        kind(
            "listener",
            "APP#<app>",
            "LISTENER#<name>",
            never("when it is deleted, or not used for 7 days"),
        ),
        always("7 days after it was last used"),
        always("LISTENERS"),
    ),
    kind(
        "delivery that waits for its listener",
        "WAIT#<endpoint>",
        "<time and delivery>",
        always("when the delivery is claimed, or `RetentionDays` after it could be attempted"),
    ),
    kind(
        "batch of a job's log lines",
        "LOG#<job>",
        "LINES#<stream>#<first number>",
        always(
            "7 days after the job's end, or 37 days after it was written if the job had not ended",
        ),
    ),
    kind("loss of a job's log", "LOG#<job>", "LOSS", always("37 days after the last loss")),
    kind(
        "subscription filter of a log group",
        "LOGGROUP#<group…>",
        "FILTER",
        always("a day after it was set or found"),
    ),
    kind(
        "log group that was read for a job",
        "LOGGROUP#<group…>",
        "READ#<job>",
        always("a day after it was read"),
    ),
    indexed(
        kind("batch", "BATCH#<id>", "BATCH", always("`RetentionDays` after its last change")),
        sometimes("while something is to be announced"),
        always("BATCHES"),
    ),
    kind(
        "endpoint of a batch",
        "BATCH#<id>",
        "EP#<id>",
        sometimes("four times `RetentionDays` after it was registered"),
    ),
    indexed(
        kind(
            "marker: a job that is to be counted",
            "BATCH#<id>#<shard>",
            "NEW#<job>#<joined or ended>",
            never("when it is counted"),
        ),
        always("always"),
        never(""),
    ),
    kind("job that ended in a batch", "BATCH#<id>#<shard>", "END#<job>", always(RETAINED)),
    kind("job that a call runs", "CALL#<digest>", "CALL", always(RETAINED)),
    indexed(
        kind(
            "dead letter",
            "LTR#<id>",
            "LTR",
            sometimes("at its `expires_at`, or `RetentionDays` after it arrived"),
        ),
        never(""),
        always("LETTERS"),
    ),
    indexed(
        kind("letter that bears a number", "LTRNO#<n>", "LTRNO", always("a day after its letter")),
        never(""),
        // A message belongs to no application.
        sometimes("LETTERS#<app>"),
    ),
    indexed(
        kind(
            "entry of a letter that waits",
            "PARKED#<endpoint, or messages>#<list>",
            "<time and letter>",
            sometimes("when its letter waits no more"),
        ),
        never(""),
        sometimes("PARKED#<app>#<list>"),
    ),
    kind("number of letters that wait", "PARKEDCOUNT#<n>", "<app>#<endpoint>", never("at zero")),
    kind("last number of a letter", "COUNTERS", "letters", never("never")),
    kind(
        "lease of the sweep, how its last round went, and what it remembers for the next",
        "SWEEP",
        "LEASE",
        never("never"),
    ),
    kind("alarm of the stack", "ALARMS", "<name>", always("30 days after its last change")),
    kind(
        "write of the health check",
        "PROBE",
        "PROBE",
        always("`RetentionDays` after the last check"),
    ),
    indexed(
        kind("task", "TASKS", "<id>", sometimes("`RetentionDays` after it ended")),
        sometimes("until it has ended"),
        always("TASKS"),
    ),
    indexed(
        kind("API key", "KEYS", "<id>", never("when it is revoked")),
        never(""),
        always("KEYS"),
    ),
    kind(
        "one-time code for a session",
        "CODE#<sha256>",
        "CODE",
        always("when it is used, or a minute after it was made; of a portal, ten minutes"),
    ),
    kind(
        "session",
        "SESSION#<sha256>",
        "SESSION",
        always(
            "when it is ended, or 12 hours after it began; of a portal, at the time that was asked for",
        ),
    ),
    kind(
        "ends of an application's portals",
        "PORTALS#<app>",
        "ENDINGS",
        always("a week after the last of them was asked for"),
    ),
    kind(
        "number of wrong codes from an address, in a minute",
        "GUESSES#<sha256>",
        "<start of the minute>",
        always("an hour after the minute began"),
    ),
    kind(
        "live connection",
        "CONN#<connection>",
        "CONN",
        always("when the connection ends, or 2 h 10 min after it began"),
    ),
    kind(
        "subscription of a live connection",
        "TOPIC#<topic>",
        "CONN#<connection>",
        always("with its connection, or 2 h 10 min after it was made"),
    ),
    kind(
        "how far the lines of a topic were told",
        "TOPIC#<topic>",
        "TOLD",
        always("2 h 10 min after the last lines"),
    ),
    kind(
        "live connection that hears a listener",
        "TOPIC#<topic>",
        "LISTENING",
        always("when the connection ends"),
    ),
    kind(
        "live connection that is kept awake",
        "AWAKE",
        "<connection>",
        always("with its connection, or 2 h 10 min after its last traffic"),
    ),
    kind(
        "mark that somebody watches an application",
        "WATCHED",
        "<app>",
        always("10 minutes after somebody looked"),
    ),
    kind(
        "ticket for a live connection",
        "TICKET#<sha256>",
        "TICKET",
        always("when it is used, or 30 s after it was made"),
    ),
    kind("time at which the next slice of pushes is free", "PUSHES", "BUDGET", always(SLICE_KEPT)),
    kind(
        "figures of an application in a minute",
        "STATS#<app>",
        "M#<minute>#<shard>",
        always("49 hours after the minute began"),
    ),
    kind(
        "figures of an application in an hour",
        "STATS#<app>",
        "H#<hour>",
        always("`RetentionDays` after the hour"),
    ),
    kind(
        "figures of sources and endpoints in an hour",
        "STATS#<app>",
        "P#<hour>",
        always("`RetentionDays` after the hour"),
    ),
    kind(
        "totals of an application's figures",
        "STATS#<app>",
        "TOTAL",
        always("`RetentionDays` after the last hour that was added"),
    ),
    kind("how far hours of figures were added up", "STATS", "FOLDED", never("never")),
    kind(
        "refused requests of a source in an hour",
        "REFUSED#<app>",
        "<hour>#<source>#<shard>",
        always("7 days after the hour"),
    ),
    kind(
        "refused requests of names that no source has, in an hour",
        "REFUSED",
        "<hour>#<shard>",
        always("7 days after the hour"),
    ),
];

#[cfg(test)]
mod tests;
