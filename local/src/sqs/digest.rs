//! The MD5 checksums of message bodies and message attributes. SDKs compare them with their own.

use md5::{Digest, Md5};

use super::{limits::decoded, request::MessageAttributes};

/// The MD5 of a message body, in hex.
pub(crate) fn of_body(body: &str) -> String {
    hex::encode(Md5::digest(body))
}

/// The MD5 of message attributes, in hex; `None` if there are no attributes.
///
/// The hashed bytes are name, data type and value of each attribute in the order of names. Each part
/// is preceded by its length as four bytes, big-endian. The byte before a value is 1 for text and 2
/// for binary data.
pub(crate) fn of_attributes(attributes: &MessageAttributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut sum = Md5::new();
    let mut part = |mark: &[u8], bytes: &[u8]| {
        sum.update(mark);
        sum.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        sum.update(bytes);
    };
    for (name, attribute) in attributes {
        part(&[], name.as_bytes());
        part(&[], attribute.data_type.as_bytes());
        match (&attribute.string_value, &attribute.binary_value) {
            (Some(text), _) => part(&[1], text.as_bytes()),
            (None, Some(binary)) => part(&[2], &decoded(binary)),
            (None, None) => {}
        }
    }
    Some(hex::encode(sum.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqs::request::MessageAttribute;

    #[test]
    fn the_sum_of_a_body_is_md5() {
        assert_eq!(of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
    }

    #[test]
    fn the_sum_of_attributes_is_the_one_that_aws_gives() {
        let attribute = MessageAttribute {
            data_type: "String".to_owned(),
            string_value: Some("Jane Doe".to_owned()),
            binary_value: None,
        };
        let attributes = MessageAttributes::from([("Author".to_owned(), attribute)]);
        // 00000006 Author 00000006 String 01 00000008 "Jane Doe"
        let bytes = b"\0\0\0\x06Author\0\0\0\x06String\x01\0\0\0\x08Jane Doe";
        assert_eq!(of_attributes(&attributes), Some(hex::encode(Md5::digest(bytes))));
        assert_eq!(of_attributes(&MessageAttributes::new()), None);
    }
}
