//! Lists of names in drafts: channels, event types.

use domain::{id::is_identifier, subscription};

use crate::Refusal;

/// Longest name of a channel, in characters.
pub const MAX_CHANNEL: usize = 128;
/// Longest name of an event type, in characters.
pub const MAX_EVENT_TYPE: usize = 256;

/// A list of names without repetitions, in the order in which they were given; empty if none is
/// given. Families of event types such as `job.*` are names where names are longer than channels.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `field` for an empty list, more than `most` names, or a name that is not
/// 1 to `longest` of `A-Z a-z 0-9 - _ .`.
pub fn distinct(
    field: &str,
    given: Option<Vec<String>>,
    longest: usize,
    most: usize,
) -> Result<Vec<String>, Refusal> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let mut names: Vec<String> = Vec::new();
    for name in given {
        let family = MAX_CHANNEL < longest && subscription::is_wildcard(&name);
        if !is_identifier(&name, longest) && !family {
            let why = format!("holds what is not 1 to {longest} of A-Z a-z 0-9 - _ .");
            return Err(Refusal::field(field, why));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.len() {
        0 => Err(Refusal::field(field, "must not be an empty list; leave it out for all")),
        count if most < count => Err(Refusal::field(field, format!("has at most {most} entries"))),
        _ => Ok(names),
    }
}

/// Requires the name of an event type: 1 to [`MAX_EVENT_TYPE`] of `A-Z a-z 0-9 - _ .`.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `field` unless the name is an event type's.
pub fn must_be_event_type(field: &str, name: &str) -> Result<(), Refusal> {
    match is_identifier(name, MAX_EVENT_TYPE) {
        true => Ok(()),
        false => {
            let why = format!("is 1 to {MAX_EVENT_TYPE} of A-Z a-z 0-9 - _ .");
            Err(Refusal::field(field, why))
        }
    }
}
