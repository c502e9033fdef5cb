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

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::{
        secret::Secret,
        signature::{MessageToSign, SignedRequest},
        time::Timestamp,
    };

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_content_has_its_boundaries_or_can_be_split_in_two_ways() {
        use Part::{Id, Nonce, Timestamp as Time};
        use TimestampForm::{Iso, Millis, Seconds};
        for (text, form, wanted) in [
            ("{body}", Seconds, Some(&[][..])),
            ("{id}.{timestamp}.{body}", Seconds, Some(&[(Id, '.')])),
            ("{id}.{timestamp}.{body}", Iso, Some(&[(Id, '.'), (Time, '.')])),
            ("{id}.{nonce}.{body}", Seconds, Some(&[(Id, '.'), (Nonce, '.')])),
            ("{body}.{nonce}:{id}", Seconds, Some(&[(Id, ':'), (Nonce, '.')])),
            ("{timestamp}{body}", Seconds, Some(&[])),
            ("{timestamp}{body}", Millis, Some(&[])),
            ("{timestamp}{body}", Iso, None),
            ("{body}{timestamp}", Iso, Some(&[])),
            ("{id}{body}", Seconds, None),
            ("{body}{id}", Seconds, None),
            // Beside an id stands the near end of the text, and no character of an id.
            ("{id}.x{body}", Seconds, Some(&[(Id, '.')])),
            ("{id}x.{body}", Seconds, None),
            ("{body}x.{id}", Seconds, Some(&[(Id, '.')])),
            ("{body}.x{id}", Seconds, None),
            ("{id}-{body}", Seconds, None),
            ("{id}_{body}", Seconds, None),
            ("{id}7{body}", Seconds, None),
            ("{sha256:body}{id}", Seconds, Some(&[])),
            ("{base64:body}.{body}", Seconds, Some(&[])),
            ("{base64:body}+{body}", Seconds, None),
            ("{base64:body}/{body}", Seconds, None),
            ("{base64:body}={body}", Seconds, None),
            ("{base64:body}7{body}", Seconds, None),
            ("{base64:body}{body}", Seconds, None),
            ("{body}{body}", Seconds, None),
            ("{url}{body}", Seconds, Some(&[])),
            ("{url}{form}", Seconds, Some(&[])),
        ] {
            let content = Content::try_from(text.to_owned()).expect("a template");
            let found = content.boundaries(form, true);
            let found = found.map(|found| found.iter().map(|b| (b.part.clone(), b.at)).collect());
            assert_eq!(found, wanted.map(<[_]>::to_vec), "{text} {form:?}");
            let free = content.boundaries(form, false);
            assert_eq!(free.is_some(), wanted.is_some() && !text.contains("{url}"), "{text}");
        }
    }

    /// The verdict on a request that was signed with these parts.
    fn judge(
        content: &str,
        message: MessageToSign<'_>,
        at: &str,
        url: Option<&str>,
    ) -> Result<(), SignatureRefusal> {
        let names = r#"[{"signature":"x-sig","id":"x-id","nonce":"x-once","timestamp":"x-at"}]"#;
        let rest = r#""formats":["{hex}"],"timestamp_form":"iso""#;
        let text = format!(r#"{{"headers":{names},"content":"{content}",{rest}}}"#);
        let scheme: Scheme = serde_json::from_str(&text).expect("a scheme");
        let secret = Secret::new(*b"0123456789abcdef01234567");
        let MessageToSign { id, nonce, body, .. } = message;
        let signed = SignedParts { id, timestamp: Some(at), nonce, url, body };
        let tag = scheme.algorithm.sign(secret.expose(), &scheme.content, &signed).expect("signs");
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-sig", hex::encode(tag).as_str()),
            ("x-id", id.unwrap_or("-")),
            ("x-once", nonce.unwrap_or("-")),
            ("x-at", at),
        ] {
            headers.insert(name, value.parse().expect("a value"));
        }
        let request = SignedRequest { headers: &headers, body, url, token: None };
        scheme.judge(&[secret], &request, NOW).map(|_| ())
    }

    #[test]
    fn a_part_that_reaches_beyond_its_boundary_is_refused_under_its_name() {
        let malformed = |name: &str| Err(SignatureRefusal::Malformed(name.to_owned()));
        let at = "2023-11-14T22:13:20";
        for (id, nonce, at, wanted) in [
            ("a", "b", at, Ok(())),
            ("a.b", "b", at, malformed("x-id")),
            ("a.Z", "b", at, malformed("x-id")),
            ("a", "b.c", at, malformed("x-once")),
            ("a", "b", "2023-11-14T22:13:20.5", malformed("x-at")),
            ("a", "b", "2023-11-14T22:13:20.5Z", Ok(())),
            ("a", "b", "2023-11-14T22:13:20.5+00:00", Ok(())),
        ] {
            let (id, nonce) = (Some(id), Some(nonce));
            let message = MessageToSign { id, nonce, body: b"{}", ..MessageToSign::default() };
            let judged = judge("{id}.{nonce}.{timestamp}.{body}", message, at, None);
            assert_eq!(judged, wanted, "{id:?} {nonce:?} {at}");
        }
    }

    #[test]
    fn a_query_that_other_text_follows_is_not_covered() {
        let at = "2023-11-14T22:13:20";
        let message = MessageToSign { body: b"a=1", ..MessageToSign::default() };
        for (content, url, wanted) in [
            ("{url}{body}", "https://x.example/in", Ok(())),
            ("{url}{body}", "https://x.example/in?a", Err(SignatureRefusal::Uncovered)),
            ("{url}{form}", "https://x.example/in?a", Ok(())),
        ] {
            assert_eq!(judge(content, message, at, Some(url)), wanted, "{content} {url}");
        }
    }

    #[test]
    fn a_time_says_how_far_it_is_from_utc_or_does_not() {
        for (text, says) in [
            ("2023-11-14T22:13:20Z", true),
            ("2023-11-14T22:13:20+00:00", true),
            ("2023-11-14T22:13:20.5-01:30", true),
            ("2023-11-14T22:13:20.5", false),
            ("2023-11-14T22:13:20+0030", false),
            ("2023-11-14T22:13:20+00030", false),
            ("2023-11-14T22:13", false),
            ("", false),
        ] {
            assert_eq!(has_offset(text), says, "{text}");
        }
    }
}
