//! Inputs that are kept in `tests/corpus`, as they are and changed at a few places: no reader panics
//! at one of them, nobody who signed nothing is believed, and whatever was read is printed as it is read.
//!
//! A file that once broke a reader is added to the folder of that reader.

use std::{fs, path::Path, sync::LazyLock};

use domain::{
    address::{Network, Rule},
    envelope::{Doorbell, Envelope, InboxMessage},
    filter::{ContentFilter, FilterText, Payload},
    headers,
    json::JsonFields,
    json_form::{compact, ecmascript, python_sorted, rewritten},
    profile::Profile,
    secret::Secret,
    signature::{Algorithm, Content, Format, SignedRequest, Verification},
    time::Timestamp,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::{prelude::*, sample::Index};

use crate::config;

/// Pieces that mean something to one of the readers.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"=",
    b"%",
    b"\\u0000",
    b"\\ud800",
    b"\0",
    b"\r\n",
    b"\xff",
    b"\xef\xbb\xbf",
    b"sha256=",
    b"v1,",
    b"t=",
    b"1e999",
    b"-0",
    b"$not",
    b"redis://",
    b"arn:aws:sqs:",
    b"[::1]",
];

/// The files of one folder of the corpus, in the order of their names.
struct Corpus(Vec<Vec<u8>>);

impl Corpus {
    fn read(folder: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
        let files = fs::read_dir(&folder).expect("a folder of the corpus");
        let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        paths.sort();
        assert!(4 <= paths.len(), "{} is nearly empty", folder.display());
        Self(paths.iter().map(|path| fs::read(path).expect("readable")).collect())
    }

    fn files(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// A file of the corpus, changed at up to five places.
    fn changed(&'static self) -> impl Strategy<Value = Vec<u8>> {
        let changes = prop::collection::vec(change(), 0..6);
        (prop::sample::select(&self.0[..]), changes).prop_map(|(mut bytes, changes)| {
            for change in changes {
                change.apply(&mut bytes, &self.0);
            }
            bytes
        })
    }
}

#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    /// The rest comes from another file.
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 1..=u8::MAX).prop_map(|(at, mask)| Change::Flip(at, mask)),
        (at(), prop::sample::select(&PIECES[..])).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (at(), 1..20_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (at(), 1..20_usize, 1..300_usize).prop_map(|(at, n, times)| Change::Repeat(at, n, times)),
        (at(), at(), at()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
    ]
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
        let part = |at: Index, length: usize, bytes: &[u8]| {
            let start = at.index(bytes.len() + 1);
            start..(start + length).min(bytes.len())
        };
        match self {
            Self::Flip(at, mask) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            Self::Flip(..) => (),
            Self::Insert(at, piece) => {
                let at = part(at, 0, bytes);
                drop(bytes.splice(at, piece.iter().copied()));
            }
            Self::Remove(at, length) => drop(bytes.drain(part(at, length, bytes))),
            Self::Repeat(at, length, times) => {
                let range = part(at, length, bytes);
                let repeated = bytes[range.clone()].repeat(times);
                drop(bytes.splice(range, repeated));
            }
            Self::Splice(at, other, from) => {
                let other = &others[other.index(others.len())];
                bytes.truncate(at.index(bytes.len() + 1));
                bytes.extend_from_slice(&other[from.index(other.len() + 1)..]);
            }
        }
    }
}

static REQUESTS: LazyLock<Corpus> = LazyLock::new(|| Corpus::read("requests"));
static BODIES: LazyLock<Corpus> = LazyLock::new(|| Corpus::read("bodies"));
static MESSAGES: LazyLock<Corpus> = LazyLock::new(|| Corpus::read("messages"));
static FILTERS: LazyLock<Corpus> = LazyLock::new(|| Corpus::read("filters"));
static TEMPLATES: LazyLock<Corpus> = LazyLock::new(|| Corpus::read("templates"));
static DESTINATIONS: LazyLock<Corpus> = LazyLock::new(|| Corpus::read("destinations"));

/// A request as a file has it: headers, an empty line, the body. A line that is no header is left out,
/// as the server in front leaves it out.
fn request(text: &[u8]) -> (HeaderMap, &[u8]) {
    let end = text.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((text, &b""[..]), |end| (&text[..end], &text[end + 2..]));
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in head.split(|byte| *byte == b'\n').filter_map(header) {
        headers.append(name, value);
    }
    (headers, body)
}

/// Judges a request as each profile does, with secrets that nobody knows. Only a token could hold.
fn judge(text: &[u8]) {
    let (headers, body) = request(text);
    let secrets = [Secret::symmetric(&[0x5e; 32]), Secret::new(hex::encode([0x5e; 32]))];
    let url = Some("https://relay.example/in/s?a=b");
    let request = SignedRequest { headers: &headers, body, url, token: None };
    for name in Profile::names() {
        let profile = Profile::named(name).expect("listed");
        for now in [0, 1_614_265_330, 1_800_000_000] {
            let judged = profile.judge(&secrets, &request, Timestamp::from_secs(now), false);
            assert!(judged.is_err(), "{name} believes what nobody signed: {judged:?}");
        }
        read(profile, body);
    }
}

fn read(profile: &Profile, body: &[u8]) {
    for signs_id in [false, true] {
        let token = profile.schemes().all(|scheme| scheme.algorithm == Algorithm::Token);
        let id = Some("msg_1".to_owned());
        let verified = Verification { id, signs_id, token, ..Verification::default() };
        for spelled in [None, Some("orders/paid")] {
            if let Ok((key, _)) = profile.key(&verified, body, spelled) {
                assert!(!key.is_empty());
            }
        }
    }
    for form in [false, true] {
        let readable = profile.readable(body, form);
        drop((profile.read(&readable), profile.shown(body, form)));
    }
}

fn body(bytes: &[u8]) {
    for name in Profile::names() {
        read(Profile::named(name).expect("listed"), bytes);
    }
    let paths = ["a", "a.b", "metadata.job_id", "result", "event.type"];
    drop((JsonFields::read(bytes, paths), JsonFields::form(bytes, paths)));
    drop(rewritten(bytes));
    for print in [python_sorted, ecmascript, compact] {
        if let Ok(printed) = print(bytes) {
            // Python prints a number beyond its doubles as a word that is not JSON.
            let word = printed.windows(8).any(|part| part == b"Infinity");
            assert!(
                word || print(&printed).ok().as_ref() == Some(&printed),
                "printed twice it differs"
            );
        }
    }
    if let Ok(value) = serde_json::from_slice(bytes)
        && let Ok(read) = headers::parse(&value)
    {
        let pairs = read.iter().map(|(name, value)| (name.clone(), value.clone()));
        assert_eq!(headers::check(pairs.collect::<Vec<_>>()).ok().as_ref(), Some(&read));
    }
}

fn message(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(InboxMessage::Request(envelope)) = InboxMessage::parse(&text) {
        assert_eq!(Envelope::parse(&envelope.print()).ok(), Some(*envelope));
    }
    if let Ok(bell) = Doorbell::parse(&text) {
        assert_eq!(Doorbell::parse(&bell.print()).ok(), Some(bell));
    }
}

fn filter(bytes: &[u8]) {
    let Ok(given) = serde_json::from_slice::<FilterText>(bytes) else { return };
    let Ok(filter) = ContentFilter::parse(&given) else { return };
    let kept: FilterText = serde_json::from_str(filter.text()).expect("JSON");
    let again = ContentFilter::parse(&kept).expect("it was accepted before");
    for payload in BODIES.files() {
        let payload = Payload::new(payload);
        assert_eq!(filter.matches(&payload), again.matches(&payload));
    }
}

fn template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if let Ok(content) = Content::try_from(text.clone()) {
        assert_eq!(String::from(content), text);
    }
    if let Ok(format) = Format::try_from(text.clone()) {
        assert_eq!(String::from(format), text);
    }
}

fn destination(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    drop((Rule::default().destination(&text), Network::parse(&text)));
}

#[test]
fn the_corpus_is_read_as_it_is() {
    REQUESTS.files().for_each(judge);
    BODIES.files().for_each(body);
    MESSAGES.files().for_each(message);
    FILTERS.files().for_each(filter);
    TEMPLATES.files().for_each(template);
    DESTINATIONS.files().for_each(destination);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nobody_is_believed_who_changes_a_request(text in REQUESTS.changed()) {
        judge(&text);
    }

    #[test]
    fn a_changed_body_is_read_or_refused(bytes in BODIES.changed()) {
        body(&bytes);
    }

    #[test]
    fn a_changed_message_is_read_or_refused(bytes in MESSAGES.changed()) {
        message(&bytes);
    }

    #[test]
    fn a_changed_filter_is_kept_as_it_matches(bytes in FILTERS.changed()) {
        filter(&bytes);
    }

    #[test]
    fn a_changed_template_is_kept_as_given(bytes in TEMPLATES.changed()) {
        template(&bytes);
    }

    #[test]
    fn a_changed_destination_is_allowed_or_forbidden(bytes in DESTINATIONS.changed()) {
        destination(&bytes);
    }
}
