//! What a source may set differently from its profile.

use serde::{Deserialize, Serialize};

use crate::{
    poll::{CancelSettings, PollMode, PollPace, PollPlatform},
    profile::{Mapping, Profile},
    signature::Scheme,
    time::Timestamp,
};

/// What a source may set differently from its profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceOptions {
    /// How old and how far ahead a timestamp may be, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_seconds: Option<u64>,
    /// How the sender signs; only with the profile `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Where its bodies keep what we need; only with the profile `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// Where its public keys are published; only with a profile that has such keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The URL at which its sender calls us, without the query, where that is not our own; only
    /// with a profile that signs the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// The networks from which it may call, in CIDR notation; none means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_networks: Vec<String>,
    /// How often it may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Whether the webhooks that its jobs are registered with are attached (R4.6); they are unless
    /// this says no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_webhooks: Option<bool>,
    /// The Redis server whose channels hear how the deliveries to those webhooks end (R4.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_redis: Option<String>,
    /// Reports on jobs that nobody registered are refused with 404 (R1.3).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Whom to ask about completions that never came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<PollPlatform>,
    /// How its jobs are cancelled, where that is not the platform's own way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelSettings>,
    /// When a job's answer is overdue, in seconds since the job was registered or first heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// How webhooks and asking share the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<PollMode>,
    /// How the platform is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<PollPace>,
}

impl SourceOptions {
    /// The profile of this name with these options in it; none if there is no such profile.
    pub fn profile(&self, name: &str) -> Option<Profile> {
        let mut effective = Profile::named(name)?.clone();
        if let Some(scheme) = &self.scheme {
            effective.scheme = scheme.clone();
        }
        if let Some(mapping) = &self.mapping {
            effective.mapping = mapping.clone();
        }
        if let Some(url) = &self.jwks_url {
            effective.jwks = Some(url.clone());
        }
        if let Some(seconds) = self.tolerance_seconds {
            for scheme in [&mut effective.scheme].into_iter().chain(&mut effective.also) {
                scheme.past_seconds = seconds;
                scheme.future_seconds = seconds;
            }
        }
        Some(effective)
    }
}

/// How often a source may call, counted over all who answer for us, in windows that begin with the
/// minute or second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Accepted requests in one window.
    pub requests: u32,
    /// The length of a window.
    pub per: RateWindow,
}

/// The length of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateWindow {
    /// One second.
    Second,
    /// One minute.
    Minute,
}

impl RateLimit {
    const fn seconds(self) -> u64 {
        match self.per {
            RateWindow::Second => 1,
            RateWindow::Minute => 60,
        }
    }

    /// One item counts a window, and takes a thousand writes in a second.
    pub const fn is_possible(self) -> bool {
        0 < self.requests && (self.requests as u64) <= 1000 * self.seconds()
    }

    /// When the window of `now` began, in seconds.
    pub const fn window(self, now: Timestamp) -> u64 {
        now.secs() - now.secs() % self.seconds()
    }

    /// Seconds until the next window, at least 1.
    pub const fn retry_after(self, now: Timestamp) -> u64 {
        self.window(now) + self.seconds() - now.secs()
    }
}
