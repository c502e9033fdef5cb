//! What usually goes wrong with signatures, each as a change that would put it right, with the
//! sentence that says so.

use domain::{
    json_form,
    profile::Profile,
    secret::{SYMMETRIC_PREFIX, Secret},
    signature::{Algorithm, Content, Format, KeyEncoding, TimestampForm},
};

use super::case::SignatureCase;

/// What a change touches; two of the same are never made together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Header,
    Clock,
    Format,
    Key,
    Secret,
    Content,
    Body,
    Url,
}

/// One thing that may be wrong.
pub(super) struct Correction {
    pub(super) aspect: Aspect,
    /// What it means if this makes the signature hold.
    pub(super) says: String,
    make: Box<dyn Fn(&mut SignatureCase)>,
}

impl Correction {
    fn new(
        aspect: Aspect,
        says: impl Into<String>,
        make: impl Fn(&mut SignatureCase) + 'static,
    ) -> Self {
        Self { aspect, says: says.into(), make: Box::new(make) }
    }

    /// The case with this put right.
    pub(super) fn apply(&self, case: &SignatureCase) -> SignatureCase {
        let mut changed = case.clone();
        (self.make)(&mut changed);
        changed
    }
}

/// Everything that is tried on a case.
pub(super) fn all(case: &SignatureCase) -> Vec<Correction> {
    let mut corrections = headers(case);
    corrections.extend(clocks(case));
    corrections.extend(formats(case));
    corrections.extend(keys(case));
    corrections.extend(secrets(case));
    corrections.extend(contents(case));
    corrections.extend(bodies(case));
    corrections.extend(urls(case));
    corrections.extend(profiles(case));
    corrections
}

/// The signature, under another name than the profile's.
fn headers(case: &SignatureCase) -> Vec<Correction> {
    let Some(wanted) = case.scheme().headers.first().map(|names| names.signature.clone()) else {
        return Vec::new();
    };
    let known = |name: &str| case.scheme().headers.iter().any(|names| names.signature == name);
    let others = case.headers.iter().filter(|(name, _)| !known(name.as_str()));
    let change = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let says = format!(
            "The signature is right, but it came in the header `{name}`; the profile `{}` reads `{wanted}`.",
            case.name
        );
        let (wanted, value) = (wanted.clone(), value.clone());
        Correction::new(Aspect::Header, says, move |case| {
            if let Ok(name) = http::HeaderName::from_bytes(wanted.as_bytes()) {
                case.headers.insert(name, value.clone());
            }
        })
    };
    others.map(change).collect()
}

fn clocks(case: &SignatureCase) -> Vec<Correction> {
    let forms = [
        (TimestampForm::Seconds, "Unix seconds"),
        (TimestampForm::Millis, "milliseconds since 1970"),
        (TimestampForm::Iso, "RFC 3339"),
    ];
    let name =
        |wanted| forms.iter().find(|(form, _)| *form == wanted).map_or("", |(_, name)| *name);
    let wanted = name(case.scheme().timestamp_form);
    let others = forms.iter().filter(|(form, _)| *form != case.scheme().timestamp_form);
    others
        .map(|(form, found)| {
            let says = format!(
                "The signature is right, but its timestamp is written as {found}; the profile `{}` expects {wanted}.",
                case.name
            );
            let form = *form;
            Correction::new(Aspect::Clock, says, move |case| case.profile.scheme.timestamp_form = form)
        })
        .collect()
}

/// The ways in which a signature is written somewhere.
const SPELLINGS: [&str; 11] = [
    "{hex}",
    "sha256={hex}",
    "sha1={hex}",
    "v0={hex}",
    "v1={hex}",
    "v1,{hex}",
    "{base64}",
    "sha256={base64}",
    "v1={base64}",
    "v1,{base64}",
    "v1a,{base64}",
];

fn formats(case: &SignatureCase) -> Vec<Correction> {
    let expected: Vec<String> = case.scheme().formats.iter().cloned().map(String::from).collect();
    let others = SPELLINGS.iter().filter(|spelling| !expected.iter().any(|e| e == *spelling));
    let change = |spelling: &&str| {
        let format = Format::try_from((**spelling).to_owned()).ok()?;
        let wanted = expected.join("` or `");
        let hint =
            match (spelling.ends_with("{hex}"), expected.iter().all(|e| e.ends_with("{hex}"))) {
                (true, false) => " Encode the MAC's bytes in base64, not in hex.",
                (false, true) => " Write the MAC's bytes in hex, not in base64.",
                _ => " Only what stands around it differs.",
            };
        let says = format!(
            "The signature itself is right, but it is written as `{spelling}`; the profile `{}` expects `{wanted}`.{hint}",
            case.name
        );
        Some(Correction::new(Aspect::Format, says, move |case| {
            case.profile.scheme.formats = vec![format.clone()];
        }))
    };
    others.filter_map(change).collect()
}

pub(super) const fn key_words(encoding: KeyEncoding) -> &'static str {
    match encoding {
        KeyEncoding::Raw => "the secret's text as it is",
        KeyEncoding::Whsec => "what is behind `whsec_`, decoded from base64",
        KeyEncoding::Base64 => "the secret decoded from base64",
        KeyEncoding::Base64Url => "the secret decoded from URL-safe base64",
        KeyEncoding::Hex => "the secret decoded from hex",
    }
}

/// The secret, made into a key in another way.
fn keys(case: &SignatureCase) -> Vec<Correction> {
    let all = [
        KeyEncoding::Raw,
        KeyEncoding::Whsec,
        KeyEncoding::Base64,
        KeyEncoding::Base64Url,
        KeyEncoding::Hex,
    ];
    let wanted = case.scheme().key;
    let others = all.into_iter().filter(|encoding| *encoding != wanted);
    let mut corrections: Vec<Correction> = others
        .map(|encoding| {
            let says = format!(
                "The sender uses {} as the key; the profile `{}` wants {}.",
                key_words(encoding),
                case.name,
                key_words(wanted)
            );
            Correction::new(Aspect::Key, says, move |case| case.profile.scheme.key = encoding)
        })
        .collect();
    let without = format!(
        "The sender uses the text behind `whsec_` as the key without decoding it; the profile `{}` wants {}.",
        case.name,
        key_words(wanted)
    );
    corrections.push(Correction::new(Aspect::Key, without, |case| {
        case.profile.scheme.key = KeyEncoding::Raw;
        each_secret(case, |text| text.strip_prefix(SYMMETRIC_PREFIX).map(str::to_owned));
    }));
    let added = "The secret lacks its `whsec_`: give it with the prefix, as its sender shows it.";
    corrections.push(Correction::new(Aspect::Key, added, |case| {
        each_secret(case, |text| {
            (!text.starts_with(SYMMETRIC_PREFIX)).then(|| format!("{SYMMETRIC_PREFIX}{text}"))
        });
    }));
    for (algorithm, word) in [(Algorithm::HmacSha256, "SHA-256"), (Algorithm::HmacSha1, "SHA-1")] {
        if case.scheme().algorithm != algorithm && case.scheme().algorithm != Algorithm::Ed25519 {
            let says =
                format!("The sender signs with HMAC-{word}; the profile `{}` does not.", case.name);
            corrections.push(Correction::new(Aspect::Key, says, move |case| {
                case.profile.scheme.algorithm = algorithm;
            }));
        }
    }
    corrections
}

fn each_secret(case: &mut SignatureCase, change: impl Fn(&str) -> Option<String>) {
    for secret in &mut case.secrets {
        if let Some(changed) = secret.as_str().and_then(&change) {
            *secret = Secret::new(changed);
        }
    }
}

/// The secret as one of both sides has it by mistake.
fn secrets(_: &SignatureCase) -> Vec<Correction> {
    let change = |says: &str, change: fn(&str) -> Option<String>| {
        Correction::new(Aspect::Secret, says, move |case: &mut SignatureCase| {
            each_secret(case, change)
        })
    };
    vec![
        change(
            "The secret given here has white space around it; without it the signature holds. A line break comes from \
             `echo` or an editor: store it with `printf %s`.",
            |text| (text.trim() != text).then(|| text.trim().to_owned()),
        ),
        change(
            "The sender's secret has a line break behind it (it reads it from a file, or it was stored with `echo`): \
             have the sender strip it.",
            |text| Some(format!("{text}\n")),
        ),
        change("The sender's secret has a space behind it: have the sender strip it.", |text| {
            Some(format!("{text} "))
        }),
        change(
            "The secret given here stands in quotes; without them the signature holds.",
            |text| {
                let inner = text.trim().trim_matches(['"', '\'']);
                (inner != text.trim()).then(|| inner.to_owned())
            },
        ),
        change(
            "The sender's secret has quotes around it, from an .env file or a YAML value: take them away there.",
            |text| Some(format!("\"{text}\"")),
        ),
    ]
}

/// Which bytes were signed.
fn contents(case: &SignatureCase) -> Vec<Correction> {
    let wanted = String::from(case.scheme().content.clone());
    let others = [
        "{body}",
        "{timestamp}.{body}",
        "{timestamp}{body}",
        "{timestamp}:{body}",
        "{body}{timestamp}",
        "{body}.{timestamp}",
        "v0:{timestamp}:{body}",
        "{id}.{timestamp}.{body}",
        "{id}.{body}",
        "{timestamp}.{nonce}.{body}",
        "{base64:body}",
        "{base64:body}:{timestamp}",
        "{sha256:body}",
    ];
    let change = |text: &&str| {
        let content = Content::try_from((**text).to_owned()).ok()?;
        let says =
            format!("The sender signs `{text}`; the profile `{}` signs `{wanted}`.", case.name);
        Some(Correction::new(Aspect::Content, says, move |case| {
            case.profile.scheme.content = content.clone();
        }))
    };
    others.iter().filter(|text| ***text != wanted).filter_map(change).collect()
}

/// The body as it may have been when it was signed.
fn bodies(case: &SignatureCase) -> Vec<Correction> {
    let body = &case.body;
    let mut corrections = Vec::new();
    let mut add = |signed: Vec<u8>, says: &str| {
        if signed != *body {
            corrections.push(Correction::new(Aspect::Body, says, move |case| {
                case.body.clone_from(&signed)
            }));
        }
    };
    let end = body.trim_ascii_end().to_vec();
    add(
        end.clone(),
        "A line break was added behind the body after it was signed (`echo`, an editor, `curl -d @file` keeps none): send and judge the same bytes.",
    );
    for (ending, name) in [(&b"\n"[..], "line break"), (b"\r\n", "CR LF")] {
        let signed = [&end[..], ending].concat();
        add(
            signed,
            &format!(
                "The body was signed with a {name} behind it that is missing now (`curl -d` strips it: use --data-binary)."
            ),
        );
    }
    if let Ok(text) = std::str::from_utf8(body) {
        add(
            text.replace("\r\n", "\n").into(),
            "The body's line breaks became CR LF after it was signed.",
        );
        add(
            text.replace('\n', "\r\n").into(),
            "The body was signed with CR LF line breaks, which became LF since.",
        );
        if let Some(text) = text.strip_prefix('\u{feff}') {
            add(text.into(), "A byte order mark was put in front of the body after it was signed.");
        }
    }
    for (language, signed) in json_form::rewritten(body) {
        add(
            signed,
            &format!(
                "The body was parsed and written again: the signature is over what {language} makes of it. \
                 Sign and verify the raw bytes, before anything parses them."
            ),
        );
    }
    corrections
}

fn urls(case: &SignatureCase) -> Vec<Correction> {
    let Some(url) = case.url.as_deref().filter(|_| case.scheme().signs_url()) else {
        return Vec::new();
    };
    let mut signed = Vec::new();
    if let Some(rest) = url.strip_prefix("http://") {
        signed.push(format!("https://{rest}"));
    }
    if let Some(rest) = url.strip_prefix("https://") {
        signed.push(format!("http://{rest}"));
    }
    signed.push(match url.strip_suffix('/') {
        Some(without) => without.to_owned(),
        None => format!("{url}/"),
    });
    if let Some((without, _)) = url.split_once('?') {
        signed.push(without.to_owned());
    }
    let change = |signed: String| {
        let says = format!(
            "The sender called {signed}, which is what it signed, and not {url}: set the public URL of this relay to what the sender calls."
        );
        Correction::new(Aspect::Url, says, move |case| case.url = Some(signed.clone()))
    };
    signed.into_iter().map(change).collect()
}

/// Signed by the book, but another one.
fn profiles(case: &SignatureCase) -> Vec<Correction> {
    let others = Profile::names().filter(|name| *name != case.name);
    let change = |name: &'static str| {
        let profile = Profile::named(name)?;
        let says = format!(
            "It is signed the way of the profile `{name}`, not `{}`: give the source that profile.",
            case.name
        );
        Some(Correction::new(Aspect::Header, says, move |case| {
            case.profile.scheme = profile.scheme.clone();
            *case = case.timeless();
        }))
    };
    others.filter_map(change).collect()
}
