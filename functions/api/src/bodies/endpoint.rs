//! Endpoints as requests describe them, in the spelling of the Svix contract.

use std::collections::BTreeMap;

use domain::{filter::FilterText, secret::Secret};
use manage::{
    endpoints::{EndpointDraft, PassThroughDraft, PolicyDraft},
    secrets::SecretDraft,
};
use serde::Deserialize;
use serde_json::Value;
use serde_with::rust::double_option;
use utoipa::ToSchema;

use super::breaker::Breaker;
use crate::web::patch::given;

/// Declares a type with some fields of its own and those that every body about an endpoint has. A
/// field that is flattened would be neither located in errors nor told from unknown ones, so that the
/// fields are written out.
macro_rules! endpoint_body {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$about])*
        #[derive(Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            $($own)*
            /// The caller's own name for the endpoint.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<String>, min_length = 1, max_length = 256,
                pattern = r"^[a-zA-Z0-9\-_.]+$")]
            uid: Option<Option<String>>,
            /// Event types that are delivered, wildcards such as `invoice.*` among them; all of them
            /// without a list.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<Vec<String>>)]
            event_types: Option<Option<Vec<String>>>,
            /// Another spelling of `eventTypes`, by newer clients.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<Vec<String>>)]
            filter_types: Option<Option<Vec<String>>>,
            /// Channels that the endpoint listens on; all of them without a list.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<Vec<String>>, max_items = 10)]
            channels: Option<Option<Vec<String>>>,
            /// Requests per second.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<u16>, minimum = 1)]
            throttle_rate: Option<Option<u16>>,
            /// Another spelling of `throttleRate`, by newer clients.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<u16>)]
            rate_limit: Option<Option<u16>>,
            /// The caller's own data.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<BTreeMap<String, String>>)]
            metadata: Option<Option<BTreeMap<String, String>>>,
            /// Retries after the first attempt; 0 for none.
            #[schema(minimum = 0, maximum = 10)]
            max_retries: Option<i64>,
            /// Time for one attempt, in seconds.
            #[schema(minimum = 5, maximum = 300)]
            timeout_seconds: Option<i64>,
            /// Seconds to wait before each retry; the last wait repeats.
            #[schema(min_items = 1, max_items = 10)]
            delays: Option<Vec<i64>>,
            /// The only statuses that are retried, such as `429` and `"5xx"`; a request without an
            /// answer is always retried. An empty list for the usual statuses.
            #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
            retry_on: Option<Vec<Value>>,
            /// Statuses that end a delivery at once.
            #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
            give_up_on: Option<Vec<Value>>,
            /// The only statuses that are a success; an empty list for the usual ones.
            #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
            success_on: Option<Vec<Value>>,
            /// Profile whose headers and bodies the endpoint gets, and whose policy it has unless
            /// fields of the policy are given; `standard` for none.
            profile: Option<String>,
            /// Headers sent with every call, as an object or as an object in JSON text. A value of
            /// `***` is the present one.
            #[schema(value_type = Option<Object>)]
            headers: Option<Value>,
            /// Contents that are delivered, as a pattern with Outpost's operators; `{}` for all.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<Object>)]
            filter: Option<Option<FilterText>>,
            /// Limits of the circuit breaker.
            breaker: Option<Breaker>,
            /// Deliveries that follow one another: those of one `job`, of one `channel`, or of one
            /// value at a path such as `$.data.customer.id`; or `none`.
            ordering: Option<String>,
            /// Names of the headers of Standard Webhooks: `standard` for `webhook-id`,
            /// `webhook-timestamp` and `webhook-signature`, `svix` for `svix-id` and so on beside them;
            /// null for those of the deployment.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<String>)]
            header_style: Option<Option<String>>,
            /// Body that is sent: `notice` for the relay's own, `original` for the sender's, byte for
            /// byte. An event that came with no request is sent as the notice.
            body: Option<String>,
            /// Names of the sender's headers that are sent along, such as `x-github-event`; an empty
            /// list or null for none.
            #[serde(default, with = "double_option")]
            #[schema(value_type = Option<Vec<String>>, max_items = 16)]
            forward_headers: Option<Option<Vec<String>>>,
        }

        impl $name {
            /// The draft with the fields that every body has; a field that is left out stays.
            fn common(self) -> EndpointDraft {
                EndpointDraft {
                    uid: self.uid,
                    event_types: self.filter_types.or(self.event_types),
                    channels: self.channels,
                    throttle_rate: self.throttle_rate.or(self.rate_limit),
                    metadata: self.metadata.map(Option::unwrap_or_default),
                    policy: PolicyDraft {
                        max_retries: self.max_retries,
                        timeout_seconds: self.timeout_seconds,
                        delays: self.delays,
                        retry_on: self.retry_on,
                        give_up_on: self.give_up_on,
                        success_on: self.success_on,
                    },
                    profile: self.profile,
                    headers: self.headers,
                    filter: self.filter.map(Option::unwrap_or_default),
                    breaker: self.breaker.map(Into::into),
                    ordering: self.ordering,
                    header_style: self.header_style,
                    pass_through: PassThroughDraft {
                        body: self.body,
                        headers: self.forward_headers.map(Option::unwrap_or_default),
                    },
                    ..EndpointDraft::default()
                }
            }
        }
    };
}

/// Declares a body that is a whole endpoint.
macro_rules! whole_endpoint {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        endpoint_body! {
            $(#[$about])*
            $name {
                $($own)*
                /// Address that requests go to.
                url: String,
                /// Description for people.
                description: Option<String>,
                /// Whether the endpoint receives nothing.
                disabled: Option<bool>,
            }
        }

        impl From<$name> for EndpointDraft {
            /// Fields that Svix knows are cleared if they are left out or null; a client of Svix that
            /// does not know the other fields leaves them as they are.
            fn from(mut body: $name) -> Self {
                let url = std::mem::take(&mut body.url);
                let (description, disabled) = (body.description.take(), body.disabled);
                body.event_types = body.event_types.filter(Option::is_some);
                body.filter_types = body.event_types.take().or(body.filter_types);
                body.throttle_rate = body.throttle_rate.filter(Option::is_some);
                body.filter = body.filter.filter(Option::is_some);
                let draft = body.common();
                Self {
                    url: Some(url),
                    description: Some(description.unwrap_or_default()),
                    disabled: Some(disabled.unwrap_or_default()),
                    uid: Some(draft.uid.flatten()),
                    event_types: Some(draft.event_types.flatten()),
                    channels: Some(draft.channels.flatten()),
                    throttle_rate: Some(draft.throttle_rate.flatten()),
                    metadata: Some(draft.metadata.unwrap_or_default()),
                    ..draft
                }
            }
        }
    };
}

whole_endpoint! {
    /// A new endpoint.
    EndpointIn {
        /// Signing secret, `whsec_` and 24 to 64 bytes in base64, or `whsk_` and an Ed25519 key pair;
        /// one is made if it is left out. With a profile, 16 to 128 printable characters will do, and
        /// the profile's signatures are made with just those.
        secret: Option<String>,
        /// `hmac-sha256` or `ed25519`, for a secret that is made.
        signature_scheme: Option<String>,
    }
}

whole_endpoint! {
    /// The fields of an endpoint that can be changed.
    EndpointUpdate {}
}

endpoint_body! {
    /// Changes of an endpoint; a field that is left out stays, and null clears.
    EndpointPatch {
        /// Address that requests go to.
        #[serde(default, deserialize_with = "given")]
        #[schema(value_type = String, required = false)]
        url: Option<String>,
        /// Description for people.
        #[serde(default, deserialize_with = "given")]
        #[schema(value_type = String, required = false)]
        description: Option<String>,
        /// Whether the endpoint receives nothing.
        #[serde(default, deserialize_with = "given")]
        #[schema(value_type = bool, required = false)]
        disabled: Option<bool>,
    }
}

impl EndpointIn {
    /// The drafts of the endpoint and of its signing secret.
    pub(crate) fn drafts(mut self) -> (EndpointDraft, SecretDraft) {
        let text = self.secret.take().map(Secret::new);
        let secret = SecretDraft { text, scheme: self.signature_scheme.take() };
        (self.into(), secret)
    }
}

endpoint_body! {
    /// The draft of an endpoint that is to be tried out: a new endpoint whose address may be left out.
    EndpointTrial {
        /// Address that requests go to.
        url: Option<String>,
        /// Description for people.
        description: Option<String>,
        /// Whether the endpoint receives nothing.
        disabled: Option<bool>,
        /// Signing secret.
        secret: Option<String>,
        /// `hmac-sha256` or `ed25519`, for a secret that is made.
        signature_scheme: Option<String>,
    }
}

impl EndpointTrial {
    /// The drafts of the endpoint and of its signing secret.
    pub(crate) fn drafts(mut self) -> (EndpointDraft, SecretDraft) {
        let text = self.secret.take().map(Secret::new);
        let secret = SecretDraft { text, scheme: self.signature_scheme.take() };
        let (url, description) = (self.url.take(), self.description.take());
        let disabled = self.disabled;
        (EndpointDraft { url, description, disabled, ..self.common() }, secret)
    }
}

impl From<EndpointPatch> for EndpointDraft {
    fn from(mut body: EndpointPatch) -> Self {
        let (url, description) = (body.url.take(), body.description.take());
        let disabled = body.disabled;
        Self { url, description, disabled, ..body.common() }
    }
}
