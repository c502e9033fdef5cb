//! JSON on one line, as it was written: numbers keep their digits, names their order.

use super::text::is_active;

/// A JSON text without the white space between its tokens. Characters within its strings that would
/// control a terminal are written as escapes, which mean the same.
pub fn one_line(json: &str) -> String {
    let (mut made, mut within, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        if !within {
            match c {
                ' ' | '\n' | '\r' | '\t' => continue,
                '"' => within = true,
                _ => (),
            }
            made.push(c);
            continue;
        }
        if is_active(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                made.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            made.push(c);
        }
        within = escaped || c != '"';
        escaped = !escaped && c == '\\';
    }
    made
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn json_stays_what_it_is_on_one_line() {
        for (json, want) in [
            ("{\n  \"a\": 1.0,\r\n\t\"b\": [ 1e400 ]\n}", "{\"a\":1.0,\"b\":[1e400]}"),
            (
                r#"{"a b": "c \" d \\", "e": 12345678901234567890123}"#,
                r#"{"a b":"c \" d \\","e":12345678901234567890123}"#,
            ),
            ("\"\u{9b}2J\u{202e}\u{7f}\"", r#""\u009b2J\u202e\u007f""#),
            ("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"),
        ] {
            assert_eq!(one_line(json), want);
        }
        let odd = "{\"\u{e0041}\": [\"\\u0000\", \"\u{200f}x\"]}";
        let made = one_line(odd);
        assert!(!made.contains(is_active), "{made}");
        let (one, other): (Value, Value) =
            (serde_json::from_str(odd).expect("JSON"), serde_json::from_str(&made).expect("JSON"));
        assert_eq!(one, other);
    }
}
