//! The headers that an endpoint's owner sets: which of them are sealed in the table.

use std::collections::BTreeMap;

use domain::{
    headers::{self, StoredHeader},
    secret::Secret,
};

use super::{UnsealError, Vault};

impl Vault {
    /// The headers of an endpoint's owner as they are kept: those whose names say that they are
    /// secrets are sealed. A value that is masked stays what it was.
    pub fn keep_headers(
        &self,
        owner: &str,
        given: BTreeMap<String, String>,
        known: &BTreeMap<String, StoredHeader>,
    ) -> BTreeMap<String, StoredHeader> {
        let keep = |(name, value): (String, String)| {
            let before = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
            let kept = match before.map(|(_, kept)| kept) {
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

    /// Decrypts the headers into the form in which they are sent.
    ///
    /// # Errors
    /// Fails if a sealed value was not sealed by this master key for this owner.
    pub fn open_headers(
        &self,
        owner: &str,
        kept: &BTreeMap<String, StoredHeader>,
    ) -> Result<BTreeMap<String, Secret>, UnsealError> {
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
