//! Ed25519 key pairs as Standard Webhooks writes them: `whsk_` is the key pair that signs, `whpk_`
//! the public key that verifies, and `v1a` the signature.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signer, SigningKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Secret;

/// The algorithm by which a secret signs in Standard Webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretKind {
    /// HMAC-SHA256, version `v1`. A receiver that verifies could also sign.
    #[default]
    #[serde(rename = "hmac-sha256")]
    Hmac,
    /// Ed25519, version `v1a`. A receiver that verifies knows the public key only.
    #[serde(rename = "ed25519")]
    Ed25519,
}

impl SecretKind {
    /// The name of the algorithm in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hmac => "hmac-sha256",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The algorithm of this name.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Hmac, Self::Ed25519].into_iter().find(|kind| kind.word() == word)
    }
}

/// The text that a key pair begins with.
pub(super) const PRIVATE_PREFIX: &str = "whsk_";
const PUBLIC_PREFIX: &str = "whpk_";

/// The reason why a text is no key pair. The message may be shown to the caller; it quotes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyPair {
    /// The text is not `whsk_` and 32 or 64 bytes in base64.
    #[error("is whsk_ and a seed of 32 bytes, or seed and public key, in base64")]
    Shape,
    /// The public key in the text is not that of the seed.
    #[error("holds a public key that is not the seed's")]
    Halves,
    /// The text is a public key, which cannot sign.
    #[error("is a public key; what signs is the private one, whsk_")]
    Public,
}

/// An Ed25519 key pair. `Debug` prints nothing of it, and the private key is wiped when the pair is
/// dropped.
#[derive(Clone)]
pub struct KeyPair(SigningKey);

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPair(…)")
    }
}

impl KeyPair {
    /// The key pair of a seed of random bytes.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads `whsk_` and base64 of the seed, alone or followed by the public key.
    ///
    /// # Errors
    /// If the text is no such key pair, or the public key is not that of the seed.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyPair> {
        if text.starts_with(PUBLIC_PREFIX) {
            return Err(InvalidKeyPair::Public);
        }
        let digits = text.strip_prefix(PRIVATE_PREFIX).ok_or(InvalidKeyPair::Shape)?;
        let bytes = Zeroizing::new(STANDARD.decode(digits).map_err(|_| InvalidKeyPair::Shape)?);
        let (seed, public) = bytes.split_at_checked(32).ok_or(InvalidKeyPair::Shape)?;
        let pair = Self::of_seed(seed.try_into().map_err(|_| InvalidKeyPair::Shape)?);
        match public.len() {
            0 => Ok(pair),
            32 if pair.public().0 == public => Ok(pair),
            32 => Err(InvalidKeyPair::Halves),
            _ => Err(InvalidKeyPair::Shape),
        }
    }

    /// The pair as a secret, always in the form with seed and public key.
    pub fn secret(&self) -> Secret {
        let pair = Zeroizing::new(self.0.to_keypair_bytes());
        let digits = Zeroizing::new(STANDARD.encode(*pair));
        Secret::new(format!("{PRIVATE_PREFIX}{}", *digits))
    }

    /// The public key, which verifies.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// The signature of these bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// An Ed25519 public key, which may be shown to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// `whpk_` and the key in base64.
    pub fn spelled(&self) -> String {
        format!("{PUBLIC_PREFIX}{}", STANDARD.encode(self.0))
    }

    /// The member `x` of the key's JSON Web Key (RFC 8037): base64 for URLs.
    pub fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The key's JWK thumbprint (RFC 7638): SHA-256 of the required members in order, in base64 for
    /// URLs.
    pub fn thumbprint(&self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

    #[test]
    fn a_pair_is_read_in_both_spellings_and_written_in_one() {
        let pair = KeyPair::parse(KNOWN).expect("a pair");
        assert_eq!(pair.public().spelled(), PUBLIC);
        assert_eq!(pair.secret().as_str(), Some(KNOWN));
        let bytes = STANDARD.decode(&KNOWN[5..]).expect("base64");
        let seed = format!("whsk_{}", STANDARD.encode(&bytes[..32]));
        assert_eq!(KeyPair::parse(&seed).expect("a seed").secret().as_str(), Some(KNOWN));
        assert_eq!(Secret::new(KNOWN).kind(), SecretKind::Ed25519);
    }

    #[test]
    fn what_is_no_pair_is_refused_and_never_quoted() {
        let other = STANDARD.encode([[7; 32], [8; 32]].concat());
        for (text, why) in [
            (PUBLIC, InvalidKeyPair::Public),
            ("whsec_c2VjcmV0", InvalidKeyPair::Shape),
            ("whsk_", InvalidKeyPair::Shape),
            ("whsk_planted!", InvalidKeyPair::Shape),
            (&format!("whsk_{}", STANDARD.encode([1; 31])), InvalidKeyPair::Shape),
            (&format!("whsk_{}", STANDARD.encode([1; 33])), InvalidKeyPair::Shape),
            (&format!("whsk_{}", STANDARD.encode([1; 65])), InvalidKeyPair::Shape),
            (&format!("whsk_{other}"), InvalidKeyPair::Halves),
        ] {
            let refused = KeyPair::parse(text).expect_err(text);
            assert_eq!(refused, why, "{text}");
            assert!(!refused.to_string().contains("planted"));
        }
    }

    #[test]
    fn a_pair_does_not_print() {
        let printed = format!("{:?}", KeyPair::parse(KNOWN).expect("a pair"));
        assert_eq!(printed, "KeyPair(…)");
    }

    #[test]
    fn a_thumbprint_is_that_of_rfc_8037() {
        // RFC 8037, appendix A.1 to A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
        let seed = URL_SAFE_NO_PAD.decode(seed).expect("base64");
        let public = KeyPair::of_seed(&seed.try_into().expect("32 bytes")).public();
        assert_eq!(public.x(), x);
        assert_eq!(public.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn kinds_have_names() {
        for kind in [SecretKind::Hmac, SecretKind::Ed25519] {
            assert_eq!(SecretKind::named(kind.word()), Some(kind));
        }
        assert_eq!(SecretKind::named("rsa"), None);
    }
}
