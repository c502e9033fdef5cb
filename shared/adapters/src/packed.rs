//! Packed bytes: raw deflate, for whatever is stored or measured by the kilobyte.

use std::io::{self, Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

/// The bytes, packed as small as deflate makes them.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes any bytes");
    encoder.finish().expect("memory takes any bytes")
}

/// The bytes that were packed; of more than `most` bytes, the first `most`.
///
/// # Errors
/// Fails if the bytes were not packed by [`pack`].
pub(crate) fn unpack(packed: &[u8], most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed).take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_and_no_more_of_them_than_asked_for() {
        for bytes in [&b""[..], b"{}", &[b'x'; 100_000], &[0xff, 0, 0xfe]] {
            assert_eq!(unpack(&pack(bytes), 200_000).expect("packed"), bytes);
        }
        assert_eq!(unpack(&pack(&[b'x'; 100_000]), 10).expect("packed"), [b'x'; 10]);
        assert!(pack(&[b'x'; 100_000]).len() < 200);
        unpack(b"{\"plain\":1}", 100).expect_err("not packed");
    }
}
