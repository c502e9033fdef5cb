//! One way in which a profile's sender signs, with everything that a right request of it needs.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{
    id::{ApplicationId, SourceId},
    profile::Profile,
    secret::Secret,
    signature::{Algorithm, Format, KeyEncoding, MessageToSign, Scheme, SignedRequest, token_hash},
    source::{AcceptedRequest, Gate, GateRefusal, SourceOptions},
    time::Timestamp,
};
use serde_json::{Value, json};

/// The time at which every request here is signed and judged.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// The key bytes of the senders' secrets.
pub(crate) const KEY: [u8; 32] = [0x5a; 32];
/// The path token of senders that cannot sign.
pub(crate) const TOKEN: &str = "tok_0123456789abcdefABCDEF0123456789";
const ID: &str = "msg_2a0b4c6d";
const NONCE: &str = "n-7f3a";
const URL: &str = "https://relay.example/in/s?a=1";
/// RFC 8032, section 7.1, test 1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// Contents that an owner may have signed, and what else differs from the plain scheme.
static TEMPLATES: LazyLock<[(&str, Value); 11]> = LazyLock::new(|| {
    [
        ("{timestamp}.{body}", json!({})),
        ("{timestamp}:{body}", json!({ "formats": ["v0={hex}"] })),
        ("{timestamp}.{nonce}.{body}", json!({})),
        ("{nonce}:{timestamp}:{body}", json!({ "formats": ["sha256={hex}", "{hex}"] })),
        ("{id}.{timestamp}.{body}", json!({ "formats": ["{base64}"] })),
        ("{id}|{body}", json!({})),
        ("v0:{timestamp}:{body}", json!({ "formats": ["v0={hex}"] })),
        ("{nonce}/{body}", json!({ "formats": ["{base64}"] })),
        ("{id}:{nonce}:{timestamp}:{body}", json!({})),
        ("{timestamp}\n{id}\n{body}", json!({})),
        ("{body}", json!({ "formats": ["{base64}"] })),
    ]
});

/// A sender's request to the relay.
#[derive(Clone, Debug)]
pub(crate) struct SenderRequest {
    /// The headers, with the signature.
    pub(crate) headers: HeaderMap,
    /// The body as sent.
    pub(crate) body: Vec<u8>,
    /// The called URL, as the relay knows it.
    pub(crate) url: Option<String>,
    /// The token in the path, if the sender has one.
    pub(crate) token: Option<String>,
}

impl SenderRequest {
    /// A copy with one header set; none if HTTP does not allow the value.
    pub(crate) fn with(&self, name: &str, value: &[u8]) -> Option<Self> {
        let mut sent = self.clone();
        sent.headers.insert(header(name), HeaderValue::from_bytes(value).ok()?);
        Some(sent)
    }

    /// A copy with another body.
    pub(crate) fn with_body(&self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.clone() }
    }
}

/// A header name from text.
pub(crate) fn header(name: &str) -> HeaderName {
    HeaderName::try_from(name).expect("a header's name")
}

/// One scheme of one profile.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The profile's name and the number of the scheme in it, such as `fal/0`.
    pub(crate) name: String,
    /// The scheme by which the sender signs.
    pub(crate) scheme: Scheme,
    /// The gate of a source with this scheme.
    pub(crate) gate: Gate,
    /// The sender's secret.
    pub(crate) secret: Secret,
}

impl Subject {
    /// Every scheme of every profile there is.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for name in Profile::names() {
            let profile = Profile::named(name).expect("listed");
            for (number, scheme) in profile.schemes().enumerate() {
                all.push(Self::of(name, number, profile, scheme));
            }
        }
        all
    }

    /// Every scheme of every profile, and schemes that an owner may write for the profile `hmac`.
    pub(crate) fn with_templates() -> Vec<Self> {
        let profile = Profile::named("hmac").expect("listed");
        let template = |(number, (content, further)): (usize, &(&str, Value))| {
            let mut headers =
                json!({ "signature": "x-s", "id": "x-i", "timestamp": "x-t", "nonce": "x-n" });
            for (field, name) in
                [("{id}", "id"), ("{timestamp}", "timestamp"), ("{nonce}", "nonce")]
            {
                if !content.contains(field) {
                    headers.as_object_mut().expect("an object").remove(name);
                }
            }
            let mut scheme = json!({ "headers": [headers], "formats": ["{hex}"], "content": content,
                "past_seconds": 300, "future_seconds": 300, "key": "raw" });
            for (name, value) in further.as_object().into_iter().flatten() {
                scheme[name] = value.clone();
            }
            let scheme: Scheme = serde_json::from_value(scheme).expect("a scheme");
            assert_eq!(scheme.problem(), None, "{content}");
            let mut profile = profile.clone();
            profile.scheme = scheme.clone();
            Self::of("hmac", 100 + number, &profile, &scheme)
        };
        Self::all().into_iter().chain(TEMPLATES.iter().enumerate().map(template)).collect()
    }

    fn of(name: &str, number: usize, profile: &Profile, scheme: &Scheme) -> Self {
        let (secret, kept) = match (scheme.algorithm, scheme.key) {
            (Algorithm::Token, _) => (Secret::new(TOKEN), Secret::new(token_hash(TOKEN))),
            (Algorithm::Ed25519, _) => {
                let text = |hex: &str| URL_SAFE_NO_PAD.encode(hex::decode(hex).expect("hex"));
                (Secret::new(text(SEED)), Secret::new(text(PUBLIC)))
            }
            // Where a sender takes the text as it is, it looks the same all the same: the prefix
            // belongs to the key then.
            (_, KeyEncoding::Raw | KeyEncoding::Whsec) => {
                (Secret::symmetric(&KEY), Secret::symmetric(&KEY))
            }
            (_, KeyEncoding::Base64) => {
                let secret = Secret::new(STANDARD.encode(KEY));
                (secret.clone(), secret)
            }
            (_, KeyEncoding::Base64Url) => {
                let secret = Secret::new(URL_SAFE_NO_PAD.encode(KEY));
                (secret.clone(), secret)
            }
            (_, KeyEncoding::Hex) => (Secret::new(hex::encode(KEY)), Secret::new(hex::encode(KEY))),
        };
        let gate = Gate {
            id: SourceId::derive(&["subject"]),
            proof: None,
            name: "s".to_owned(),
            profile_name: name.to_owned(),
            profile: profile.clone(),
            options: SourceOptions::default(),
            secrets: vec![kept],
            secrets_since: Vec::new(),
            application: ApplicationId::named("acme"),
            locked: false,
            handshake_at: None,
        };
        Self { name: format!("{name}/{number}"), scheme: scheme.clone(), gate, secret }
    }

    /// The sender signs; otherwise a path token authenticates it.
    pub(crate) fn signs(&self) -> bool {
        self.scheme.algorithm != Algorithm::Token
    }

    /// The template of the signed content contains this name.
    pub(crate) fn signed(&self, name: &str) -> bool {
        String::from(self.scheme.content.clone()).contains(name)
    }

    /// The signature covers the URL.
    pub(crate) fn signs_url(&self) -> bool {
        self.signed("{url}")
    }

    /// The URL that its sender calls, without its query.
    pub(crate) fn base_url(&self) -> String {
        URL.split('?').next().unwrap_or_default().to_owned()
    }

    /// The header that holds the signature.
    pub(crate) fn signature(&self) -> &str {
        self.scheme.headers.first().map_or("x-none", |names| &names.signature)
    }

    /// The header that holds the time, if one does.
    pub(crate) fn timestamp(&self) -> Option<&str> {
        self.scheme.headers.first()?.timestamp.as_deref()
    }

    /// The request carries the time at which it was signed.
    pub(crate) fn is_timed(&self) -> bool {
        let prefixed = self.scheme.timestamp_prefix.is_some();
        prefixed || self.scheme.timestamp_path.is_some() || self.timestamp().is_some()
    }

    /// A body with every field that the profile reads, in a spelling that no JSON library prints.
    pub(crate) fn body(&self, at: Timestamp) -> Vec<u8> {
        if self.signed("{form}") {
            // Not percent-encoded: of what is, there are several spellings of one thing.
            return b"MessageSid=SM0123&MessageStatus=delivered&To=123&Body=hello.relay".to_vec();
        }
        let mapping = &self.gate.profile.mapping;
        let mut fields = vec![
            r#""amount":1.0"#.to_owned(),
            r#""text":"Zo\u00eb – 葡萄糖 🧬""#.to_owned(),
            r#""n":[1e2,-0.50,{"b":1,"a":2}]"#.to_owned(),
        ];
        let id = mapping.key.iter().map(|path| (path.as_str(), "id-0123".to_owned()));
        let time = self.scheme.timestamp_path.as_deref();
        let time = time.map(|path| (path, self.scheme.timestamp_form.print(at)));
        for (path, value) in id.chain(time) {
            let mut json = format!("\"{value}\"");
            for name in path.rsplit('.') {
                json = format!("{{\"{name}\":{json}}}");
            }
            fields.push(json[1..json.len() - 1].to_owned());
        }
        format!("{{ {} }}", fields.join(", ")).into_bytes()
    }

    /// A genuine request.
    pub(crate) fn right(&self) -> SenderRequest {
        self.sent(&self.secret, NOW)
    }

    /// The right signature in each spelling that the scheme accepts.
    pub(crate) fn spelled_right(&self) -> Vec<HeaderValue> {
        let spell = |format: &Format| {
            let mut scheme = self.scheme.clone();
            scheme.formats = vec![format.clone()];
            self.sent_by(&scheme, &self.secret, NOW).headers[self.signature()].clone()
        };
        self.scheme.formats.iter().map(spell).collect()
    }

    /// A request that is signed with this secret at this time.
    pub(crate) fn sent(&self, secret: &Secret, at: Timestamp) -> SenderRequest {
        self.sent_by(&self.scheme, secret, at)
    }

    /// A request that is signed by another scheme.
    pub(crate) fn sent_by(&self, scheme: &Scheme, secret: &Secret, at: Timestamp) -> SenderRequest {
        let body = self.body(at);
        let mut headers = HeaderMap::new();
        if scheme.algorithm != Algorithm::Token {
            let message = MessageToSign {
                id: Some(ID),
                at: Some(at),
                nonce: Some(NONCE),
                url: Some(URL),
                body: &body,
            };
            for (name, value) in scheme.headers([secret], &message).expect("it signs") {
                headers.insert(header(&name), HeaderValue::try_from(value).expect("printable"));
            }
        }
        let token = (!self.signs()).then(|| TOKEN.to_owned());
        SenderRequest { headers, body, url: Some(URL.to_owned()), token }
    }

    /// The gate's judgement of a request.
    pub(crate) fn judge(&self, sent: &SenderRequest) -> Result<AcceptedRequest, GateRefusal> {
        let request = SignedRequest {
            headers: &sent.headers,
            body: &sent.body,
            url: sent.url.as_deref(),
            token: sent.token.as_deref(),
        };
        self.gate.judge(&request, NOW)
    }
}
