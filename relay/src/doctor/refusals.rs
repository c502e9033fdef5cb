//! The refused requests of the last hour, in words.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde_json::Value;

use super::findings::{ago, counted, plain};

/// One sentence or more for each reason for which requests of a source were refused, the most frequent
/// reason first. `answer` is the answer of `GET /v1/sources/{name}/refusals`.
pub(super) fn told(answer: &Value, source: &str, now: Timestamp) -> Vec<String> {
    let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
    let mut counts = BTreeMap::<String, u64>::new();
    for count in list("counts") {
        let reason = count["reason"].as_str().unwrap_or("unknown").to_owned();
        *counts.entry(reason).or_default() += count["count"].as_u64().unwrap_or_default();
    }
    let samples = list("samples");
    let newest = |reason: &str| samples.iter().find(|sample| sample["reason"] == reason);
    let mut counts: Vec<(String, u64)> =
        counts.into_iter().filter(|(_, count)| 0 < *count).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
        .into_iter()
        .map(|(reason, count)| of_reason(&reason, count, newest(&reason), source, now))
        .collect()
}

fn of_reason(
    reason: &str,
    count: u64,
    newest: Option<&Value>,
    source: &str,
    now: Timestamp,
) -> String {
    let verb = if count == 1 { "was" } else { "were" };
    let head = format!(
        "in the last hour {} of source `{source}` {verb} refused",
        counted(count, "request")
    );
    let Some(newest) = newest else {
        return format!("{head}: {}", plain(&reason.replace('_', " ")));
    };
    let sentence = plain(newest["sentence"].as_str().unwrap_or(reason));
    let (why, advice) = sentence.split_once(". ").unwrap_or((&sentence, ""));
    let why = clause(why.trim_end_matches('.'), now);
    let at = ago(newest["at"].as_str(), now);
    let from = newest["caller"].as_str().map(|caller| format!(" from {}", plain(caller)));
    let (from, advice) = (from.unwrap_or_default(), advice.trim());
    let space = if advice.is_empty() { "" } else { " " };
    format!("{head}: {why}; the newest was {at}{from}.{space}{advice}")
}

/// A sentence as a clause: its first letter small, the source as `its`, and days without their year.
fn clause(sentence: &str, now: Timestamp) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    let mut text = format!("{first}{}", letters.as_str());
    text = text.replace("the secret of the source", "its secret");
    if let Some(end) = text.find(" secrets of the source") {
        let start = text[..end].rfind("the ").unwrap_or(end);
        let number = text[start..end].trim_start_matches("the ").to_owned();
        text = text.replacen(
            &text[start..end + " secrets of the source".len()],
            &format!("its {number} secrets"),
            1,
        );
    }
    days(&text, now)
}

/// The text with each day such as `2026-03-03` in words: `3 March`, and its year if it is another.
fn days(text: &str, now: Timestamp) -> String {
    let this_year = now.rfc3339()[..4].to_owned();
    let day = |word: &str| {
        let plain = word.trim_matches(|char: char| !char.is_ascii_digit());
        let [year, month, day] = plain.split('-').collect::<Vec<_>>()[..] else { return None };
        let well_formed = year.len() == 4 && month.len() == 2 && day.len() == 2;
        let month: usize = month.parse().ok().filter(|_| well_formed)?;
        let month = MONTHS.get(month.checked_sub(1)?)?;
        let day: u8 = day.parse().ok()?;
        let year = if year == this_year { String::new() } else { format!(" {year}") };
        Some(word.replacen(plain, &format!("{day} {month}{year}"), 1))
    };
    let words = text.split(' ').map(|word| day(word).unwrap_or_else(|| word.to_owned()));
    words.collect::<Vec<_>>().join(" ")
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse_rfc3339("2026-11-27T12:00:00Z").expect("a time")
    }

    #[test]
    fn refusals_are_told_as_a_person_would() {
        let answer = json!({
            "counts": [
                { "minute": "2026-11-27T11:19:00Z", "source": "stripe", "reason": "mismatch", "count": 9 },
                { "minute": "2026-11-27T11:20:00Z", "source": "stripe", "reason": "mismatch", "count": 5 },
                { "minute": "2026-11-27T11:20:00Z", "source": "stripe", "reason": "timestamp_past", "count": 1 },
                { "minute": "2026-11-27T11:20:00Z", "source": "stripe", "reason": "too_large", "count": 2 },
            ],
            "samples": [
                { "at": "2026-11-27T11:20:00Z", "source": "stripe", "caller": "203.0.113.7", "reason": "mismatch",
                  "sentence": "The signature matches none of the 2 secrets of the source (kept since 2026-03-03 and \
                      2026-05-12). If the sender's secret was changed, set it with PUT /v1/sources/stripe." },
                { "at": "2026-11-27T11:19:00Z", "source": "stripe", "reason": "mismatch", "sentence": "older" },
                { "at": "2026-11-27T11:59:58Z", "source": "stripe", "caller": null, "reason": "timestamp_past",
                  "sentence": "The request was signed 900 s before it arrived; 300 s are allowed." },
            ],
        });
        assert_eq!(
            told(&answer, "stripe", now()),
            [
                "in the last hour 14 requests of source `stripe` were refused: the signature matches none of its 2 secrets \
                 (kept since 3 March and 12 May); the newest was 40 minutes ago from 203.0.113.7. If the sender's secret was \
                 changed, set it with PUT /v1/sources/stripe.",
                "in the last hour 2 requests of source `stripe` were refused: too large",
                "in the last hour 1 request of source `stripe` was refused: the request was signed 900 s before it arrived; \
                 300 s are allowed; the newest was 2 seconds ago.",
            ]
        );
    }

    #[test]
    fn one_secret_another_year_and_nothing_at_all_are_told_too() {
        let sentence =
            "The signature does not match the secret of the source (kept since 2025-12-01).";
        let why = "the signature does not match its secret (kept since 1 December 2025)";
        assert_eq!(clause(sentence.trim_end_matches('.'), now()), why);
        assert!(told(&json!({ "counts": [], "samples": [] }), "s", now()).is_empty());
        assert!(told(&Value::Null, "s", now()).is_empty());
        for odd in ["2026-13-40", "12-34", "a-b-c", "", "2026-11-271"] {
            assert_eq!(days(odd, now()), odd);
        }
    }

    #[test]
    fn what_a_stranger_chose_cannot_steer_the_terminal() {
        let answer =
            json!({ "counts": [{ "reason": "mismatch\u{1b}[31m", "count": 1 }], "samples": [] });
        assert!(!told(&answer, "s", now())[0].contains('\u{1b}'));
    }
}
