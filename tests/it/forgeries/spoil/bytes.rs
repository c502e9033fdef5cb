//! Changed bytes: signatures, bodies and times that are nearly right.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use domain::time::Timestamp;
use serde_json::Value;

/// A pseudo-random stream of numbers (SplitMix64); the seed is a name.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of this name; each name has another.
    pub(crate) fn of(name: &str) -> Self {
        Self(name.bytes().fold(0x2026_1125, |seed, byte| seed.rotate_left(5) ^ u64::from(byte)))
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }

    /// A byte from 0 to 255.
    pub(crate) fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("below 256")
    }
}

type NamedBytes = Vec<(String, Vec<u8>)>;

fn named<T: Into<Vec<u8>>>(all: impl IntoIterator<Item = (&'static str, T)>) -> NamedBytes {
    all.into_iter().map(|(what, bytes)| (what.to_owned(), bytes.into())).collect()
}

/// The last signature of a header: what stands before it, its digits, and what they say.
pub(crate) fn split(value: &[u8]) -> (String, String, Vec<u8>) {
    let text = String::from_utf8(value.to_vec()).expect("printable");
    let bare = text.trim_end_matches('=');
    let digit = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let start = bare.rfind(|c: char| !digit(c)).map_or(0, |at| at + 1);
    let (before, digits) = text.split_at(start);
    let tag = hex::decode(digits).or_else(|_| STANDARD.decode(digits)).expect("a signature");
    (before.to_owned(), digits.to_owned(), tag)
}

/// A signature header in every other spelling of the same and of similar signatures.
pub(crate) fn spellings(value: &[u8], separator: Option<char>) -> NamedBytes {
    let (before, digits, tag) = split(value);
    let is_hex = hex::decode(&digits).is_ok();
    let write = |tag: &[u8]| if is_hex { hex::encode(tag) } else { STANDARD.encode(tag) };
    let with = |digits: &str| format!("{before}{digits}");
    let mixed = digits.chars().enumerate();
    let mixed: String =
        mixed.map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    let (left, right) = digits.split_at(digits.len() / 2);
    let whole = String::from_utf8(value.to_vec()).expect("printable");
    let other = if is_hex { STANDARD.encode(&tag) } else { hex::encode(&tag) };
    let mut all = named([
        ("empty", String::new()),
        ("no digits", before.clone()),
        ("in the other encoding", with(&other)),
        ("encoded twice", with(&STANDARD.encode(&digits))),
        ("in hex of its text", with(&hex::encode(&digits))),
        ("reversed", with(&digits.chars().rev().collect::<String>())),
        ("all zeros", with(&write(&vec![0; tag.len()]))),
        ("all ones", with(&write(&vec![0xff; tag.len()]))),
        ("a byte more", with(&write(&[&tag[..], &[0]].concat()))),
        ("a byte in front", with(&write(&[&[0], &tag[..]].concat()))),
        ("twice as long", with(&write(&[&tag[..], &tag[..]].concat()))),
        ("a byte less", with(&write(&tag[..tag.len() - 1]))),
        ("16 bytes", with(&write(&tag[..16]))),
        ("4 bytes", with(&write(&tag[..4]))),
        ("no bytes", with(&write(&[]))),
        ("a tab behind", format!("{whole}\t")),
        ("a space after the prefix", with(&format!(" {digits}"))),
        ("a space in the middle", with(&format!("{left} {right}"))),
        ("a dash in the middle", with(&format!("{left}-{right}"))),
        ("colons", with(&format!("{left}:{right}"))),
        ("in quotes", format!("\"{whole}\"")),
        ("digits in quotes", with(&format!("\"{digits}\""))),
        ("0x", with(&format!("0x{digits}"))),
        ("another hash", format!("sha512={digits}")),
        ("sha1", format!("sha1={digits}")),
        ("v0", format!("v0={digits}")),
        ("v2", format!("v2,{digits}")),
        ("v1a", format!("v1a,{digits}")),
        ("a prefix in capitals", format!("{}{digits}", before.to_uppercase())),
        ("none", "none".to_owned()),
        ("null", "null".to_owned()),
        ("*", "*".to_owned()),
        ("true", "true".to_owned()),
        ("Bearer", format!("Bearer {digits}")),
        ("a semicolon behind", format!("{whole};")),
        ("too long by far", "a".repeat(100_000)),
        (
            "seventeen of them",
            vec![whole.clone(); 17].join(separator.map_or(",".to_owned(), String::from).as_str()),
        ),
        ("wide digits", digits.chars().map(wide).collect()),
        ("prefix and wide digits", with(&digits.chars().map(wide).collect::<String>())),
        ("a zero-width space in it", with(&format!("{left}\u{200b}{right}"))),
        ("a soft hyphen in it", with(&format!("{left}\u{ad}{right}"))),
        ("no-break space behind", format!("{whole}\u{a0}")),
        ("a byte order mark in front", format!("\u{feff}{whole}")),
        ("Cyrillic", with(&digits.replace('a', "а").replace('e', "е").replace('c', "с"))),
    ]);
    if is_hex {
        all.extend(named([
            ("in capitals", with(&digits.to_uppercase())),
            ("in mixed case", with(&mixed)),
        ]));
    } else {
        let url_safe = URL_SAFE.encode(&tag);
        let stray = stray_bits(&digits);
        all.extend(named([
            ("without padding", with(digits.trim_end_matches('='))),
            ("with more padding", with(&format!("{digits}="))),
            ("stray bits", with(&stray)),
            ("in capitals", with(&digits.to_uppercase())),
        ]));
        if url_safe != digits {
            all.extend(named([("in the alphabet of URLs", with(&url_safe))]));
        }
    }
    // In a list with spaces, what is no signature is passed over, as Standard Webhooks asks.
    if separator != Some(' ') {
        all.extend(named([
            ("a space in front", format!(" {whole}")),
            ("a space behind", format!("{whole} ")),
            ("a comment behind", format!("{whole} # ok")),
        ]));
    }
    if separator.is_none() {
        all.extend(named([
            ("twice with a comma", format!("{whole},{whole}")),
            ("twice with a space", format!("{whole} {whole}")),
            ("behind a wrong one", format!("{}, {whole}", with(&write(&vec![0; tag.len()])))),
        ]));
    }
    all.push(("invalid UTF-8".to_owned(), [&value[..value.len() - 1], &[0xff]].concat()));
    all.push(("Latin-1".to_owned(), [value, &[0xe9]].concat()));
    all
}

/// Base64 digits that decode to the given bytes if the decoder ignores the bits left over by padding.
fn stray_bits(digits: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bare = digits.trim_end_matches('=');
    let last = bare.bytes().last().expect("digits");
    let at = ALPHABET.iter().position(|byte| *byte == last).expect("base64");
    let next = char::from(ALPHABET[(at + 1) % 64]);
    format!("{}{next}{}", &bare[..bare.len() - 1], "=".repeat(digits.len() - bare.len()))
}

/// The full-width form of an ASCII character.
fn wide(c: char) -> char {
    match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
        other => other,
    }
}

/// Changes of a body that proxies and libraries make.
pub(crate) fn bodies(right: &[u8]) -> NamedBytes {
    let mut all = named([
        ("empty", Vec::new()),
        ("a line feed behind", [right, b"\n"].concat()),
        ("a line end behind", [right, b"\r\n"].concat()),
        ("a space behind", [right, b" "].concat()),
        ("a space in front", [b" ", right].concat()),
        ("a zero behind", [right, b"\0"].concat()),
        ("a byte order mark in front", [b"\xef\xbb\xbf", right].concat()),
        ("twice", [right, right].concat()),
        ("a byte less", right[..right.len() - 1].to_vec()),
        ("without its first byte", right[1..].to_vec()),
        ("half", right[..right.len() / 2].to_vec()),
        ("null", b"null".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("in base64", STANDARD.encode(right).into_bytes()),
        ("in capitals", right.to_ascii_uppercase()),
        ("a megabyte behind", [right, &vec![b' '; 1 << 20][..]].concat()),
        ("deep", [vec![b'['; 100_000], vec![b']'; 100_000]].concat()),
        ("invalid UTF-8", [right, b"\xff\xfe"].concat()),
    ]);
    if let Ok(json) = serde_json::from_slice::<Value>(right) {
        let text = String::from_utf8(right.to_vec()).expect("UTF-8");
        all.extend(named([
            ("dumped again", json.to_string()),
            ("pretty", serde_json::to_string_pretty(&json).expect("JSON")),
            ("as a string", Value::String(text.clone()).to_string()),
            ("in a list", format!("[{text}]")),
            ("another escape", text.replace("\\u00eb", "\\u00EB")),
            ("no escape", text.replace("\\u00eb", "ë")),
            ("another number", text.replace("1.0", "1.00")),
            ("an integer", text.replace("1.0", "1")),
            ("without spaces", text.replace(": ", ":").replace(", ", ",").replace(' ', "")),
            ("another key", text.replacen('{', r#"{"admin":true,"#, 1)),
            ("a key twice", text.replacen('{', r#"{"amount":2,"#, 1)),
        ]));
    } else {
        let text = String::from_utf8(right.to_vec()).expect("UTF-8");
        all.extend(named([
            ("another field", format!("{text}&Admin=1")),
            ("a field less", text.rsplit_once('&').expect("fields").0.to_owned()),
            ("another value", text.replace("delivered", "failed")),
            ("a field twice", format!("{text}&To=124")),
            ("one field of all", text.replace('&', "%26")),
            ("as JSON", r#"{"MessageSid":"SM0123","MessageStatus":"delivered"}"#.to_owned()),
        ]));
    }
    all
}

/// A time in every spelling but the right one, and times that are none.
pub(crate) fn times(now: Timestamp, right: &str) -> Vec<Vec<u8>> {
    let seconds = now.secs();
    let mut all: Vec<String> = [
        "",
        "0",
        "-1",
        "1",
        "00",
        "NaN",
        "Infinity",
        "null",
        "now",
        "1e9",
        "0x6b49d200",
        "9999999999999",
        "999999999999",
        "1_800_000_000",
        "1,800,000,000",
        "99999999999999999999",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775807",
        "-9223372036854775808",
        "4294967295",
        "2147483647",
        "١٨٠٠٠٠٠٠٠٠",
        "１８００００００００",
        "१८००००००००",
        "Fri, 15 Jan 2027 08:00:00 GMT",
        "2027-01-15",
        "2027-01-15T08:00:00",
        "2027-13-45T99:99:99Z",
    ]
    .map(str::to_owned)
    .into();
    all.extend([
        format!("+{seconds}"),
        format!("-{seconds}"),
        format!("0{seconds}"),
        format!("00{seconds}"),
        format!("{seconds}.0"),
        format!("{seconds}."),
        format!(" {seconds}"),
        format!("{seconds} "),
        format!("{seconds}\t"),
        format!("{seconds},{seconds}"),
        format!("{seconds};"),
        format!("{seconds}s"),
        format!("\"{seconds}\""),
        format!("{seconds}L"),
        format!("{seconds}e0"),
        format!("{seconds}\u{a0}"),
        format!("{seconds}\u{200b}"),
        format!("0o{seconds:o}"),
        format!("{seconds:x}"),
        format!("{seconds:b}"),
        format!("{seconds}000000"),
        format!("{seconds}000000000"),
        format!("t={seconds}"),
        format!("{seconds}&{seconds}"),
        format!("{seconds}-0"),
        format!("--{seconds}"),
    ]);
    all.retain(|spelled| spelled != right);
    let mut all: Vec<Vec<u8>> = all.into_iter().map(String::into_bytes).collect();
    all.push([right.as_bytes(), b"\xff"].concat());
    all
}

/// Values that get lost, split or merged on their way through other servers.
pub(crate) fn smuggled(right: &[u8]) -> NamedBytes {
    let text = String::from_utf8(right.to_vec()).expect("printable");
    named([
        ("a comma behind", format!("{text},")),
        ("a comma in front", format!(",{text}")),
        ("Latin-1 behind", format!("{text}\u{e9}")),
        ("a no-break space in front", format!("\u{a0}{text}")),
        ("a line separator behind", format!("{text}\u{2028}")),
        ("a percent-encoded line end", format!("{text}%0d%0ax-evil: 1")),
        ("a folded line", format!("{text}\t{text}")),
        ("a delete behind", format!("{text}\u{80}")),
        ("an emoji", "🧬".to_owned()),
        ("very long", text.repeat(2000)),
    ])
}

/// Ids that are not the one that was signed.
pub(crate) fn ids(right: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8(right.to_vec()).expect("printable");
    let mut all = vec![
        format!("{text}x"),
        format!("x{text}"),
        text.to_uppercase(),
        format!("{text}."),
        format!("{text} "),
        text[1..].to_owned(),
        text[..text.len() - 1].to_owned(),
        text.replace('_', "-"),
        text.replace('a', "а"),
        format!("{text}.1800000000"),
        "0".to_owned(),
        "..".to_owned(),
    ];
    all.retain(|id| *id != text);
    all.into_iter().map(String::into_bytes).collect()
}

/// Tokens that are not the one that was handed out; `kept` is what is kept of that.
pub(crate) fn tokens(right: &str, kept: &str) -> Vec<(String, String)> {
    let mut all = vec![
        ("empty".to_owned(), String::new()),
        ("what is kept of it".to_owned(), kept.to_owned()),
        ("what is kept, as kept".to_owned(), format!("sha256:{kept}")),
        ("in capitals".to_owned(), right.to_uppercase()),
        ("in small letters".to_owned(), right.to_lowercase()),
        ("a space behind".to_owned(), format!("{right} ")),
        ("a slash behind".to_owned(), format!("{right}/")),
        ("a zero behind".to_owned(), format!("{right}\0")),
        ("twice".to_owned(), right.repeat(2)),
        ("a question mark behind".to_owned(), format!("{right}?")),
        ("percent-encoded".to_owned(), right.replace('_', "%5F")),
        ("wide".to_owned(), right.chars().map(wide).collect()),
        ("very long".to_owned(), "a".repeat(100_000)),
        ("a wildcard".to_owned(), "*".to_owned()),
    ];
    for length in 0..right.len() {
        all.push((format!("cut to {length}"), right[..length].to_owned()));
        let mut other = right.as_bytes().to_vec();
        other[length] ^= 1;
        all.push((format!("byte {length}"), String::from_utf8(other).expect("ASCII")));
    }
    all.retain(|(_, text)| text != right);
    all
}
