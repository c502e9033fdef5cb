//! The webhook of one job or batch as its registrar gives it, in each of the forms that the five
//! systems use.

use domain::{filter::FilterText, secret::Secret};
use manage::{
    Refusal,
    endpoints::{EndpointDraft, PassThroughDraft, PolicyDraft},
    webhooks::WebhookDraft,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::web::error::Error;

/// A webhook of one job or batch.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct WebhookIn {
    /// Address that notifications go to.
    url: String,
    /// Signing secret; without one, the application's webhook secret, or one that is made.
    #[schema(max_length = 128)]
    secret: Option<String>,
    /// Retries after the first attempt.
    #[schema(minimum = 0, maximum = 10, default = 3)]
    max_retries: Option<i64>,
    /// Time for one attempt, in seconds.
    #[schema(minimum = 5, maximum = 300, default = 30)]
    timeout: Option<i64>,
    /// Seconds to wait before each retry; the last wait repeats.
    #[schema(min_items = 1, max_items = 10)]
    delays: Option<Vec<i64>>,
    /// The only statuses that are retried, such as `429` and `"5xx"`; a request without an answer is
    /// always retried.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    retry_on: Option<Vec<Value>>,
    /// Statuses that end a delivery at once.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    give_up_on: Option<Vec<Value>>,
    /// The only statuses that are a success.
    #[schema(value_type = Option<Vec<Object>>, max_items = 50)]
    success_on: Option<Vec<Value>>,
    /// Events that are delivered: types, wildcards such as `job.*`, or `completed`, `failed`,
    /// `progress`; a list, or text with commas. Every event if it is left out.
    #[schema(value_type = Option<Vec<String>>)]
    events: Option<Value>,
    /// Headers sent with every call, as an object or as an object in JSON text.
    #[schema(value_type = Option<Object>)]
    headers: Option<Value>,
    /// Profile whose headers and bodies the webhook gets, `standard` for none. If it is left out, a
    /// job's webhook has the profile of the job's source, if that is one for calls to subscribers, and
    /// the webhook of a batch with an `input_file_id` has `batch`.
    profile: Option<String>,
    /// Contents that are delivered, as a pattern with Outpost's operators.
    #[schema(value_type = Option<Object>)]
    filter: Option<FilterText>,
    /// Body that is sent: `notice` for the relay's own, `original` for the sender's, byte for byte. An
    /// event that came with no request is sent as the notice.
    body: Option<String>,
    /// Names of the sender's headers that are sent along.
    #[schema(max_items = 16)]
    forward_headers: Option<Vec<String>>,
}

/// The webhook of a registration in each form that the five systems send: whole, as single fields,
/// or as the older `metadata.webhook_url`.
#[derive(Default)]
pub(super) struct WebhookFields {
    /// The value of the field `webhook`.
    pub(super) webhook: Option<WebhookIn>,
    /// The value of the field `webhook_url`.
    pub(super) url: Option<String>,
    /// The value of the field `webhook_secret`.
    pub(super) secret: Option<String>,
    /// The value of the field `webhook_headers`.
    pub(super) headers: Option<Value>,
}

impl WebhookFields {
    /// The draft of the webhook, if there is one. `webhook_url` is taken out of the metadata.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a secret or headers without an address, and for events that are neither
    /// a list of names nor text with commas.
    pub(super) fn draft(
        self,
        metadata: Option<&mut Map<String, Value>>,
    ) -> Result<Option<WebhookDraft>, Error> {
        let older = metadata.and_then(|metadata| metadata.remove("webhook_url"));
        let older = || older.as_ref().and_then(Value::as_str).map(str::to_owned);
        let Self { webhook, url, secret, headers } = self;
        if let Some(webhook) = webhook {
            return webhook.draft().map(Some);
        }
        match url.filter(|url| !url.is_empty()).or_else(older) {
            Some(url) => {
                let webhook = WebhookIn { url, secret, headers, ..WebhookIn::default() };
                webhook.draft().map(Some)
            }
            None if secret.is_some() || headers.is_some() => {
                Err(Error::field("webhook_url", "is missing, but its secret or headers are there"))
            }
            None => Ok(None),
        }
    }
}

impl WebhookIn {
    /// The draft of the webhook.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the events are neither a list of names nor text with commas.
    fn draft(self) -> Result<WebhookDraft, Error> {
        let events = events(self.events).map_err(|refusal| spelt(refusal.within("webhook")))?;
        let endpoint = EndpointDraft {
            url: Some(self.url),
            event_types: Some(events),
            policy: PolicyDraft {
                max_retries: self.max_retries,
                timeout_seconds: self.timeout,
                delays: self.delays,
                retry_on: self.retry_on,
                give_up_on: self.give_up_on,
                success_on: self.success_on,
            },
            profile: self.profile,
            headers: self.headers,
            filter: self.filter,
            pass_through: PassThroughDraft { body: self.body, headers: self.forward_headers },
            ..EndpointDraft::default()
        };
        Ok(WebhookDraft { endpoint, secret: self.secret.map(Secret::new) })
    }
}

/// A refusal with the fields of a webhook as this contract spells them.
pub(super) fn spelt(refusal: Refusal) -> Error {
    let spelt = |field: String| match field.as_str() {
        "webhook.event_types" => "webhook.events".to_owned(),
        "webhook.timeout_seconds" => "webhook.timeout".to_owned(),
        _ => field,
    };
    refusal.renamed(spelt).into()
}

/// The names of a list, or of text with commas; an empty list means every event.
fn events(given: Option<Value>) -> Result<Option<Vec<String>>, Refusal> {
    let shape = || Refusal::field("event_types", "is a list of names, or text with commas");
    let names: Vec<String> = match given {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => {
            text.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect()
        }
        Some(Value::Array(list)) => {
            let name = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(shape);
            list.iter().map(name).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(shape()),
    };
    Ok(Some(names).filter(|names| !names.is_empty()))
}
