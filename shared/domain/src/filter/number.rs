//! Numbers compared by their value, exactly: an id of 64 bits and its neighbour are one double.

use std::cmp::Ordering;

/// A number of JSON as sign, digits and exponent: ±0.ddd × 10^exponent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// The digits without zeros at either end; none for the number zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Reads a number as it stands in JSON.
    pub(super) fn of(source: &str) -> Self {
        let unsigned = source.strip_prefix('-').unwrap_or(source);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(part.bytes()).collect();
        let zeros = all.iter().take_while(|digit| **digit == b'0').count();
        let last = all.iter().rposition(|digit| *digit != b'0').map_or(zeros, |at| at + 1);
        let digits = all[zeros..last].to_vec();
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        let point = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        let shift = i64::try_from(zeros).unwrap_or(i64::MAX);
        let exponent = saturating(exponent).saturating_add(point).saturating_sub(shift);
        Self { negative: source.starts_with('-'), digits, exponent }
    }
}

/// An exponent; the nearest one there is, if it has more digits than fit.
fn saturating(text: &str) -> i64 {
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    text.parse().unwrap_or(beyond)
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size =
            || self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            -1 => size().reverse(),
            _ => size(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_however_they_are_written() {
        for (one, other) in [
            ("0", "-0.0"),
            ("0", "0e999999999999999999999"),
            ("1", "1.000"),
            ("100", "1e2"),
            ("0.01", "10E-3"),
            ("-12.5", "-125e-1"),
            ("8202522731445525542", "8202522731445525542.0"),
            ("1e400", "10E399"),
        ] {
            assert_eq!(Decimal::of(one), Decimal::of(other), "{one} {other}");
        }
    }

    #[test]
    fn numbers_are_ordered_exactly() {
        let ordered = [
            "-1e99999999999999999999999",
            "-1e400",
            "-12345678901234567890124",
            "-12345678901234567890123",
            "-1.5",
            "-1",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000001",
            "1",
            "9",
            "10",
            "8202522731445525542",
            "8202522731445525543",
            "12345678901234567890123",
            "12345678901234567890124",
            "1e400",
            "1e401",
        ];
        for (at, one) in ordered.iter().enumerate() {
            for (beside, other) in ordered.iter().enumerate() {
                let order = Decimal::of(one).partial_cmp(&Decimal::of(other));
                assert_eq!(order, Some(at.cmp(&beside)), "{one} {other}");
            }
        }
    }
}
