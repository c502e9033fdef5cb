//! Common mistakes with signatures. Each is a correction to the request with the sentence that explains
//! the mistake.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    json_form,
    profile::Profile,
    secret::{SYMMETRIC_PREFIX, Secret},
    signature::{Algorithm, Content, Format, KeyEncoding, TimestampForm},
};

use super::case::SignatureCase;

/// The part of a request that a correction changes. Two corrections of the same part are never combined.
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

/// A change to a request that undoes one mistake.
pub(super) struct Correction {
    pub(super) aspect: Aspect,
    /// The explanation to print if the signature holds after the correction.
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

    /// A copy of the case with the correction applied.
    pub(super) fn apply(&self, case: &SignatureCase) -> SignatureCase {
        let mut changed = case.clone();
        (self.make)(&mut changed);
        changed
    }
}

/// All corrections to try on a case.
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

/// The signature is in a header of another name.
fn headers(case: &SignatureCase) -> Vec<Correction> {
    let Some(wanted) = case.scheme().headers.first().map(|names| names.signature.clone()) else {
        return Vec::new();
    };
    let known = |name: &str| case.scheme().headers.iter().any(|names| names.signature == name);
    let others = case.headers.iter().filter(|(name, _)| !known(name.as_str()));
    let change = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let says = format!(
            "The signature is right but in the header `{name}`; the profile `{}` reads `{wanted}`.",
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

/// The timestamp is written in another form.
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
                "The signature is right but its timestamp is written as {found}; the profile `{}` expects {wanted}.",
                case.name
            );
            let form = *form;
            Correction::new(Aspect::Clock, says, move |case| case.profile.scheme.timestamp_form = form)
        })
        .collect()
}

/// The formats in which senders write a signature.
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

/// The signature is written in another format.
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
                _ => " Only the text around the MAC differs.",
            };
        let says = format!(
            "The signature itself is right but written as `{spelling}`; the profile `{}` expects `{wanted}`.{hint}",
            case.name
        );
        Some(Correction::new(Aspect::Format, says, move |case| {
            case.profile.scheme.formats = vec![format.clone()];
        }))
    };
    others.filter_map(change).collect()
}

/// The bytes that make the key, in words.
pub(super) const fn key_words(encoding: KeyEncoding) -> &'static str {
    match encoding {
        KeyEncoding::Raw => "the text of the secret",
        KeyEncoding::Whsec => "the text after `whsec_`, decoded from base64",
        KeyEncoding::Base64 => "the secret decoded from base64",
        KeyEncoding::Base64Url => "the secret decoded from URL-safe base64",
        KeyEncoding::Hex => "the secret decoded from hex",
    }
}

/// The key is made from the secret in another way.
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
                "The sender uses {} as the key; the profile `{}` uses {}.",
                key_words(encoding),
                case.name,
                key_words(wanted)
            );
            Correction::new(Aspect::Key, says, move |case| case.profile.scheme.key = encoding)
        })
        .collect();
    let without = format!(
        "The sender uses the text after `whsec_` as the key without decoding it; the profile `{}` uses {}.",
        case.name,
        key_words(wanted)
    );
    corrections.push(Correction::new(Aspect::Key, without, |case| {
        case.profile.scheme.key = KeyEncoding::Raw;
        each_secret(case, |text| text.strip_prefix(SYMMETRIC_PREFIX).map(str::to_owned));
    }));
    let added = "The secret lacks its prefix `whsec_`: pass the secret with the prefix, as the sender shows it.";
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

/// Replaces each secret that `change` returns a new text for.
fn each_secret(case: &mut SignatureCase, change: impl Fn(&str) -> Option<String>) {
    for secret in &mut case.secrets {
        if let Some(changed) = secret.as_str().and_then(&change) {
            *secret = Secret::new(changed);
        }
    }
}

/// One side has the secret with white space or quotes around it.
fn secrets(_: &SignatureCase) -> Vec<Correction> {
    let change = |says: &str, change: fn(&str) -> Option<String>| {
        Correction::new(Aspect::Secret, says, move |case: &mut SignatureCase| {
            each_secret(case, change)
        })
    };
    vec![
        change(
            "The secret given here has white space around it; without the white space the signature holds. A line break \
             comes from `echo` or an editor: store the secret with `printf %s`.",
            |text| (text.trim() != text).then(|| text.trim().to_owned()),
        ),
        change(
            "The sender's secret ends with a line break (from a file, or from `echo`): have the sender strip it.",
            |text| Some(format!("{text}\n")),
        ),
        change("The sender's secret ends with a space: have the sender strip it.", |text| {
            Some(format!("{text} "))
        }),
        change(
            "The secret given here is in quotes; without the quotes the signature holds.",
            |text| {
                let inner = text.trim().trim_matches(['"', '\'']);
                (inner != text.trim()).then(|| inner.to_owned())
            },
        ),
        change(
            "The sender's secret is in quotes, from an .env file or a YAML value: have the sender remove them.",
            |text| Some(format!("\"{text}\"")),
        ),
    ]
}

/// Other bytes than those of the profile were signed.
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

/// The body was changed after it was signed.
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
        "A line break was appended to the body after it was signed, as `echo` and editors do: send and verify the same bytes.",
    );
    for (ending, name) in [(&b"\n"[..], "line break"), (b"\r\n", "CR LF")] {
        let signed = [&end[..], ending].concat();
        add(
            signed,
            &format!(
                "The body was signed with a {name} at its end that is missing now (`curl -d` strips it: use --data-binary)."
            ),
        );
    }
    if let Ok(text) = std::str::from_utf8(body) {
        add(
            text.replace("\r\n", "\n").into(),
            "The line breaks of the body became CR LF after the body was signed.",
        );
        add(
            text.replace('\n', "\r\n").into(),
            "The body was signed with CR LF line breaks, which have become LF.",
        );
        if let Some(text) = text.strip_prefix('\u{feff}') {
            add(
                text.into(),
                "A byte order mark was put before the body after the body was signed.",
            );
        }
    }
    if let Ok(signed) = STANDARD.decode(body.trim_ascii()) {
        add(
            signed,
            "The body given here is the base64 of the signed body, as API Gateway and Lambda hand it over \
             (`isBase64Encoded`): decode it before it is verified.",
        );
    }
    for (language, signed) in json_form::rewritten(body) {
        add(
            signed,
            &format!(
                "The body was parsed and written again: the signature covers the body as {language} writes it. \
                 Sign and verify the raw bytes, before anything parses them."
            ),
        );
    }
    corrections
}

/// The signed URL differs: scheme, trailing slash or query.
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
            "The sender called and signed {signed}, not {url}: set the public URL of this relay to the URL that the sender calls."
        );
        Correction::new(Aspect::Url, says, move |case| case.url = Some(signed.clone()))
    };
    signed.into_iter().map(change).collect()
}

/// The request is signed as another profile prescribes.
fn profiles(case: &SignatureCase) -> Vec<Correction> {
    let others = Profile::names().filter(|name| *name != case.name);
    let change = |name: &'static str| {
        let profile = Profile::named(name)?;
        let says = format!(
            "The request is signed as the profile `{name}` prescribes, not `{}`: change the profile of the source.",
            case.name
        );
        Some(Correction::new(Aspect::Header, says, move |case| {
            case.profile.scheme = profile.scheme.clone();
            *case = case.timeless();
        }))
    };
    others.filter_map(change).collect()
}
