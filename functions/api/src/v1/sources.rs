//! Sources: who may call us. Their secrets go in and never come out.

use std::sync::Arc;

use adapters::table::WriteOutcome;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    destination::Destination,
    id::{ApplicationId, is_identifier},
    poll::{CancelSettings, PollMode, PollPace, PollPlatform},
    profile::{Mapping, Profile},
    secret::Secret,
    signature::{Algorithm, Scheme},
    source::{self, InvalidSource, RateLimit, Source, SourceOptions},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    v1::platforms::{cancel, platform},
    web::{Routes, error::Error, gate::Authenticated, input::Body, page::List},
};
use manage::{ControlPlane, Principal, applications};

pub(crate) fn routes() -> Routes {
    Routes::new().read(routes!(list)).admin(routes!(put)).read(routes!(get)).admin(routes!(delete))
}

/// A source as it is given to us.
#[derive(Deserialize, ToSchema)]
struct SourceIn {
    /// The name of its profile.
    profile: String,
    /// Its live secrets, newest first; left out, a source keeps those it has.
    secrets: Option<Vec<String>>,
    /// The application (id or uid) that hears of its events.
    application: Option<String>,
    /// How old and how far ahead a timestamp may be.
    tolerance_seconds: Option<u64>,
    /// How the sender signs; only with the profile `hmac`.
    #[schema(value_type = Option<Object>)]
    scheme: Option<Scheme>,
    /// Where its bodies keep what we need; only with the profile `hmac`.
    #[schema(value_type = Option<Object>)]
    mapping: Option<Mapping>,
    /// Whom to ask about completions that never came: `kind` (`replicate`, `runpod` with
    /// `endpoint_id`, `fal` with `app`, `http` with `status_url`) and a `secret`, which is never
    /// shown again; left out, the platform keeps the one it has.
    #[schema(value_type = Option<Object>)]
    platform: Option<Map<String, Value>>,
    /// How its jobs are cancelled, if not by the platform's own API: `url` with `{call_id}` or
    /// `{external_id}`, `method`, `headers` and a `secret`, which is never shown again.
    #[schema(value_type = Option<Object>)]
    cancel: Option<Map<String, Value>>,
    /// When a job's answer is overdue, in seconds since it was registered or first heard of.
    deadline_seconds: Option<u64>,
    /// `primary` asks the platform past the deadline, `dual` from the start, `only` never.
    #[schema(value_type = Option<String>)]
    mode: Option<PollMode>,
    /// How it is asked: `interval_seconds`, `give_up_after_seconds`, `concurrency`.
    #[schema(value_type = Option<Object>)]
    poll: Option<PollPace>,
    /// Whether the webhooks that its jobs are registered with are attached; `false` takes them and
    /// tells them nothing.
    #[schema(default = true)]
    job_webhooks: Option<bool>,
    /// The Redis server whose channels `{run_id}:webhook` and `webhooks:telemetry` hear how the
    /// deliveries to those webhooks end, such as `redis://10.0.0.5:6379`.
    status_redis: Option<String>,
    /// Where its public keys are published; only with a profile that has such keys, as `fal`.
    jwks_url: Option<String>,
    /// The URL at which its sender calls us, without the query, where that is not our own; only
    /// with a profile that signs the URL, as `twilio`.
    public_url: Option<String>,
    /// The networks from which it may call, in CIDR notation; none means any.
    #[serde(default)]
    allowed_networks: Vec<String>,
    /// How often it may call: `{"requests": 100, "per": "second" | "minute"}`.
    #[schema(value_type = Option<Object>)]
    rate_limit: Option<RateLimit>,
    /// Reports on jobs that nobody registered are refused with 404.
    #[serde(default)]
    strict: bool,
    /// `false` forgets that the source has presented a replay-safe signature, so that its weaker
    /// one passes again.
    locked: Option<bool>,
}

/// A source as we show it.
#[derive(Serialize, ToSchema)]
struct SourceOut {
    /// The name in its URL.
    name: String,
    /// Where its sender posts to: `/in/{name}`.
    path: String,
    /// The name of its profile.
    profile: String,
    /// How many live secrets it has.
    secret_count: usize,
    /// The application that hears of its events, as it was given.
    application: String,
    /// That application's id.
    application_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    scheme: Option<Scheme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    mapping: Option<Mapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    platform: Option<PollPlatform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    cancel: Option<CancelSettings>,
    /// Whether the platform is asked with a secret.
    platform_has_secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    mode: Option<PollMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    poll: Option<PollPace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_webhooks: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_redis: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_networks: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    rate_limit: Option<RateLimit>,
    /// Reports on jobs that nobody registered are refused.
    strict: bool,
    /// Whether the time of signing is always under the signature. If not, the idempotency key
    /// alone keeps a captured request from having a second effect.
    replay_safe: bool,
    /// It has presented a replay-safe signature, and a weaker one is refused since.
    locked: bool,
    created_at: String,
    updated_at: String,
}

impl From<Source> for SourceOut {
    fn from(source: Source) -> Self {
        let profile = source.effective();
        let locked = source.locked_at.is_some();
        Self {
            replay_safe: profile.is_some_and(|p| p.is_replay_safe() || (locked && p.is_mixed())),
            locked,
            strict: source.options.strict,
            jwks_url: source.options.jwks_url,
            public_url: source.options.public_url,
            allowed_networks: source.options.allowed_networks,
            rate_limit: source.options.rate_limit,
            path: format!("/in/{}", source.name),
            secret_count: source.secrets.len(),
            application_id: ApplicationId::named(&source.application).to_string(),
            application: source.application,
            profile: source.profile,
            name: source.name,
            tolerance_seconds: source.options.tolerance_seconds,
            scheme: source.options.scheme,
            mapping: source.options.mapping,
            cancel: source.options.cancel,
            platform: source.options.platform,
            platform_has_secret: source.platform_secret.is_some(),
            deadline_seconds: source.options.deadline_seconds,
            mode: source.options.mode,
            poll: source.options.poll,
            job_webhooks: source.options.job_webhooks,
            status_redis: source.options.status_redis.clone(),
            created_at: source.created_at.rfc3339(),
            updated_at: source.updated_at.rfc3339(),
        }
    }
}

/// That something is gone.
#[derive(Serialize, ToSchema)]
struct Removed {
    /// Always true.
    deleted: bool,
    /// What it was called.
    name: String,
}

/// Keeps a source under its name, new or changed.
#[utoipa::path(put, path = "/v1/sources/{name}", tag = "sources", operation_id = "put_source",
    params(("name" = String, Path)), request_body = SourceIn,
    responses((status = 200, body = SourceOut), (status = 201, body = SourceOut), (status = 401), (status = 403), (status = 422)))]
async fn put(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<SourceIn>,
) -> Result<(StatusCode, Json<SourceOut>), Error> {
    let application = given.application.unwrap_or_else(|| applications::DEFAULT.to_owned());
    let known = find(&control, &name).await?;
    if let Some(known) = &known {
        principal.must_see(&ApplicationId::named(&known.application))?;
    }
    let (platform, platform_secret) = platform(&control, &name, given.platform, known.as_ref())?;
    let (cancel, cancel_secret) = cancel(&control, &name, given.cancel, known.as_ref())?;
    let options = SourceOptions {
        cancel,
        tolerance_seconds: given.tolerance_seconds,
        scheme: given.scheme,
        mapping: given.mapping,
        platform,
        deadline_seconds: given.deadline_seconds,
        mode: given.mode,
        poll: given.poll,
        job_webhooks: given.job_webhooks,
        status_redis: given.status_redis,
        jwks_url: given.jwks_url,
        public_url: given.public_url,
        allowed_networks: given.allowed_networks,
        rate_limit: given.rate_limit,
        strict: given.strict,
    };
    let owner = Source::owner(&name);
    let kept = |profile: &str| {
        known.as_ref().filter(|known| is_token(profile) == is_token(&known.profile))
    };
    let (secrets, sealed) = match (given.secrets, kept(&given.profile)) {
        (Some(secrets), _) => {
            let secrets: Vec<Secret> = secrets.into_iter().map(Secret::new).collect();
            let seal = |secret| match is_token(&given.profile) {
                true => source::sealed_token(secret),
                false => control.vault().seal(&owner, secret),
            };
            let sealed = secrets.iter().map(seal).collect();
            (secrets, sealed)
        }
        // Of tokens only hashes are kept: they were checked when they came.
        (None, Some(known)) if is_token(&known.profile) => (Vec::new(), known.secrets.clone()),
        (None, Some(known)) => {
            let open = |sealed| control.vault().unseal(&owner, sealed);
            let opened: Result<Vec<_>, _> = known.secrets.iter().map(open).collect();
            let opened = opened.map_err(|_| {
                Error::field("secrets", "do not open any more and must be given again")
            })?;
            (opened, known.secrets.clone())
        }
        (None, None) => (Vec::new(), Vec::new()),
    };
    if let Some(server) = &options.status_redis {
        let channel = format!("{}/a", server.trim_end_matches('/'));
        let judged = control.rule().destination(&channel);
        if !matches!(judged, Ok(Destination::Redis(ref channel)) if channel.name == "a") {
            return Err(Error::field(
                "status_redis",
                "is a server such as redis://10.0.0.5:6379 in a network that may be called",
            ));
        }
    }
    source::validate(&name, &given.profile, &secrets, &application, &options)
        .map_err(|invalid| Error::field(field(&invalid), invalid))?;
    let application = applications::ensure_visible(&control, &principal, application).await?;
    let now = control.now();
    // Another profile signs in other ways; what was seen of the old one says nothing.
    let unlock = given.locked == Some(false)
        || known.as_ref().is_some_and(|known| known.profile != given.profile);
    let locked_at = known.as_ref().and_then(|known| known.locked_at).filter(|_| !unlock);
    let source = Source {
        secrets: sealed,
        base_url: known.as_ref().and_then(|known| known.base_url.clone()),
        platform_secret,
        cancel_secret,
        created_at: known.as_ref().map_or(now, |known| known.created_at),
        updated_at: now,
        profile: given.profile,
        name,
        application,
        options,
        locked_at,
    };
    control.table().put_source(&source).await?;
    if unlock {
        control.table().unlock_source(&source.name).await?;
    }
    let status = if known.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(source.into())))
}

/// Whether the sources of this profile have path tokens and no secrets.
pub(crate) fn is_token(profile: &str) -> bool {
    Profile::named(profile).is_some_and(|profile| profile.scheme.algorithm == Algorithm::Token)
}

/// The part of the request that made a source invalid.
pub(crate) const fn field(invalid: &InvalidSource) -> &'static str {
    match invalid {
        InvalidSource::Name => "name",
        InvalidSource::Profile => "profile",
        InvalidSource::SecretCount | InvalidSource::Secret(..) => "secrets",
        InvalidSource::Fixed => "scheme",
        InvalidSource::Tolerance => "tolerance_seconds",
        InvalidSource::Scheme(_) => "scheme",
        InvalidSource::Useless(field) | InvalidSource::Url(field) => field,
        InvalidSource::Network(_) => "allowed_networks",
        InvalidSource::RateLimit => "rate_limit",
        InvalidSource::Polling(polling) => polling.field(),
        InvalidSource::Application => "application",
    }
}

async fn find(control: &ControlPlane, name: &str) -> Result<Option<Source>, Error> {
    // What cannot be a name is nobody's, and may be more than a key of the table holds.
    match is_identifier(name, 64) {
        true => Ok(control.table().source(name).await?),
        false => Ok(None),
    }
}

pub(crate) async fn visible(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<Source, Error> {
    let source = find(control, name).await?.ok_or(Error::NotFound)?;
    principal.must_see(&ApplicationId::named(&source.application))?;
    Ok(source)
}

/// One source, without its secrets.
#[utoipa::path(get, path = "/v1/sources/{name}", tag = "sources", operation_id = "get_source",
    params(("name" = String, Path)),
    responses((status = 200, body = SourceOut), (status = 401), (status = 404)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<SourceOut>, Error> {
    Ok(Json(visible(&control, &principal, &name).await?.into()))
}

/// Every source, by name, without secrets.
#[utoipa::path(get, path = "/v1/sources", tag = "sources", operation_id = "list_sources",
    responses((status = 200, body = List<SourceOut>), (status = 401)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<Json<List<SourceOut>>, Error> {
    let mut sources = control.table().sources().await?;
    sources.retain(|source| principal.sees(&ApplicationId::named(&source.application)));
    Ok(Json(List::new(sources.into_iter().map(SourceOut::from).collect(), None)))
}

/// Removes a source. Its sender is refused from then on.
#[utoipa::path(delete, path = "/v1/sources/{name}", tag = "sources", operation_id = "delete_source",
    params(("name" = String, Path)),
    responses((status = 200, body = Removed), (status = 401), (status = 403), (status = 404)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Removed>, Error> {
    visible(&control, &principal, &name).await?;
    match control.table().delete_source(&name).await? {
        WriteOutcome::Done => Ok(Json(Removed { deleted: true, name })),
        WriteOutcome::Refused => Err(Error::NotFound),
    }
}
