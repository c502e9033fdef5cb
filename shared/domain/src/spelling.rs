//! Names that a request has and its reader does not know, and the known ones that are near to them.

/// The known name that is nearest to an unknown one: the same but for case and underscores, or at
/// most a third of its letters away.
pub fn nearest<'k, S: AsRef<str>>(unknown: &str, known: &'k [S]) -> Option<&'k str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let wanted = plain(unknown);
    let away = |name: &&str| distance(&wanted, &plain(name));
    let nearest = known.iter().map(AsRef::as_ref).min_by_key(away)?;
    (away(&nearest) * 3 <= wanted.chars().count().max(3)).then_some(nearest)
}

/// Refusal of a name that is near to a known one.
pub fn misspelt(nearest: &str) -> String {
    format!("is not known here; did you mean `{nearest}`?")
}

/// Refusal of a name that is near to no known one.
pub fn unknown_name<S: AsRef<str>>(known: &[S]) -> String {
    let known: Vec<_> = known.iter().map(AsRef::as_ref).collect();
    match known.is_empty() {
        true => "a name is not known here; there are none".to_owned(),
        false => format!("a name is not known here; known are {}", known.join(", ")),
    }
}

/// Edit distance of two names, counting an exchange of neighbours once (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) =
        (one.chars().take(64).collect(), other.chars().take(64).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, left) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, right) in other.iter().enumerate() {
            let changed = last[column] + usize::from(left != right);
            let mut least = changed.min(last[column + 1] + 1).min(next[column] + 1);
            let swapped =
                row > 0 && column > 0 && one[row - 1] == *right && other[column - 1] == *left;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["eventTypes", "filterTypes", "channels", "rateLimit", "url"];
        for (unknown, near) in [
            ("evntTypes", Some("eventTypes")),
            ("event_types", Some("eventTypes")),
            ("ratelimit", Some("rateLimit")),
            ("rate_limits", Some("rateLimit")),
            ("urls", Some("url")),
            ("deadline", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(unknown, &known), near, "{unknown}");
        }
        assert_eq!(nearest("a", &[] as &[&str]), None);
    }
}
