//! Secrets at rest: AES-256-GCM under a master key that only Secrets Manager holds, with the
//! owner's name as associated data, so that one owner's secret does not open as another's.

use std::collections::BTreeMap;

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    headers::{self, StoredHeader},
    secret::{SealedSecret, Secret},
};

use crate::{Unavailable, random};

/// Seals and opens secrets.
#[derive(Clone)]
pub struct Vault {
    cipher: Aes256Gcm,
}

/// A sealed secret does not open: wrong master key, wrong owner, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("a sealed secret does not open")]
pub struct NotOpened;

const NONCE: usize = 12;

impl Vault {
    /// A vault under a master key: any text of 32 characters and more, hashed to the key.
    pub fn new(master: &Secret) -> Self {
        use sha2::{Digest, Sha256};
        let mut hasher = Sha256::new();
        hasher.update(b"webhook relay sealing key v1:");
        hasher.update(master.expose());
        let cipher = Aes256Gcm::new_from_slice(&hasher.finalize()).expect("SHA-256 is 32 bytes");
        Self { cipher }
    }

    /// Fetches the master key and opens the vault.
    pub async fn open(
        client: &aws_sdk_secretsmanager::Client,
        secret_id: &str,
    ) -> Result<Self, Unavailable> {
        Ok(Self::new(&fetch(client, secret_id).await?))
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
    pub fn unseal(&self, owner: &str, sealed: &SealedSecret) -> Result<Secret, NotOpened> {
        let bytes = STANDARD.decode(&sealed.0).map_err(|_| NotOpened)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(NotOpened)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| NotOpened)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        self.cipher.decrypt(&nonce.into(), payload).map(Secret::new).map_err(|_| NotOpened)
    }

    /// The headers of an endpoint's owner as they are kept: those whose names say that they are
    /// secrets are sealed. A value that is masked stays what it was.
    pub fn keep_headers(
        &self,
        owner: &str,
        given: BTreeMap<String, String>,
        known: &BTreeMap<String, StoredHeader>,
    ) -> BTreeMap<String, StoredHeader> {
        let keep = |(name, value): (String, String)| {
            let kept = match known.get(&name) {
                Some(kept @ StoredHeader::Sealed(_)) if value == headers::MASK => kept.clone(),
                _ if headers::is_sensitive(&name) => {
                    StoredHeader::Sealed(self.seal(owner, &Secret::new(value)))
                }
                _ => StoredHeader::Plain(value),
            };
            (name, kept)
        };
        given.into_iter().map(keep).collect()
    }

    /// The same, as they are sent.
    pub fn open_headers(
        &self,
        owner: &str,
        kept: &BTreeMap<String, StoredHeader>,
    ) -> Result<BTreeMap<String, Secret>, NotOpened> {
        let open = |(name, kept): (&String, &StoredHeader)| {
            let value = match kept {
                StoredHeader::Plain(text) => Secret::new(text.as_str()),
                StoredHeader::Sealed(sealed) => self.unseal(owner, sealed)?,
            };
            Ok((name.clone(), value))
        };
        kept.iter().map(open).collect()
    }
}

/// The value of a secret in Secrets Manager; 32 characters at least.
pub async fn fetch(
    client: &aws_sdk_secretsmanager::Client,
    secret_id: &str,
) -> Result<Secret, Unavailable> {
    let doing = "reading a secret from Secrets Manager";
    let value = client.get_secret_value().secret_id(secret_id).send().await;
    let value = value.map_err(|error| Unavailable::aws(doing, &error))?;
    match value.secret_string() {
        Some(text) if 32 <= text.len() => Ok(Secret::new(text)),
        _ => Err(Unavailable::new(doing, "it is shorter than 32 characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
