//! The very bytes that were signed, split otherwise into headers and body.

use super::Forgeries;
use crate::subject::{SenderRequest, Subject};

/// Most splits of one scheme.
const MOST: usize = 600;

/// A part of the signed content.
#[derive(Debug)]
enum Part {
    Text(String),
    /// A header's value, and the header.
    Header(String),
    Body,
}

/// Every other split of what the right request signs. The signature stays the right one.
pub(super) fn again(subject: &Subject, found: &mut Forgeries) {
    let right = subject.right();
    let Some(parts) = parts(subject) else { return };
    let mut signed = Vec::new();
    for part in &parts {
        match part {
            Part::Text(text) => signed.extend_from_slice(text.as_bytes()),
            Part::Header(name) => signed.extend_from_slice(right.headers[name.as_str()].as_bytes()),
            Part::Body => signed.extend_from_slice(&right.body),
        }
    }
    let mut splits = Vec::new();
    split(&parts, &signed, &right, &mut splits);
    for sent in splits.into_iter().filter(|sent| sent.body != right.body) {
        found.add("split otherwise", format!("a body of {} bytes", sent.body.len()), Some(sent));
    }
}

/// The parts of a content that ends with the body and takes the rest from headers.
fn parts(subject: &Subject) -> Option<Vec<Part>> {
    let names = subject.scheme.headers.first()?;
    let template = String::from(subject.scheme.content.clone());
    let mut rest = template.as_str();
    let mut parts = Vec::new();
    while let Some(at) = rest.find('{') {
        let end = at + rest[at..].find('}')?;
        if at != 0 {
            parts.push(Part::Text(rest[..at].to_owned()));
        }
        let header = match &rest[at..=end] {
            "{id}" => &names.id,
            "{nonce}" => &names.nonce,
            "{timestamp}" => &names.timestamp,
            "{body}" => {
                parts.push(Part::Body);
                return rest[end + 1..].is_empty().then_some(parts);
            }
            _ => return None,
        };
        parts.push(Part::Header(header.clone()?));
        rest = &rest[end + 1..];
    }
    None
}

/// Adds the requests whose parts are these and together sign `signed`.
fn split(parts: &[Part], signed: &[u8], so_far: &SenderRequest, splits: &mut Vec<SenderRequest>) {
    let Some((part, rest)) = parts.split_first() else { return };
    match part {
        _ if MOST <= splits.len() => (),
        Part::Body => splits.push(so_far.with_body(signed)),
        Part::Text(text) => {
            if let Some(signed) = signed.strip_prefix(text.as_bytes()) {
                split(rest, signed, so_far, splits);
            }
        }
        Part::Header(name) => {
            for end in 0..=signed.len() {
                if let Some(sent) = so_far.with(name, &signed[..end]) {
                    split(rest, &signed[end..], &sent, splits);
                }
            }
        }
    }
}
