//! Faults in the shape of a signature or time: what a header holds beside what its profile expects. The
//! sentences repeat lengths and single characters, never a signature.

use domain::signature::{Format, Scheme, TimestampForm, words};

/// Most signatures of one header that the relay reads.
const MAX_SIGNATURES: usize = 16;
/// Longest signature header that the relay reads, in bytes.
const MAX_HEADER: usize = 4096;

/// The kind of digits in which a signature is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Digits {
    Hex,
    Base64,
}

/// The fault of a signature header, as a sentence without its end; `None` if the header has the shape
/// that the scheme expects.
pub(super) fn of_signature(scheme: &Scheme, value: &str) -> Option<String> {
    if value.is_empty() {
        return Some(format!("it is empty, and {} are expected", wanted(scheme)));
    }
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Some("it holds a tab or a character that is not ASCII".to_owned());
    }
    if MAX_HEADER < value.len() {
        return Some(format!("it has {} bytes, and {MAX_HEADER} are read at most", value.len()));
    }
    if let Some(quote) = quoted(value) {
        return Some(format!("the value is in {quote}, which belong to the sender's code"));
    }
    let Some(separator) = scheme.separator else { return of_part(scheme, value) };
    let mut parts: Vec<&str> = value.split(separator).collect();
    if MAX_SIGNATURES < parts.len() {
        let count = parts.len();
        return Some(format!("it has {count} parts, and {MAX_SIGNATURES} are read at most"));
    }
    if let Some(prefix) = &scheme.timestamp_prefix {
        let times: Vec<&str> =
            parts.iter().filter_map(|part| part.strip_prefix(prefix.as_str())).collect();
        match times[..] {
            [time] => {
                if let Some(fault) = of_time(scheme.timestamp_form, time) {
                    return Some(format!("its part `{prefix}` {fault}"));
                }
            }
            [] => {
                let form = words::time_form(scheme.timestamp_form);
                return Some(format!(
                    "it has no part `{prefix}` with the time; `{prefix}` and {form}, then `{separator}` and the signature \
                     are expected"
                ));
            }
            _ => return Some(format!("it has {} parts `{prefix}`, one is expected", times.len())),
        }
        parts.retain(|part| !part.starts_with(prefix.as_str()));
    }
    let faults: Vec<String> = parts.iter().filter_map(|part| of_part(scheme, part)).collect();
    match (faults.len(), parts.len()) {
        (0, 0) => Some(format!("it holds no signature; {} are expected", wanted(scheme))),
        (0, _) => None,
        (1, 1) => faults.into_iter().next(),
        (wrong, all) => {
            let first = faults.first().map(String::as_str).unwrap_or_default();
            Some(format!("{wrong} of its {all} signatures have another shape: {first}"))
        }
    }
}

/// The shapes that the scheme expects, in words, such as `sha256= and 64 hex digits`.
fn wanted(scheme: &Scheme) -> String {
    let form = |format: &Format| form(format, scheme.algorithm.length());
    scheme.formats.iter().map(form).collect::<Vec<_>>().join(", or ")
}

fn form(format: &Format, bytes: usize) -> String {
    let (count, kind) = match digits_of(format) {
        Digits::Hex => (2 * bytes, "hex digits"),
        Digits::Base64 => (4 * bytes.div_ceil(3), "characters of base64"),
    };
    match format.prefix() {
        "" => format!("{count} {kind}"),
        prefix => format!("{} and {count} {kind}", prefix.trim_end()),
    }
}

const fn digits_of(format: &Format) -> Digits {
    if format.is_hex() { Digits::Hex } else { Digits::Base64 }
}

/// The fault of one signature.
fn of_part(scheme: &Scheme, part: &str) -> Option<String> {
    let bytes = scheme.algorithm.length();
    if scheme.formats.iter().any(|format| fits(format, part, bytes)) {
        return None;
    }
    // The format that the part comes nearest to: the longest prefix that it begins with.
    let begun = scheme.formats.iter().filter(|format| part.starts_with(format.prefix()));
    let Some(format) = begun.max_by_key(|format| format.prefix().len()) else {
        return Some(without_prefix(scheme, part));
    };
    let digits = &part[format.prefix().len()..];
    // Where a bare form is accepted beside one with a prefix, `sha1=…` begins like the bare one.
    if format.prefix().is_empty()
        && let Some(prefix) = foreign_prefix(digits)
    {
        return Some(format!("it begins with `{prefix}`, and {} are expected", wanted(scheme)));
    }
    Some(of_digits(&wanted(scheme), digits_of(format), bytes, digits))
}

/// Whether a part has the shape of a format.
fn fits(format: &Format, part: &str, bytes: usize) -> bool {
    let Some(digits) = part.strip_prefix(format.prefix()) else { return false };
    match digits_of(format) {
        Digits::Hex => digits.len() == 2 * bytes && digits.bytes().all(is_lower_hex),
        Digits::Base64 => {
            let plain = digits.trim_end_matches('=');
            let padding = (3 - bytes % 3) % 3;
            digits.len() == 4 * bytes.div_ceil(3)
                && digits.len() - plain.len() == padding
                && plain.bytes().all(is_base64)
        }
    }
}

/// The fault of a part that begins with no prefix of the scheme.
fn without_prefix(scheme: &Scheme, part: &str) -> String {
    let wanted = wanted(scheme);
    match foreign_prefix(part) {
        Some(prefix) => format!("it begins with `{prefix}`, and {wanted} are expected"),
        None => {
            let prefixes: Vec<_> = scheme.formats.iter().map(Format::prefix).collect();
            let prefixes = prefixes.join("` or `");
            format!(
                "the prefix `{prefixes}` is missing: {wanted} are expected, these are {} {}",
                part.len(),
                kind(part)
            )
        }
    }
}

/// The text up to the sign that ends a prefix, such as `sha1=`, `v2,` or `Bearer `. Digits of a
/// signature are none: they are not repeated.
fn foreign_prefix(part: &str) -> Option<&str> {
    let end = part.find(['=', ',', ' ', ':']).filter(|end| (1..12).contains(end))?;
    let (word, prefix) = (&part[..end], &part[..=end]);
    let is_word = match part.as_bytes()[end] {
        // Schemes of `Authorization`, such as Basic.
        b' ' => {
            word.starts_with(|first: char| first.is_ascii_uppercase())
                && word.bytes().skip(1).all(|byte| byte.is_ascii_lowercase())
        }
        _ => word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
    };
    // Padding of base64 is at the end, where nothing follows.
    (is_word && end + 2 < part.len()).then_some(prefix)
}

/// The fault of the digits behind the prefix.
fn of_digits(wanted: &str, expected: Digits, bytes: usize, digits: &str) -> String {
    let length = digits.len();
    let count = match expected {
        Digits::Hex => 2 * bytes,
        Digits::Base64 => 4 * bytes.div_ceil(3),
    };
    if digits.is_empty() {
        return format!("{wanted} are expected, and there are no digits");
    }
    if let Some(quote) = quoted(digits) {
        return format!("the digits are in {quote}; {wanted} are expected");
    }
    let all = |is: fn(u8) -> bool| digits.bytes().all(is);
    let hex = all(|byte| byte.is_ascii_hexdigit());
    match expected {
        Digits::Hex if hex && digits.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            format!("the hex digits are in capitals; {wanted} in small letters are expected")
        }
        Digits::Hex if hex => format!("{wanted} are expected, these are {length}"),
        Digits::Hex if length == 4 * bytes.div_ceil(3) && all(is_base64_or_padding) => {
            format!("the digits are base64 ({length} characters); {wanted} are expected")
        }
        Digits::Base64 if hex && length == 2 * bytes => {
            format!("the digits are hex ({length} digits); {wanted} are expected")
        }
        Digits::Base64
            if length < count
                && length == digits.trim_end_matches('=').len()
                && all(is_base64)
                && count - length <= 2 =>
        {
            format!(
                "the padding `=` at the end is missing; {wanted} are expected, these are {length}"
            )
        }
        Digits::Base64
            if all(|byte| is_base64_or_padding(byte) || matches!(byte, b'-' | b'_'))
                && digits.contains(['-', '_']) =>
        {
            format!(
                "the digits are base64 for URLs, with `-` and `_`; {wanted} of the usual alphabet are expected"
            )
        }
        Digits::Base64 if all(is_base64_or_padding) => {
            format!("{wanted} are expected, these are {length}")
        }
        _ => {
            let is: fn(u8) -> bool = match expected {
                Digits::Hex => |byte: u8| byte.is_ascii_hexdigit(),
                Digits::Base64 => is_base64_or_padding,
            };
            let at = digits.bytes().position(|byte| !is(byte)).unwrap_or_default();
            let stray = digits[at..].chars().next().unwrap_or_default();
            let kind = if expected == Digits::Hex { "a hex digit" } else { "of base64" };
            format!(
                "character {} behind the prefix, `{stray}`, is not {kind}; {wanted} are expected",
                at + 1
            )
        }
    }
}

/// The fault of a time of signing, as a clause; `None` if it has the form.
pub(super) fn of_time(form: TimestampForm, text: &str) -> Option<String> {
    if form.parse(text).is_some() {
        return None;
    }
    let wanted = words::time_form(form);
    let shown: String = text.chars().take(40).collect();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let guess = if text.is_empty() {
        "and there is nothing".to_owned()
    } else if quoted(text).is_some() {
        "and it is in quotes".to_owned()
    } else if digits && text.len() == 13 {
        "and its 13 digits look like milliseconds".to_owned()
    } else if digits && text.len() == 10 {
        "and its 10 digits look like seconds".to_owned()
    } else if digits && text.starts_with('0') {
        "and it begins with a zero".to_owned()
    } else if text.starts_with(['+', '-']) {
        "and it has a sign".to_owned()
    } else if text.contains('.') && form != TimestampForm::Iso && !text.contains(':') {
        "and it has a fraction".to_owned()
    } else if text.contains('T') && form != TimestampForm::Iso {
        "and it looks like a time in RFC 3339".to_owned()
    } else {
        format!("and it has {} characters", text.chars().count())
    };
    Some(format!("is `{shown}`, not {wanted}, {guess}"))
}

/// The quotes around a text, in words.
fn quoted(text: &str) -> Option<&'static str> {
    let edges = (text.chars().next()?, text.chars().next_back()?);
    let is = |quote| edges.0 == quote || edges.1 == quote;
    if is('"') {
        return Some("quotes");
    }
    is('\'').then_some("single quotes")
}

fn kind(text: &str) -> &'static str {
    match text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => "hex digits",
        false => "characters",
    }
}

const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

const fn is_base64_or_padding(byte: u8) -> bool {
    is_base64(byte) || byte == b'='
}
