//! Rotation of an endpoint's signing secrets: the newest signs, and each replaced one signs until
//! it expires.

use std::time::Duration;

use crate::{endpoint::EndpointSecret, time::Timestamp};

/// The time for which a replaced secret signs unless a caller sets another: a day, as in the Svix
/// contract.
pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// Longest time for which a replaced secret may sign: seven days.
pub const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most replaced secrets that still sign. Another rotation is refused, because dropping one early
/// would break a receiver that still verifies with it.
pub const MAX_REPLACED: usize = 10;

/// No rotation is possible before this time, because [`MAX_REPLACED`] replaced secrets still sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_REPLACED} replaced secrets still sign; the first of them ends at {}", .0.rfc3339())]
pub struct TooManySecrets(pub Timestamp);

/// The secrets after a rotation, newest first. Secrets that had no end get one after `overlap`,
/// [`MAX_OVERLAP`] at most; those that were replaced before keep theirs; expired ones are dropped.
///
/// # Errors
/// If more than [`MAX_REPLACED`] replaced secrets would sign.
pub fn rotate(
    known: &[EndpointSecret],
    next: EndpointSecret,
    overlap: Duration,
    now: Timestamp,
) -> Result<Vec<EndpointSecret>, TooManySecrets> {
    let end = now.plus(overlap.min(MAX_OVERLAP));
    let replaced = known.iter().map(|secret| EndpointSecret {
        expires_at: Some(secret.expires_at.unwrap_or(end)),
        ..secret.clone()
    });
    let live: Vec<_> = replaced.filter(|secret| secret.signs(now)).collect();
    if MAX_REPLACED < live.len() {
        return Err(TooManySecrets(
            live.iter().filter_map(|secret| secret.expires_at).min().unwrap_or(now),
        ));
    }
    Ok([next].into_iter().chain(live).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{SealedSecret, SecretKind};

    const NOW: Timestamp = Timestamp(1_000_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn secret(name: &str, expires_at: Option<Timestamp>) -> EndpointSecret {
        let sealed = SealedSecret(name.to_owned());
        EndpointSecret { expires_at, ..EndpointSecret::new(sealed, SecretKind::Hmac) }
    }

    fn names(secrets: &[EndpointSecret]) -> Vec<(&str, Option<Timestamp>)> {
        secrets.iter().map(|secret| (secret.sealed.0.as_str(), secret.expires_at)).collect()
    }

    #[test]
    fn the_old_one_signs_on_and_older_ones_keep_their_end() {
        let soon = Some(NOW.plus(HOUR));
        let known = [secret("b", None), secret("a", soon), secret("gone", Some(NOW))];
        let after = rotate(&known, secret("c", None), 24 * HOUR, NOW).expect("rotated");
        let want = [("c", None), ("b", Some(NOW.plus(24 * HOUR))), ("a", soon)];
        assert_eq!(names(&after), want);
    }

    #[test]
    fn without_an_overlap_the_old_one_is_gone_at_once() {
        let soon = Some(NOW.plus(HOUR));
        let known = [secret("b", None), secret("a", soon)];
        let after = rotate(&known, secret("c", None), Duration::ZERO, NOW).expect("rotated");
        assert_eq!(names(&after), [("c", None), ("a", soon)]);
    }

    #[test]
    fn an_overlap_is_at_most_seven_days() {
        let after = rotate(&[secret("a", None)], secret("b", None), 1000 * HOUR, NOW);
        assert_eq!(after.expect("rotated")[1].expires_at, Some(NOW.plus(MAX_OVERLAP)));
    }

    #[test]
    fn ten_replaced_ones_sign_and_the_eleventh_rotation_is_refused_until_one_has_ended() {
        let mut secrets = vec![secret("0", None)];
        let at = |n: u64| Timestamp(NOW.0 + n);
        for n in 1..=10 {
            let next = secret(&n.to_string(), None);
            secrets = rotate(&secrets, next, HOUR, at(n)).expect("rotated");
        }
        assert_eq!(secrets.len(), 1 + MAX_REPLACED);
        let end = at(1).plus(HOUR);
        let refused = rotate(&secrets, secret("11", None), HOUR, at(11));
        assert_eq!(refused, Err(TooManySecrets(end)));
        let refused = rotate(&secrets, secret("11", None), Duration::ZERO, at(11));
        assert!(refused.is_ok(), "with no overlap there is one less: {refused:?}");
        assert!(rotate(&secrets, secret("11", None), HOUR, end).is_ok());
    }
}
