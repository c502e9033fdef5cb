//! Why a signature does not hold: one thing after another is changed, by itself and then in pairs,
//! until it does. What had to be changed is the reason. A MAC does not match by chance, so what is
//! found is true; what is not found is said, too.

use std::fmt;

use domain::{
    signature::{SignatureRefusal, Verification},
    time::Timestamp,
};

use super::{
    case::SignatureCase,
    clues,
    corrections::{self, Correction},
};

/// What came of judging a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// It passes.
    Holds {
        /// What is worth knowing about it.
        notes: Vec<String>,
    },
    /// It does not.
    Refused {
        /// What the relay's log would say.
        refusal: SignatureRefusal,
        /// Why, and what to do.
        reasons: Vec<String>,
    },
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, lines) = match self {
            Self::Holds { notes } => ("The signature holds.".to_owned(), notes),
            Self::Refused { refusal, reasons } => (format!("Refused: {refusal}."), reasons),
        };
        writeln!(f, "{first}")?;
        lines.iter().try_for_each(|line| writeln!(f, "- {line}"))
    }
}

/// Longest body on which pairs of changes are tried, in bytes: each try hashes all of it.
const MAX_PAIRED: usize = 256 * 1024;

/// Judges a request and explains the verdict.
pub(super) fn judge(case: &SignatureCase) -> Diagnosis {
    let refusal = match case.judge() {
        Ok(verified) => return Diagnosis::Holds { notes: notes(case, &verified) },
        Err(refusal) => refusal,
    };
    let case = &case.presented();
    let mut reasons = clues::visible(case, &refusal);
    match explain(case) {
        Some(found) => reasons.extend(found),
        None if reasons.is_empty() => reasons.push(unexplained(case)),
        None => (),
    }
    Diagnosis::Refused { refusal, reasons }
}

/// What has to be changed for the signature to hold.
fn explain(case: &SignatureCase) -> Option<Vec<String>> {
    let skew = case.judge().err().and_then(|refusal| clues::skew(case, &refusal));
    let case = case.timeless();
    if let Ok(verified) = case.judge() {
        let mut reasons = Vec::from_iter(skew);
        reasons.extend(old_secret(&case, &verified));
        return Some(reasons);
    }
    let corrections = corrections::all(&case);
    let corrected: Vec<(&Correction, SignatureCase)> =
        corrections.iter().map(|correction| (correction, correction.apply(&case))).collect();
    if let Some((correction, holding)) = corrected.iter().find(|(_, case)| case.holds()) {
        let also = holding.judge().ok().and_then(|verified| old_secret(holding, &verified));
        return Some([Some(correction.says.clone()), also, skew].into_iter().flatten().collect());
    }
    if MAX_PAIRED < case.body.len() {
        return None;
    }
    for (first, once) in &corrected {
        let others = corrections::all(once);
        for second in others.iter().filter(|second| first.aspect < second.aspect) {
            if second.apply(once).holds() {
                let both = [first.says.clone(), second.says.clone()];
                return Some(both.into_iter().chain(skew).collect());
            }
        }
    }
    None
}

fn unexplained(case: &SignatureCase) -> String {
    let (length, print) = (case.body.len(), domain::profile::fingerprint(&case.body));
    let secrets = match case.secrets.len() {
        1 => "the secret is another one".to_owned(),
        n => format!("none of the {n} secrets is the sender's"),
    };
    format!(
        "Nothing that usually goes wrong explains it. What is left: {secrets}, or the body was changed on its way \
         (a proxy, a middleware that parses it). The body judged here has {length} bytes and the SHA-256 {print}: \
         compare that with what the sender signed."
    )
}

fn notes(case: &SignatureCase, verified: &Verification) -> Vec<String> {
    let mut notes = Vec::from_iter(old_secret(case, verified));
    if let Some(at) = verified.timestamp {
        let signed = Timestamp::from_secs(at);
        let ago = case.now.since(signed).as_secs();
        let ahead = signed.since(case.now).as_secs();
        let when = if 0 < ahead {
            format!("{ahead} s ahead of this clock")
        } else {
            format!("{ago} s ago")
        };
        notes.push(format!("Signed at {}, {when}.", signed.rfc3339()));
    }
    notes.push(if verified.replay_safe {
        "The time of signing is under the signature: a captured request is refused once it is too old.".to_owned()
    } else {
        "The time of signing is not under the signature: what is captured can be sent again, and only the kept event makes it a duplicate.".to_owned()
    });
    match case.profile.key(verified, &case.body) {
        Ok((key, _)) => notes.push(format!("Idempotency key: {key}")),
        Err(unreadable) => notes.push(format!("But the relay would answer 400: {unreadable}.")),
    }
    notes
}

fn old_secret(case: &SignatureCase, verified: &Verification) -> Option<String> {
    let number = verified.secret + 1;
    (1 < number).then(|| {
        format!(
            "It was made with secret number {number} of the {} given, not the newest: the sender still signs with an old one. \
             Give it the new one before the old one is taken away.",
            case.secrets.len()
        )
    })
}
