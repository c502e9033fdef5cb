//! Ids and times of a fixture, made anew for each request: with its old ids a request would be a
//! duplicate of the one before, and with its old time too old.

use adapters::random;
use domain::time::Timestamp;

use super::fixtures::Fixture;

/// The time of signing of all fixtures, as they write it.
const SECONDS: &str = "1700000000";
const ISO: &str = "2023-11-14T22:13:20";

/// The replacements for one request.
#[derive(Clone, Debug)]
pub(super) struct Renewal(Vec<(String, String)>);

impl Renewal {
    /// Fresh ids for a fixture, and `at` for its times.
    pub(super) fn of(fixture: &Fixture, at: Timestamp) -> Self {
        let ids = fixture.fresh.iter().map(|old| (old.clone(), renewed(old)));
        let iso = at.rfc3339().chars().take(ISO.len()).collect();
        let times = [(SECONDS.to_owned(), at.secs().to_string()), (ISO.to_owned(), iso)];
        Self(ids.chain(times).collect())
    }

    /// A text of the fixture with the replacements made.
    pub(super) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
    }
}

/// A random id that looks like `old`: a UUID, as many digits, or the same beginning.
fn renewed(old: &str) -> String {
    let random = random::token();
    let uuid = [8, 13, 18, 23];
    if old.len() == 36 && uuid.iter().all(|at| old.as_bytes()[*at] == b'-') {
        let r = random.as_str();
        return format!("{}-{}-4{}-8{}-{}", &r[..8], &r[8..12], &r[13..16], &r[17..20], &r[20..32]);
    }
    if old.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = random::bytes::<32>().map(|byte| char::from(b'1' + byte % 9));
        return digits.iter().take(old.len()).collect();
    }
    if let Some(end) = old.rfind(['-', '_']) {
        return format!("{}{}", &old[..=end], &random[..24]);
    }
    if 16 <= old.len() && old.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        let more = random::token();
        return format!("{random}{more}").chars().take(old.len()).collect();
    }
    let kept: String = old.chars().take(2).collect();
    format!("{kept}{}", &random[..24])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_id_looks_like_the_old_one() {
        for (old, begins, length) in [
            ("evt_1NG8Du", "evt_", 28),
            ("modal-job-9", "modal-job-", 34),
            ("820982911946154508", "", 18),
            ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "", 36),
            ("5d41402abc4b2a76b9719d911017c592", "", 32),
            ("SM5f2a", "SM", 26),
        ] {
            let new = renewed(old);
            assert!(new.starts_with(begins) && new.len() == length && new != old, "{old}: {new}");
            assert_ne!(new, renewed(old));
        }
        assert!(renewed("820982911946154508").parse::<i64>().is_ok());
    }

    #[test]
    fn an_old_id_is_the_same_new_one_everywhere_and_times_are_now() {
        let fixture = Fixture {
            event: String::new(),
            about: String::new(),
            headers: Default::default(),
            body: String::new(),
            fresh: vec!["evt_1".to_owned()],
        };
        let renewal = Renewal::of(&fixture, Timestamp::from_secs(1_800_000_000));
        let new = renewal.apply("evt_1 evt_1 1700000000 2023-11-14T22:13:20.883Z");
        let words: Vec<&str> = new.split(' ').collect();
        assert!(words[0] == words[1] && words[0] != "evt_1", "{new}");
        assert_eq!(words[2..], ["1800000000", "2027-01-15T08:00:00.883Z"]);
    }
}
