//! The endpoint that stands for a job's platform, to which the call that stops the job is delivered.

use adapters::random;
use domain::{
    endpoint::{Endpoint, EndpointScope, EndpointSecret},
    headers::StoredHeader,
    id::EndpointId,
    job::Job,
    poll::{CancelCall, CancelSettings, PollPlatform},
    retry::Policy,
    secret::{SealedSecret, Secret, SecretKind},
    source::Source,
    time::Timestamp,
};
use tracing::error;

use crate::ControlPlane;

/// Longest time that one attempt may take, in seconds.
const TIMEOUT: i64 = 10;
/// Seconds between the attempts: soon at first, for a job that still runs costs money.
const DELAYS: [i64; 6] = [2, 10, 60, 300, 1800, 7200];

pub(super) fn endpoint_id(job: &Job) -> EndpointId {
    EndpointId::derive(&["cancel", job.id.as_str()])
}

/// The endpoint of a job's platform, if the source has settings for cancelling. Its headers are
/// sealed, as any of them may hold the platform's secret.
pub(super) fn endpoint(
    control: &ControlPlane,
    source: &Source,
    job: &Job,
    now: Timestamp,
) -> Option<Endpoint> {
    let CancelCall { url, verb, headers } = call(control, source, job)?;
    let id = endpoint_id(job);
    let owner = Endpoint::owner(&id);
    let mut endpoint = Endpoint::new(id, job.application.clone(), &url, now);
    endpoint.description = format!("cancels a job of {}", source.name);
    endpoint.scope = EndpointScope::Job(job.id.clone());
    endpoint.bare = Some(verb);
    let policy = Policy::of(None, Some(TIMEOUT), Some(DELAYS.to_vec()));
    endpoint.policy = policy.expect("within bounds");
    let seal = |(name, value): (String, Secret)| {
        (name, StoredHeader::Sealed(control.vault().seal(&owner, &value)))
    };
    endpoint.headers = headers.into_iter().map(seal).collect();
    let secret = Secret::symmetric(&random::bytes::<32>());
    let sealed = control.vault().seal(&owner, &secret);
    endpoint.secrets = vec![EndpointSecret::new(sealed, SecretKind::Hmac)];
    Some(endpoint)
}

/// The call of the source's own settings, or else of its platform's API.
fn call(control: &ControlPlane, source: &Source, job: &Job) -> Option<CancelCall> {
    let open = |owner: &str, sealed: &Option<SealedSecret>| {
        let opened = control.vault().unseal(owner, sealed.as_ref()?);
        opened.inspect_err(|cause| error!(source = source.name, %cause, "a platform's secret")).ok()
    };
    if let Some(cancel) = &source.options.cancel {
        let secret = open(&CancelSettings::owner(&source.id), &source.cancel_secret);
        return cancel.call(job, secret.as_ref());
    }
    let secret = open(&PollPlatform::owner(&source.id), &source.platform_secret);
    source.options.platform.as_ref()?.cancel(job, secret.as_ref())
}
