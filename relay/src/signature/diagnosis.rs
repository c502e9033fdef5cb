//! The search for the reason why a signature does not hold. Corrections are applied to the request, one
//! by one and then in pairs, until the signature holds; the corrections that were needed are the
//! reason. A MAC does not match by chance, so a reason that is found is true.

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

/// The result of verifying a request, with explanations.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// The signature holds.
    Holds {
        /// Facts about the signature, such as the time of signing.
        notes: Vec<String>,
    },
    /// The signature does not hold.
    Refused {
        /// The refusal, as the relay's log names it.
        refusal: SignatureRefusal,
        /// The causes and their remedies, one sentence or two each.
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

/// The longest body on which pairs of corrections are tried, in bytes. Each try hashes the whole body.
const MAX_PAIRED: usize = 256 * 1024;

/// Verifies a request and explains the result.
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

/// The corrections after which the signature holds; `None` if no one or two corrections suffice.
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

/// The text for a mismatch without a known cause.
fn unexplained(case: &SignatureCase) -> String {
    let (length, print) = (case.body.len(), domain::profile::fingerprint(&case.body));
    let secrets = match case.secrets.len() {
        1 => "the sender has another secret".to_owned(),
        n => format!("none of the {n} secrets is the sender's"),
    };
    format!(
        "No common mistake explains the mismatch. Either {secrets}, or the body was changed on its way (by a proxy, or \
         by middleware that parses it). The body checked here has {length} bytes and the SHA-256 {print}: compare \
         both with the body that the sender signed."
    )
}

/// Facts about a signature that holds.
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
        "The signature covers the time of signing: a captured request is refused once it is too old.".to_owned()
    } else {
        "The signature does not cover the time of signing: a captured request can be sent again, and is a duplicate \
         only while its event is retained.".to_owned()
    });
    let header = case.profile.mapping.event_type_header.as_ref();
    let spelled = header.and_then(|name| case.headers.get(name)?.to_str().ok());
    match case.profile.key(verified, &case.body, spelled) {
        Ok((key, _)) => notes.push(format!("Idempotency key: {key}")),
        Err(unreadable) => notes.push(format!("The relay would still answer 400: {unreadable}.")),
    }
    notes
}

/// A warning if another secret than the newest made the signature.
fn old_secret(case: &SignatureCase, verified: &Verification) -> Option<String> {
    let number = verified.secret + 1;
    (1 < number).then(|| {
        format!(
            "Secret number {number} of the {} given made the signature, not the newest: the sender still signs with an old \
             secret. Give the sender the new secret before the old one is removed.",
            case.secrets.len()
        )
    })
}
