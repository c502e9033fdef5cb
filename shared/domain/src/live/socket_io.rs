//! Packets of [Socket.IO 5], the protocol of clients of version 3 and 4, as they travel in Engine.IO.
//!
//! A packet is a digit that says its kind, a namespace followed by a comma, a number that asks for an
//! answer, and JSON; only the digit must be there. Binary packets are refused.
//!
//! [Socket.IO 5]: https://github.com/socketio/socket.io-protocol

mod session;

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::session::{Heard, hear};
use super::engine_io::EnginePacket;

/// The namespace that the relay has. Clients that name none mean it.
pub const NAMESPACE: &str = "/";

/// A packet of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketPacket {
    /// A client enters a namespace.
    Connect {
        /// The namespace, without a query.
        namespace: String,
    },
    /// A client leaves a namespace.
    Disconnect {
        /// The namespace, without a query.
        namespace: String,
    },
    /// An event that a client emits.
    Event {
        /// The namespace, without a query.
        namespace: String,
        /// The number that an answer bears; `None` if no answer is wanted.
        ack: Option<u64>,
        /// The name of the event.
        name: String,
        /// The values beside the name.
        values: Vec<Value>,
    },
    /// A client answers. The relay asks for no answers.
    Ack {
        /// The namespace, without a query.
        namespace: String,
    },
}

/// The reason why a text is no packet that a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPacket {
    /// The kind is none that clients send.
    #[error("not a packet of Socket.IO: its kind is 0, 1, 2 or 3")]
    Kind,
    /// The packet announces binary attachments.
    #[error("binary packets are not taken: send JSON without ArrayBuffer, Blob or bytes")]
    Binary,
    /// The number that asks for an answer is too large.
    #[error("the number of the acknowledgement does not fit 64 bits")]
    Number,
    /// The content is not JSON, or not of the form that the kind takes.
    #[error(
        "the packet's content is not what its kind takes: an object for 0, nothing for 1, a list \
         that begins with a name for 2, a list for 3"
    )]
    Content,
}

/// Names of events that clients keep for themselves.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

impl SocketPacket {
    /// Reads a packet, without the digit of Engine.IO in front of it.
    ///
    /// # Errors
    /// If the text is no packet, or one that no client may send.
    pub fn parse(text: &str) -> Result<Self, InvalidPacket> {
        let kind = text.as_bytes().first().copied().ok_or(InvalidPacket::Kind)?;
        match kind {
            b'0'..=b'3' => {}
            b'5' | b'6' => return Err(InvalidPacket::Binary),
            _ => return Err(InvalidPacket::Kind),
        }
        let (namespace, rest) = namespace(&text[1..]);
        let namespace = namespace.to_owned();
        let (ack, json) = number(rest)?;
        let content = match json {
            "" => None,
            json => Some(serde_json::from_str(json).map_err(|_| InvalidPacket::Content)?),
        };
        match (kind, content) {
            (b'0', None | Some(Value::Object(_))) => Ok(Self::Connect { namespace }),
            (b'1', None) => Ok(Self::Disconnect { namespace }),
            (b'2', Some(Value::Array(mut values))) if !values.is_empty() => {
                match values.remove(0) {
                    Value::String(name) if !RESERVED.contains(&name.as_str()) => {
                        Ok(Self::Event { namespace, ack, name, values })
                    }
                    _ => Err(InvalidPacket::Content),
                }
            }
            (b'3', Some(Value::Array(_))) if ack.is_some() => Ok(Self::Ack { namespace }),
            _ => Err(InvalidPacket::Content),
        }
    }
}

/// Splits a namespace off, without the query that clients of version 2 put behind it.
fn namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return (NAMESPACE, text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    (namespace.split('?').next().unwrap_or(NAMESPACE), rest)
}

/// Splits the number off that asks for an answer.
fn number(text: &str) -> Result<(Option<u64>, &str), InvalidPacket> {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    match digits {
        "" => Ok((None, rest)),
        digits => digits.parse().map(|ack| (Some(ack), rest)).map_err(|_| InvalidPacket::Number),
    }
}

/// A packet of Socket.IO in one of Engine.IO.
fn message(packet: &str) -> String {
    EnginePacket::Message(packet).print()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data serialises")
}

/// The frame that lets a client into the relay's namespace.
pub fn connected(sid: &str) -> String {
    let mut content = Map::new();
    content.insert("sid".to_owned(), sid.into());
    message(&format!("0{}", json(&content)))
}

/// The frame that refuses a client another namespace.
pub fn wrong_namespace(namespace: &str) -> String {
    // A comma would end the name; no namespace that was read holds one.
    message(&format!("4{namespace},{{\"message\":\"Invalid namespace\"}}"))
}

/// The frame of an event with one value.
pub fn event(name: &str, value: &impl Serialize) -> String {
    message(&format!("2[{},{}]", json(&name), json(value)))
}

/// The frame that answers an event which bore a number.
pub fn acknowledged(ack: u64, value: &impl Serialize) -> String {
    message(&format!("3{ack}[{}]", json(value)))
}

#[cfg(test)]
mod tests;
