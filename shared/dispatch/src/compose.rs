//! What goes over the wire: the body as the endpoint's profile writes it, and the headers over just
//! those bytes.

use std::collections::BTreeMap;

use adapters::vault::Vault;
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::Event,
    headers::{self, MASK, StoredHeader},
    id::AttemptId,
    outgoing::{self, BodyContext, HeaderContext, HeaderStyle, INCLUDE_TRACEBACK},
    profile::Profile,
    secret::Secret,
    time::Timestamp,
};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_TYPE, USER_AGENT},
};

use crate::pass_through::{Content, PassedHeader};

/// A request, but for where it goes.
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// What in it nobody may read.
    pub(crate) sealed: Vec<Secret>,
    /// Headers that are not shown, besides those whose names say so.
    hidden: Vec<HeaderName>,
}

/// Takes secrets out of what an endpoint answered: some answer with the request they got, and the
/// answer is kept and shown.
pub(crate) fn redact(answer: &mut String, sealed: &[Secret]) {
    for secret in sealed.iter().filter_map(Secret::as_str).filter(|text| !text.is_empty()) {
        // `Basic` and `Bearer` are no secret, and what follows them may come back alone.
        let bare = secret.split_once(' ').map_or(secret, |(_, rest)| rest.trim());
        for text in [secret, bare] {
            // As it is, and as writers of JSON escape it.
            for text in [text.to_owned(), text.replace('/', "\\/")] {
                if SHORTEST <= text.len() && answer.contains(&text) {
                    *answer = answer.replace(&text, MASK);
                }
            }
        }
        // The prefix that is kept may end within it.
        let cut = (SHORTEST..bare.len())
            .rev()
            .find(|length| bare.is_char_boundary(*length) && answer.ends_with(&bare[..*length]));
        if let Some(length) = cut {
            answer.truncate(answer.len() - length);
            answer.push_str(MASK);
        }
    }
}

/// Shorter texts than these, in bytes, stand in many an answer by chance.
const SHORTEST: usize = 4;
/// The same of values that nobody declared as secret.
const SHORTEST_VALUE: usize = 8;

/// What else an answer must not quote: our signatures, whole and one by one, and the owner's headers
/// whatever they are called, unless they are so short that they stand in answers by chance.
fn unquotable(headers: &HeaderMap, own: &BTreeMap<String, Secret>) -> Vec<Secret> {
    let own = own.values().filter_map(Secret::as_str).filter(|it| SHORTEST_VALUE <= it.len());
    let mut found: Vec<_> = own.map(Secret::new).collect();
    for (_, value) in headers.iter().filter(|(name, _)| headers::is_sensitive(name.as_str())) {
        let Ok(value) = value.to_str() else { continue };
        let pieces = value.split([' ', ',', '=']).filter(|piece| 2 * SHORTEST_VALUE <= piece.len());
        found.push(Secret::new(value));
        found.extend(pieces.map(Secret::new));
    }
    found
}

/// What we call ourselves.
const AGENT: &str = concat!("webhook-relay/", env!("CARGO_PKG_VERSION"));

/// Writes and signs the next attempt of a delivery, or says why it cannot be. `style` is that of the
/// deployment. A message in a queue has room for ten headers, so that calls to AWS have the usual
/// names alone.
pub(crate) fn request(
    vault: &Vault,
    style: HeaderStyle,
    event: &Event,
    endpoint: &Endpoint,
    delivery: &Delivery,
    content: Content,
    at: Timestamp,
) -> Result<Request, &'static str> {
    let owner = Endpoint::owner(&endpoint.id);
    let open = |sealed| vault.unseal(&owner, sealed);
    let secrets: Result<Vec<Secret>, _> = endpoint.live_secrets(at).map(open).collect();
    let secrets = secrets.ok().filter(|secrets| !secrets.is_empty());
    let secrets = secrets.ok_or("the endpoint's signing secrets do not open")?;
    let own = vault.open_headers(&owner, &endpoint.headers);
    let own = own.map_err(|_| "the endpoint's headers do not open")?;
    let is_sealed =
        |name: &&String| matches!(endpoint.headers.get(*name), Some(StoredHeader::Sealed(_)));
    let sealed: Vec<_> = own.keys().filter(is_sealed).map(|name| own[name].clone()).collect();
    let out = endpoint.outgoing();
    if endpoint.bare.is_some() {
        let headers = bare(&own).ok_or("something in it cannot be a header")?;
        let sealed = sealed.into_iter().chain(unquotable(&headers, &own)).collect();
        return Ok(Request { headers, body: Vec::new(), sealed, hidden: Vec::new() });
    }
    let Content { body, is_original, headers: passed } = content;
    let body = match out.filter(|_| !is_original) {
        Some(out) => {
            let asked = endpoint.metadata.get(INCLUDE_TRACEBACK);
            let include_traceback = asked.is_some_and(|asked| asked == "true");
            outgoing::body(out, BodyContext { event, include_traceback }, &body)
        }
        None => body,
    };
    // With a part of the sender's `svix-…` headers and a part of ours, neither signature would hold.
    let is_svix = passed.iter().any(|header| header.name.as_str().starts_with("svix-"));
    let nonce = AttemptId::of(&delivery.id, delivery.made);
    let call = HeaderContext {
        secrets: &secrets,
        owner_has_secret: endpoint.owner_has_secret,
        id: &event.webhook_id(),
        event_type: &event.event_type,
        nonce: nonce.as_str(),
        at,
        body: &body,
        user_agent: AGENT,
        style: match endpoint.url.starts_with("arn:") || is_svix {
            true => HeaderStyle::Standard,
            false => endpoint.header_style.unwrap_or(style),
        },
    };
    let profile = endpoint.profile.as_deref().and_then(Profile::named);
    let unfit = "something in it cannot be a header";
    let mut headers = outgoing::headers(profile, &own, call).ok_or(unfit)?;
    // A system's own profile says what its bodies are.
    if let (Some(kind), None) = (&event.asked.content_type, profile) {
        headers.insert(CONTENT_TYPE, HeaderValue::try_from(kind).map_err(|_| unfit)?);
    }
    if is_original {
        headers.remove(CONTENT_TYPE);
    }
    let secrets = passed.iter().filter(|header| header.is_secret);
    let hidden: Vec<_> = secrets.clone().map(|header| header.name.clone()).collect();
    let quoted = secrets.map(|header| Secret::new(header.value.as_bytes()));
    let sealed = sealed.into_iter().chain(quoted).collect::<Vec<_>>();
    pass(&mut headers, passed);
    let sealed = sealed.into_iter().chain(unquotable(&headers, &own)).collect();
    Ok(Request { headers, body, sealed, hidden })
}

/// Adds the sender's headers. Those that are there already stay: the relay's, and the owner's own. Only
/// the relay's name as an agent gives way.
fn pass(headers: &mut HeaderMap, passed: Vec<PassedHeader>) {
    if passed.iter().any(|header| header.name == USER_AGENT) {
        headers.remove(USER_AGENT);
    }
    let there: Vec<HeaderName> = headers.keys().cloned().collect();
    for PassedHeader { name, value, .. } in passed {
        if !there.contains(&name) {
            headers.append(name, value);
        }
    }
}

/// The owner's headers and nothing else.
fn bare(own: &BTreeMap<String, Secret>) -> Option<HeaderMap> {
    let header = |(name, value): (&String, &Secret)| {
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    own.iter().map(header).collect()
}

/// The headers of a request as they may be shown: of secrets and signatures, the names. Somebody who
/// reads a dead letter is not to be able to send it in our name.
pub(crate) fn shown(request: &Request) -> BTreeMap<String, String> {
    shown_one_by_one(request).into_iter().collect()
}

/// The same, with every header of those that occur more than once.
pub(crate) fn shown_one_by_one(request: &Request) -> Vec<(String, String)> {
    let show = |(name, value): (&HeaderName, &HeaderValue)| {
        let is_secret = headers::is_sensitive(name.as_str()) || request.hidden.contains(name);
        let value = match is_secret {
            true => MASK.to_owned(),
            false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        (name.as_str().to_owned(), value)
    };
    request.headers.iter().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_quotes_the_request_is_kept_without_its_secrets() {
        let sealed =
            [Secret::new("Bearer planted-0001"), Secret::new("planted-0002"), Secret::new("x")];
        for (answer, kept) in [
            ("ok x", "ok x"),
            (r#"{"Authorization":"Bearer planted-0001"}"#, r#"{"Authorization":"***"}"#),
            ("planted-0001 and planted-0002", "*** and ***"),
            ("… and then planted-00", "… and then ***"),
            ("… and then plan", "… and then ***"),
            ("… and then pla", "… and then pla"),
        ] {
            let mut answer = answer.to_owned();
            redact(&mut answer, &sealed);
            assert_eq!(answer, kept);
        }
    }

    #[test]
    fn signatures_and_headers_of_any_name_do_not_come_back_in_an_answer() {
        let own = BTreeMap::from([
            ("x-tenant".to_owned(), Secret::new("planted-tenant")),
            ("x-stage".to_owned(), Secret::new("prod")),
        ]);
        let signature = "v1,cGxhbnRlZC9zaWduYXR1cmU= v1a,cGxhbnRlZC9vdGhlcg==";
        let mut headers = HeaderMap::new();
        headers.insert("webhook-signature", HeaderValue::from_static(signature));
        headers.insert("webhook-id", HeaderValue::from_static("msg_0123456789abcdef"));
        let sealed = unquotable(&headers, &own);
        let mut answer = format!(
            r#"{{"a":"{signature}","b":"cGxhbnRlZC9vdGhlcg","c":"{}","d":"planted-tenant","e":"prod"}}"#,
            "v1,cGxhbnRlZC9zaWduYXR1cmU=".replace('/', "\\/")
        );
        redact(&mut answer, &sealed);
        for secret in ["cGxhbnRlZC", "planted"] {
            assert!(!answer.contains(secret), "{answer}");
        }
        assert!(answer.contains("prod"), "{answer}");
    }
}
