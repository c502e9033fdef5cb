//! The verbs of `relay keys`, with their routes, options and columns.

use super::{
    show::Show,
    table::{Parameter, Resource, Shape, Verb, Way},
};

const COLUMNS: &[Show] = &[
    Show::time("CREATED", "created_at"),
    Show::text("NAME", "name"),
    Show::text("SCOPE", "scope"),
    Show::text("APPLICATION", "application"),
    Show::whole("ID", "id"),
];

/// API keys.
pub(super) const KEYS: Resource =
    Resource { name: "keys", about: "API keys", verbs: &[LIST, CREATE, DELETE] };

const LIST: Verb = Verb {
    about: "List keys without their secrets",
    example: "relay keys list",
    shape: Shape::List { columns: COLUMNS, paged: false },
    ..Verb::get("list", "/v1/keys")
};

const CREATE: Verb = Verb {
    about: "Make a key; it is shown this once",
    example: "relay keys create --name ci --scope publish",
    way: Way::Post,
    fields: &[
        Parameter::text("name", "name", "Name for people").required(),
        Parameter::text("scope", "scope", "What it may do: read, publish or admin").required(),
        Parameter::text(
            "application",
            "application",
            "The one application that it sees; all if left out",
        ),
    ],
    ..Verb::get("create", "/v1/keys")
};

const DELETE: Verb = Verb {
    about: "Revoke a key",
    example: "relay keys delete 7f3a91",
    way: Way::Delete,
    places: &[("id", "Id of the key")],
    ..Verb::get("delete", "/v1/keys/{id}")
};
