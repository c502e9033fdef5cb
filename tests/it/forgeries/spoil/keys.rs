//! Keys that are not the sender's, and what else one can do with keys.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{
    profile::fingerprint,
    secret::Secret,
    signature::{Algorithm, Format, KeyEncoding},
};

use super::{Forgeries, bytes};
use crate::subject::{KEY, NOW, SenderRequest, Subject};

/// The secret of this key, as the subject's sender writes it.
pub(crate) fn secret(subject: &Subject, key: &[u8]) -> Secret {
    match subject.scheme.key {
        KeyEncoding::Raw | KeyEncoding::Whsec => Secret::symmetric(key),
        KeyEncoding::Base64 => Secret::new(STANDARD.encode(key)),
        KeyEncoding::Base64Url => Secret::new(URL_SAFE_NO_PAD.encode(key)),
        KeyEncoding::Hex => Secret::new(hex::encode(key)),
    }
}

/// The right secret, as somebody gets it wrong. A zero more at a key's end is not among these: HMAC
/// fills keys up with zeros, so that is the same key.
pub(crate) fn near(subject: &Subject) -> Vec<(&'static str, Secret)> {
    if subject.scheme.algorithm == Algorithm::Ed25519 {
        let public = subject.gate.secrets[0].clone();
        return vec![("the public key as the private one", public)];
    }
    let text = subject.secret.as_str().expect("text").to_owned();
    let mut all = vec![
        ("no key", secret(subject, &[])),
        ("a key of zeros", secret(subject, &[0; 32])),
        ("a shorter key", secret(subject, &KEY[..31])),
        ("a longer key", secret(subject, &[&KEY[..], &[1]].concat())),
        ("the text as the key", secret(subject, text.as_bytes())),
    ];
    if subject.scheme.key == KeyEncoding::Raw {
        all.extend([
            ("the decoded key", Secret::new(KEY)),
            ("without its prefix", Secret::new(text.trim_start_matches("whsec_"))),
            ("with a line feed", Secret::new(format!("{text}\n"))),
            ("with a space", Secret::new(format!(" {text}"))),
            ("in capitals", Secret::new(text.to_uppercase())),
            ("the documents' default", Secret::new("default-dev-secret")),
            ("empty", Secret::new("")),
        ]);
    }
    all
}

/// Signatures by another algorithm, by none, and those that anybody can make.
pub(crate) fn forged(subject: &Subject, found: &mut Forgeries) {
    let (right, name) = (subject.right(), subject.signature());
    let value = right.headers[name].as_bytes();
    let (before, digits, tag) = bytes::split(value);
    let is_hex = hex::decode(&digits).is_ok();
    let write = |tag: &[u8]| {
        let digits = if is_hex { hex::encode(tag) } else { STANDARD.encode(tag) };
        right.with(name, format!("{before}{digits}").as_bytes())
    };
    let hash = hex::decode(fingerprint(&right.body)).expect("hex");
    found.add("no algorithm", "the body's hash", write(&hash));
    found.add("no algorithm", "the body's hash, cut", write(&hash[..tag.len().min(32)]));
    found.add("no algorithm", "the key itself", write(&KEY));
    if subject.scheme.algorithm == Algorithm::Ed25519 {
        return elliptic(subject, &tag, &write, found);
    }
    for algorithm in [Algorithm::HmacSha256, Algorithm::HmacSha1] {
        if algorithm == subject.scheme.algorithm {
            continue;
        }
        let mut scheme = subject.scheme.clone();
        scheme.algorithm = algorithm;
        let other = subject.sent_by(&scheme, &subject.secret, NOW);
        let (.., tag) = bytes::split(other.headers[name].as_bytes());
        found.add("another algorithm", format!("{algorithm:?}"), Some(other));
        for length in [16, 20, 32] {
            let mut filled = tag.clone();
            filled.resize(length, 0);
            found.add(
                "another algorithm",
                format!("{algorithm:?}, {length} bytes"),
                write(&filled),
            );
        }
    }
}

/// The order of the base point.
const L: [u8; 32] = {
    let mut order = [0; 32];
    let low = 0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes();
    let mut at = 0;
    while at < 16 {
        order[at] = low[at];
        at += 1;
    }
    order[31] = 0x10;
    order
};

/// Points of small order in every encoding: whoever takes one for a key accepts signatures that
/// anybody can make.
pub(crate) const SMALL: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

fn elliptic(
    subject: &Subject,
    tag: &[u8],
    write: &impl Fn(&[u8]) -> Option<SenderRequest>,
    found: &mut Forgeries,
) {
    let (r, s) = tag.split_at(32);
    // The same signature with the order added to its scalar, as long as it fits.
    let mut scalar = s.to_vec();
    for times in 1..=15 {
        let mut carry = 0_u16;
        for (byte, order) in scalar.iter_mut().zip(L) {
            carry += u16::from(*byte) + u16::from(order);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        if carry != 0 {
            break;
        }
        found.add("malleable", format!("S + {times} L"), write(&[r, &scalar].concat()));
    }
    for point in SMALL {
        let point = hex::decode(point).expect("hex");
        found.add("small order", hex::encode(&point), write(&[&point[..], s].concat()));
        found.add("small order", "S = 0", write(&[&point[..], &[0; 32]].concat()));
        found.add("small order", "S = L", write(&[&point[..], &L].concat()));
    }
    found.add("malleable", "halves swapped", write(&[s, r].concat()));
    // The old confusion: the public key taken for the secret of a MAC.
    let public = subject.gate.secrets[0].clone();
    let mut scheme = subject.scheme.clone();
    scheme.algorithm = Algorithm::HmacSha256;
    scheme.formats = vec![Format::try_from("{hex}".to_owned()).expect("a format")];
    let mac = subject.sent_by(&scheme, &public, NOW);
    let (.., mac) = bytes::split(mac.headers[subject.signature()].as_bytes());
    found.add("another algorithm", "a MAC by the public key", write(&mac));
    found.add(
        "another algorithm",
        "a MAC by the public key, twice",
        write(&[&mac[..], &mac].concat()),
    );
}
