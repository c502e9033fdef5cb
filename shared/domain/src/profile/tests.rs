//! Every profile against known answers, and every way to bend them.

use std::{fs, path::Path};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::*;
use crate::signature::{Algorithm, MessageToSign};

/// One known answer. `by` says who computed it.
#[derive(Clone, Deserialize)]
struct Vector {
    /// The name of the file.
    #[serde(default)]
    profile: String,
    by: String,
    now: u64,
    secrets: Vec<String>,
    headers: BTreeMap<String, String>,
    body: String,
    key: String,
    url: Option<String>,
    token: Option<String>,
}

/// The known answers of every profile. `relay trigger` sends those that have the name of an event.
fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/senders");
    let of = |profile: &'static str| {
        let text = fs::read_to_string(folder.join(format!("{profile}.json"))).expect(profile);
        let vectors: Vec<Vector> = serde_json::from_str(&text).expect(profile);
        vectors.into_iter().map(move |vector| Vector { profile: profile.to_owned(), ..vector })
    };
    Profile::names().flat_map(of).collect()
}

impl Vector {
    fn profile(&self) -> &'static Profile {
        Profile::named(&self.profile).expect("listed")
    }

    fn secrets(&self) -> Vec<Secret> {
        self.secrets.iter().map(|text| Secret::new(text.as_bytes())).collect()
    }

    fn map(&self) -> HeaderMap {
        let pair = |(name, value): (&String, &String)| {
            let name = HeaderName::try_from(name.as_str()).expect("a name");
            (name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"))
        };
        self.headers.iter().map(pair).collect()
    }

    fn judge(&self) -> Result<Verification, SignatureRefusal> {
        self.judge_locked(false)
    }

    fn judge_locked(&self, locked: bool) -> Result<Verification, SignatureRefusal> {
        let headers = self.map();
        let (url, token) = (self.url.as_deref(), self.token.as_deref());
        let request = SignedRequest { headers: &headers, body: self.body.as_bytes(), url, token };
        let now = Timestamp::from_secs(self.now);
        self.profile().judge(&self.secrets(), &request, now, locked)
    }

    /// The scheme that it is signed by.
    fn scheme(&self) -> &'static Scheme {
        let headers = self.map();
        let token = self.token.as_deref();
        let request = SignedRequest { headers: &headers, body: b"", url: None, token };
        self.profile().schemes().find(|scheme| scheme.is_presented(&request)).expect("presented")
    }

    /// The header that holds the signature.
    fn signature(&self) -> Option<String> {
        let mut names = self.scheme().headers.iter().map(|names| names.signature.clone());
        names.find(|name| self.headers.contains_key(name))
    }
}

#[test]
fn every_profile_holds_by_a_known_answer_and_makes_the_key_it_should() {
    let mut seen = Vec::new();
    for vector in vectors() {
        let verified = vector.judge();
        let verified =
            verified.unwrap_or_else(|no| panic!("{} {}: {no}", vector.profile, vector.by));
        let key = vector.profile().key(&verified, vector.body.as_bytes(), None).map(|(key, _)| key);
        assert_eq!(key.as_ref(), Ok(&vector.key), "{} {}", vector.profile, vector.by);
        let held = vector.profile().schemes().nth(verified.scheme);
        assert_eq!(held, Some(vector.scheme()), "{} {}", vector.profile, vector.by);
        seen.push(vector.profile);
    }
    for name in Profile::names() {
        assert!(seen.iter().any(|seen| seen == name), "{name} has no known answer");
    }
}

#[test]
fn what_we_sign_is_what_the_senders_sign() {
    for vector in vectors() {
        let (scheme, secrets) = (vector.scheme(), vector.secrets());
        // A public key signs nothing, and a token is no signature.
        if matches!(scheme.algorithm, Algorithm::Ed25519 | Algorithm::Token) {
            continue;
        }
        let named = |pick: fn(&crate::signature::HeaderNames) -> &Option<String>| {
            let mut names = scheme.headers.iter().filter_map(|names| pick(names).as_ref());
            names.find_map(|name| vector.headers.get(name).map(String::as_str))
        };
        let message = MessageToSign {
            id: named(|names| &names.id),
            at: Some(Timestamp::from_secs(vector.now)),
            nonce: named(|names| &names.nonce),
            url: vector.url.as_deref(),
            body: vector.body.as_bytes(),
        };
        let signed = scheme.sign(&secrets[0], &message).expect("signs");
        let sent = &vector.headers[&vector.signature().expect("one")];
        // Bare where both are accepted, and with another spelling of the URL.
        let same = sent.contains(&signed) || signed.ends_with(sent.as_str());
        assert!(same || vector.by.contains("port"), "{} {}", vector.profile, vector.by);
    }
}

/// Every bent variant of a vector, with what was bent.
fn forgeries(vector: &Vector) -> Vec<(String, Vector)> {
    let mut bent = Vec::new();
    let mut bend = |what: &str, change: &dyn Fn(&mut Vector)| {
        let mut copy = vector.clone();
        change(&mut copy);
        bent.push((what.to_owned(), copy));
    };
    bend("other secret", &|v| v.secrets = vec!["another-secret-of-enough-length-0".into()]);
    bend("no secret", &|v| v.secrets.clear());
    if vector.token.is_some() {
        bend("no token", &|v| v.token = None);
        bend("other token", &|v| v.token = Some("tok_other".into()));
        bend("its hash as a token", &|v| v.token = Some(v.secrets[0].clone()));
        return bent;
    }
    bend("body longer", &|v| v.body.push_str("&x=1"));
    bend("body shorter", &|v| _ = v.body.pop());
    bend("body empty", &|v| v.body.clear());
    let name = vector.signature().expect("one");
    bend("unsigned", &|v| _ = v.headers.remove(&name));
    bend("empty signature", &|v| v.headers.get_mut(&name).expect("there").clear());
    let sent = vector.headers[&name].clone();
    for at in 0..sent.len() {
        bend(&format!("cut at {at}"), &|v| v.headers.get_mut(&name).expect("there").truncate(at));
        let flipped = match sent.as_bytes()[at] {
            b'0' => "1",
            b'A' => "B",
            _ => "0",
        };
        bend(&format!("flipped at {at}"), &|v| {
            v.headers.get_mut(&name).expect("there").replace_range(at..=at, flipped);
        });
    }
    for (other, value) in &vector.headers {
        let signed = vector.scheme().headers.iter().any(|names| {
            [&names.timestamp].into_iter().any(|name| name.as_ref() == Some(other))
                || (vector.scheme().signs_id() && names.id.as_ref() == Some(other))
                || names.nonce.as_ref() == Some(other)
        });
        if signed {
            bend(&format!("{other} missing"), &|v| _ = v.headers.remove(other));
            bend(&format!("{other} longer"), &|v| {
                _ = v.headers.insert(other.clone(), format!("{value}1"))
            });
        }
    }
    if vector.url.is_some() {
        bend("other host", &|v| v.url = v.url.as_ref().map(|u| u.replace("mycompany", "others")));
        bend("no url", &|v| v.url = None);
    }
    bent
}

/// Some headers hold several signatures, one of them ours: what is bent elsewhere changes nothing.
fn is_beside(vector: &Vector, what: &str, bent: &Vector) -> bool {
    if !what.starts_with("cut") && !what.starts_with("flipped") {
        return false;
    }
    let name = vector.signature().expect("one");
    let Some(separator) = vector.scheme().separator else { return false };
    let parts = |v: &Vector| -> Vec<String> {
        v.headers[&name].split(separator).map(str::to_owned).collect()
    };
    let (before, after) = (parts(vector), parts(bent));
    let ours = before.iter().rposition(|part| {
        let mut alone = vector.clone();
        let time = before.iter().find(|part| part.starts_with("t="));
        let whole: Vec<&str> = time.into_iter().chain([part]).map(String::as_str).collect();
        alone.headers.insert(name.clone(), whole.join(&separator.to_string()));
        !part.starts_with("t=") && alone.judge().is_ok()
    });
    let ours = &before[ours.expect("one of them holds")];
    let time = before.iter().find(|part| part.starts_with("t="));
    after.contains(ours) && time.is_none_or(|time| after.contains(time))
}

#[test]
fn what_is_bent_is_refused() {
    let (mut tried, mut beside) = (0, 0);
    for vector in vectors() {
        for (what, bent) in forgeries(&vector) {
            let judged = bent.judge();
            if is_beside(&vector, &what, &bent) {
                beside += 1;
                assert!(judged.is_ok(), "{} {what}", vector.profile);
            } else {
                tried += 1;
                assert!(judged.is_err(), "{} {what}", vector.profile);
            }
        }
    }
    assert!(3000 < tried && beside < 400, "{tried} tried, {beside} beside");
}

#[test]
fn what_is_stale_or_from_the_future_is_refused_where_the_sender_says_when() {
    let mut tried = 0;
    for vector in vectors() {
        let scheme = vector.scheme();
        let timed = scheme.is_replay_safe()
            || scheme.headers[..].iter().any(|names| names.timestamp.is_some());
        if !timed {
            continue;
        }
        let at = |now: u64| Vector { now, ..vector.clone() }.judge();
        assert!(at(vector.now + scheme.past_seconds).is_ok(), "{}", vector.profile);
        let stale = at(vector.now + scheme.past_seconds + 1);
        assert_eq!(
            stale,
            Err(SignatureRefusal::Past(scheme.past_seconds + 1)),
            "{}",
            vector.profile
        );
        assert!(at(vector.now - scheme.future_seconds).is_ok(), "{}", vector.profile);
        let early = at(vector.now - scheme.future_seconds - 1);
        assert_eq!(
            early,
            Err(SignatureRefusal::Future(scheme.future_seconds + 1)),
            "{}",
            vector.profile
        );
        tried += 1;
    }
    assert!(15 <= tried, "{tried}");
}

#[test]
fn a_body_only_request_replayed_with_fresh_headers_keeps_its_key() {
    let mut tried = 0;
    for vector in vectors().iter().filter(|vector| !vector.scheme().is_replay_safe()) {
        for round in 0..1000 {
            let mut again = vector.clone();
            again.now += round;
            for names in &vector.scheme().headers {
                if let Some(name) =
                    names.timestamp.as_ref().filter(|n| again.headers.contains_key(*n))
                {
                    again.headers.insert(name.clone(), again.now.to_string());
                }
            }
            for name in
                ["webhook-id", "x-shopify-webhook-id", "x-github-delivery", "x-beta9-delivery"]
            {
                again.headers.insert(name.to_owned(), format!("fresh-{round}"));
            }
            let verified = again.judge().expect("holds, as only the body is signed");
            let key =
                again.profile().key(&verified, again.body.as_bytes(), None).map(|(key, _)| key);
            assert_eq!(key.as_ref(), Ok(&vector.key), "{}", vector.profile);
        }
        tried += 1;
    }
    assert!(10 <= tried, "{tried}");
}

#[test]
fn a_form_in_another_spelling_is_the_same_event() {
    let vector = vectors().into_iter().find(|vector| vector.by.ends_with("own test")).expect("one");
    assert_eq!(vector.profile, "standard");
    for vector in vectors().iter().filter(|v| v.profile == "twilio" && v.body.contains("Caller=")) {
        let mut other = vector.clone();
        let mut fields: Vec<&str> = vector.body.split('&').collect();
        fields.reverse();
        other.body = fields.join("&").replace("1234", "%31234");
        let verified = other.judge().expect("the same fields");
        let key = other.profile().key(&verified, other.body.as_bytes(), None).map(|(key, _)| key);
        assert_eq!(key.as_ref(), Ok(&vector.key));
    }
}

#[test]
fn a_locked_source_takes_nothing_weaker_and_an_unlocked_one_judges_the_better_signature() {
    for vector in vectors().iter().filter(|vector| vector.profile.starts_with("modal-")) {
        let safe = vector.scheme().is_replay_safe();
        let judged = vector.judge_locked(true);
        assert_eq!(judged.is_ok(), safe, "{}", vector.by);
        if !safe {
            assert_eq!(judged, Err(SignatureRefusal::Downgrade));
            // A better signature that does not hold is not saved by a weaker one that does.
            let mut both = vector.clone();
            for (name, value) in
                [("id", "msg"), ("timestamp", "1700000000"), ("signature", "v1,AAAA")]
            {
                both.headers.insert(format!("webhook-{name}"), value.to_owned());
            }
            assert!(both.judge().is_err());
        }
    }
    // Where everything is equally weak there is nothing to lock.
    let github = vectors().into_iter().find(|vector| vector.profile == "github").expect("one");
    assert!(github.judge_locked(true).is_ok());
}

#[test]
fn only_terminal_states_share_a_key() {
    let key = |name: &str, body: &str| {
        let profile = Profile::named(name).expect("listed");
        profile
            .key(&Verification::default(), body.as_bytes(), None)
            .map(|(key, _)| key)
            .expect("readable")
    };
    let job = |status: &str| format!(r#"{{"metadata":{{"job_id":"c"}},"status":"{status}"}}"#);
    assert_eq!(key("modal", &job("success")), "job:c:succeeded");
    for word in ["running", "progress", "pending", "something new"] {
        let one = key("modal", &format!(r#"{{"call_id":"c","status":"{word}","at":1}}"#));
        let two = key("modal", &format!(r#"{{"call_id":"c","status":"{word}","at":2}}"#));
        assert!(one.starts_with("sha256:") && one != two, "{word}");
    }
    assert_eq!(ended("c", JobStatus::TimedOut), "job:c:timed_out");
}

#[test]
fn the_inputs_of_one_map_share_a_call_and_are_different_jobs() {
    let modal = Profile::named("modal").expect("listed");
    let key = |job: &str| {
        let body =
            format!(r#"{{"call_id":"fc-1","status":"success","metadata":{{"job_id":"{job}"}}}}"#);
        modal
            .key(&Verification::default(), body.as_bytes(), None)
            .map(|(key, _)| key)
            .expect("readable")
    };
    assert_ne!(key("shard-1"), key("shard-2"));
}

#[test]
fn every_entry_names_its_source_reads_back_and_can_work() {
    for name in Profile::names() {
        let profile = Profile::named(name).expect("listed");
        assert!(!profile.source.is_empty(), "{name}");
        let text = serde_json::to_string(profile).expect("serialises");
        assert_eq!(&serde_json::from_str::<Profile>(&text).expect("reads"), profile);
        for scheme in profile.schemes() {
            assert_eq!(scheme.problem(), None, "{name}");
        }
    }
}

#[test]
fn forms_and_events_are_read_as_far_as_their_type() {
    let read = |name: &str, body: &str| {
        Profile::named(name).expect("listed").read(body.as_bytes()).event_type
    };
    assert_eq!(read("slack", "command=%2Fx&text=").as_deref(), Some("slack.command"));
    let interactive = "payload=%7B%22type%22%3A%22block_actions%22%7D";
    assert_eq!(read("slack", interactive).as_deref(), Some("slack.block_actions"));
    let event = r#"{"event":{"type":"app_mention"},"type":"event_callback"}"#;
    assert_eq!(read("slack", event).as_deref(), Some("slack.app_mention"));
    assert_eq!(read("twilio", "MessageStatus=sent").as_deref(), Some("twilio.sent"));
    let shopify = Profile::named("shopify").expect("listed");
    let topic = shopify.event_type(Some("orders/create".into()));
    assert_eq!(topic.map(|topic| topic.name).as_deref(), Some("shopify.orders.create"));
}
