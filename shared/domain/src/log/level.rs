//! The level that a sender gives a log line, such as `error`.

/// Longest level that is kept, in bytes. Python calls a level without a name `Level 15`.
pub const MAX_LEVEL: usize = 16;

/// Spellings of levels: of Python's logging, of syslog, of browsers, of Loguru.
const WORDS: [(&str, &str); 14] = [
    ("warn", "warning"),
    ("err", "error"),
    ("severe", "error"),
    ("fatal", "critical"),
    ("crit", "critical"),
    ("panic", "critical"),
    ("emerg", "critical"),
    ("emergency", "critical"),
    ("alert", "critical"),
    ("information", "info"),
    ("log", "info"),
    ("verbose", "debug"),
    ("finest", "trace"),
    ("ok", "success"),
];

/// A level as the relay spells it, in small letters: the usual word for a known one, such as
/// `warning` for `WARN`, and any other as it is. `None` for an empty one, for `NOTSET`, and for one
/// that is longer than [`MAX_LEVEL`] or has control characters: a line is not lost because of its
/// level.
pub fn level(given: &str) -> Option<String> {
    let level = given.trim().to_lowercase();
    let usable = (1..=MAX_LEVEL).contains(&level.len()) && !level.contains(char::is_control);
    if !usable || level == "notset" {
        return None;
    }
    let known = WORDS.iter().find(|(spelling, _)| *spelling == level);
    Some(known.map_or(level, |(_, word)| (*word).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_spelt_in_one_way() {
        for (given, kept) in [
            ("ERROR", Some("error")),
            ("err", Some("error")),
            ("Warn", Some("warning")),
            ("WARNING", Some("warning")),
            ("CRITICAL", Some("critical")),
            ("fatal", Some("critical")),
            ("SUCCESS", Some("success")),
            (" info ", Some("info")),
            ("Level 15", Some("level 15")),
            ("NOTSET", None),
            ("", None),
            ("a\u{0}b", None),
            ("seventeen-letters", None),
        ] {
            assert_eq!(level(given).as_deref(), kept, "{given:?}");
        }
    }
}
