//! Packets of [Engine.IO 4], which Socket.IO travels in, over WebSocket alone.
//!
//! A packet is one WebSocket message: a digit that says its kind, and the rest. Clients of version 4
//! answer pings and never send one by themselves.
//!
//! [Engine.IO 4]: https://github.com/socketio/engine.io-protocol

use serde::Serialize;

/// A packet of Engine.IO, which carries the packets of Socket.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnginePacket<'a> {
    /// The server's first packet, with the settings of the connection as JSON.
    Open(&'a str),
    /// The end of the connection.
    Close,
    /// A sign of life that is to be answered.
    Ping(&'a str),
    /// The answer to a ping, with its text.
    Pong(&'a str),
    /// A message, whose text is a packet of Socket.IO.
    Message(&'a str),
    /// The change from polling to WebSocket.
    Upgrade,
    /// A packet without any meaning.
    Noop,
}

/// A text that is no packet of Engine.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a packet of Engine.IO: the first character is 0 to 6")]
pub struct NotAPacket;

impl<'a> EnginePacket<'a> {
    /// Reads a packet. What follows a kind that carries nothing is left out.
    ///
    /// # Errors
    /// If the first character is none of `0` to `6`.
    pub fn parse(text: &'a str) -> Result<Self, NotAPacket> {
        let rest = text.get(1..).unwrap_or_default();
        Ok(match text.as_bytes().first().ok_or(NotAPacket)? {
            b'0' => Self::Open(rest),
            b'1' => Self::Close,
            b'2' => Self::Ping(rest),
            b'3' => Self::Pong(rest),
            b'4' => Self::Message(rest),
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            _ => return Err(NotAPacket),
        })
    }

    /// The packet as one WebSocket message. A message may not hold two: clients end a connection over
    /// that.
    pub fn print(&self) -> String {
        match self {
            Self::Open(rest) => format!("0{rest}"),
            Self::Close => "1".to_owned(),
            Self::Ping(rest) => format!("2{rest}"),
            Self::Pong(rest) => format!("3{rest}"),
            Self::Message(rest) => format!("4{rest}"),
            Self::Upgrade => "5".to_owned(),
            Self::Noop => "6".to_owned(),
        }
    }
}

/// The time for which a client waits for a ping of the server, and the server for its answer, in
/// milliseconds: the 2 hours that API Gateway lets a connection live. So a client ends no connection because
/// nothing was pushed.
pub const PING_INTERVAL_MS: u64 = 7_200_000;
/// Largest message of a client that the server announces, in bytes: API Gateway's.
pub const MAX_PAYLOAD: u64 = 131_072;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings<'a> {
    sid: &'a str,
    upgrades: [&'a str; 0],
    ping_interval: u64,
    ping_timeout: u64,
    max_payload: u64,
}

/// The packet that opens a connection. A client sends nothing before it has come.
pub fn open(sid: &str) -> String {
    let settings = Settings {
        sid,
        upgrades: [],
        ping_interval: PING_INTERVAL_MS,
        ping_timeout: PING_INTERVAL_MS,
        max_payload: MAX_PAYLOAD,
    };
    EnginePacket::Open(&serde_json::to_string(&settings).expect("plain data serialises")).print()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_prints_and_parses() {
        for (text, packet) in [
            ("0{}", EnginePacket::Open("{}")),
            ("1", EnginePacket::Close),
            ("2", EnginePacket::Ping("")),
            ("2probe", EnginePacket::Ping("probe")),
            ("3", EnginePacket::Pong("")),
            ("42[\"a\"]", EnginePacket::Message("2[\"a\"]")),
            ("4", EnginePacket::Message("")),
            ("4é", EnginePacket::Message("é")),
            ("5", EnginePacket::Upgrade),
            ("6", EnginePacket::Noop),
        ] {
            assert_eq!(EnginePacket::parse(text), Ok(packet));
            assert_eq!(packet.print(), text);
        }
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in ["", "7", "{\"action\":\"ping\"}", "b4", "é", "\u{1e}4", " 4", "\u{0}"] {
            assert_eq!(EnginePacket::parse(text), Err(NotAPacket), "{text:?}");
        }
    }

    #[test]
    fn the_opening_packet_is_what_clients_expect() {
        let expected = r#"0{"sid":"c=","upgrades":[],"pingInterval":7200000,"pingTimeout":7200000,"maxPayload":131072}"#;
        assert_eq!(open("c="), expected);
    }
}
