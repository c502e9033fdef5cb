//! One request: who sent it, whether that may be, and onto the inbox with it.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use adapters::{Unavailable, access, random, table::WriteOutcome};
use axum::{
    body::Bytes,
    http::{HeaderMap, Response},
};
use domain::{
    envelope::{Envelope, StoredBody, Trust},
    id::{JobId, Tenure, is_identifier},
    profile::Unreadable,
    signature::{Algorithm, SignatureRefusal, SignedRequest, Verification, token_hash},
    source::{AcceptedRequest, Gate, GateRefusal},
    time::Timestamp,
};
use tracing::{error, warn};

use crate::{
    Ingest,
    answer::{self, No},
    encoding,
    noted::NotedEvent,
    way::Way,
};

/// A request as it arrived, by whichever way.
pub(crate) struct Arrival<'a> {
    pub(crate) way: Way,
    pub(crate) source: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) method: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) caller: Option<IpAddr>,
    pub(crate) body: &'a Bytes,
    /// The body without its `Content-Encoding`; unpacked once the signature holds, and not before.
    pub(crate) unpacked: OnceLock<Result<Bytes, Unreadable>>,
    pub(crate) now: Timestamp,
}

/// The outcome of a request of a sender.
pub(crate) enum AcceptOutcome {
    /// The request is on the inbox.
    Accepted(Response<String>),
    /// The request is not kept.
    Refused(No),
}

/// A request that passed its source's gate.
pub(crate) struct Passed {
    pub(crate) request: AcceptedRequest,
    /// The source and application of the event that the request becomes: those of the gate, or those of the
    /// job whose token the request came with.
    tenure: Tenure,
    /// Whether a secret or key of the source vouches for the request, and not a token of one job.
    pub(crate) by_source: bool,
    /// Hash of the job's path token that the request uses up.
    job_token: Option<String>,
}

/// Judgement of a request by its source's gate.
enum Judgement {
    /// The gate accepts the request.
    Passed(Box<Passed>),
    /// The gate refuses the request.
    Refused(GateRefusal),
}

impl Judgement {
    fn of(tenure: Tenure, accepted: Result<AcceptedRequest, GateRefusal>) -> Self {
        match accepted {
            Ok(request) => {
                let passed = Passed { request, tenure, by_source: true, job_token: None };
                Self::Passed(Box::new(passed))
            }
            Err(refusal) => Self::Refused(refusal),
        }
    }

    fn refused(refusal: impl Into<GateRefusal>) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Arrival<'_> {
    /// The body without its `Content-Encoding`. Must not be called before the signature holds.
    pub(crate) fn content(&self) -> Result<&Bytes, Unreadable> {
        let unpacked = self.unpacked.get_or_init(|| encoding::unpack(self.headers, self.body));
        unpacked.as_ref().map_err(Clone::clone)
    }
}

impl Ingest {
    pub(crate) async fn accept(&self, arrival: &Arrival<'_>) -> Result<AcceptOutcome, Unavailable> {
        let Some(mut gate) = self.gates.gate(arrival.source, arrival.now).await? else {
            warn!(reason = "unknown source", "refused");
            return Ok(AcceptOutcome::Refused(No::Refused(None)));
        };
        let mut judgement = self.judge(&gate, arrival).await?;
        if matches!(judgement, Judgement::Refused(GateRefusal::Refused(_)))
            && let Some(newer) = self.gates.refresh(arrival.source, arrival.now).await?
        {
            // Its secret may just have been rotated.
            judgement = self.judge(&newer, arrival).await?;
            gate = newer;
        }
        if let Judgement::Passed(passed) = &judgement
            && gate.could_be_locked(&passed.request.verified)
            && let Some(newer) = self.gates.newer(arrival.source, arrival.now).await?
        {
            // Somebody else may have seen a better signature since.
            judgement = self.judge(&newer, arrival).await?;
            gate = newer;
        }
        let mut passed = match judgement {
            Judgement::Passed(passed) => passed,
            Judgement::Refused(GateRefusal::Refused(reason)) => {
                warn!(source = gate.name, %reason, "refused");
                return Ok(AcceptOutcome::Refused(No::Refused(Some(reason))));
            }
            Judgement::Refused(GateRefusal::Unreadable(what)) => {
                warn!(source = gate.name, reason = %what, "unreadable");
                return Ok(AcceptOutcome::Refused(No::Unreadable(what)));
            }
        };
        let content = match arrival.content() {
            Ok(content) => content,
            Err(what) => return Ok(AcceptOutcome::Refused(No::Unreadable(what))),
        };
        let mut limited = self.limits(&gate, &passed, content, arrival.now).await?;
        if matches!(limited, Some(No::UnknownJob))
            && let Some(newer) = self.gates.refresh(arrival.source, arrival.now).await?
            && newer.tenure() != gate.tenure()
            && let Judgement::Passed(again) = self.judge(&newer, arrival).await?
        {
            // The source may just have moved to the application that the job is registered for.
            limited = self.limits(&newer, &again, content, arrival.now).await?;
            (gate, passed) = (newer, again);
        }
        if let Some(no) = limited {
            return Ok(AcceptOutcome::Refused(no));
        }
        self.keep(&gate, &passed, arrival, content).await?;
        self.remember(&gate, &passed).await;
        let noted = access::is_on().then(|| NotedEvent::of(&gate, &passed.request, content));
        let (way, profile, accepted) = (arrival.way, &gate.profile, passed.request);
        let mut response = answer::accepted(way, profile, &accepted.event, accepted.echo);
        if let Some(noted) = noted {
            response.extensions_mut().insert(noted);
        }
        Ok(AcceptOutcome::Accepted(response))
    }

    async fn judge(
        &self,
        gate: &Arc<Gate>,
        arrival: &Arrival<'_>,
    ) -> Result<Judgement, Unavailable> {
        match (self.verify_from(gate, arrival).await?, arrival.token) {
            (Ok(verified), _) => {
                let accepted = arrival.content().map_err(GateRefusal::from).and_then(|content| {
                    gate.accept(&gate.tenure(), verified, arrival.headers, content)
                });
                Ok(Judgement::of(gate.tenure(), accepted))
            }
            (Err(SignatureRefusal::Token), Some(token)) if has_path_tokens(gate) => {
                self.judge_job_token(gate, token, arrival).await
            }
            (Err(refusal), _) => Ok(Judgement::refused(refusal)),
        }
    }

    /// Verifies the signature of a request, or its path token, if the source takes requests from the
    /// caller's address. Nothing of the body is read.
    pub(crate) async fn verify_from(
        &self,
        gate: &Gate,
        arrival: &Arrival<'_>,
    ) -> Result<Result<Verification, SignatureRefusal>, Unavailable> {
        if !gate.admits(arrival.caller) {
            return Ok(Err(SignatureRefusal::Address));
        }
        let url = gate.called_url(&self.public_url, arrival.path, arrival.query);
        let request = SignedRequest {
            headers: arrival.headers,
            body: arrival.body,
            url: url.as_deref(),
            token: arrival.token,
        };
        if has_path_tokens(gate) != arrival.token.is_some() {
            return Ok(Err(SignatureRefusal::Token));
        }
        let (now, locked) = (arrival.now, gate.locked);
        let judge = |secrets: &[_]| gate.profile.judge(secrets, &request, now, locked);
        let Some(jwks) = &gate.profile.jwks else { return Ok(judge(&gate.secrets)) };
        let verified = judge(&self.keys.keys(jwks, now).await?);
        if verified == Err(SignatureRefusal::Mismatch) {
            // It may be signed with a key that was published since.
            let newer = self.keys.newer(jwks, now).await;
            return Ok(newer.map_or(verified, |keys| judge(&keys)));
        }
        Ok(verified)
    }

    /// Judges by a token that belongs to one job: it must be of this source, the body must be
    /// about that job, and if the job has ended, no other report may have said so before.
    async fn judge_job_token(
        &self,
        gate: &Gate,
        token: &str,
        arrival: &Arrival<'_>,
    ) -> Result<Judgement, Unavailable> {
        let refused = Ok(Judgement::refused(SignatureRefusal::Token));
        if !is_identifier(token, 256) {
            return refused;
        }
        let hash = token_hash(token);
        let known = self.table.token(&hash).await?;
        let known = known.filter(|known| known.tenure.source == gate.id);
        let Some(known) = known else { return refused };
        let verified = Verification { token: true, ..Verification::default() };
        let content = match arrival.content() {
            Ok(content) => content,
            Err(unreadable) => return Ok(Judgement::refused(unreadable)),
        };
        // The job stays its application's, though the source may have moved to another one since.
        let accepted = match gate.accept(&known.tenure, verified, arrival.headers, content) {
            Ok(accepted) => accepted,
            Err(unreadable) => return Ok(Judgement::Refused(unreadable)),
        };
        let readable = gate.profile.readable(content, accepted.form);
        let said = gate.profile.read(&readable);
        let ends = said.status.is_some_and(domain::job::JobStatus::is_terminal);
        let used = known.used_for.is_some_and(|event| event != accepted.event.bare());
        if said.job.as_ref() != Some(&known.external_id) || (ends && used) {
            return refused;
        }
        let passed = Passed {
            request: accepted,
            tenure: known.tenure,
            by_source: false,
            job_token: ends.then_some(hash),
        };
        Ok(Judgement::Passed(Box::new(passed)))
    }

    /// Applies the limits that the owner of a source asked for beyond its signature. A source without limits
    /// costs no read.
    async fn limits(
        &self,
        gate: &Gate,
        passed: &Passed,
        content: &Bytes,
        now: Timestamp,
    ) -> Result<Option<No>, Unavailable> {
        if let Some(limit) = gate.options.rate_limit
            && self.table.count_request(&gate.id, limit, now).await? == WriteOutcome::Refused
        {
            warn!(source = gate.name, "too many requests");
            return Ok(Some(No::TooMany(limit.retry_after(now))));
        }
        if gate.options.strict
            && let readable = gate.profile.readable(content, passed.request.form)
            && let Some(job) = gate.profile.read(&readable).job
            && self.table.job(&JobId::of(&passed.tenure, &job)).await?.is_none()
        {
            return Ok(Some(No::UnknownJob));
        }
        Ok(None)
    }

    /// Puts an accepted request on the inbox. Only then has it been accepted.
    async fn keep(
        &self,
        gate: &Gate,
        passed: &Passed,
        arrival: &Arrival<'_>,
        content: &Bytes,
    ) -> Result<(), Unavailable> {
        let Passed { request: accepted, tenure, by_source, .. } = passed;
        let name = random::token();
        let envelope = Envelope {
            source_id: tenure.source.clone(),
            source: gate.name.clone(),
            profile: gate.profile_name.clone(),
            options: gate.options.clone(),
            application: tenure.application.clone(),
            proof: gate.proof.clone().filter(|_| *by_source),
            key: accepted.key.clone(),
            event: accepted.event.clone(),
            request: Some(Box::new(self.record(gate, passed, arrival, &name))),
            encoded: (content != arrival.body).then(|| StoredBody::inline(arrival.body)),
            arrival: name,
            received_at: self.clock.now(),
            event_type: accepted.event_type.clone(),
            form: accepted.form,
            trust: if accepted.verified.token { Trust::Token } else { Trust::Signed },
            body: StoredBody::inline(content),
        };
        self.inbox.put(&self.bucket, envelope, content).await
    }

    /// Remembers what an accepted request changes for the next one. The request is accepted already, so that
    /// a failure here must not make its sender send it again. The next request remembers what this one could
    /// not, and until then the idempotency key keeps a repetition harmless.
    async fn remember(&self, gate: &Gate, passed: &Passed) {
        let Passed { request: accepted, job_token, .. } = passed;
        let now = self.clock.now();
        if gate.locks(&accepted.verified) {
            match self.table.lock_source(&gate.name, &gate.id, now).await {
                Ok(_) => self.gates.lock(&gate.name),
                Err(cause) => error!(source = gate.name, %cause, "a source is not locked yet"),
            }
        }
        if let Some(hash) = job_token
            && let Err(cause) = self.table.use_token(hash, &accepted.event).await
        {
            error!(source = gate.name, %cause, "a token is not used up yet");
        }
        if gate.notes_handshake(accepted, now) {
            self.handshakes.note(&self.gates, gate, now).await;
        }
    }
}

/// Whether the senders of a source show a token in the path in place of a signature.
fn has_path_tokens(gate: &Gate) -> bool {
    gate.profile.scheme.algorithm == Algorithm::Token
}
