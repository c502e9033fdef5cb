//! Secrets that are planted, and every spelling in which one might come to light.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// A planted secret, and the spellings that are searched for.
pub(super) struct Needle {
    /// The name of the planted secret.
    pub(super) name: String,
    forms: Vec<String>,
}

impl Needle {
    /// A secret, looked for as it is, in hexadecimal, and in base64, also within something longer that
    /// was encoded as a whole.
    pub(super) fn new(name: &str, secret: &[u8]) -> Self {
        assert!(16 <= secret.len(), "{name} would be found by chance");
        let mut forms = vec![hex::encode(secret), hex::encode_upper(secret)];
        forms.extend(String::from_utf8(secret.to_vec()).ok());
        for before in 0..3 {
            let padded = [&vec![0; before][..], secret].concat();
            let whole = padded.len() / 3 * 4;
            // The first characters depend on what stands before, the last on what follows.
            let from = (before * 4).div_ceil(3);
            for digits in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
                forms.push(digits[from..whole].to_owned());
            }
        }
        forms.sort();
        forms.dedup();
        Self { name: name.to_owned(), forms }
    }

    /// Number of the spellings that are searched for.
    pub(super) fn spellings(&self) -> usize {
        self.forms.len()
    }

    /// The text contains the secret in one of the spellings.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form))
    }
}

#[test]
fn a_secret_is_found_however_it_is_spelled_and_whatever_stands_around_it() {
    let secret = "planted-needle-0001";
    let needle = Needle::new("x", secret.as_bytes());
    for before in ["", "a", "ab", "abc", "abcd"] {
        for after in ["", "x", "xy", "xyz"] {
            let around = format!("{before}{secret}{after}");
            for text in [
                around.clone(),
                hex::encode(&around),
                hex::encode_upper(&around),
                STANDARD_NO_PAD.encode(&around),
                URL_SAFE_NO_PAD.encode(&around),
            ] {
                assert!(needle.is_in(&format!("… {text} …")), "{text}");
            }
        }
    }
    assert!(!needle.is_in("planted-needle-0002"));
}
