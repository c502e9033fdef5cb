//! Texts of the document, with the numbers that the code has.

use domain::{
    live::{
        action::{MAX_MESSAGE, MAX_SUBSCRIPTIONS},
        connection::{self, RECHECK},
        engine_io,
        frames::{LINES_PER_SECOND, MAX_FRAME},
        socket_io, ticket, token,
    },
    log::{MAX_STREAMS, PROMISED},
};
use serde_json::{Value, json};

pub(super) fn info() -> Value {
    json!({
        "title": "Live updates of the webhook relay",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "What happens, over one WebSocket: log lines, states of jobs and batches, events, deliveries, dead \
            letters, tasks, refused requests. A push is a hint: it holds ids and states, and the HTTP API (openapi.json) holds the truth. \
            docs/live.md explains how a client is written.",
        "license": { "name": "Apache-2.0" },
    })
}

pub(super) fn servers() -> Value {
    let security = ["ticket", "token"].map(|name| super::refer("components/securitySchemes", name));
    json!({
        "local": {
            "host": "127.0.0.1:8788",
            "protocol": "ws",
            "description": "A relay on this machine: `relay dev`.",
            "security": security,
        },
        "deployed": {
            "host": "{api}.execute-api.{region}.amazonaws.com",
            "protocol": "wss",
            "description": "A deployed relay. Its address is the output `LiveUrl` of the stack.",
            "variables": {
                "api": { "description": "The output `WebSocketApiId` of the stack." },
                "region": { "default": "eu-central-1", "description": "The region of the stack." },
            },
            "security": security,
        },
    })
}

pub(super) fn security() -> Value {
    let (ticket, token) = (ticket::LIFE.as_secs(), token::MAX_LIFE.as_secs() / 3600);
    json!({
        "ticket": {
            "type": "httpApiKey", "in": "query", "name": "ticket",
            "description": format!("Opens one connection, once, within {ticket} s, from the origin that asked for it. \
                `POST /v1/live/tickets` makes it."),
        },
        "token": {
            "type": "httpApiKey", "in": "query", "name": "token",
            "description": format!("Opens connections to one job, project or batch until it expires, after {token} h at \
                the most. `POST /v1/live/tokens` makes it."),
        },
    })
}

pub(super) fn channel() -> String {
    format!(
        "Messages of the JSON protocol are text: one JSON object each. A client's has the field `action`, the relay's \
         the field `event`. An action is answered by the message that its operation names, or by `error`; the \
         connection stays open. Two actions at once may be worked on side by side, so a client waits for the answer \
         where their order matters. A client ignores messages and fields that it does not know.\n\n\
         The upgrade is answered 400 if the query asks for a protocol that is not spoken or holds another parameter, \
         401 if the ticket or token opens nothing, and 503 if the relay cannot tell now.\n\n\
         API Gateway closes a connection after 10 minutes without a message and after {} hours in any case, and one \
         whose client sends a frame of more than 32 KB, with code 1009. The relay looks at the key behind a connection \
         every {} minutes while it pushes, and closes the connection if the key was revoked.",
        connection::LIFE.as_secs() / 3600,
        RECHECK.as_secs() / 60,
    )
}

/// The query of the upgrade.
pub(super) fn query() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "properties": {
            "ticket": text("A ticket. Either this or a token is needed."),
            "token": text("A token."),
            "EIO": { "const": "4", "description": "Sent by clients of Socket.IO: the version of Engine.IO." },
            "transport": { "const": "websocket", "description": "Sent by clients of Socket.IO." },
        },
        "oneOf": [{ "required": ["ticket"] }, { "required": ["token"] }],
    })
}

/// Bounds that no schema states.
pub(super) fn limits() -> Value {
    json!({
        "bytes of a frame from a client": 32 * 1024,
        "bytes of a message from a client": MAX_MESSAGE,
        "bytes of a message to a client, unless one entry has more": MAX_FRAME,
        "topics of a connection": MAX_SUBSCRIPTIONS,
        "streams in after": MAX_STREAMS,
        "newest lines for a client that has none": PROMISED,
        "lines per second that Socket.IO gets one by one": LINES_PER_SECOND,
        "seconds of a connection": connection::LIFE.as_secs(),
        "seconds of a connection without a message": 600,
    })
}

/// The part of the document that says how Socket.IO carries the messages.
pub(super) fn socket_io() -> Value {
    json!({
        "versions": "Socket.IO protocol 5 in Engine.IO 4, over WebSocket alone: socket.io-client 3 and 4, python-socketio 5.",
        "address": "/live/?EIO=4&transport=websocket&token=…",
        "namespace": socket_io::NAMESPACE,
        "mapping": "An action is an event of its name with one object, the action's other fields. A message is an event of \
            its name with one object, the message's other fields. An action sent with an acknowledgement is answered by \
            both: the event, and the acknowledgement with the JSON protocol's message.",
        "opening packet": engine_io::open("OBxvEf3uDoECJmQ="),
        "refused": "Long polling, Engine.IO 3, binary packets and other namespaces.",
    })
}
