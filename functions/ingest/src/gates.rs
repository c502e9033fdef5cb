//! Sources, kept in memory between requests so that a warm request makes one call to AWS, its send.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adapters::{Unavailable, table::Table, vault::Vault};
use domain::{
    id::is_identifier,
    signature::Algorithm,
    source::{Gate, Source, kept_token},
    time::Timestamp,
};
use tracing::error;

/// The time for which a source is used as it was read.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// The time for which a name is taken for one that no source has.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// The time for which a source counts as one that never presented a replay-safe signature, when a weaker one
/// is to be accepted.
const UNLOCKED_FOR: Duration = Duration::from_secs(5);
/// The least time between two reads of a source that refused requests cause.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// Names that are remembered. Whoever tries more makes us forget names that are nobody's, and no source.
const MAX_NAMES: usize = 1000;

/// The sources that an instance has seen lately, so that few requests read the table for their source.
#[derive(Debug)]
pub(crate) struct Gates {
    table: Table,
    vault: Vault,
    seen: Mutex<HashMap<String, CachedGate>>,
}

#[derive(Clone, Debug)]
struct CachedGate {
    at: Timestamp,
    gate: Option<Arc<Gate>>,
}

impl Gates {
    pub(crate) fn new(table: Table, vault: Vault) -> Self {
        Self { table, vault, seen: Mutex::default() }
    }

    /// The source of this name, if there is one.
    pub(crate) async fn gate(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Gate>>, Unavailable> {
        if !is_identifier(name, 64) {
            return Ok(None);
        }
        if let Some(seen) = self.seen(name) {
            let fresh = if seen.gate.is_some() { KNOWN_FOR } else { UNKNOWN_FOR };
            if now.since(seen.at) < fresh {
                return Ok(seen.gate);
            }
        }
        self.load(name, now).await
    }

    /// The source again, if it was not looked at just now.
    pub(crate) async fn refresh(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Gate>>, Unavailable> {
        self.look_again(name, now, REFRESH_EVERY).await
    }

    /// The source again, if what we know of it is too old to say that it is not locked. So a lock
    /// that another instance made holds here within 5 s, at one read in 5 s, and only for a source
    /// that still signs in the weaker of its ways.
    pub(crate) async fn newer(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Gate>>, Unavailable> {
        self.look_again(name, now, UNLOCKED_FOR).await
    }

    /// The source again, unless it was looked at within this time.
    async fn look_again(
        &self,
        name: &str,
        now: Timestamp,
        within: Duration,
    ) -> Result<Option<Arc<Gate>>, Unavailable> {
        match self.seen(name) {
            Some(seen) if now.since(seen.at) < within => Ok(None),
            _ => self.load(name, now).await,
        }
    }

    /// Remembers that the source is locked.
    pub(crate) fn lock(&self, name: &str) {
        self.change(name, |gate| gate.locked = true);
    }

    /// Remembers that a challenge of the source's sender was answered at this time, and that this is noted.
    pub(crate) fn note_handshake(&self, name: &str, at: Timestamp) {
        self.change(name, |gate| gate.handshake_at = Some(at));
    }

    /// Changes what is remembered of a source.
    fn change(&self, name: &str, change: impl FnOnce(&mut Gate)) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = seen.get_mut(name).and_then(|seen| seen.gate.as_mut()) {
            change(Arc::make_mut(gate));
        }
    }

    fn seen(&self, name: &str) -> Option<CachedGate> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    async fn load(&self, name: &str, now: Timestamp) -> Result<Option<Arc<Gate>>, Unavailable> {
        let source = self.table.source(name).await?;
        let gate = source.and_then(|source| self.open(source)).map(Arc::new);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if MAX_NAMES <= seen.len() {
            seen.retain(|_, seen| seen.gate.is_some() && now.since(seen.at) < KNOWN_FOR);
        }
        if MAX_NAMES <= seen.len() {
            seen.clear();
        }
        seen.insert(name.to_owned(), CachedGate { at: now, gate: gate.clone() });
        Ok(gate)
    }

    /// A source with its secrets opened; one that does not open lets nobody pass.
    fn open(&self, source: Source) -> Option<Gate> {
        let profile = source.effective()?;
        let tokens = profile.scheme.algorithm == Algorithm::Token;
        let owner = Source::owner(&source.id);
        let mut secrets = Vec::new();
        for sealed in &source.secrets {
            if tokens {
                secrets.extend(kept_token(sealed));
                continue;
            }
            match self.vault.unseal(&owner, sealed) {
                Ok(secret) => secrets.push(secret),
                Err(cause) => error!(source = source.name, %cause, "a source's secret"),
            }
        }
        Some(Gate {
            id: source.id,
            name: source.name,
            profile_name: source.profile,
            profile,
            options: source.options,
            secrets,
            secrets_since: source.secrets_since,
            proof: source.proof,
            application: source.application,
            locked: source.locked_at.is_some(),
            handshake_at: source.handshake_at,
        })
    }
}
