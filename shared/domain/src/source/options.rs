//! The options of a source that differ from its profile.

use serde::{Deserialize, Serialize};

use crate::{
    poll::{CancelSettings, PollMode, PollPace, PollPlatform},
    profile::{Mapping, Profile},
    signature::Scheme,
    time::Timestamp,
};

/// The options of a source that differ from its profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceOptions {
    /// Greatest age of the time of signing, and greatest time by which it may be ahead, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_seconds: Option<u64>,
    /// The signature scheme; only with the profile `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The mapping of bodies; only with the profile `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// The URL of the sender's public keys; only with a profile that has such keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The URL at which the sender calls the relay, without query, if that is not the relay's own;
    /// only with a profile that signs the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// The networks from which the sender may call, in CIDR notation; any network if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_networks: Vec<String>,
    /// The limit of requests per second or minute; `None` for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Whether webhooks that come with the registration of a job are attached to it (R4.6); yes if
    /// not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_webhooks: Option<bool>,
    /// The Redis server that is told how deliveries to those webhooks end (R4.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_redis: Option<String>,
    /// Whether reports on jobs that were not registered are refused with 404 (R1.3).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// The platform that is asked about completions that never came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<PollPlatform>,
    /// The call that cancels a job, if it is not the platform's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelSettings>,
    /// Seconds from registration or first report after which a report of the end is overdue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// Which part polling has beside webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<PollMode>,
    /// The intervals and bounds of polling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<PollPace>,
}

impl SourceOptions {
    /// The profile of this name with these options; `None` if there is no such profile.
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

/// A limit of requests, counted over all workers, in windows that begin with the second or minute.
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

    /// Whether the limit can be counted: one item counts a window, and DynamoDB takes a thousand
    /// writes to an item in a second.
    pub const fn is_possible(self) -> bool {
        0 < self.requests && (self.requests as u64) <= 1000 * self.seconds()
    }

    /// The beginning of the window that contains `now`, in seconds since the epoch.
    pub const fn window(self, now: Timestamp) -> u64 {
        now.secs() - now.secs() % self.seconds()
    }

    /// Seconds until the next window; at least 1.
    pub const fn retry_after(self, now: Timestamp) -> u64 {
        self.window(now) + self.seconds() - now.secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_possible_up_to_a_thousand_a_second() {
        for (requests, per, possible) in [
            (0, RateWindow::Second, false),
            (1, RateWindow::Second, true),
            (1000, RateWindow::Second, true),
            (1001, RateWindow::Second, false),
            (0, RateWindow::Minute, false),
            (1, RateWindow::Minute, true),
            (60_000, RateWindow::Minute, true),
            (60_001, RateWindow::Minute, false),
        ] {
            let limit = RateLimit { requests, per };
            assert_eq!(limit.is_possible(), possible, "{requests} per {per:?}");
        }
    }

    #[test]
    fn a_window_begins_with_its_second_or_minute_and_the_next_is_worth_waiting_for() {
        // 1,699,999,980 is a whole minute.
        for (per, now, window, wait) in [
            (RateWindow::Second, 1_700_000_000, 1_700_000_000, 1),
            (RateWindow::Minute, 1_699_999_979, 1_699_999_920, 1),
            (RateWindow::Minute, 1_699_999_980, 1_699_999_980, 60),
            (RateWindow::Minute, 1_700_000_000, 1_699_999_980, 40),
        ] {
            let (limit, now) = (RateLimit { requests: 1, per }, Timestamp::from_secs(now));
            assert_eq!(
                (limit.window(now), limit.retry_after(now)),
                (window, wait),
                "{per:?} {now:?}"
            );
        }
    }

    #[test]
    fn options_stand_in_for_what_the_profile_says() {
        let effective = |name: &str, options: serde_json::Value| {
            let options: SourceOptions = serde_json::from_value(options).expect("options");
            options.profile(name)
        };
        let json = |text: &str| serde_json::from_str(text).expect("JSON");
        assert_eq!(effective("gitlab", json("{}")), None);
        assert_eq!(effective("fal", json("{}")).as_ref(), Profile::named("fal"));
        let fal = effective("fal", json(r#"{"jwks_url":"https://x.example/k"}"#)).expect("known");
        assert_eq!(fal.jwks.as_deref(), Some("https://x.example/k"));
        let wide = effective("modal-omtx", json(r#"{"tolerance_seconds":900}"#)).expect("known");
        let seconds: Vec<_> = wide.schemes().map(|s| (s.past_seconds, s.future_seconds)).collect();
        assert_eq!(seconds, [(900, 900); 2], "of each scheme");
        let own = json(r#"{"scheme":{"algorithm":"token"},"mapping":{"job_id":["j"]}}"#);
        let own = effective("hmac", own).expect("known");
        assert_eq!(own.scheme.words(), "token");
        assert_eq!(own.mapping.job_id, ["j"]);
    }
}
