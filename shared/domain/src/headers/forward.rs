//! The headers of a sender's request that an endpoint may receive.
//!
//! Headers of the connection, of proxies and of the client's address are never passed on: a receiver
//! would take them for those of the connection that it has. Neither are credentials that the sender
//! showed to the relay alone (`authorization`, `cookie`).

use http::HeaderName;

use super::{DENIED, DENIED_PREFIXES, MAX_NAME};

/// Most names of headers that an endpoint asks for.
pub const MAX_FORWARDED: usize = 16;

/// The headers that say what a body is. They go along with the sender's body, and with that alone.
pub const OF_THE_BODY: [&str; 2] = ["content-type", "content-encoding"];

/// Headers by which a sender proves to the relay who it is.
const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];
/// Names among [`DENIED`] that are only the owner's not to set.
const SENDERS: [&str; 1] = ["user-agent"];
/// Prefixes of names that are only the owner's not to set. They are narrower than [`DENIED_PREFIXES`].
const SENDERS_PREFIXES: [&str; 3] = ["svix-", "x-amz-sns-", "x-svix-"];

/// The reason why names of headers are refused. The message may be shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForward {
    /// There are more than [`MAX_FORWARDED`].
    #[error("has at most {MAX_FORWARDED} names")]
    Count,
    /// A name cannot be the name of a header.
    #[error("holds a name that is not 1 to {MAX_NAME} characters of a header name")]
    Name,
    /// The relay sets these headers itself.
    #[error(
        "must not name {0:?}, which the relay sets: give the endpoint the sender's own secret, and the \
         relay's signature over the sender's body is as the sender's"
    )]
    Ours(String),
    /// The name goes along with the sender's body.
    #[error("must not name {0:?}, which goes along with the sender's body")]
    OfTheBody(String),
    /// The header is not passed on.
    #[error(
        "must not name {0:?}: headers of the connection, of proxies and of credentials are not passed on"
    )]
    Denied(String),
}

/// Checks the names of the headers that an endpoint asks for. The result is in lower case and without
/// repetitions, in the order given.
///
/// # Errors
/// If a name is refused, or there are too many.
pub fn forwarded(given: Vec<String>) -> Result<Vec<String>, InvalidForward> {
    let mut names: Vec<String> = Vec::new();
    for written in given {
        if written.is_empty() || MAX_NAME < written.len() {
            return Err(InvalidForward::Name);
        }
        let name = HeaderName::try_from(&written).map_err(|_| InvalidForward::Name)?.to_string();
        if OF_THE_BODY.contains(&name.as_str()) {
            return Err(InvalidForward::OfTheBody(name));
        }
        if name.starts_with("webhook-") {
            return Err(InvalidForward::Ours(name));
        }
        if !may_be_forwarded(&name) {
            return Err(InvalidForward::Denied(name));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if MAX_FORWARDED < names.len() {
        return Err(InvalidForward::Count);
    }
    Ok(names)
}

/// Whether an endpoint may receive this header of a sender's request; `name` is in lower case.
pub fn may_be_forwarded(name: &str) -> bool {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let denied = DENIED.contains(&name) || begins(&DENIED_PREFIXES);
    let of_senders = SENDERS.contains(&name) || begins(&SENDERS_PREFIXES);
    !CREDENTIALS.contains(&name) && (!denied || of_senders)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{profile::Profile, signature::HeaderNames};

    fn check(names: &[&str]) -> Result<Vec<String>, InvalidForward> {
        forwarded(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn names_are_read_in_lower_case_and_once() {
        let names = check(&["X-GitHub-Event", "x-hub-signature-256", "x-github-event"]);
        assert_eq!(names, Ok(vec!["x-github-event".to_owned(), "x-hub-signature-256".to_owned()]));
        assert_eq!(check(&[]), Ok(Vec::new()));
    }

    #[test]
    fn headers_of_the_connection_of_proxies_and_of_credentials_are_refused() {
        for name in [
            "Host",
            "connection",
            "Content-Length",
            "content-md5",
            "transfer-encoding",
            "te",
            "trailer",
            "Upgrade",
            "keep-alive",
            "proxy-authorization",
            "proxy-connection",
            "expect",
            "accept-encoding",
            "authorization",
            "Cookie",
            "set-cookie",
            "forwarded",
            "x-forwarded-for",
            "via",
            "x-real-ip",
            "cf-connecting-ip",
            "x-amzn-trace-id",
            "x-amz-security-token",
            "if-none-match",
        ] {
            let refused = InvalidForward::Denied(name.to_lowercase());
            assert_eq!(check(&[name]), Err(refused), "{name}");
        }
        for name in ["webhook-id", "Webhook-Signature"] {
            assert_eq!(check(&[name]), Err(InvalidForward::Ours(name.to_lowercase())), "{name}");
        }
        for name in OF_THE_BODY {
            assert_eq!(check(&[name]), Err(InvalidForward::OfTheBody(name.to_owned())));
        }
        for name in ["", "a b", "a:b", "é", "a\r\nb", &"a".repeat(MAX_NAME + 1)] {
            assert_eq!(check(&[name]), Err(InvalidForward::Name), "{name:?}");
        }
        let many: Vec<String> = (0..=MAX_FORWARDED).map(|number| format!("x-{number}")).collect();
        assert_eq!(forwarded(many[1..].to_vec()), Ok(many[1..].to_vec()));
        assert_eq!(forwarded(many), Err(InvalidForward::Count));
    }

    #[test]
    fn what_a_sender_s_library_verifies_by_may_be_forwarded_of_every_profile() {
        for profile in Profile::names().filter_map(Profile::named) {
            let sets = profile.schemes().flat_map(|scheme| &scheme.headers);
            for name in sets.flat_map(HeaderNames::all) {
                let ours = name.starts_with("webhook-");
                assert_eq!(check(&[name]).is_ok(), !ours, "{name}");
            }
        }
        for name in ["x-github-event", "user-agent", "x-gitlab-token", "x-amz-sns-message-type"] {
            assert!(check(&[name]).is_ok(), "{name}");
        }
    }
}
