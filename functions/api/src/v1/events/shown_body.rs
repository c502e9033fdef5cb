//! Bodies of requests as a field of JSON: as text where they are text, else in base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use utoipa::ToSchema;

/// A body as it is shown.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ShownBody {
    /// Length of the whole body, in bytes.
    bytes: usize,
    /// Whether the body is longer than what is shown, which is its beginning.
    cut: bool,
    /// The body, if it is UTF-8.
    body: Option<String>,
    /// The body in base64, if it is not UTF-8.
    body_base64: Option<String>,
}

impl ShownBody {
    /// The body as far as its first `most` bytes go.
    pub(super) fn of(bytes: &[u8], most: usize) -> Self {
        let shown = &bytes[..bytes.len().min(most)];
        let cut = shown.len() < bytes.len();
        // A character that the cut goes through is left out.
        let text = match std::str::from_utf8(shown) {
            Ok(text) => Some(text),
            Err(error) if cut && error.error_len().is_none() => {
                std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        Self {
            bytes: bytes.len(),
            cut,
            body: text.map(str::to_owned),
            body_base64: text.is_none().then(|| STANDARD.encode(shown)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_text_where_it_is_text_and_cut_between_characters() {
        let shown = |bytes: &[u8], most| {
            let ShownBody { cut, body, body_base64, .. } = ShownBody::of(bytes, most);
            (cut, body, body_base64)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(shown(b"abc", 3), (false, text("abc"), None));
        assert_eq!(shown(b"abcd", 3), (true, text("abc"), None));
        assert_eq!(shown("aé".as_bytes(), 2), (true, text("a"), None));
        assert_eq!(shown(b"a\xff", 2), (false, None, text("Yf8=")));
        assert_eq!(shown(b"a\xffbc", 2), (true, None, text("Yf8=")));
        assert_eq!(shown(b"a\xc3", 2), (false, None, text("YcM=")));
        assert_eq!(shown(b"", 2), (false, text(""), None));
    }
}
