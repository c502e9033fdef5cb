//! The webhook of one job or batch as its registrar gives it, in each of the forms that the five
//! systems use.

use domain::secret::Secret;
use manage::{
    Refusal,
    endpoints::{EndpointDraft, PolicyDraft},
    webhooks::WebhookDraft,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::web::error::Error;

/// A webhook of one job or batch.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct WebhookIn {
    /// Address that notifications go to.
    pub(crate) url: String,
    /// Signing secret; without one, the application's webhook secret, or one that is made.
    #[schema(max_length = 128)]
    secret: Option<String>,
    /// Retries after the first attempt.
    #[schema(minimum = 1, maximum = 10, default = 3)]
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
    filter: Option<Map<String, Value>>,
}

impl WebhookIn {
    /// The webhook in whichever shape it was given: whole, as `webhook_url`, `webhook_secret` and
    /// `webhook_headers`, or the older `metadata.webhook_url`.
    pub(crate) fn of(
        whole: Option<Self>,
        url: Option<String>,
        secret: Option<String>,
        headers: Option<Value>,
        metadata: Option<&Map<String, Value>>,
    ) -> Result<Option<Self>, Error> {
        if whole.is_some() {
            return Ok(whole);
        }
        let older = || metadata?.get("webhook_url")?.as_str().map(str::to_owned);
        match url.filter(|url| !url.is_empty()).or_else(older) {
            Some(url) => Ok(Some(Self { url, secret, headers, ..Self::default() })),
            None if secret.is_some() || headers.is_some() => {
                Err(Error::field("webhook_url", "is missing, but its secret or headers are there"))
            }
            None => Ok(None),
        }
    }

    /// The draft of the webhook.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the events are neither a list of names nor text with commas.
    pub(crate) fn draft(self) -> Result<WebhookDraft, Error> {
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
            ..EndpointDraft::default()
        };
        Ok(WebhookDraft { endpoint, secret: self.secret.map(Secret::new) })
    }
}

/// A refusal with the fields of a webhook as this contract spells them.
pub(crate) fn spelt(refusal: Refusal) -> Error {
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
