//! Gates: sources with open secrets, ready to judge requests.

use std::net::IpAddr;

use http::HeaderMap;

use super::{Source, SourceOptions};
use crate::{
    address::Network,
    id::{ApplicationId, EventId, MAX_EXTERNAL_ID, SourceId, Tenure},
    profile::{Profile, Unreadable, is_form},
    secret::Secret,
    signature::{Scheme, SignatureRefusal, SignedRequest, Verification},
    time::Timestamp,
};

/// A source with open secrets, ready to judge requests.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The identity of the source.
    pub id: SourceId,
    /// The name of the source.
    pub name: String,
    /// The name of the profile.
    pub profile_name: String,
    /// The profile with the source's options.
    pub profile: Profile,
    /// The source's options, which travel on to the functions behind the queue.
    pub options: SourceOptions,
    /// The live secrets, newest first; of path tokens, their hashes.
    pub secrets: Vec<Secret>,
    /// Since when each of the secrets is kept, as [`Source::secrets_since`] has it.
    pub secrets_since: Vec<Option<Timestamp>>,
    /// The mark of those secrets.
    pub proof: Option<String>,
    /// The application whose endpoints receive the source's events.
    pub application: ApplicationId,
    /// Whether the source has presented a replay-safe signature before.
    pub locked: bool,
    /// The time of the last challenge that was answered, as [`Source::handshake_at`] has it.
    pub handshake_at: Option<Timestamp>,
}

/// A request that was accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct AcceptedRequest {
    /// The facts that the signature vouches for.
    pub verified: Verification,
    /// The idempotency key.
    pub key: String,
    /// The id of the event, derived from tenure and key.
    pub event: EventId,
    /// The value that the reply repeats, if the profile's system expects one.
    pub echo: Option<String>,
    /// The type of the event as its header spells it, if the profile has such a header; at most 256
    /// characters.
    pub event_type: Option<String>,
    /// Whether the request says that its body is a form.
    pub form: bool,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// The sender cannot be told from a stranger.
    #[error(transparent)]
    Refused(#[from] SignatureRefusal),
    /// The sender is known, but the body cannot be used.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Gate {
    /// The source in the application that it belonged to when the gate was made.
    pub fn tenure(&self) -> Tenure {
        Tenure { source: self.id.clone(), application: self.application.clone() }
    }

    /// Whether the source accepts requests from this address.
    pub fn admits(&self, caller: Option<IpAddr>) -> bool {
        let listed = &self.options.allowed_networks;
        let holds = |ip| {
            let mut networks = listed.iter().filter_map(|text| Network::parse(text).ok());
            networks.any(|network| network.contains(ip))
        };
        listed.is_empty() || caller.is_some_and(holds)
    }

    /// The URL that the sender called, if the scheme signs it. The URL is the source's
    /// `public_url`, or `base` with the path; only the query comes from the request. With a `Host`
    /// header instead, a request that was captured at another host of the same sender could be
    /// replayed here.
    pub fn called_url(&self, base: &str, path: &str, query: Option<&str>) -> Option<String> {
        if !self.profile.schemes().any(Scheme::signs_url) {
            return None;
        }
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(match &self.options.public_url {
            Some(url) => format!("{url}{query}"),
            None => format!("{}{path}{query}", base.trim_end_matches('/')),
        })
    }

    /// Judges a request.
    ///
    /// # Errors
    /// If the signature does not hold, or the body cannot be used.
    pub fn judge(
        &self,
        request: &SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<AcceptedRequest, GateRefusal> {
        let verified = self.profile.judge(&self.secrets, request, now, self.locked)?;
        self.accept(&self.tenure(), verified, request.headers, request.body)
    }

    /// Accepts a request whose signature was verified, for the application of this tenure. `body`
    /// is the body as it was unpacked.
    ///
    /// # Errors
    /// If the body cannot be used, or an id in it could not be recorded.
    pub fn accept(
        &self,
        tenure: &Tenure,
        verified: Verification,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<AcceptedRequest, GateRefusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let named = self.profile.mapping.event_type_header.as_deref().and_then(text);
        let event_type: Option<String> = named.map(|text| text.chars().take(256).collect());
        let form = text("content-type").is_some_and(is_form);
        let readable = self.profile.readable(body, form);
        let (key, echo) = self.profile.key(&verified, &readable, event_type.as_deref())?;
        // A shorter body has no longer id.
        if MAX_EXTERNAL_ID < body.len() {
            self.profile.read(&readable).recordable()?;
        }
        let event = Source::event_id(tenure, &key);
        Ok(AcceptedRequest { verified, key, event, echo, event_type, form })
    }

    /// Whether the request was accepted only because the source is not locked.
    pub fn could_be_locked(&self, verified: &Verification) -> bool {
        !self.locked && !verified.replay_safe && self.profile.is_mixed()
    }

    /// Whether the request locks the source: from now on weaker signatures are refused.
    pub fn locks(&self, verified: &Verification) -> bool {
        !self.locked && verified.replay_safe && self.profile.is_mixed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::token_hash;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn gate(profile: &str, options: &str) -> Gate {
        let Tenure { source, application } = Tenure::sample();
        Gate {
            id: source,
            name: "s".to_owned(),
            profile_name: profile.to_owned(),
            profile: Profile::named(profile).expect("known").clone(),
            options: serde_json::from_str(options).expect("options"),
            secrets: Vec::new(),
            secrets_since: Vec::new(),
            proof: None,
            application,
            locked: false,
            handshake_at: None,
        }
    }

    #[test]
    fn a_source_admits_who_is_on_its_list_and_everybody_without_one() {
        let caller = |text: &str| Some(text.parse().expect("an address"));
        let listed = r#"{"allowed_networks":["203.0.113.0/24","2001:db8::/32"]}"#;
        for (options, caller, admitted) in [
            ("{}", None, true),
            ("{}", caller("198.51.100.1"), true),
            (listed, caller("203.0.113.9"), true),
            (listed, caller("2001:db8::1"), true),
            (listed, caller("198.51.100.1"), false),
            (listed, None, false),
            (r#"{"allowed_networks":["no network"]}"#, caller("198.51.100.1"), false),
        ] {
            assert_eq!(gate("github", options).admits(caller), admitted, "{options} {caller:?}");
        }
    }

    #[test]
    fn the_called_url_is_what_settings_say_and_only_its_query_is_the_requests() {
        let own = r#"{"public_url":"https://own.example/hook"}"#;
        for (profile, options, query, url) in [
            ("github", "{}", Some("a=1"), None),
            ("twilio", "{}", None, Some("https://relay.example/in/s")),
            ("twilio", "{}", Some("a=1"), Some("https://relay.example/in/s?a=1")),
            ("twilio", own, None, Some("https://own.example/hook")),
            ("twilio", own, Some("a=1"), Some("https://own.example/hook?a=1")),
        ] {
            let called =
                gate(profile, options).called_url("https://relay.example/", "/in/s", query);
            assert_eq!(called.as_deref(), url, "{profile} {options} {query:?}");
        }
    }

    #[test]
    fn a_request_becomes_the_event_of_its_key_in_its_tenure() {
        let gate = gate("runpod", "{}");
        let gate = Gate { secrets: vec![Secret::new(token_hash("t"))], ..gate };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().expect("a value"));
        let body = br#"{"id":"j1","status":"COMPLETED"}"#;
        let judge = |token| {
            let request = SignedRequest { headers: &headers, body, url: None, token };
            gate.judge(&request, NOW)
        };
        assert_eq!(judge(Some("u")), Err(GateRefusal::Refused(SignatureRefusal::Token)));
        let accepted = judge(Some("t")).expect("one of its tokens");
        assert!(accepted.verified.token && !accepted.form);
        assert_eq!(accepted.event, Source::event_id(&gate.tenure(), &accepted.key));
        assert_eq!(gate.tenure(), Tenure::sample());
    }

    #[test]
    fn an_id_that_could_not_be_recorded_is_refused_in_a_body_of_any_length() {
        let gate = gate("modal-omtx", "{}");
        let accept = |body: &str| {
            let (verified, headers) = (Verification::default(), HeaderMap::new());
            gate.accept(&gate.tenure(), verified, &headers, body.as_bytes()).map(|_| ())
        };
        let body = |job: usize, filler: usize| {
            let (job, filler) = ("j".repeat(job), "x".repeat(filler));
            format!(r#"{{"call_id":"c","metadata":{{"job_id":"{job}"}},"filler":"{filler}"}}"#)
        };
        let long = Err(GateRefusal::Unreadable(Unreadable::TooLong("the job id")));
        for (job, filler, want) in [
            (1, 0, &Ok(())),
            (MAX_EXTERNAL_ID, 0, &Ok(())),
            (MAX_EXTERNAL_ID + 1, 0, &long),
            (MAX_EXTERNAL_ID + 1, 10_000, &long),
            (1, 10_000, &Ok(())),
        ] {
            assert_eq!(&accept(&body(job, filler)), want, "{job} {filler}");
        }
    }

    #[test]
    fn the_first_replay_safe_signature_locks_a_source_that_may_also_sign_weaker() {
        // The profile, whether the source is locked, whether the request is safe; whether it could be
        // locked, whether it is.
        for (profile, locked, replay_safe, could, locks) in [
            ("modal-omtx", false, false, true, false),
            ("modal-omtx", false, true, false, true),
            ("modal-omtx", true, false, false, false),
            ("modal-omtx", true, true, false, false),
            ("github", false, false, false, false),
            ("standard", false, true, false, false),
        ] {
            let gate = Gate { locked, ..gate(profile, "{}") };
            let verified = Verification { replay_safe, ..Verification::default() };
            let judged = (gate.could_be_locked(&verified), gate.locks(&verified));
            assert_eq!(judged, (could, locks), "{profile} {locked} {replay_safe}");
        }
    }
}
