//! The URL at which clients open live connections.

use std::str::FromStr;

/// The parameter of an upgrade's query that holds a ticket.
pub const TICKET: &str = "ticket";
/// The parameter of an upgrade's query that holds a token.
pub const TOKEN: &str = "token";

/// The URL at which clients open live connections, such as `wss://live.example/live`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveUrl(String);

/// A text that is no URL of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a URL such as wss://live.example/live, without a query or fragment")]
pub struct InvalidLiveUrl;

impl LiveUrl {
    /// The URL that opens a connection with a ticket.
    pub fn with_ticket(&self, ticket: &str) -> String {
        self.with(TICKET, ticket)
    }

    /// The URL that opens connections with a token.
    pub fn with_token(&self, token: &str) -> String {
        self.with(TOKEN, token)
    }

    /// The URL without a ticket or token.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin of the URL: scheme, host and port, as a content security policy names it.
    pub fn origin(&self) -> String {
        ::url::Url::parse(&self.0)
            .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// Tickets and tokens stand in a query as they are.
    fn with(&self, parameter: &str, text: &str) -> String {
        format!("{}?{parameter}={text}", self.0)
    }
}

impl FromStr for LiveUrl {
    type Err = InvalidLiveUrl;

    fn from_str(text: &str) -> Result<Self, InvalidLiveUrl> {
        let url = ::url::Url::parse(text).map_err(|_| InvalidLiveUrl)?;
        let is_bare = url.query().is_none() && url.fragment().is_none();
        let is_open = url.username().is_empty() && url.password().is_none();
        match url.scheme() {
            "ws" | "wss" if is_bare && is_open => Ok(Self(text.to_owned())),
            _ => Err(InvalidLiveUrl),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_a_websocket_takes_a_ticket_or_a_token() {
        for base in ["wss://live.example/live", "ws://127.0.0.1:8788/live/", "wss://live.example"] {
            let url: LiveUrl = base.parse().expect(base);
            assert_eq!(url.with_ticket("rlt_0a"), format!("{base}?ticket=rlt_0a"));
            assert_eq!(url.with_token("rlv1_a-b.c_d"), format!("{base}?token=rlv1_a-b.c_d"));
        }
    }

    #[test]
    fn the_origin_of_a_url_has_neither_path_nor_the_usual_port() {
        for (url, origin) in [
            ("wss://live.example/live", "wss://live.example"),
            ("wss://LIVE.example:443/", "wss://live.example"),
            ("ws://127.0.0.1:8788/live/", "ws://127.0.0.1:8788"),
            ("ws://[::1]:1/live", "ws://[::1]:1"),
        ] {
            assert_eq!(url.parse::<LiveUrl>().expect(url).origin(), origin);
        }
    }

    #[test]
    fn another_url_is_refused() {
        for text in [
            "",
            "live.example/live",
            "https://live.example/live",
            "wss://",
            "wss://live.example/live?x=1",
            "wss://live.example/live?",
            "wss://live.example/live#x",
            "wss://user:secret@live.example/live",
        ] {
            assert_eq!(text.parse::<LiveUrl>(), Err(InvalidLiveUrl), "{text}");
        }
    }
}
