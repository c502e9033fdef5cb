//! Secrets in the form that Standard Webhooks writes.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    SYMMETRIC_PREFIX, Secret,
    pair::{KeyPair, SecretKind},
};

impl Secret {
    /// This key in the form of Standard Webhooks: a `whsec_` or `whsk_` secret is returned as it
    /// is, any other text as `whsec_` and its bytes in base64.
    pub fn standard(&self) -> Self {
        if self.pair().is_some() {
            return self.clone();
        }
        let digits = self.as_str().and_then(|text| text.strip_prefix(SYMMETRIC_PREFIX));
        match digits.and_then(|digits| STANDARD.decode(digits).ok()) {
            Some(_) => self.clone(),
            None => Self::symmetric(&self.0),
        }
    }

    /// Whether two secrets are the same key, however each is written.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.standard() == other.standard()
    }

    /// The algorithm by which the secret signs in Standard Webhooks.
    pub fn kind(&self) -> SecretKind {
        if self.pair().is_some() { SecretKind::Ed25519 } else { SecretKind::Hmac }
    }

    /// The key pair, if the secret is one.
    pub fn pair(&self) -> Option<KeyPair> {
        KeyPair::parse(self.as_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_has_a_standard_spelling() {
        let standard = |text: &str| Secret::new(text).standard().as_str().map(str::to_owned);
        assert_eq!(standard("whsec_c2VjcmV0").as_deref(), Some("whsec_c2VjcmV0"));
        assert_eq!(
            standard("your_shared_secret").as_deref(),
            Some("whsec_eW91cl9zaGFyZWRfc2VjcmV0")
        );
        assert_eq!(standard("whsec_!").as_deref(), Some("whsec_d2hzZWNfIQ=="));
    }
}
