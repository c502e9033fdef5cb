//! Origins of web pages that may use the API from a browser.

use std::str::FromStr;

use url::Url;

/// The origins whose pages may use the API from a browser. Without any, a browser keeps the API's
/// answers from every page that the relay does not serve itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an origin such as https://app.example or http://localhost:5173: {why}")]
pub struct InvalidOrigin {
    text: String,
    why: &'static str,
}

impl AllowedOrigins {
    /// Whether no origin is allowed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origins, as browsers spell them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether pages of this origin may use the API. `origin` is the header as a browser sends it, in
    /// the one spelling that an origin has (RFC 6454).
    pub fn contain(&self, origin: &str) -> bool {
        self.0.iter().any(|allowed| allowed == origin)
    }
}

impl FromStr for AllowedOrigins {
    type Err = InvalidOrigin;

    /// Reads origins that are separated by commas. An empty text allows none.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let origins = parts.map(|part| {
            let invalid = |why| InvalidOrigin { text: part.to_owned(), why };
            origin(part).map_err(invalid)
        });
        origins.collect::<Result<_, _>>().map(Self)
    }
}

/// An origin as browsers send it: in lower case, without the port that the scheme implies.
fn origin(text: &str) -> Result<String, &'static str> {
    if text.contains('*') {
        return Err("wildcards are not possible; name each origin");
    }
    if text.eq_ignore_ascii_case("null") {
        return Err("pages of every site can send null, so it allows everybody");
    }
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err("it does not begin with https:// or http://");
    }
    let is_more = |c: char| c.is_whitespace() || matches!(c, '/' | '\\' | '?' | '#' | '@');
    if rest.contains(is_more) {
        return Err(
            "a host and perhaps a port are all that may follow the scheme, without a slash",
        );
    }
    let url = Url::parse(text).map_err(|_| "the host or the port cannot be read")?;
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_in_the_spelling_of_browsers() {
        for (text, read) in [
            ("", &[][..]),
            (" , ", &[]),
            ("https://app.example", &["https://app.example"]),
            (
                "https://app.example, http://localhost:5173,",
                &["https://app.example", "http://localhost:5173"],
            ),
            ("HTTPS://App.Example:443", &["https://app.example"]),
            ("http://127.0.0.1:80", &["http://127.0.0.1"]),
            ("http://[::1]:3000", &["http://[::1]:3000"]),
            ("https://bücher.example", &["https://xn--bcher-kva.example"]),
        ] {
            let origins: AllowedOrigins = text.parse().expect(text);
            assert_eq!(origins.0, read, "{text}");
            assert_eq!(origins.is_empty(), read.is_empty());
            assert!(read.iter().all(|origin| origins.contain(origin)), "{text}");
        }
    }

    #[test]
    fn no_other_origin_is_among_them() {
        let origins: AllowedOrigins = "https://app.example,https://b.example".parse().expect("two");
        for other in [
            "",
            "null",
            "*",
            "http://app.example",
            "https://app.example:8443",
            "https://app.example/",
            "https://app.example.evil.example",
            "https://evil.app.example",
            "https://APP.example",
            "https://app.example,https://b.example",
        ] {
            assert!(!origins.contain(other), "{other}");
            assert!(!AllowedOrigins::default().contain(other), "{other}");
        }
    }

    #[test]
    fn a_text_that_is_no_origin_is_refused_with_the_reason() {
        for (text, why) in [
            ("*", "wildcards"),
            ("https://*.example", "wildcards"),
            ("null", "null"),
            ("app.example", "does not begin with"),
            ("//app.example", "does not begin with"),
            ("ws://app.example", "does not begin with"),
            ("file://", "does not begin with"),
            ("https://app.example/", "without a slash"),
            ("https://app.example/path", "without a slash"),
            ("https://app.example?x", "without a slash"),
            ("https://app.example#x", "without a slash"),
            ("https://user@app.example", "without a slash"),
            ("https://app.example https://b.example", "without a slash"),
            ("https://", "cannot be read"),
            ("https://app.example:x", "cannot be read"),
            ("https://app.example:99999", "cannot be read"),
        ] {
            let error = text.parse::<AllowedOrigins>().expect_err(text).to_string();
            assert!(error.contains(why) && error.contains(text), "{error}");
            let among = format!("https://good.example,{text}");
            assert_eq!(among.parse::<AllowedOrigins>().expect_err(text).to_string(), error);
        }
    }
}
