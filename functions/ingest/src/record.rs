//! The record of an accepted request, which travels with it: what was called, by whom, with which
//! headers, and why the sender was believed.

use domain::{
    request::{ArrivedRequest, RequestRecord, RequestVerdict, SecretMark},
    secret::Secret,
    signature::Verification,
    source::Gate,
    time::Timestamp,
};

use crate::{
    Ingest,
    accept::{Arrival, Passed},
};

impl Ingest {
    /// The record of a request that passed its source's gate. `name` is the random name of its arrival.
    pub(crate) fn record(
        &self,
        gate: &Gate,
        passed: &Passed,
        arrival: &Arrival<'_>,
        name: &str,
    ) -> RequestRecord {
        let verified = &passed.request.verified;
        let scheme = gate.profile.schemes().nth(verified.scheme).unwrap_or(&gate.profile.scheme);
        let verdict = RequestVerdict {
            profile: gate.profile_name.clone(),
            scheme: scheme.words(),
            secret: self.mark(gate, verified).filter(|_| passed.by_source),
            timestamp_age_s: verified.timestamp.and_then(|at| age(at, arrival.now)),
        };
        let request = ArrivedRequest {
            method: arrival.method,
            path: arrival.path,
            query: arrival.query,
            token: arrival.token,
            caller: arrival.caller,
            headers: arrival.headers,
            bytes: arrival.body.len(),
        };
        RequestRecord::of(&request, &gate.profile, verdict, |header, value| {
            self.vault.seal(&RequestRecord::owner(name, header), &Secret::new(value))
        })
    }

    /// The mark of the secret that vouches for a request. A published key is none.
    fn mark(&self, gate: &Gate, verified: &Verification) -> Option<SecretMark> {
        let secret = gate.secrets.get(verified.secret).filter(|_| gate.profile.jwks.is_none())?;
        let fingerprint = self.vault.fingerprint(secret);
        Some(SecretMark { position: verified.secret + 1, fingerprint })
    }
}

/// The age of a time in seconds, below 0 for one that is ahead; `None` if it is out of all bounds.
fn age(at: u64, now: Timestamp) -> Option<i64> {
    i64::try_from(now.secs()).ok()?.checked_sub(i64::try_from(at).ok()?)
}
