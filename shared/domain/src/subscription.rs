//! Subscriptions to event types: the relay's own types, wildcards, and the words of other systems
//! for the same types.

/// The words of other systems for the relay's types. `failed` covers all that ended neither well
/// nor on request, as a system that knows two ends would say it.
const WORDS: &[(&str, &[&str])] = &[
    ("completed", &["job.succeeded", "batch.completed"]),
    ("failed", &["job.failed", "job.timed_out", "batch.failed"]),
    ("progress", &["job.progress", "batch.progress"]),
    ("started", &["job.started"]),
    ("cancelled", &["job.cancelled"]),
    ("function.success", &["job.succeeded"]),
    ("function.failure", &["job.failed"]),
    ("function.timeout", &["job.timed_out"]),
    ("function.cancelled", &["job.cancelled"]),
    ("job.success", &["job.succeeded"]),
    ("job.completed", &["job.succeeded"]),
    ("job.failure", &["job.failed", "job.timed_out"]),
    ("job.stopped", &["job.cancelled"]),
];

/// The types of all events about jobs and batches.
pub const OURS: &[&str] = &[
    "job.started",
    "job.progress",
    "job.succeeded",
    "job.failed",
    "job.timed_out",
    "job.cancelled",
    "batch.progress",
    "batch.completed",
    "batch.failed",
];

/// Whether a subscription covers an event type. `*` covers every type here; that it does not mean
/// operational events is for the caller, who knows where an event came from.
pub fn covers(wanted: &str, event_type: &str) -> bool {
    if wanted == event_type || wanted == "*" {
        return true;
    }
    if let Some(family) = wanted.strip_suffix('*').filter(|family| family.ends_with('.')) {
        return event_type.starts_with(family);
    }
    WORDS.iter().any(|(word, types)| *word == wanted && types.contains(&event_type))
}

/// Whether a subscription covers any type of this family, `job` or `batch`.
pub fn is_of_family(wanted: &str, family: &str) -> bool {
    let of_family = |kind: &&&str| kind.split('.').next() == Some(family);
    OURS.iter().filter(of_family).any(|kind| covers(wanted, kind))
}

/// Whether text is a wildcard: `*`, or a family such as `job.*`.
pub fn is_wildcard(text: &str) -> bool {
    text == "*"
        || text
            .strip_suffix(".*")
            .is_some_and(|family| crate::id::is_identifier(family, 250) && !family.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_systems_mean_our_types() {
        for (wanted, kind, covered) in [
            ("job.succeeded", "job.succeeded", true),
            ("job.succeeded", "job.failed", false),
            ("*", "invoice.paid", true),
            ("completion.*", "completion.missed", true),
            ("completion.missed", "completion.missed", true),
            ("job.*", "job.failed", true),
            ("job.*", "jobs.failed", false),
            ("jo*", "job.failed", false),
            ("completed", "job.succeeded", true),
            ("completed", "batch.completed", true),
            ("failed", "job.timed_out", true),
            ("failed", "job.cancelled", false),
            ("function.success", "job.succeeded", true),
            ("job.failure", "job.failed", true),
            ("job.stopped", "job.cancelled", true),
            ("progress", "batch.progress", true),
        ] {
            assert_eq!(covers(wanted, kind), covered, "{wanted} {kind}");
        }
    }

    #[test]
    fn a_word_is_told_from_a_mistake() {
        for word in ["completed", "failed", "progress", "*", "batch.*", "batch.failed"] {
            assert!(is_of_family(word, "batch"), "{word}");
        }
        for mistake in ["complete", "job.succeeded", "", "batch", "batch*", "started"] {
            assert!(!is_of_family(mistake, "batch"), "{mistake}");
        }
        assert!(is_wildcard("*") && is_wildcard("a.b.*"));
        assert!(!is_wildcard("a*") && !is_wildcard(".*") && !is_wildcard("a..*"));
    }
}
