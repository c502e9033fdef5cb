//! The text of one line, as it is kept.

/// Longest line that is kept, in bytes, with the mark of what was cut: 16 KB.
pub const MAX_LINE: usize = 16 * 1024;
/// Room for the mark, which has at most 30 bytes for what a body can hold.
const MARK: usize = 40;

/// A line that was cleaned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The text of the line after cleaning.
    pub message: String,
    /// Characters that stand for bytes or characters which cannot be kept: bytes that are no UTF-8,
    /// halves of surrogate pairs, NUL.
    pub replaced: u32,
    /// Bytes that were cut off.
    pub cut: usize,
}

/// A line as it is kept:
///
/// - bytes that are no UTF-8, and NUL, become U+FFFD;
/// - of a text that was overwritten with `\r`, as progress bars are, the last one stays; the same in
///   each line of a text with several;
/// - a line break at the end goes;
/// - a line longer than [`MAX_LINE`] ends with a mark such as `…[cut 3,211 bytes]`.
///
/// Escape sequences stay as they are: one may go on in the next line.
pub fn cleaned(line: &[u8]) -> Cleaned {
    let (text, mut replaced) = decoded(line);
    let text = text.trim_end_matches(['\n', '\r']);
    let mut message = match text.contains('\r') {
        true => text.split('\n').map(last_written).collect::<Vec<_>>().join("\n"),
        false => text.to_owned(),
    };
    if message.contains('\0') {
        replaced = replaced.saturating_add(count(&message, '\0'));
        message = message.replace('\0', "\u{fffd}");
    }
    let cut = cut(&mut message);
    Cleaned { message, replaced, cut }
}

/// The text of a line, and the number of U+FFFD in it: those that stand for a sequence that is no
/// UTF-8, and those that the sender put there for the same reason.
fn decoded(line: &[u8]) -> (String, u32) {
    let text = String::from_utf8_lossy(line).into_owned();
    let replaced = count(&text, '\u{fffd}');
    (text, replaced)
}

fn count(text: &str, wanted: char) -> u32 {
    u32::try_from(text.chars().filter(|char| *char == wanted).count()).unwrap_or(u32::MAX)
}

/// The last text that was written over others with `\r`.
fn last_written(line: &str) -> &str {
    line.split('\r').rfind(|text| !text.is_empty()).unwrap_or_default()
}

/// Cuts a text that is too long and marks it. Returns how many bytes of the text are gone.
fn cut(message: &mut String) -> usize {
    if message.len() <= MAX_LINE {
        return 0;
    }
    let whole = message.len();
    message.truncate(message.floor_char_boundary(MAX_LINE - MARK));
    let gone = whole - message.len();
    message.push_str(&format!("…[cut {} bytes]", grouped(gone)));
    gone
}

/// A number with commas between its thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_kept_as_people_read_it() {
        for (line, message, replaced) in [
            (&b"plain"[..], "plain", 0),
            (b"", "", 0),
            (b"windows\r\n", "windows", 0),
            (b"10%\r50%\r100%", "100%", 0),
            (b"10%\r50%\r", "50%", 0),
            (b"\r\r", "", 0),
            (b"first\n1%\r2%\nlast\n", "first\n2%\nlast", 0),
            (b"a\0b", "a\u{fffd}b", 1),
            (b"caf\xe9 \xff\xfe", "caf\u{fffd} \u{fffd}\u{fffd}", 3),
            (b"\x1b[31mred", "\u{1b}[31mred", 0),
            (b"\x1b[", "\u{1b}[", 0),
        ] {
            let kept = cleaned(line);
            assert_eq!((kept.message.as_str(), kept.replaced), (message, replaced), "{line:?}");
            assert_eq!(kept.cut, 0);
        }
    }

    #[test]
    fn a_long_line_is_cut_and_says_how_much_is_gone() {
        let whole = "x".repeat(MAX_LINE);
        assert_eq!(cleaned(whole.as_bytes()).message, whole);
        let long = cleaned("x".repeat(MAX_LINE - MARK + 3211).as_bytes());
        assert!(long.message.ends_with("xx…[cut 3,211 bytes]"), "{}", &long.message[16_300..]);
        assert_eq!(long.cut, 3211);
        let wide = cleaned("€".repeat(400_000).as_bytes());
        assert!(wide.message.len() <= MAX_LINE && wide.message.ends_with("bytes]"));
        assert!(wide.message.starts_with("€€"));
    }

    #[test]
    fn thousands_are_told_apart() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (3211, "3,211"), (1_048_576, "1,048,576")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
