//! Secrets at rest: AES-256-GCM under a master key that only Secrets Manager holds, with the
//! owner's name as associated data, so that one owner's secret does not open as another's.

mod headers;

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    log::{LogClaim, LogToken},
    secret::{SealedSecret, Secret},
    time::Timestamp,
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::random;

/// Encrypts and decrypts secrets under the master key.
#[derive(Clone)]
pub struct Vault {
    cipher: Aes256Gcm,
    marks: [u8; 32],
    live_tokens: Secret,
    log_tokens: [u8; 32],
    fingerprints: [u8; 32],
}

/// A sealed secret does not open: wrong master key, wrong owner, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("a sealed secret does not open")]
pub struct UnsealError;

const NONCE: usize = 12;

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault under a master key: any text of 32 characters and more, hashed to the keys.
    pub fn new(master: &Secret) -> Self {
        let cipher = Aes256Gcm::new_from_slice(&derived(master, "sealing"));
        Self {
            cipher: cipher.expect("SHA-256 is 32 bytes"),
            marks: derived(master, "marking"),
            live_tokens: Secret::new(derived(master, "live token")),
            log_tokens: derived(master, "log token"),
            fingerprints: derived(master, "fingerprint"),
        }
    }

    /// The secret that tokens for live updates are signed with.
    pub const fn live_tokens(&self) -> &Secret {
        &self.live_tokens
    }

    /// The token for a claim: with it, whoever holds it appends to the log of one job.
    pub fn log_token(&self, claim: LogClaim) -> LogToken {
        let code = hex::encode(self.log_code(&claim).finalize().into_bytes());
        LogToken { claim, code }
    }

    /// The claim of a token that this vault made and that has not expired. The code is compared in
    /// constant time.
    pub fn log_claim(&self, token: &LogToken, now: Timestamp) -> Option<LogClaim> {
        let code = hex::decode(&token.code).ok()?;
        self.log_code(&token.claim).verify_slice(&code).ok()?;
        (!token.claim.has_expired(now)).then(|| token.claim.clone())
    }

    fn log_code(&self, claim: &LogClaim) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.log_tokens).expect("any length is a key");
        mac.update(&claim.signed());
        mac
    }

    /// A mark of these texts, in whatever order, that only a holder of the master key can make:
    /// HMAC-SHA256 in hex, cut to 128 bits. `None` for no text.
    pub fn mark<'t>(&self, texts: impl IntoIterator<Item = &'t [u8]>) -> Option<String> {
        let mut texts: Vec<&[u8]> = texts.into_iter().collect();
        texts.sort_unstable();
        if texts.is_empty() {
            return None;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.marks).expect("any length is a key");
        for text in texts {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text);
        }
        Some(hex::encode(&mac.finalize().into_bytes()[..16]))
    }

    /// A mark of one secret that may be shown: the first 8 hex digits of an HMAC of the secret. A bare
    /// hash would let whoever reads it guess a short secret.
    pub fn fingerprint(&self, secret: &Secret) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.fingerprints).expect("any length is a key");
        mac.update(secret.expose());
        hex::encode(&mac.finalize().into_bytes()[..4])
    }

    /// Seals a secret for its owner.
    pub fn seal(&self, owner: &str, secret: &Secret) -> SealedSecret {
        let nonce: [u8; NONCE] = random::bytes();
        let payload = Payload { msg: secret.expose(), aad: owner.as_bytes() };
        let sealed = self.cipher.encrypt(&nonce.into(), payload);
        let sealed = sealed.expect("AES-GCM seals anything below 64 GiB");
        SealedSecret(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for this owner.
    ///
    /// # Errors
    /// Fails if the text was not sealed by this master key for this owner.
    pub fn unseal(&self, owner: &str, sealed: &SealedSecret) -> Result<Secret, UnsealError> {
        let bytes = STANDARD.decode(&sealed.0).map_err(|_| UnsealError)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(UnsealError)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| UnsealError)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        self.cipher.decrypt(&nonce.into(), payload).map(Secret::new).map_err(|_| UnsealError)
    }
}

/// The key for one purpose that follows from a master key.
fn derived(master: &Secret, purpose: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(format!("webhook relay {purpose} key v1:"));
    hasher.update(master.expose());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use domain::{
        id::{ApplicationId, JobId},
        log::LogOwner,
    };

    use super::*;

    #[test]
    fn marks_and_tokens_have_keys_of_their_own_under_the_master_key() {
        let vault = |master: &str| Vault::new(&Secret::new(master));
        let one = vault("0123456789abcdef0123456789abcdef");
        assert_eq!(one.live_tokens(), vault("0123456789abcdef0123456789abcdef").live_tokens());
        assert_ne!(one.live_tokens(), vault("0123456789abcdef0123456789abcdeF").live_tokens());
        assert_ne!(one.live_tokens().expose(), one.marks);
        // Marks lie in the table: their key must stay what it was.
        let mark = one.mark([&b"whsec_x"[..]]);
        assert_eq!(mark.as_deref(), Some("dcfd7f2326b31cae131f6f2aec644d23"));
    }

    #[test]
    fn a_fingerprint_tells_secrets_and_relays_apart() {
        let print = |master: &str, secret: &str| {
            Vault::new(&Secret::new(master)).fingerprint(&Secret::new(secret))
        };
        let one = print("0123456789abcdef0123456789abcdef", "whsec_x");
        assert_eq!(one, print("0123456789abcdef0123456789abcdef", "whsec_x"));
        assert_ne!(one, print("0123456789abcdef0123456789abcdef", "whsec_y"));
        assert_ne!(one, print("0123456789abcdef0123456789abcdeF", "whsec_x"));
        assert!(one.len() == 8 && !"dcfd7f2326b31cae131f6f2aec644d23".starts_with(&one));
    }

    #[test]
    fn a_log_token_is_good_for_its_job_its_time_and_its_relay() {
        let vault = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdef"));
        let owner = |application: &str, job: &str| LogOwner {
            application: ApplicationId::named(application),
            job: JobId::derive(&[job]),
        };
        let claim = LogClaim { owner: owner("acme", "1"), until: 1000 };
        let token = vault.log_token(claim.clone());
        let sent = LogToken::parse(&token.to_string()).expect("a token");
        assert_eq!(vault.log_claim(&sent, Timestamp::from_secs(1000)), Some(claim.clone()));
        assert_eq!(vault.log_claim(&sent, Timestamp::from_secs(1001)), None);
        let now = Timestamp::from_secs(1);
        let other = LogClaim { owner: owner("acme", "2"), ..claim.clone() };
        let elsewhere = LogClaim { owner: owner("globex", "1"), ..claim.clone() };
        let longer = LogClaim { until: 2000, ..claim.clone() };
        for claim in [other, elsewhere, longer] {
            let forged = LogToken { claim, code: sent.code.clone() };
            assert_eq!(vault.log_claim(&forged, now), None);
        }
        for code in ["", "00", "zz", &sent.code[..62]] {
            let forged = LogToken { claim: claim.clone(), code: code.to_owned() };
            assert_eq!(vault.log_claim(&forged, now), None);
        }
        let elsewhere = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdeF"));
        assert_eq!(elsewhere.log_claim(&sent, now), None);
    }

    #[test]
    fn a_secret_opens_for_its_owner_only() {
        let vault = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdef"));
        let secret = Secret::new(*b"whsec_x");
        let sealed = vault.seal("endpoint:ep_1", &secret);
        assert!(!sealed.0.contains("whsec"));
        assert_ne!(sealed, vault.seal("endpoint:ep_1", &secret), "a nonce is used once");
        assert_eq!(vault.unseal("endpoint:ep_1", &sealed).ok(), Some(secret));
        assert!(vault.unseal("endpoint:ep_2", &sealed).is_err());
        let other = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdeF"));
        assert!(other.unseal("endpoint:ep_1", &sealed).is_err());
        for bad in ["", "AAAA", "not base64!", &STANDARD.encode([0; 12])] {
            assert!(vault.unseal("endpoint:ep_1", &SealedSecret(bad.to_owned())).is_err());
        }
    }
}
