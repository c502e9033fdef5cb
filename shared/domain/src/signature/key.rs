//! Keys, and the algorithms that use them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::template::{Content, SignedParts};
use crate::secret::{SYMMETRIC_PREFIX, Secret};

/// The algorithm of a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with SHA-256.
    #[default]
    HmacSha256,
    /// HMAC with SHA-1, for senders that use nothing else.
    HmacSha1,
    /// Ed25519. The source's secrets are public keys.
    Ed25519,
    /// No signature: the sender knows an unguessable path.
    Token,
}

/// The encoding of key bytes in a secret's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyEncoding {
    /// The bytes of the text itself.
    #[default]
    Raw,
    /// `whsec_` followed by base64.
    Whsec,
    /// Base64 with padding.
    Base64,
    /// Base64 for URLs without padding, as JSON Web Keys have it.
    Base64Url,
    /// Hexadecimal digits.
    Hex,
}

impl KeyEncoding {
    /// The key bytes; `None` if the text is not in this encoding.
    pub fn decode(self, secret: &Secret) -> Option<Secret> {
        let key = match self {
            Self::Raw => return Some(secret.clone()),
            Self::Whsec => STANDARD.decode(secret.as_str()?.strip_prefix(SYMMETRIC_PREFIX)?).ok(),
            Self::Base64 => STANDARD.decode(secret.as_str()?).ok(),
            Self::Base64Url => URL_SAFE_NO_PAD.decode(secret.as_str()?).ok(),
            Self::Hex => hex::decode(secret.as_str()?).ok(),
        };
        key.map(Secret::new)
    }
}

impl Algorithm {
    /// The word for the algorithm.
    pub const fn word(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha1 => "hmac-sha1",
            Self::Ed25519 => "ed25519",
            Self::Token => "token",
        }
    }

    /// The length of a signature in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::HmacSha256 | Self::Token => 32,
            Self::HmacSha1 => 20,
            Self::Ed25519 => 64,
        }
    }

    /// Whether one of the signatures is made by this key over this content. The comparison takes
    /// constant time.
    pub(super) fn holds(
        self,
        key: &[u8],
        content: &Content,
        signed: &SignedParts<'_>,
        tags: &[Vec<u8>],
    ) -> bool {
        match self {
            Self::HmacSha256 => {
                let mac = mac::<Hmac<Sha256>>(key, content, signed);
                tags.iter().any(|tag| mac.clone().verify_slice(tag).is_ok())
            }
            Self::HmacSha1 => {
                let mac = mac::<Hmac<Sha1>>(key, content, signed);
                tags.iter().any(|tag| mac.clone().verify_slice(tag).is_ok())
            }
            Self::Ed25519 => {
                let message = content.bytes(signed);
                tags.iter().any(|tag| verifies(key, &message, tag))
            }
            Self::Token => false,
        }
    }

    /// Signs a content. The key of Ed25519 is the seed of 32 bytes, alone or followed by the public
    /// key. `None` for another length, and for tokens.
    pub(super) fn sign(
        self,
        key: &[u8],
        content: &Content,
        signed: &SignedParts<'_>,
    ) -> Option<Vec<u8>> {
        match self {
            Self::HmacSha256 => {
                Some(mac::<Hmac<Sha256>>(key, content, signed).finalize().into_bytes().to_vec())
            }
            Self::HmacSha1 => {
                Some(mac::<Hmac<Sha1>>(key, content, signed).finalize().into_bytes().to_vec())
            }
            Self::Ed25519 => {
                let key = SigningKey::from_bytes(key.get(..32)?.try_into().ok()?);
                Some(key.sign(&content.bytes(signed)).to_bytes().to_vec())
            }
            Self::Token => None,
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], content: &Content, signed: &SignedParts<'_>) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    content.feed(signed, &mut |piece| mac.update(piece));
    mac
}

/// Whether an Ed25519 signature holds, by strict rules: no key or signature of small order, and
/// only one encoding of a signature.
pub(super) fn verifies(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    let (Ok(key), Ok(tag)) = (key.try_into(), tag.try_into()) else { return false };
    let Ok(key) = VerifyingKey::from_bytes(key) else { return false };
    key.verify_strict(message, &Signature::from_bytes(tag)).is_ok()
}

/// SHA-256 of a path token in hex, which is all that is stored of the token.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// Whether two hashes are equal, compared in constant time.
pub(super) fn same_hash(one: &str, other: &Secret) -> bool {
    one.as_bytes().ct_eq(other.expose()).into()
}

/// The Ed25519 keys of a JSON Web Key Set, as public keys in [`KeyEncoding::Base64Url`]. Other keys
/// are skipped. `None` if the document is no key set.
pub fn key_set(document: &[u8]) -> Option<Vec<Secret>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Key>,
    }
    #[derive(Deserialize)]
    struct Key {
        #[serde(default)]
        kty: String,
        #[serde(default)]
        crv: String,
        #[serde(default)]
        x: String,
    }
    let set: Set = serde_json::from_slice(document).ok()?;
    let usable = |key: &Key| {
        let bytes = URL_SAFE_NO_PAD.decode(&key.x).ok();
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        key.kty == "OKP"
            && key.crv == "Ed25519"
            && bytes.is_some_and(|bytes| VerifyingKey::from_bytes(&bytes).is_ok())
    };
    let keys = set.keys.into_iter().filter(usable).take(MAX_KEYS);
    Some(keys.map(|key| Secret::new(key.x)).collect())
}

/// Most keys of a key set that are used.
const MAX_KEYS: usize = 16;
