//! Reasons of refusals in sentences, for the owner of a source. Senders never read them.

use crate::{
    signature::{Scheme, SignatureRefusal, SignedRequest, words},
    source::Gate,
    time::Timestamp,
};

/// A sentence that says why the signature of a request to a source was refused, and what can be done.
pub fn of_signature(
    refusal: &SignatureRefusal,
    gate: &Gate,
    request: &SignedRequest<'_>,
) -> String {
    let presented = gate.profile.schemes().find(|scheme| scheme.is_presented(request));
    let scheme = presented.unwrap_or(&gate.profile.scheme);
    if let Some(said) = words::of(refusal, &gate.profile_name, scheme) {
        return said;
    }
    match refusal {
        SignatureRefusal::Mismatch => mismatch(gate, scheme),
        SignatureRefusal::NoSecret => format!(
            "The source has no secret that the profile `{}` can use. Set one with PUT /v1/sources/{}.",
            gate.profile_name, gate.name
        ),
        SignatureRefusal::Token => {
            "The token in the path is not one of the source's, is used up, or \
            belongs to another job."
                .to_owned()
        }
        SignatureRefusal::Downgrade => format!(
            "The source has signed the time before, and this request does not. If the sender went back \
             to its weaker signature, allow it with PUT /v1/sources/{} and \"locked\": false.",
            gate.name
        ),
        SignatureRefusal::Address => {
            "The caller's address is in none of the source's allowed_networks.".to_owned()
        }
        other => format!("The request was refused: {other}."),
    }
}

/// A sentence that says why a body was refused although its signature holds. `why` is the rest of the
/// sentence.
pub fn unreadable(why: &str) -> String {
    format!("The signature holds, but the body cannot be used: {why}.")
}

/// The sentence for a signature that none of the secrets makes.
fn mismatch(gate: &Gate, scheme: &Scheme) -> String {
    if gate.profile.jwks.is_some() {
        return "The signature matches none of the keys that the sender publishes.".to_owned();
    }
    let secrets = match gate.secrets.len() {
        1 => "does not match the secret of the source".to_owned(),
        many => format!("matches none of the {many} secrets of the source"),
    };
    let url = match scheme.signs_url() {
        true => " The called URL is signed too: check the source's public_url.",
        false => "",
    };
    format!(
        "The signature {secrets}{}. If the sender's secret was changed, set it with PUT \
         /v1/sources/{}.{url}",
        kept_since(&gate.secrets_since),
        gate.name
    )
}

/// The days since which secrets are kept, in brackets; empty if one of them is not known.
fn kept_since(since: &[Option<Timestamp>]) -> String {
    let days: Option<Vec<String>> =
        since.iter().map(|at| at.map(|at| at.rfc3339()[..10].to_owned())).collect();
    match days.as_deref() {
        None | Some([]) => String::new(),
        Some([day]) => format!(" (kept since {day})"),
        Some([days @ .., last]) => format!(" (kept since {} and {last})", days.join(", ")),
    }
}
