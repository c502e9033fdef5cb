//! 50,000 requests that nobody with the secret made, for every profile and for every template that
//! an owner may write. Among them are all ways to split the signed bytes of a right request anew.

use domain::{
    profile::Profile,
    secret::Secret,
    signature::{Algorithm, HeaderNames, KeyEncoding, MessageToSign, Scheme, SignedRequest},
    time::Timestamp,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// The number of requests that are tried.
const WANTED: usize = 50_000;
/// Most forgeries of one scheme with Ed25519, of which each costs milliseconds.
const SLOW: usize = 300;
const URL: &str = "https://relay.example/in/s";
/// Bodies whose beginnings and ends look like the parts that stand beside a body.
const BODIES: [&str; 6] = [
    r#"{"a":"x.y.z","t":"1800000001.n2.{}"}"#,
    "1800000001.m2.n2.{}:1800000002",
    "0{}1800000001",
    "?a=b|c=d:1800000000|e",
    "2027-01-15T08:00:00.5Z.{}\n1800000000",
    "a=1&b=2.3&c=%2E",
];

/// A source of random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % most.max(1)
    }
}

/// A request that is or claims to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    id: String,
    nonce: String,
    timestamp: String,
    url: String,
    body: Vec<u8>,
    signature: String,
}

/// A scheme, its secret and its template as text.
struct Subject {
    name: String,
    scheme: Scheme,
    secret: Secret,
    known: Secret,
    template: String,
}

impl Subject {
    fn of(name: &str, scheme: &Scheme) -> Self {
        use base64::{
            Engine,
            engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
        };
        let key = [0x5a; 32];
        let mut known = None;
        let secret = match scheme.key {
            _ if scheme.algorithm == Algorithm::Ed25519 => {
                let bytes = |text: &str| hex::decode(text).expect("hex");
                // RFC 8032, section 7.1, test 1.
                let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
                let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
                known = Some(Secret::new(URL_SAFE_NO_PAD.encode(bytes(public))));
                Secret::new(URL_SAFE_NO_PAD.encode(bytes(seed)))
            }
            KeyEncoding::Raw => Secret::new(hex::encode(key)),
            KeyEncoding::Whsec => Secret::symmetric(&key),
            KeyEncoding::Base64 => Secret::new(STANDARD.encode(key)),
            KeyEncoding::Base64Url => Secret::new(URL_SAFE_NO_PAD.encode(key)),
            KeyEncoding::Hex => Secret::new(hex::encode(key)),
        };
        let known = known.unwrap_or_else(|| secret.clone());
        let template = scheme.content.clone().into();
        Self { name: name.to_owned(), scheme: scheme.clone(), secret, known, template }
    }

    /// Every scheme of every profile that signs.
    fn profiles() -> Vec<Self> {
        let known = Profile::names().filter_map(|name| Some((name, Profile::named(name)?)));
        let schemes = known.flat_map(|(name, it)| it.schemes().map(move |scheme| (name, scheme)));
        let signing = schemes.filter(|(_, scheme)| {
            // A time in the body would have to be forged by its own rules.
            scheme.algorithm != Algorithm::Token && scheme.timestamp_path.is_none()
        });
        signing.map(|(name, scheme)| Self::of(name, scheme)).collect()
    }

    /// Schemes as an owner may write them: parts in every order, with every separator, as far as
    /// they are not refused.
    fn templates() -> (Vec<Self>, usize) {
        let parts = ["{id}", "{timestamp}", "{nonce}", "{url}", "{body}", "{sha256:body}"];
        let between = ["", ".", ":", "|", "\n", "-", "0", "a", "..", "v0:"];
        let (mut made, mut refused) = (Vec::new(), 0);
        let mut dice = Dice(4);
        for number in 0..1_500 {
            let count = 1 + dice.below(4);
            let mut template = String::new();
            for at in 0..count {
                if 0 < at || dice.below(4) == 0 {
                    template.push_str(between[dice.below(between.len())]);
                }
                template.push_str(parts[dice.below(parts.len())]);
            }
            let Ok(content) = template.clone().try_into() else { continue };
            let form = ["seconds", "millis", "iso"][number % 3];
            let scheme = Scheme {
                headers: vec![HeaderNames {
                    signature: "x-signature".to_owned(),
                    id: Some("x-id".to_owned()),
                    timestamp: Some("x-timestamp".to_owned()),
                    nonce: Some("x-nonce".to_owned()),
                }],
                formats: vec!["{hex}".to_owned().try_into().expect("a format")],
                content,
                timestamp_form: serde_json::from_value(form.into()).expect("a form"),
                past_seconds: 300,
                future_seconds: 300,
                ..Scheme::default()
            };
            match scheme.problem() {
                None => made.push(Self::of(&format!("hmac {form} {template:?}"), &scheme)),
                Some(_) => refused += 1,
            }
        }
        (made, refused)
    }

    fn timed(&self) -> bool {
        self.template.contains("{timestamp}")
    }

    fn right(&self, body: &str, dice: &mut Dice) -> Sent {
        let timestamp = self.scheme.timestamp_form.print(NOW);
        let id = format!("m-{}", dice.below(1000));
        let nonce = format!("n_{}", dice.below(1000));
        let url = URL.to_owned();
        let message = MessageToSign {
            id: Some(&id),
            at: Some(NOW),
            nonce: Some(&nonce),
            url: Some(&url),
            body: body.as_bytes(),
        };
        let signature = self.scheme.sign(&self.secret, &message).expect("signs");
        Sent { id, nonce, timestamp, url, body: body.into(), signature }
    }

    /// The relay's judgement of a request: the fingerprint of what was signed, or `None` if the request is
    /// refused.
    fn judge(&self, sent: &Sent) -> Option<Option<String>> {
        let names = self.scheme.headers.first()?;
        let mut headers = HeaderMap::new();
        let mut set = |name: Option<&String>, value: &str| {
            let Some(name) = name else { return Some(()) };
            let name = HeaderName::try_from(name).ok()?;
            headers.insert(name, HeaderValue::try_from(value).ok()?);
            Some(())
        };
        let signature = match &self.scheme.timestamp_prefix {
            Some(prefix) => format!("{prefix}{},{}", sent.timestamp, sent.signature),
            None => sent.signature.clone(),
        };
        set(Some(&names.signature), &signature)?;
        set(names.id.as_ref(), &sent.id)?;
        set(names.timestamp.as_ref(), &sent.timestamp)?;
        set(names.nonce.as_ref(), &sent.nonce)?;
        let url = Some(sent.url.as_str()).filter(|_| self.scheme.signs_url());
        let request = SignedRequest { headers: &headers, body: &sent.body, url, token: None };
        let judged = self.scheme.judge(std::slice::from_ref(&self.known), &request, NOW);
        judged.ok().map(|verified| verified.fingerprint)
    }

    /// The signed bytes of a request, by the template alone. `None` where they are no text.
    fn signed(&self, sent: &Sent) -> Option<String> {
        let body = std::str::from_utf8(&sent.body).ok()?;
        let text = [
            ("{id}", sent.id.as_str()),
            ("{timestamp}", &sent.timestamp),
            ("{nonce}", &sent.nonce),
            ("{url}", &sent.url),
            ("{body}", body),
        ];
        let mut rest = self.template.as_str();
        let mut out = String::new();
        while !rest.is_empty() {
            if let Some((name, value)) = text.iter().find(|(name, _)| rest.starts_with(name)) {
                out.push_str(value);
                rest = &rest[name.len()..];
            } else if rest.starts_with('{') {
                return None;
            } else {
                let end = rest.find('{').unwrap_or(rest.len());
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
        Some(out)
    }

    /// Every way to split the signed bytes of a request into the parts of the template, but its own.
    fn splits(&self, right: &Sent) -> Vec<Sent> {
        let mut found = Vec::new();
        if let Some(signed) = self.signed(right) {
            self.split(&self.template, &signed, right.clone(), &mut Vec::new(), &mut found);
        }
        found.retain(|sent| sent != right);
        found
    }

    fn split(
        &self,
        template: &str,
        signed: &str,
        sent: Sent,
        set: &mut Vec<String>,
        found: &mut Vec<Sent>,
    ) {
        if template.is_empty() {
            if signed.is_empty() && found.len() < 4_000 {
                found.push(sent);
            }
            return;
        }
        if !template.starts_with('{') {
            let end = template.find('{').unwrap_or(template.len());
            if let Some(rest) = signed.strip_prefix(&template[..end]) {
                self.split(&template[end..], rest, sent, set, found);
            }
            return;
        }
        let end = template.find('}').map_or(template.len(), |at| at + 1);
        let name = &template[..end];
        for at in (0..=signed.len()).filter(|at| signed.is_char_boundary(*at)) {
            let value = &signed[..at];
            let mut next = sent.clone();
            match name {
                "{id}" => next.id = value.to_owned(),
                "{timestamp}" => next.timestamp = value.to_owned(),
                "{nonce}" => next.nonce = value.to_owned(),
                // The source is the same, so only a query can be another one.
                "{url}" if value == URL || value.starts_with(&format!("{URL}?")) => {
                    next.url = value.to_owned();
                }
                "{body}" => next.body = value.into(),
                _ => continue,
            }
            // A part that stands twice has one value.
            let again = set.iter().any(|one| one == name);
            if again && next != sent {
                continue;
            }
            set.push(name.to_owned());
            self.split(&template[end..], &signed[at..], next, set, found);
            set.pop();
        }
    }

    /// A request that differs from a right one in one signed place.
    fn spoiled(&self, right: &Sent, dice: &mut Dice) -> Sent {
        let mut sent = right.clone();
        let flip = |text: &mut String, dice: &mut Dice| {
            let at = dice.below(text.len());
            let other = ["0", "1", "a", ".", "~", ""][dice.below(6)];
            text.replace_range(at..=at, other);
        };
        match dice.below(6) {
            0 if self.scheme.signs_id() => flip(&mut sent.id, dice),
            1 if self.template.contains("{nonce}") => flip(&mut sent.nonce, dice),
            2 if self.timed() => flip(&mut sent.timestamp, dice),
            3 if self.scheme.signs_url() => sent.url.push_str("?x=1"),
            4 => flip(&mut sent.signature, dice),
            _ => {
                let at = dice.below(sent.body.len());
                sent.body[at] ^= 1 << dice.below(8);
            }
        }
        sent
    }
}

#[test]
fn of_50_000_forgeries_over_all_profiles_and_templates_none_is_accepted() {
    let profiles = Subject::profiles();
    let (templates, refused) = Subject::templates();
    assert!(20 <= profiles.len() && 100 <= templates.len() && 100 <= refused);
    let mut dice = Dice(9);
    let (mut tried, mut split) = (0, 0);
    let mut accepted = Vec::new();
    let mut check = |subject: &Subject, right: &Sent, forged: &Sent| {
        if forged == right {
            return;
        }
        tried += 1;
        let print = subject.judge(right).expect("the right request");
        // What a form's fingerprint is the same for is the same event, not another one.
        if let Some(found) = subject.judge(forged)
            && (found.is_none() || found != print)
        {
            accepted.push(format!("{}: {forged:?} for {right:?}", subject.name));
        }
    };
    for subject in profiles.iter().chain(&templates) {
        for body in BODIES {
            let right = subject.right(body, &mut dice);
            for forged in subject.splits(&right).iter().take(400) {
                split += 1;
                check(subject, &right, forged);
            }
        }
    }
    for (number, subject) in profiles.iter().chain(&templates).cycle().enumerate().take(WANTED) {
        let slow = subject.scheme.algorithm == Algorithm::Ed25519;
        if slow && SLOW * profiles.len() < number {
            continue;
        }
        let right = subject.right(BODIES[number % BODIES.len()], &mut dice);
        let forged = subject.spoiled(&right, &mut dice);
        check(subject, &right, &forged);
    }
    assert!(accepted.is_empty(), "{} were accepted: {:#?}", accepted.len(), accepted.first());
    assert!(WANTED <= tried && 1_500 <= split, "{tried} were tried, {split} of them splits");
}

#[test]
fn a_template_that_can_be_split_in_two_ways_is_refused() {
    let problem = |template: &str, form: &str| {
        let text = format!(
            r#"{{"headers":[{{"signature":"x-s","id":"x-i","timestamp":"x-t","nonce":"x-n"}}],
                "formats":["{{hex}}"],"timestamp_form":"{form}","content":{}}}"#,
            serde_json::to_string(template).expect("JSON"),
        );
        serde_json::from_str::<Scheme>(&text).expect("a scheme").problem().is_some()
    };
    for good in [
        "{body}",
        "{id}.{timestamp}.{body}",
        "{timestamp}{body}",
        "{body}{timestamp}",
        "v0:{timestamp}:{body}",
        "{id}\n{nonce}\n{timestamp}\n{sha256:body}",
        "{url}{body}",
        "POST{url}{body}{timestamp}",
        "{base64:body}:{nonce}",
        "{nonce}|{body}|{id}",
    ] {
        assert!(!problem(good, "seconds"), "{good}");
    }
    for bad in [
        "{nonce}{body}",
        "{body}{nonce}",
        "{id}{timestamp}.{body}",
        "{id}a{body}",
        "{id}-{body}",
        "{body}.{body}",
        "{base64:body}a{nonce}.{id}",
        "{id}{nonce}.{body}",
    ] {
        assert!(problem(bad, "seconds"), "{bad}");
    }
    assert!(problem("{timestamp}{body}", "iso") && !problem("{timestamp}.{body}", "iso"));
}
