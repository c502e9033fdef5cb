//! One request: who sent it, whether that may be, and onto the inbox with it.

use std::{net::IpAddr, sync::Arc};

use adapters::{Unavailable, random, table::WriteOutcome};
use axum::{
    body::Bytes,
    http::{HeaderMap, Response},
};
use domain::{
    envelope::{Envelope, StoredBody, Trust},
    id::{JobId, is_identifier},
    signature::{Algorithm, SignatureRefusal, SignedRequest, Verification, token_hash},
    source::{AcceptedRequest, Gate, GateRefusal},
    time::Timestamp,
};
use tracing::{error, warn};

use crate::{
    Ingest,
    answer::{self, No},
    way::Way,
};

/// A request as it arrived, by whichever way.
pub(crate) struct Arrival<'a> {
    pub(crate) way: Way,
    pub(crate) source: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) caller: Option<IpAddr>,
    pub(crate) body: &'a Bytes,
    pub(crate) now: Timestamp,
}

/// Outcome of a request.
pub(crate) enum AcceptOutcome {
    /// The request is on the inbox.
    Accepted(Response<String>),
    /// The request is not kept.
    Refused(No),
}

/// Judgement of a request by its source's gate.
enum Judgement {
    /// The gate accepts the request.
    Passed {
        request: AcceptedRequest,
        /// Hash of the job's path token that the request uses up.
        job_token: Option<String>,
    },
    /// The gate refuses the request.
    Refused(GateRefusal),
}

impl Judgement {
    fn of(accepted: Result<AcceptedRequest, GateRefusal>) -> Self {
        match accepted {
            Ok(request) => Self::Passed { request, job_token: None },
            Err(refusal) => Self::Refused(refusal),
        }
    }

    fn refused(refusal: impl Into<GateRefusal>) -> Self {
        Self::Refused(refusal.into())
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
        if let Judgement::Passed { request, .. } = &judgement
            && gate.could_be_locked(&request.verified)
            && let Some(newer) = self.gates.newer(arrival.source, arrival.now).await?
        {
            // Somebody else may have seen a better signature since.
            judgement = self.judge(&newer, arrival).await?;
            gate = newer;
        }
        let (accepted, job_token) = match judgement {
            Judgement::Passed { request, job_token } => (request, job_token),
            Judgement::Refused(GateRefusal::Refused(reason)) => {
                warn!(source = gate.name, %reason, "refused");
                return Ok(AcceptOutcome::Refused(No::Refused(Some(reason))));
            }
            Judgement::Refused(GateRefusal::Unreadable(what)) => {
                warn!(source = gate.name, reason = %what, "unreadable");
                return Ok(AcceptOutcome::Refused(No::Unreadable(what)));
            }
        };
        if let Some(no) = self.limits(&gate, arrival).await? {
            return Ok(AcceptOutcome::Refused(no));
        }
        self.keep(&gate, &accepted, arrival).await?;
        self.remember(&gate, &accepted, job_token).await;
        let (way, profile) = (arrival.way, &gate.profile);
        let response = answer::accepted(way, profile, &accepted.event, accepted.echo);
        Ok(AcceptOutcome::Accepted(response))
    }

    async fn judge(
        &self,
        gate: &Arc<Gate>,
        arrival: &Arrival<'_>,
    ) -> Result<Judgement, Unavailable> {
        if !gate.admits(arrival.caller) {
            return Ok(Judgement::refused(SignatureRefusal::Address));
        }
        let url = gate.called_url(&self.public_url, arrival.path, arrival.query);
        let request = SignedRequest {
            headers: arrival.headers,
            body: arrival.body,
            url: url.as_deref(),
            token: arrival.token,
        };
        let tokens = gate.profile.scheme.algorithm == Algorithm::Token;
        if tokens != arrival.token.is_some() {
            return Ok(Judgement::refused(SignatureRefusal::Token));
        }
        let (now, locked) = (arrival.now, gate.locked);
        let judge = |gate: &Gate, secrets: &[_]| {
            let verified = gate.profile.judge(secrets, &request, now, locked)?;
            gate.accept(verified, arrival.body)
        };
        let judged = match &gate.profile.jwks {
            None => judge(gate, &gate.secrets),
            Some(jwks) => judge(gate, &self.keys.keys(jwks, now).await?),
        };
        match (&judged, &gate.profile.jwks, arrival.token) {
            (Err(GateRefusal::Refused(SignatureRefusal::Mismatch)), Some(jwks), _) => {
                // It may be signed with a key that was published since.
                let newer = self.keys.newer(jwks, now).await;
                Ok(Judgement::of(newer.map_or(judged, |keys| judge(gate, &keys))))
            }
            (Err(GateRefusal::Refused(SignatureRefusal::Token)), _, Some(token)) => {
                self.judge_job_token(gate, token, arrival).await
            }
            _ => Ok(Judgement::of(judged)),
        }
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
        let Some(known) = known.filter(|known| known.source == gate.name) else { return refused };
        let verified = Verification { token: true, ..Verification::default() };
        let accepted = match gate.accept(verified, arrival.body) {
            Ok(accepted) => accepted,
            Err(unreadable) => return Ok(Judgement::Refused(unreadable)),
        };
        let said = gate.profile.read(arrival.body);
        let ends = said.status.is_some_and(domain::job::JobStatus::is_terminal);
        let used = known.used_for.is_some_and(|event| event != accepted.event.bare());
        if said.job.as_ref() != Some(&known.external_id) || (ends && used) {
            return refused;
        }
        Ok(Judgement::Passed { request: accepted, job_token: ends.then_some(hash) })
    }

    /// What a source asked for beyond its signature. It costs nothing where it did not.
    async fn limits(&self, gate: &Gate, arrival: &Arrival<'_>) -> Result<Option<No>, Unavailable> {
        let now = arrival.now;
        if let Some(limit) = gate.options.rate_limit
            && self.table.count_request(&gate.name, limit, now).await? == WriteOutcome::Refused
        {
            warn!(source = gate.name, "too many requests");
            return Ok(Some(No::TooMany(limit.retry_after(now))));
        }
        if gate.options.strict
            && let Some(job) = gate.profile.read(arrival.body).job
            && self.table.job(&JobId::of(&gate.name, &job)).await?.is_none()
        {
            return Ok(Some(No::UnknownJob));
        }
        Ok(None)
    }

    /// Puts an accepted request on the inbox. Only then has it been accepted.
    async fn keep(
        &self,
        gate: &Gate,
        accepted: &AcceptedRequest,
        arrival: &Arrival<'_>,
    ) -> Result<(), Unavailable> {
        let type_header = gate.profile.mapping.event_type_header.as_ref();
        let event_type = type_header.and_then(|name| arrival.headers.get(name)?.to_str().ok());
        let envelope = Envelope {
            source: gate.name.clone(),
            profile: gate.profile_name.clone(),
            options: gate.options.clone(),
            application: gate.application.clone(),
            key: accepted.key.clone(),
            event: accepted.event.clone(),
            arrival: random::token(),
            received_at: self.clock.now(),
            event_type: event_type.map(|text| text.chars().take(128).collect()),
            trust: if accepted.verified.token { Trust::Token } else { Trust::Signed },
            body: StoredBody::inline(arrival.body),
        };
        self.inbox.put(&self.bucket, envelope, arrival.body).await
    }

    /// What an accepted request changes for the next one. It is accepted already, so failing here
    /// must not make its sender send it again: what is not remembered now is by the next request,
    /// and until then the idempotency key keeps a repetition harmless.
    async fn remember(&self, gate: &Gate, accepted: &AcceptedRequest, job_token: Option<String>) {
        if gate.locks(&accepted.verified) {
            match self.table.lock_source(&gate.name, self.clock.now()).await {
                Ok(_) => self.gates.lock(&gate.name),
                Err(cause) => error!(source = gate.name, %cause, "a source is not locked yet"),
            }
        }
        if let Some(hash) = job_token
            && let Err(cause) = self.table.use_token(&hash, &accepted.event).await
        {
            error!(source = gate.name, %cause, "a token is not used up yet");
        }
    }
}
