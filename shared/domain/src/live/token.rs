//! Tokens: signed texts that open connections to one topic until they expire. They are for pages of
//! other systems, whose clients connect again and again with the URL that they were given.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{grant::Grant, topic::Topic};
use crate::{key::KeyScope, secret::Secret, time::Timestamp};

/// Longest time for which a token may be good.
pub const MAX_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Shortest time for which a token may be good.
pub const MIN_LIFE: Duration = Duration::from_secs(1);
/// The time for which a token is good unless a caller sets another: an hour.
pub const DEFAULT_LIFE: Duration = Duration::from_secs(3600);
/// Longest token that is read, in bytes: the longest project in JSON's longest spelling, in base64,
/// and room to spare.
const MAX_LEN: usize = 20_000;
/// The text that every token begins with; the number is the version of the claims.
const PREFIX: &str = "rlv1_";

/// The content of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveToken {
    /// The one topic that the connection hears. It names the application.
    #[serde(rename = "t")]
    pub topic: Topic,
    /// The id of the API key that the token was made with. Revoking the key ends the token.
    #[serde(rename = "k")]
    pub key: String,
    /// The time from which the token opens nothing.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
}

/// The reason why a text opens no connection, in words for the log. Callers are told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// The text has not the form of a token.
    #[error("the text has not the form of a token")]
    Form,
    /// The relay did not sign the token, or signed it with another master key.
    #[error("the token's signature is not the relay's")]
    Signature,
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
}

impl LiveToken {
    /// The token's text, signed with the relay's secret for tokens.
    pub fn sign(&self, secret: &Secret) -> String {
        let claims = serde_json::to_vec(self).expect("plain data serialises");
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let signature = URL_SAFE_NO_PAD.encode(mac(&claims, secret).finalize().into_bytes());
        format!("{PREFIX}{claims}.{signature}")
    }

    /// Reads a token. The signature is compared in constant time, and before anything of the content
    /// is looked at.
    ///
    /// # Errors
    /// If the text is no token, is not signed with this secret, or has expired.
    pub fn open(text: &str, secret: &Secret, now: Timestamp) -> Result<Self, InvalidToken> {
        let text = text.strip_prefix(PREFIX).filter(|text| text.len() <= MAX_LEN);
        let (claims, signature) =
            text.and_then(|text| text.split_once('.')).ok_or(InvalidToken::Form)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Form);
        let signature = decode(signature)?;
        mac(claims, secret).verify_slice(&signature).map_err(|_| InvalidToken::Signature)?;
        let token: Self =
            serde_json::from_slice(&decode(claims)?).map_err(|_| InvalidToken::Form)?;
        if token.expires_at <= now {
            return Err(InvalidToken::Expired);
        }
        Ok(token)
    }

    /// The grant of a connection that was opened with the token.
    pub fn grant(self) -> Grant {
        Grant {
            key: self.key,
            scope: KeyScope::Read,
            application: Some(self.topic.application.clone()),
            only: Some(self.topic),
            portal: None,
            expires_at: self.expires_at,
        }
    }
}

fn mac(claims: &str, secret: &Secret) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose());
    mac.expect("HMAC takes a key of any length").chain_update(PREFIX).chain_update(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ApplicationId, JobId, MAX_EXTERNAL_ID};

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn secret() -> Secret {
        Secret::new(*b"0123456789abcdef0123456789abcdef")
    }

    fn token(topic: Topic) -> LiveToken {
        LiveToken { topic, key: "k1".to_owned(), expires_at: NOW.plus(DEFAULT_LIFE) }
    }

    fn job() -> Topic {
        Topic::job(ApplicationId::named("acme"), JobId::derive(&["j"]))
    }

    #[test]
    fn a_token_opens_with_its_own_secret_until_it_expires() {
        let odd = "\u{0}".repeat(MAX_EXTERNAL_ID);
        for topic in [job(), Topic::project(ApplicationId::named("acme"), odd)] {
            let token = token(topic.clone());
            let text = token.sign(&secret());
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            assert!(text.bytes().all(plain), "stands in a query as it is");
            assert_eq!(LiveToken::open(&text, &secret(), NOW), Ok(token.clone()));
            let last = Timestamp(token.expires_at.0 - 1);
            assert!(LiveToken::open(&text, &secret(), last).is_ok());
            let expired = LiveToken::open(&text, &secret(), token.expires_at);
            assert_eq!(expired, Err(InvalidToken::Expired));
            let other = LiveToken::open(&text, &Secret::new(*b"other"), NOW);
            assert_eq!(other, Err(InvalidToken::Signature));
            let grant = token.grant();
            assert!(grant.admits(&topic, NOW));
            assert!(!grant.admits(&Topic::events(topic.application), NOW));
        }
    }

    #[test]
    fn no_other_text_opens() {
        let text = token(job()).sign(&secret());
        for at in PREFIX.len()..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert!(LiveToken::open(&forged, &secret(), NOW).is_err(), "{at}");
        }
        let (claims, signature) = text.split_once('.').expect("two parts");
        for forged in [
            String::new(),
            PREFIX.to_owned(),
            format!("{PREFIX}."),
            format!("{claims}."),
            claims.to_owned(),
            format!("{PREFIX}.{signature}"),
            format!("{text}."),
            format!("{text}="),
            format!("{text}AA"),
            text.replace(PREFIX, "rlv2_"),
            format!("{PREFIX}{}", "A".repeat(MAX_LEN + 1)),
        ] {
            assert!(LiveToken::open(&forged, &secret(), NOW).is_err(), "{forged}");
        }
    }
}
