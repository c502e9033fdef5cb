//! Lines for the log of a job, signed as the source signs its completions.
//!
//! The signature covers the body, so the body has to say everything: the job, the stream, the first
//! number. A captured request that is sent again, or to another job's address, then adds nothing.

use std::sync::Arc;

use adapters::Unavailable;
use axum::http::header;
use dispatch::logs::KeepOutcome;
use domain::{
    id::MAX_EXTERNAL_ID,
    log::{self, BatchPlace, LogOwner},
    signature::SignatureRefusal,
    source::Gate,
};
use tracing::warn;

use crate::{
    Ingest,
    accept::{AcceptOutcome, Arrival},
    answer::{self, No},
};

impl Ingest {
    /// Judges a request that brings lines for a job, by the sender's id, and keeps them.
    pub(crate) async fn accept_lines(
        &self,
        arrival: &Arrival<'_>,
        job: &str,
    ) -> Result<AcceptOutcome, Unavailable> {
        let gate = match self.admit(arrival).await? {
            Ok(gate) => gate,
            Err(refusal) => {
                let reason = refusal.as_ref().map(SignatureRefusal::to_string);
                warn!(source = arrival.source, reason, "lines refused");
                return Ok(AcceptOutcome::Refused(No::Refused(refusal)));
            }
        };
        let content = match arrival.content() {
            Ok(content) => content,
            Err(what) => return Ok(AcceptOutcome::Refused(No::Unreadable(what))),
        };
        let place = BatchPlace { job, signed: true, ..BatchPlace::default() };
        let kind = arrival.headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
        let text = kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"text/plain"));
        let read = if text { log::read_text } else { log::read_json };
        let batch = match read(content, &place, arrival.now) {
            Ok(batch) => batch,
            Err(fault) => return Ok(AcceptOutcome::Refused(No::Lines(fault))),
        };
        let owner = LogOwner::at(&gate.tenure(), job);
        let known = if gate.options.strict { self.table.job(&owner.job).await? } else { None };
        if MAX_EXTERNAL_ID < job.len() || (gate.options.strict && known.is_none()) {
            return Ok(AcceptOutcome::Refused(No::UnknownJob));
        }
        let until = log::expiry(known.as_ref(), arrival.now);
        let conflict = match self.logs.keep(&owner, &batch, until).await? {
            KeepOutcome::Kept | KeepOutcome::Known => false,
            KeepOutcome::Conflict => true,
            KeepOutcome::TooMany(seconds) => {
                return Ok(AcceptOutcome::Refused(No::TooMany(seconds)));
            }
        };
        self.logs.tell_watchers(&self.clock).await;
        Ok(AcceptOutcome::Accepted(answer::kept(&batch.next_seq(), conflict)))
    }

    /// The gate that a signed request passes, looked at again as for a completion: a secret may just
    /// have been rotated, or a better signature seen elsewhere. The refusal is `None` where there is
    /// no such source.
    async fn admit(
        &self,
        arrival: &Arrival<'_>,
    ) -> Result<Result<Arc<Gate>, Option<SignatureRefusal>>, Unavailable> {
        let Some(mut gate) = self.gates.gate(arrival.source, arrival.now).await? else {
            return Ok(Err(None));
        };
        let mut verified = self.verify_from(&gate, arrival).await?;
        if verified.is_err()
            && let Some(newer) = self.gates.refresh(arrival.source, arrival.now).await?
        {
            verified = self.verify_from(&newer, arrival).await?;
            gate = newer;
        }
        if verified.as_ref().is_ok_and(|verified| gate.could_be_locked(verified))
            && let Some(newer) = self.gates.newer(arrival.source, arrival.now).await?
        {
            verified = self.verify_from(&newer, arrival).await?;
            gate = newer;
        }
        Ok(verified.map(|_| gate).map_err(Some))
    }
}
