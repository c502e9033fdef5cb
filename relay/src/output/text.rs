//! Text that others wrote, made harmless for a terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character controls a terminal, or changes the order or look of the text around it: the
/// control characters of ASCII and Latin-1, line and paragraph separators, directions of bidirectional
/// text, and characters without width that make two texts look the same.
pub(super) fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text on one line, in which active characters are written as escapes: `\n`, `\x1b`, `U+202E`.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_active) {
        return Cow::Borrowed(text);
    }
    let mut made = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push(&mut made, c);
    }
    Cow::Owned(made)
}

fn push(made: &mut String, c: char) {
    match c {
        '\n' => made.push_str("\\n"),
        '\r' => made.push_str("\\r"),
        '\t' => made.push_str("\\t"),
        c if !is_active(c) => made.push(c),
        c if c.is_ascii() => made.push_str(&format!("\\x{:02x}", u32::from(c))),
        c => made.push_str(&format!("U+{:04X}", u32::from(c))),
    }
}

/// Shows a text as [`shown`] does, but leaves tabs and sequences that set colours (`ESC [ … m`) in it. A text
/// that set any ends in the terminal's own colours. It is for lines of a log, whose colours mean something.
pub fn shown_with_colours(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_active(c) && c != '\t') {
        return Cow::Borrowed(text);
    }
    let (mut made, mut rest, mut coloured) = (String::with_capacity(text.len() + 16), text, false);
    while let Some(c) = rest.chars().next() {
        if let Some(length) = colour(rest) {
            made.push_str(&rest[..length]);
            rest = &rest[length..];
            coloured = true;
            continue;
        }
        match c {
            '\t' => made.push('\t'),
            c => push(&mut made, c),
        }
        rest = &rest[c.len_utf8()..];
    }
    if coloured {
        made.push_str("\x1b[0m");
    }
    Cow::Owned(made)
}

/// Length of the sequence at the beginning that sets colours; `None` if there is none, or one of more than
/// 64 bytes.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\x1b[")?;
    let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b';' | b':');
    let length = numbers.bytes().take(62).take_while(is_number).count();
    numbers[length..].starts_with('m').then_some(length + 3)
}

/// The columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// A text in at most so many columns. One that is cut ends with `…`.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if columns(text) <= most {
        return Cow::Borrowed(text);
    }
    let (mut made, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or_default();
        if most < used {
            break;
        }
        made.push(c);
    }
    if 0 < most {
        made.push('…');
    }
    Cow::Owned(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_controls_a_terminal_gets_through() {
        for (text, want) in [
            ("job.succeeded", "job.succeeded"),
            ("größe 日本 🦀", "größe 日本 🦀"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
            ("\x1b[2J\x1b[31m", "\\x1b[2J\\x1b[31m"),
            ("\u{9b}31m\u{7f}\0", "U+009B31m\\x7f\\x00"),
            ("\u{202e}evil\u{2066}", "U+202EevilU+2066"),
            ("pay\u{200b}pal\u{feff}", "payU+200BpalU+FEFF"),
        ] {
            assert_eq!(shown(text), want);
        }
        for code in (0..=0x2100).chain(0xfe00..=0xffff).chain(0xe0000..=0xe00ff) {
            let Some(c) = char::from_u32(code) else { continue };
            assert!(!shown(&c.to_string()).contains(is_active), "{code:x}");
        }
    }

    #[test]
    fn of_a_line_of_a_log_colours_stay_and_end_with_it() {
        for (text, want) in [
            ("plain\ttab", "plain\ttab"),
            ("\x1b[1;31merror\x1b[0m", "\x1b[1;31merror\x1b[0m\x1b[0m"),
            ("\x1b[38:2:1:2:3mx", "\x1b[38:2:1:2:3mx\x1b[0m"),
            ("\x1b[2Jx\x1b[5A", "\\x1b[2Jx\\x1b[5A"),
            ("\x1b[31", "\\x1b[31"),
            ("\x1b]8;;http://x\x07link", "\\x1b]8;;http://x\\x07link"),
            ("\x1b[é", "\\x1b[é"),
        ] {
            assert_eq!(shown_with_colours(text), want);
        }
        let long = format!("\x1b[{}m", "1;".repeat(100));
        assert!(shown_with_colours(&long).starts_with("\\x1b["));
    }

    #[test]
    fn a_cut_text_fits() {
        for (text, most, want) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
        ] {
            assert_eq!(cut(text, most), want, "{text} in {most}");
        }
    }
}
