//! The request in a frame of a Socket.IO client, given whether the client has entered the
//! namespace.
//!
//! The rules are those of the reference server: a client that enters twice, or says something before
//! it has entered, is disconnected.

use serde_json::{Map, Value};

use super::{InvalidPacket, NAMESPACE, SocketPacket};
use crate::live::engine_io::EnginePacket;

/// The request in a frame of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The client enters the relay's namespace and is to be let in.
    Join,
    /// The client asks for a namespace that the relay does not have.
    WrongNamespace(String),
    /// The client emits an event.
    Call {
        /// The name of the event.
        name: String,
        /// The fields of the object that came with the name; empty if none came.
        fields: Map<String, Value>,
        /// The number that an answer bears; `None` if no answer is wanted.
        ack: Option<u64>,
    },
    /// The client says something in a form that cannot be an action: the values beside the name are
    /// not one object.
    WrongValues {
        /// The name of the event.
        name: String,
        /// The number that an answer bears; `None` if no answer is wanted.
        ack: Option<u64>,
    },
    /// The client asks for a sign of life; the text is to be sent back.
    Ping(String),
    /// The client leaves the namespace and the connection.
    Leave,
    /// A sign of life, or an answer that nobody waits for.
    Alive,
    /// The client broke the protocol and is to be disconnected. The reason is for the log and for the
    /// client.
    Broken(String),
}

/// Judges a frame of a client, which has entered the relay's namespace or not.
pub fn hear(frame: &str, entered: bool) -> Heard {
    match EnginePacket::parse(frame) {
        Ok(EnginePacket::Message(text)) => match SocketPacket::parse(text) {
            Ok(packet) => said(packet, entered),
            Err(invalid) => broken(invalid),
        },
        Ok(EnginePacket::Close) => Heard::Leave,
        Ok(EnginePacket::Ping(text)) => Heard::Ping(text.to_owned()),
        Ok(EnginePacket::Pong(_) | EnginePacket::Noop) => Heard::Alive,
        Ok(EnginePacket::Open(_) | EnginePacket::Upgrade) => {
            Heard::Broken("a client sends no packet of this kind over WebSocket".to_owned())
        }
        Err(invalid) => Heard::Broken(invalid.to_string()),
    }
}

fn broken(invalid: InvalidPacket) -> Heard {
    Heard::Broken(invalid.to_string())
}

fn said(packet: SocketPacket, entered: bool) -> Heard {
    match packet {
        SocketPacket::Connect { namespace } if namespace != NAMESPACE => {
            Heard::WrongNamespace(namespace)
        }
        SocketPacket::Connect { .. } if entered => {
            Heard::Broken("the client has entered the namespace already".to_owned())
        }
        SocketPacket::Connect { .. } => Heard::Join,
        // Clients leave namespaces that they were not let into.
        SocketPacket::Disconnect { namespace } if namespace != NAMESPACE => Heard::Alive,
        SocketPacket::Disconnect { .. } => Heard::Leave,
        SocketPacket::Event { namespace, .. } | SocketPacket::Ack { namespace }
            if !entered || namespace != NAMESPACE =>
        {
            Heard::Broken("the client has not entered this namespace".to_owned())
        }
        SocketPacket::Ack { .. } => Heard::Alive,
        SocketPacket::Event { ack, name, mut values, .. } => match (values.pop(), values.len()) {
            (None, _) => Heard::Call { name, fields: Map::new(), ack },
            (Some(Value::Object(fields)), 0) => Heard::Call { name, fields, ack },
            _ => Heard::WrongValues { name, ack },
        },
    }
}
