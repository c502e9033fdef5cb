//! Event types as the Svix contract spells them.

use domain::event_type::EventType;
use manage::event_types::{EventTypeDraft, Schemas};
use serde::{Deserialize, Serialize};
use serde_with::rust::double_option;
use utoipa::ToSchema;

use crate::web::patch::given;

/// Declares a whole event type: the given fields, then those that a replacement has too. Fields of
/// a flattened type would be neither located nor known by name.
macro_rules! event_type {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$about])*
        #[derive(Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name {
            $($own)*
            /// Description for people.
            description: String,
            /// Whether the type is out of use; lists leave it out unless asked.
            #[serde(default)]
            archived: bool,
            /// Whether the type will go out of use.
            #[serde(default)]
            deprecated: bool,
            /// JSON Schemas of the payload, by version. `send-example` sends their `examples`.
            #[schema(value_type = Option<BTreeMap<String, Object>>)]
            schemas: Option<Schemas>,
            /// Flags of those who are to see the type.
            feature_flags: Option<Vec<String>>,
            /// One such flag, as older clients give it.
            feature_flag: Option<String>,
            /// Group that the type is listed under.
            #[schema(max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
            group_name: Option<String>,
        }

        impl $name {
            fn draft(self) -> EventTypeDraft {
                EventTypeDraft {
                    description: self.description,
                    archived: self.archived,
                    deprecated: self.deprecated,
                    schemas: self.schemas,
                    feature_flags: flags(self.feature_flags, self.feature_flag),
                    group_name: self.group_name,
                }
            }
        }
    };
}

event_type! {
    /// A new event type.
    EventTypeIn {
        /// Name of an event type, such as `invoice.paid`.
        #[schema(max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
        name: String,
    }
}

event_type! {
    /// An event type to replace another.
    EventTypeUpdate {}
}

impl From<EventTypeIn> for (String, EventTypeDraft) {
    fn from(mut given: EventTypeIn) -> Self {
        (std::mem::take(&mut given.name), given.draft())
    }
}

impl From<EventTypeUpdate> for EventTypeDraft {
    fn from(given: EventTypeUpdate) -> Self {
        given.draft()
    }
}

/// The feature flags that stand in either of two spellings; the list counts if both are given.
fn flags(list: Option<Vec<String>>, one: Option<String>) -> Vec<String> {
    list.or_else(|| one.map(|flag| vec![flag])).unwrap_or_default()
}

/// Changes of an event type; a field that is left out stays, and null clears.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventTypePatch {
    /// Description for people.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// Whether the type is out of use; lists leave it out unless asked.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    archived: Option<bool>,
    /// Whether the type will go out of use.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    deprecated: Option<bool>,
    /// JSON Schemas of the payload, by version. `send-example` sends their `examples`.
    #[serde(default, with = "double_option")]
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    schemas: Option<Option<Schemas>>,
    /// Flags of those who are to see the type.
    #[serde(default, with = "double_option")]
    #[schema(value_type = Option<Vec<String>>)]
    feature_flags: Option<Option<Vec<String>>>,
    /// One such flag, as older clients give it.
    #[serde(default, with = "double_option")]
    #[schema(value_type = Option<String>)]
    feature_flag: Option<Option<String>>,
    /// Group that the type is listed under.
    #[serde(default, with = "double_option")]
    #[schema(value_type = Option<String>, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    group_name: Option<Option<String>>,
}

impl EventTypePatch {
    /// Lays the changes over what is there.
    pub(super) fn over(self, mut draft: EventTypeDraft) -> EventTypeDraft {
        if let Some(description) = self.description {
            draft.description = description;
        }
        if let Some(archived) = self.archived {
            draft.archived = archived;
        }
        if let Some(deprecated) = self.deprecated {
            draft.deprecated = deprecated;
        }
        if let Some(schemas) = self.schemas {
            draft.schemas = schemas;
        }
        // A patch that gives either spelling replaces all flags.
        if self.feature_flags.is_some() || self.feature_flag.is_some() {
            let one = self.feature_flag.flatten().filter(|_| self.feature_flags.is_none());
            draft.feature_flags = flags(self.feature_flags.flatten(), one);
        }
        if let Some(group) = self.group_name {
            draft.group_name = group;
        }
        draft
    }
}

/// An event type as it is shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventTypeOut {
    name: String,
    description: String,
    archived: bool,
    deprecated: bool,
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    schemas: Option<Schemas>,
    feature_flags: Option<Vec<String>>,
    feature_flag: Option<String>,
    group_name: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<EventType> for EventTypeOut {
    fn from(kind: EventType) -> Self {
        let flags = kind.feature_flags;
        Self {
            name: kind.name,
            description: kind.description,
            archived: kind.archived,
            deprecated: kind.deprecated,
            schemas: kind.schemas,
            feature_flag: flags.first().cloned(),
            feature_flags: (!flags.is_empty()).then_some(flags),
            group_name: kind.group_name,
            created_at: kind.created_at.rfc3339(),
            updated_at: kind.updated_at.rfc3339(),
        }
    }
}
