//! Numbers in the form of Python and JavaScript: the shortest digits that read back as the same
//! double, which Rust finds too, with point and exponent where each language puts them.

/// The form of Python's `repr(json.loads(source))`: an integer stays whole whatever its size.
pub(super) fn python(source: &str) -> String {
    if source == "-0" {
        return "0".to_owned();
    }
    if !source.contains(['.', 'e', 'E']) {
        return source.to_owned();
    }
    let Some(parts) = Digits::of(source) else {
        return if source.starts_with('-') { "-Infinity" } else { "Infinity" }.to_owned();
    };
    let Digits { sign, digits, exponent } = &parts;
    match *exponent {
        exponent @ -4..16 => {
            let mut plain = parts.plain(exponent);
            if !plain.contains('.') {
                plain.push_str(".0");
            }
            plain
        }
        exponent => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let by = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{first}{point}{rest}e{by}{:02}", exponent.unsigned_abs())
        }
    }
}

/// The form of `JSON.stringify(JSON.parse(source))`: every number is a double, and one beyond the
/// range of a double is `null`.
pub(super) fn ecmascript(source: &str) -> String {
    let Some(mut parts) = Digits::of(source) else { return "null".to_owned() };
    if parts.digits == "0" {
        parts.sign = "";
    }
    let Digits { sign, digits, exponent } = &parts;
    match *exponent {
        exponent @ -6..21 => parts.plain(exponent),
        exponent => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let by = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{first}{point}{rest}e{by}{}", exponent.unsigned_abs())
        }
    }
}

/// A finite double: `sign d.ddd × 10^exponent`.
struct Digits {
    sign: &'static str,
    digits: String,
    exponent: i32,
}

impl Digits {
    fn of(source: &str) -> Option<Self> {
        let number: f64 = source.parse().ok().filter(|number: &f64| number.is_finite())?;
        let sign = if number.is_sign_negative() { "-" } else { "" };
        let printed = shortest(number.abs());
        let (digits, exponent) = printed.split_once('e')?;
        Some(Self { sign, digits: digits.replace('.', ""), exponent: exponent.parse().ok()? })
    }

    /// The number without an exponent.
    fn plain(&self, exponent: i32) -> String {
        let Self { sign, digits, .. } = self;
        let Ok(whole) = usize::try_from(exponent + 1) else {
            let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
            return format!("{sign}0.{zeros}{digits}");
        };
        if whole == 0 {
            return format!("{sign}0.{digits}");
        }
        match digits.split_at_checked(whole) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, part)) => format!("{sign}{whole}.{part}"),
            None => format!("{sign}{digits}{}", "0".repeat(whole - digits.len())),
        }
    }
}

/// The shortest digits that read back as the same double; of these the nearest to it; and of two
/// equally near ones the even one. 2226592948361281.25 is ….2 in Python and JavaScript, but ….3 by
/// `{:e}`.
fn shortest(number: f64) -> String {
    let fewest = format!("{number:e}");
    let digits = fewest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit);
    let nearest = format!("{number:.*e}", digits.count() - 1);
    if nearest.parse() == Ok(number) { nearest } else { fewest }
}
