//! The content encodings that a client accepts (RFC 9110, 12.5.3).

use axum::http::{HeaderMap, header};

/// The encodings that matter here. A client that states none gets the plain content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Encodings {
    /// Whether the client takes brotli.
    pub(super) br: bool,
    /// Whether the client takes gzip.
    pub(super) gzip: bool,
}

impl Encodings {
    /// The encodings that a request accepts. An entry that cannot be read accepts nothing.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let fields = headers.get_all(header::ACCEPT_ENCODING).iter();
        let fields = fields.filter_map(|field| field.to_str().ok());
        let (mut named, mut any) = ([None, None], false);
        for (name, accepted) in fields.flat_map(|field| field.split(',')).filter_map(entry) {
            match name.to_ascii_lowercase().as_str() {
                "br" => named[0] = Some(accepted),
                "gzip" | "x-gzip" => named[1] = Some(accepted),
                "*" => any = accepted,
                _ => (),
            }
        }
        let [br, gzip] = named.map(|named| named.unwrap_or(any));
        Self { br, gzip }
    }
}

/// The name of a coding, and whether its weight is above zero.
fn entry(text: &str) -> Option<(&str, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let weight = weight.map_or(Ok(1.0), str::parse::<f32>).ok()?;
    Some((name, 0.0 < weight))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_a_client_accepts_is_read_with_its_weights() {
        for (fields, br, gzip) in [
            (&[][..], false, false),
            (&[""], false, false),
            (&["identity"], false, false),
            (&["gzip"], false, true),
            (&["gzip, deflate, br, zstd"], true, true),
            (&["GZIP;q=0.5 , Br; q=1"], true, true),
            (&["br;q=0, gzip"], false, true),
            (&["br;q=0.000, *"], false, true),
            (&["*"], true, true),
            (&["*;q=0"], false, false),
            (&["gzip", "br"], true, true),
            (&["br;q=x"], false, false),
            (&["brotli, xgzip"], false, false),
            (&[",,;q=1,"], false, false),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(field));
            }
            assert_eq!(Encodings::of(&headers), Encodings { br, gzip }, "{fields:?}");
        }
        let mut unreadable = HeaderMap::new();
        unreadable
            .append(header::ACCEPT_ENCODING, HeaderValue::from_bytes(b"br\xff").expect("opaque"));
        assert_eq!(Encodings::of(&unreadable), Encodings::default());
    }
}
