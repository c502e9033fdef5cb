//! Whether signed bytes can be split into their parts in one way only.
//!
//! A MAC covers the joined bytes and not where one part ends. If `1700000000.n.{"a":"x.y"}` could
//! also be read with the nonce `n.{"a":"x`, a captured request would be accepted once more for
//! every dot in its body. So every part but one must end where nothing else can end it.

use super::{
    HeaderNames, Scheme, SignatureRefusal,
    grammar::{TimestampForm, has_offset},
    malformed,
    template::{Content, Part, SignedParts},
};

/// A part in a header that ends at a character, which must therefore not occur in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boundary<'c> {
    /// The part.
    pub(super) part: &'c Part,
    /// The character beside the part.
    at: char,
}

/// The side from which the parts are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Content {
    /// The boundaries of the parts; `None` if the content can be split in two ways. `fixed_url` says
    /// that the called URL has no query, so that the source alone determines it.
    ///
    /// From both ends, the parts whose length can be told are set aside. At most one may be left.
    pub(super) fn boundaries(
        &self,
        form: TimestampForm,
        fixed_url: bool,
    ) -> Option<Vec<Boundary<'_>>> {
        let parts = self.parts();
        let mut found = Vec::new();
        let (mut from, mut to) = (0, parts.len());
        while from < to {
            let Some(end) = end(&parts[from], parts.get(from + 1), Side::Left, form, fixed_url)
            else {
                break;
            };
            found.extend(end);
            from += 1;
        }
        while from + 1 < to {
            let beside = parts.get(to - 2);
            let Some(end) = end(&parts[to - 1], beside, Side::Right, form, fixed_url) else {
                break;
            };
            found.extend(end);
            to -= 1;
        }
        (to <= from + 1).then_some(found)
    }
}

impl Scheme {
    /// Refuses a request of which one part reaches beyond its boundary, and a query of a URL that
    /// other text follows: a part of that text could have been a part of the query.
    pub(super) fn judge_boundaries(
        &self,
        names: &HeaderNames,
        signed: &SignedParts<'_>,
    ) -> Result<(), SignatureRefusal> {
        // A form is told by its fingerprint, which is the same however it was split.
        let fixed = self.content.has(&Part::Form) || !signed.url.is_some_and(|it| it.contains('?'));
        let Some(boundaries) = self.content.boundaries(self.timestamp_form, fixed) else {
            return Err(SignatureRefusal::Uncovered);
        };
        let Some(broken) = boundaries.iter().find(|boundary| !boundary.holds(signed)) else {
            return Ok(());
        };
        let name = match broken.part {
            Part::Id => &names.id,
            Part::Nonce => &names.nonce,
            _ => &names.timestamp,
        };
        Err(malformed(name.as_deref().unwrap_or(&names.signature)))
    }
}

/// How the end of a part is found: by a boundary, or without one (`Some(None)`). `None` if it cannot
/// be found.
fn end<'c>(
    part: &'c Part,
    beside: Option<&Part>,
    side: Side,
    form: TimestampForm,
    fixed_url: bool,
) -> Option<Option<Boundary<'c>>> {
    let at = match beside {
        Some(Part::Literal(text)) if side == Side::Left => text.chars().next(),
        Some(Part::Literal(text)) => text.chars().next_back(),
        _ => None,
    };
    match part {
        Part::Literal(_) | Part::BodySha256 => Some(None),
        Part::Url if fixed_url => Some(None),
        Part::Timestamp => match (form, side) {
            // Every time within an hour of now has as many digits.
            (TimestampForm::Seconds | TimestampForm::Millis, _) => Some(None),
            // No text that ends a time is itself a time.
            (TimestampForm::Iso, Side::Right) => Some(None),
            (TimestampForm::Iso, Side::Left) => at.map(|at| Some(Boundary { part, at })),
        },
        Part::Id | Part::Nonce => {
            let at = at.filter(|at| !at.is_alphanumeric() && !matches!(at, '-' | '_'))?;
            Some(Some(Boundary { part, at }))
        }
        Part::BodyBase64 => at.filter(|at| !is_base64(*at)).map(|_| None),
        Part::Url | Part::Body | Part::Form => None,
    }
}

const fn is_base64(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '+' | '/' | '=')
}

impl Boundary<'_> {
    /// Whether the value of the part can end nowhere else.
    pub(super) fn holds(&self, signed: &SignedParts<'_>) -> bool {
        let (value, timed) = match self.part {
            Part::Id => (signed.id, false),
            Part::Nonce => (signed.nonce, false),
            Part::Timestamp => (signed.timestamp, true),
            _ => return true,
        };
        let value = value.unwrap_or_default();
        // Behind `Z` or an offset a time cannot go on, nor can it end before.
        !value.contains(self.at) || (timed && has_offset(value))
    }
}
