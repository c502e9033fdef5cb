//! Forged requests of one scheme, by the kind of change.

mod bytes;
pub(crate) mod keys;
mod splits;

use axum::http::HeaderValue;
use domain::{secret::Secret, signature::Algorithm, time::Timestamp};

use crate::subject::{NOW, SenderRequest, Subject, TOKEN, header};
use bytes::Chance;

/// A request that must be refused.
#[derive(Clone, Debug)]
pub(crate) struct Forgery {
    /// Group of the forgery, for the report.
    pub(crate) kind: &'static str,
    /// The change, in words.
    pub(crate) what: String,
    /// The forged request.
    pub(crate) sent: SenderRequest,
}

/// The forgeries of one scheme; the same list in every run.
#[derive(Debug, Default)]
pub(crate) struct Forgeries(Vec<Forgery>);

impl Forgeries {
    fn add(&mut self, kind: &'static str, what: impl Into<String>, sent: Option<SenderRequest>) {
        // What cannot be put into a header cannot be sent.
        self.0.extend(sent.map(|sent| Forgery { kind, what: what.into(), sent }));
    }
}

/// Every forgery for one scheme; `all` are the schemes whose signatures must not be accepted either.
pub(crate) fn forgeries(subject: &Subject, all: &[Subject]) -> Vec<Forgery> {
    let mut found = Forgeries::default();
    let mut chance = Chance::of(&subject.name);
    if subject.signs() {
        signatures(subject, &mut found, &mut chance);
        bodies(subject, &mut found, &mut chance);
        splits::again(subject, &mut found);
        secrets(subject, &mut found, &mut chance);
        times(subject, &mut found);
        headers(subject, &mut found);
        others(subject, all, &mut found);
        keys::forged(subject, &mut found);
        noise(subject, &mut found, &mut chance);
    } else {
        tokens(subject, &mut found, &mut chance);
    }
    found.0
}

/// Requests with a changed signature.
fn signatures(subject: &Subject, found: &mut Forgeries, chance: &mut Chance) {
    let (right, name) = (subject.right(), subject.signature());
    let spelled_right = subject.spelled_right();
    let with = |value: &[u8]| {
        right.with(name, value).filter(|sent| !spelled_right.contains(&sent.headers[name]))
    };
    let value = right.headers[name].as_bytes().to_vec();
    // Every bit of every byte; with Ed25519, where each costs milliseconds, one of each byte.
    let bits = if subject.scheme.algorithm == Algorithm::Ed25519 { 1 } else { 8 };
    for at in 0..value.len() {
        for _ in 0..bits {
            let mut flipped = value.clone();
            flipped[at] ^= 1 << chance.below(8);
            found.add("a bit of the signature", format!("byte {at}"), with(&flipped));
        }
    }
    for length in 0..value.len() {
        found.add("truncated", format!("to {length}"), with(&value[..length]));
        found.add("truncated", format!("from {length}"), with(&value[length + 1..]));
    }
    for (what, spelled) in bytes::spellings(&value, subject.scheme.separator) {
        found.add("spelled otherwise", what, with(&spelled));
    }
}

/// Requests with a changed body.
fn bodies(subject: &Subject, found: &mut Forgeries, chance: &mut Chance) {
    let right = subject.right();
    let few = subject.scheme.algorithm == Algorithm::Ed25519;
    for at in (0..right.body.len()).step_by(if few { 16 } else { 1 }) {
        let mut body = right.body.clone();
        body[at] ^= 1 << chance.below(8);
        found.add("a bit of the body", format!("byte {at}"), Some(right.with_body(body)));
    }
    for (what, body) in bytes::bodies(&right.body) {
        found.add("another body", what, Some(right.with_body(body)));
    }
    if subject.signs_url() {
        for url in [
            "https://relay.example/in/s",
            "http://relay.example/in/s?a=1",
            "",
            "x",
            "https://relay.example/in/t?a=1",
            "https://relay.example/in/s?a=1&b=2",
            "https://evil.example/in/s?a=1",
            "https://relay.example:8443/in/s?a=1",
            "https://relay.example/in/s?a=1#b",
            "https://RELAY.example/in/s?a=1",
        ] {
            found.add(
                "another URL",
                url,
                Some(SenderRequest { url: Some(url.to_owned()), ..right.clone() }),
            );
        }
        found.add("another URL", "none", Some(SenderRequest { url: None, ..right }));
    }
}

/// Requests signed with other secrets.
fn secrets(subject: &Subject, found: &mut Forgeries, chance: &mut Chance) {
    for number in 0..120 {
        let key: Vec<u8> = (0..32).map(|_| chance.byte()).collect();
        let secret = keys::secret(subject, &key);
        found.add("another secret", format!("{number}"), Some(subject.sent(&secret, NOW)));
    }
    for (what, secret) in keys::near(subject) {
        found.add("another secret", what, Some(subject.sent(&secret, NOW)));
    }
}

/// Requests signed too early or too late, or with another time than the signed one.
fn times(subject: &Subject, found: &mut Forgeries) {
    if !subject.is_timed() {
        return;
    }
    let (now, scheme) = (NOW.secs(), &subject.scheme);
    // With the right secret: captured long ago, or by a clock that is wrong.
    for by in [1, 2, 60, 3600, 86_400, 365 * 86_400, now - scheme.past_seconds] {
        let at = Timestamp::from_secs(now - scheme.past_seconds - by);
        found.add("stale", format!("by {by} s"), Some(subject.sent(&subject.secret, at)));
    }
    for by in [1, 2, 60, 3600, 86_400, 365 * 86_400] {
        let at = Timestamp::from_secs(now + scheme.future_seconds + by);
        found.add("from the future", format!("by {by} s"), Some(subject.sent(&subject.secret, at)));
    }
    let Some(name) = subject.timestamp() else { return };
    let right = subject.right();
    for spelled in bytes::times(NOW, &scheme.timestamp_form.print(NOW)) {
        let what = String::from_utf8_lossy(&spelled).into_owned();
        found.add("a time spelled otherwise", what, right.with(name, &spelled));
    }
    if subject.scheme.is_replay_safe() {
        for by in -20_i64..=20 {
            let at = Timestamp::from_secs(now.saturating_add_signed(by));
            let value = scheme.timestamp_form.print(at);
            let sent = (by != 0).then(|| right.with(name, value.as_bytes())).flatten();
            found.add("another time", format!("{by:+} s"), sent);
        }
        let old = subject.sent(&subject.secret, Timestamp::from_secs(now - 86_400));
        let fresh = scheme.timestamp_form.print(NOW);
        found.add("captured, with a fresh time", "", old.with(name, fresh.as_bytes()));
    }
}

/// Requests whose headers are missing, doubled or renamed.
fn headers(subject: &Subject, found: &mut Forgeries) {
    let right = subject.right();
    for name in right.headers.keys() {
        let value = &right.headers[name];
        let mut sent = right.clone();
        sent.headers.remove(name);
        found.add("a header is missing", name.as_str(), Some(sent.clone()));
        let decoy = header(&format!("x-{name}"));
        sent.headers.insert(decoy, value.clone());
        found.add("a header of another name", name.as_str(), Some(sent));
        for (what, first, second) in [
            ("right twice", value.clone(), value.clone()),
            ("right, then wrong", value.clone(), HeaderValue::from_static("0")),
            ("wrong, then right", HeaderValue::from_static("0"), value.clone()),
        ] {
            let mut sent = right.clone();
            sent.headers.insert(name, first);
            sent.headers.append(name, second);
            found.add("a header is doubled", format!("{name}: {what}"), Some(sent));
        }
        // In a list, what is no signature is passed over, as Standard Webhooks asks.
        let list = name == subject.signature() && subject.scheme.separator == Some(',');
        for (what, value) in bytes::smuggled(value.as_bytes()) {
            if list && (what.starts_with("a comma") || what == "a folded line") {
                continue;
            }
            found.add("smuggled", format!("{name}: {what}"), right.with(name.as_str(), &value));
        }
    }
    let names = subject.scheme.headers.first().expect("it signs");
    for (signed, name) in [("{id}", &names.id), ("{nonce}", &names.nonce)] {
        let Some(name) = name.as_ref().filter(|_| subject.signed(signed)) else { continue };
        let value = right.headers[name.as_str()].as_bytes();
        for other in bytes::ids(value) {
            let what = format!("{name}: {}", String::from_utf8_lossy(&other));
            found.add("another id", what, right.with(name, &other));
        }
    }
}

/// Random headers and bodies.
fn noise(subject: &Subject, found: &mut Forgeries, chance: &mut Chance) {
    let right = subject.right();
    for number in 0..400 {
        let mut bytes = |most| -> Vec<u8> {
            let length = chance.below(most);
            (0..length).map(|_| chance.byte()).collect()
        };
        let mut sent = right.with_body(bytes(200));
        for name in right.headers.keys() {
            // A header cannot hold a control character.
            let value: Vec<u8> = bytes(120).into_iter().map(|byte| byte | 0x20).collect();
            let value = value.into_iter().filter(|byte| *byte != 0x7f).collect::<Vec<_>>();
            sent = sent.with(name.as_str(), &value).expect("nothing but visible bytes");
        }
        found.add("noise", format!("{number}"), Some(sent));
    }
}

/// Signatures of other schemes over the same body, and the right signature under other header names.
fn others(subject: &Subject, all: &[Subject], found: &mut Forgeries) {
    let (right, name) = (subject.right(), subject.signature());
    let spelled_right = subject.spelled_right();
    for other in all.iter().filter(|other| other.signs()) {
        let ed25519 = |subject: &Subject| subject.scheme.algorithm == Algorithm::Ed25519;
        // With the very key of this source, where both have keys of one kind.
        let (mut scheme, mut secret) = (other.scheme.clone(), &other.secret);
        if ed25519(other) == ed25519(subject) {
            (scheme.key, secret) = (subject.scheme.key, &subject.secret);
        }
        let theirs = subject.sent_by(&scheme, secret, NOW);
        let value = &theirs.headers[other.signature()];
        if !spelled_right.contains(value) {
            found.add(
                "another sender's signature",
                &other.name,
                right.with(name, value.as_bytes()),
            );
        }
        let ours = |names: &domain::signature::HeaderNames| names.signature == other.signature();
        if !subject.gate.profile.schemes().any(|scheme| scheme.headers.iter().any(ours)) {
            found.add("another sender's request", &other.name, Some(theirs));
        }
    }
}

/// Where nothing is signed, the token is all there is.
fn tokens(subject: &Subject, found: &mut Forgeries, chance: &mut Chance) {
    let right = subject.right();
    let kept = subject.gate.secrets[0].as_str().unwrap_or_default().to_owned();
    let token = |text: String| Some(SenderRequest { token: Some(text), ..right.clone() });
    found.add("without a token", "", Some(SenderRequest { token: None, ..right.clone() }));
    for (what, text) in bytes::tokens(TOKEN, &kept) {
        found.add("another token", what, token(text));
    }
    for number in 0..60 {
        let text = (0..36).map(|_| char::from(b'a' + chance.byte() % 26)).collect();
        found.add("another token", format!("guess {number}"), token(text));
    }
    // A signature in the place of the token is none.
    let secret = Secret::new(TOKEN);
    let mut sent = SenderRequest { token: None, ..right };
    for name in ["authorization", "x-signature", "webhook-signature", "x-token"] {
        let value = HeaderValue::from_str(secret.as_str().unwrap_or_default()).expect("printable");
        sent.headers.insert(header(name), value);
        found.add("the token elsewhere", name, Some(sent.clone()));
    }
}
