//! Spellings of secrets and key pairs.

use domain::{
    headers,
    secret::{KeyPair, Secret, SecretKind},
};
use proptest::prelude::*;
use serde_json::json;

use crate::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_key_pair_is_read_as_it_is_spelled(seed in any::<[u8; 32]>()) {
        let pair = KeyPair::of_seed(&seed);
        let spelled = pair.secret();
        let read = KeyPair::parse(spelled.as_str().expect("text")).expect("ours");
        prop_assert_eq!(read.secret(), spelled.clone());
        prop_assert_eq!(read.public(), pair.public());
        prop_assert_eq!(spelled.kind(), SecretKind::Ed25519);
    }

    #[test]
    fn a_secret_has_one_standard_spelling(text in any::<String>()) {
        let secret = Secret::new(text.as_str());
        let standard = secret.standard();
        prop_assert_eq!(standard.standard(), standard.clone());
        prop_assert!(secret.is_same_key(&standard));
        let _ = KeyPair::parse(&text);
    }

    #[test]
    fn any_headers_are_checked_or_refused(name in any::<String>(), value in any::<String>()) {
        if let Ok(read) = headers::parse(&json!({ name: value })) {
            prop_assert_eq!(headers::check(read.clone()), Ok(read));
        }
    }
}
