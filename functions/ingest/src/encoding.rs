//! Bodies that were compressed on their way (`Content-Encoding`). The signature covers the bytes that
//! travel, so nothing is unpacked before it holds.

use std::io::Read;

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use domain::profile::Unreadable;
use flate2::bufread::MultiGzDecoder;

/// Largest body that is accepted, in bytes, also once it is unpacked: what Lambda itself takes.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// The body without its encoding. What a compressed body holds is bounded as an uncompressed body
/// is, by [`MAX_BODY`], so that a small request cannot fill the memory.
///
/// # Errors
/// [`Unreadable::Encoding`] if the encoding is not `gzip` or the body is not in it,
/// [`Unreadable::TooLarge`] if the content is too large.
pub(crate) fn unpack(headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Unreadable> {
    let mut named = headers.get_all(header::CONTENT_ENCODING).iter();
    let encoding = match (named.next(), named.next()) {
        (None, _) => return Ok(body.clone()),
        (Some(one), None) => one.to_str().map_err(|_| Unreadable::Encoding)?.trim(),
        (Some(_), Some(_)) => return Err(Unreadable::Encoding),
    };
    match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(body.clone()),
        "gzip" | "x-gzip" => gunzip(body),
        _ => Err(Unreadable::Encoding),
    }
}

fn gunzip(body: &[u8]) -> Result<Bytes, Unreadable> {
    let mut content = Vec::new();
    let most = MAX_BODY as u64 + 1;
    let read = MultiGzDecoder::new(body).take(most).read_to_end(&mut content);
    read.map_err(|_| Unreadable::Encoding)?;
    if MAX_BODY < content.len() {
        return Err(Unreadable::TooLarge);
    }
    Ok(content.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::http::HeaderValue;
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(content: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).expect("written");
        encoder.finish().expect("packed").into()
    }

    fn unpacked(encoding: &[&'static str], body: &Bytes) -> Result<Bytes, Unreadable> {
        let mut headers = HeaderMap::new();
        for value in encoding.iter().copied() {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        unpack(&headers, body)
    }

    #[test]
    fn a_body_is_unpacked_as_its_encoding_says() {
        let plain = Bytes::from_static(b"{}");
        for none in [&[][..], &["identity"], &[""]] {
            assert_eq!(unpacked(none, &plain), Ok(plain.clone()), "{none:?}");
        }
        for gzip in ["gzip", "GZIP", "x-gzip"] {
            assert_eq!(unpacked(&[gzip], &packed(b"{}")), Ok(plain.clone()), "{gzip}");
        }
        for other in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &["deflate"]] {
            assert_eq!(unpacked(other, &packed(b"{}")), Err(Unreadable::Encoding), "{other:?}");
        }
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_refused() {
        let whole = packed(&[b'x'; 1000]);
        for bad in [Bytes::from_static(b"{}"), Bytes::new(), whole.slice(..whole.len() - 5)] {
            assert_eq!(unpacked(&["gzip"], &bad), Err(Unreadable::Encoding), "{bad:?}");
        }
    }

    #[test]
    fn a_small_body_with_a_large_content_is_refused() {
        let bomb = packed(&vec![0; MAX_BODY + 1]);
        assert!(bomb.len() < 100_000);
        assert_eq!(unpacked(&["gzip"], &bomb), Err(Unreadable::TooLarge));
        let most = packed(&vec![0; MAX_BODY]);
        assert_eq!(unpacked(&["gzip"], &most).map(|content| content.len()), Ok(MAX_BODY));
    }
}
