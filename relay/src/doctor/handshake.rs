//! The handshake of a source in words: whether its sender, which checks a URL first, has done so.

use domain::time::Timestamp;
use serde_json::Value;

use super::findings::{Findings, ago};

/// Tells how far the handshake of a source is, if its sender makes one. `source` is the answer of
/// `GET /v1/sources/{name}`.
pub(super) fn handshake(source: &Value, findings: &mut Findings, now: Timestamp) {
    let handshake = &source["activity"]["handshake"];
    match handshake["state"].as_str() {
        Some("answered") => {
            let at = ago(handshake["at"].as_str(), now);
            findings.pass("handshake", format!("the sender's last challenge was answered {at}"));
        }
        Some("waiting") => findings.warn(
            "handshake",
            "the sender's challenge has not come yet; save the source's URL in the sender's settings, and it \
             comes at once",
        ),
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_handshake_is_told_where_the_sender_makes_one() {
        let now = Timestamp::parse_rfc3339("2026-11-27T12:00:00Z").expect("a time");
        let told = |handshake: Value| {
            let mut findings = Findings::default();
            let source = json!({ "activity": { "handshake": handshake } });
            super::handshake(&source, &mut findings, now);
            assert!(!findings.failed());
            findings.text().trim_end().to_owned()
        };
        let answered = json!({ "state": "answered", "at": "2026-11-27T11:57:00Z" });
        assert_eq!(
            told(answered),
            "ok    handshake: the sender's last challenge was answered 3 minutes ago"
        );
        let waiting = told(json!({ "state": "waiting", "at": null }));
        assert!(waiting.starts_with("look  handshake: the sender's challenge has"), "{waiting}");
        // Most senders make none, and an older relay does not say.
        assert_eq!(told(json!({ "state": "none_needed", "at": null })), "");
        assert_eq!(told(Value::Null), "");
    }
}
