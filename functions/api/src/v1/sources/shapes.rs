//! Sources as this contract spells them.
//!
//! A source and the request that makes it have ten options in common. They are listed once, at the
//! end of this file, and [`source_shapes`] writes both types and the ways between them.

use domain::{
    poll::{CancelSettings, PollMode, PollPace, PollPlatform},
    profile::Mapping,
    secret::Secret,
    signature::Scheme,
    source::{Handshake, RateLimit, Source, SourceOptions},
    time::Timestamp,
};
use manage::{
    sources::{MAX_CALL_SECRET, SourceDraft},
    traffic::SourceActivity,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::web::{error::Error, input::read_value};

macro_rules! source_shapes {
    ($($(#[$about:meta])* $option:ident: $type:ty,)*) => {
        /// A source as its owner wants it.
        #[derive(Deserialize, ToSchema)]
        pub(super) struct SourceIn {
            /// Name of its profile.
            profile: String,
            /// Live secrets, newest first; left out, a source keeps those that it has.
            secrets: Option<Vec<String>>,
            /// Application (id or uid) that hears of its events.
            application: Option<String>,
            /// Platform that is asked about completions that never came: `kind` (`replicate`,
            /// `runpod` with `endpoint_id`, `fal` with `app`, `http` with `status_url`) and a
            /// `secret`, which is never shown again; left out, the platform keeps the one that it
            /// has.
            #[schema(value_type = Option<Object>)]
            platform: Option<Map<String, Value>>,
            /// Call that cancels its jobs, if not the platform's own API: `url` with `{call_id}` or
            /// `{external_id}`, `method`, `headers` and a `secret`, which is never shown again.
            #[schema(value_type = Option<Object>)]
            cancel: Option<Map<String, Value>>,
            /// Whether the webhooks that its jobs are registered with are attached; `false` takes
            /// them and tells them nothing.
            #[schema(default = true)]
            job_webhooks: Option<bool>,
            /// Networks from which it may call, in CIDR notation; none means any.
            #[serde(default)]
            allowed_networks: Vec<String>,
            /// Reports on jobs that were not registered are refused with 404.
            #[serde(default)]
            strict: bool,
            /// `false` forgets that the source has presented a replay-safe signature, so that its
            /// weaker one passes again.
            locked: Option<bool>,
            $($(#[$about])* $option: $type,)*
        }

        impl SourceIn {
            /// The draft of the source.
            pub(super) fn draft(self) -> Result<SourceDraft, Error> {
                let (platform, platform_secret) = parted("platform", self.platform)?;
                let (cancel, cancel_secret) = parted("cancel", self.cancel)?;
                let secrets = self.secrets;
                Ok(SourceDraft {
                    profile: self.profile,
                    secrets: secrets.map(|list| list.into_iter().map(Secret::new).collect()),
                    application: self.application,
                    platform_secret,
                    cancel_secret,
                    locked: self.locked,
                    options: SourceOptions {
                        platform,
                        cancel,
                        job_webhooks: self.job_webhooks,
                        allowed_networks: self.allowed_networks,
                        strict: self.strict,
                        $($option: self.$option,)*
                    },
                })
            }
        }

        /// A source as it is shown.
        #[derive(Serialize, ToSchema)]
        pub(super) struct SourceOut {
            /// Name in its URL.
            name: String,
            /// Path that its sender posts to: `/in/{name}`.
            path: String,
            /// Name of its profile.
            profile: String,
            /// Number of live secrets.
            secret_count: usize,
            /// Times since which each live secret is kept, newest first; null for one that an earlier
            /// version of the relay wrote.
            secrets_kept_since: Vec<Option<String>>,
            /// Application that hears of its events: its uid, or its id if it has none.
            application: String,
            /// Id of that application.
            application_id: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Object>)]
            platform: Option<PollPlatform>,
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Object>)]
            cancel: Option<CancelSettings>,
            /// Whether the platform is asked with a secret.
            platform_has_secret: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            job_webhooks: Option<bool>,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            allowed_networks: Vec<String>,
            /// Reports on jobs that were not registered are refused.
            strict: bool,
            /// Whether the time of signing is always under the signature. If not, the idempotency
            /// key alone keeps a captured request from having a second effect.
            replay_safe: bool,
            /// The source has presented a replay-safe signature, and a weaker one is refused since.
            locked: bool,
            created_at: String,
            updated_at: String,
            /// The source's last requests. Missing in lists, and in the answer to a change.
            #[serde(skip_serializing_if = "Option::is_none")]
            activity: Option<SourceActivityOut>,
            $(
                $(#[$about])*
                #[serde(skip_serializing_if = "Option::is_none")]
                $option: $type,
            )*
        }

        impl SourceOut {
            /// A source whose application callers know by this name.
            pub(super) fn of(source: Source, application: String) -> Self {
                let profile = source.effective();
                let locked = source.locked_at.is_some();
                let secrets_kept_since = kept_since(&source);
                let options = source.options;
                Self {
                    replay_safe: profile
                        .is_some_and(|p| p.is_replay_safe() || (locked && p.is_mixed())),
                    locked,
                    path: format!("/in/{}", source.name),
                    name: source.name,
                    profile: source.profile,
                    secrets_kept_since,
                    secret_count: source.secrets.len(),
                    application_id: source.application.to_string(),
                    application,
                    platform: options.platform,
                    platform_has_secret: source.platform_secret.is_some(),
                    cancel: options.cancel,
                    job_webhooks: options.job_webhooks,
                    allowed_networks: options.allowed_networks,
                    strict: options.strict,
                    created_at: source.created_at.rfc3339(),
                    updated_at: source.updated_at.rfc3339(),
                    activity: None,
                    $($option: options.$option,)*
                }
            }

            /// The source with what is known of its requests.
            pub(super) fn with(self, activity: SourceActivity) -> Self {
                Self { activity: Some(activity.into()), ..self }
            }
        }
    };
}

source_shapes! {
    /// Age and lead that a timestamp may have, in seconds.
    #[schema(minimum = 1, maximum = 3600)]
    tolerance_seconds: Option<u64>,
    /// Signature scheme of the sender; only with the profile `hmac`.
    #[schema(value_type = Option<Object>)]
    scheme: Option<Scheme>,
    /// Paths in its bodies to what the relay needs; only with the profile `hmac`.
    #[schema(value_type = Option<Object>)]
    mapping: Option<Mapping>,
    /// Time after which a job's answer is overdue, in seconds since the job was registered or first
    /// heard of.
    #[schema(minimum = 1, maximum = 604_800)]
    deadline_seconds: Option<u64>,
    /// `primary` asks the platform past the deadline, `dual` from the start, `only` never.
    #[schema(value_type = Option<String>)]
    mode: Option<PollMode>,
    /// Pace at which the platform is asked: `interval_seconds`, `give_up_after_seconds`,
    /// `concurrency`.
    #[schema(value_type = Option<Object>)]
    poll: Option<PollPace>,
    /// Redis server whose channels `{run_id}:webhook` and `webhooks:telemetry` hear how the
    /// deliveries to those webhooks end, such as `redis://10.0.0.5:6379`.
    status_redis: Option<String>,
    /// URL of its public keys; only with a profile that has such keys, as `fal`.
    jwks_url: Option<String>,
    /// URL at which its sender calls the relay, without the query, where that is not the relay's
    /// own; only with a profile that signs the URL, as `twilio`.
    public_url: Option<String>,
    /// Rate at which it may call: `{"requests": 100, "per": "second" | "minute"}`.
    #[schema(value_type = Option<Object>)]
    rate_limit: Option<RateLimit>,
}

/// The last requests of a source, and how long they usually lie apart.
#[derive(Serialize, ToSchema)]
pub(super) struct SourceActivityOut {
    /// Minute of the last accepted request; of one older than two days, the hour. Null if none was accepted
    /// within a week.
    #[schema(format = DateTime)]
    last_accepted_at: Option<String>,
    /// Time of the last refused request; null if none was refused within a week.
    #[schema(format = DateTime)]
    last_refused_at: Option<String>,
    /// Reason why the last refused request was refused, in a sentence that says what can be done.
    last_refusal: Option<String>,
    /// The last accepted request, if it was more than ten minutes and more than three usual gaps ago.
    #[schema(format = DateTime)]
    silent_since: Option<String>,
    /// Usual gap between two requests in seconds; null if there were fewer than 10 within a week, or fewer
    /// than three hours with any.
    usual_gap_s: Option<u64>,
    /// Whether the sender has checked the source's URL.
    handshake: HandshakeOut,
}

/// State of the handshake with the sender of a source: a challenge, by which some senders check a URL
/// before they send anything else.
#[derive(Serialize, ToSchema)]
pub(super) struct HandshakeOut {
    /// `none_needed` if senders of the profile send no challenge, `waiting` until the first one was answered,
    /// then `answered`.
    state: &'static str,
    /// Time of the last challenge that was answered; of several within a minute, the first. Null if none was.
    #[schema(format = DateTime)]
    at: Option<String>,
}

impl From<Handshake> for HandshakeOut {
    fn from(handshake: Handshake) -> Self {
        let at = handshake.answered_at().map(Timestamp::rfc3339);
        Self { state: handshake.word(), at }
    }
}

impl From<SourceActivity> for SourceActivityOut {
    fn from(activity: SourceActivity) -> Self {
        let shown = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
        Self {
            last_accepted_at: shown(activity.last_accepted_at),
            last_refused_at: shown(activity.last_refused_at),
            last_refusal: activity.last_refusal,
            silent_since: shown(activity.silent_since),
            usual_gap_s: activity.usual_gap.map(|gap| gap.as_secs()),
            handshake: activity.handshake.into(),
        }
    }
}

/// The time since which each secret of a source is kept.
fn kept_since(source: &Source) -> Vec<Option<String>> {
    let since = |number: usize| source.secrets_since.get(number).copied().flatten();
    (0..source.secrets.len()).map(|number| since(number).map(Timestamp::rfc3339)).collect()
}

/// Settings of a call, and the secret beside them, which is kept apart: settings are shown again.
fn parted<T: DeserializeOwned>(
    field: &str,
    given: Option<Map<String, Value>>,
) -> Result<(Option<T>, Option<Secret>), Error> {
    let Some(mut given) = given else { return Ok((None, None)) };
    let secret = given.remove("secret");
    let settings = read_value(field, given)?;
    let secret = match secret {
        None => None,
        Some(Value::String(secret)) => Some(Secret::new(secret)),
        Some(_) => {
            let why = format!("secret is text of 1 to {MAX_CALL_SECRET} bytes");
            return Err(Error::field(field, why));
        }
    };
    Ok((Some(settings), secret))
}
