//! The protocol of a connection, told by the query of its upgrade.

use serde::{Deserialize, Serialize};

/// The protocol that a connection speaks. It is kept with the connection, because a frame of the other
/// protocol ends a client of Socket.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// The relay's own: one JSON object per message.
    Json,
    /// Socket.IO 5 in Engine.IO 4.
    SocketIo,
}

/// The reason why an upgrade is refused, in words for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProtocol {
    /// The client speaks another version of Engine.IO.
    #[error(
        "the client speaks a version of Engine.IO other than 4: use socket.io-client 3 or 4, or \
         python-socketio 5"
    )]
    Version,
    /// The client does not begin with WebSocket.
    #[error(
        "the client begins with a transport other than WebSocket: set transports to ['websocket'], \
         or put 'websocket' first"
    )]
    Transport,
}

impl Protocol {
    /// The protocol that the parameters `EIO` and `transport` of an upgrade ask for. A client that
    /// sends neither speaks JSON.
    ///
    /// # Errors
    /// If the client speaks a version of Engine.IO other than 4, or asks for long polling.
    pub fn asked(version: Option<&str>, transport: Option<&str>) -> Result<Self, InvalidProtocol> {
        match (version, transport) {
            (None, None) => Ok(Self::Json),
            (Some("4"), Some("websocket")) => Ok(Self::SocketIo),
            (Some("4"), _) => Err(InvalidProtocol::Transport),
            _ => Err(InvalidProtocol::Version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_tells_the_protocol() {
        for (version, transport, asked) in [
            (None, None, Ok(Protocol::Json)),
            (Some("4"), Some("websocket"), Ok(Protocol::SocketIo)),
            (Some("4"), Some("polling"), Err(InvalidProtocol::Transport)),
            (Some("4"), None, Err(InvalidProtocol::Transport)),
            (Some("3"), Some("websocket"), Err(InvalidProtocol::Version)),
            (Some(""), Some("websocket"), Err(InvalidProtocol::Version)),
            (None, Some("websocket"), Err(InvalidProtocol::Version)),
            (Some("44"), None, Err(InvalidProtocol::Version)),
        ] {
            assert_eq!(Protocol::asked(version, transport), asked, "{version:?} {transport:?}");
        }
    }
}
