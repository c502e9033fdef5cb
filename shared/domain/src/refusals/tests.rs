//! Refusals: words, sentences, samples and the bounds of the tally.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::{
    id::{ApplicationId, SourceId, Tenure},
    profile::Profile,
    secret::Secret,
    signature::{SignatureRefusal, SignedRequest},
    source::{Gate, SourceOptions},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn at(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1000)
}

fn refused(source: &str, at: Timestamp, headers: &HeaderMap) -> RefusalSample {
    let caller = Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)));
    let request = RefusedRequest { at, source, caller, headers, bytes: 12 };
    RefusalSample::of(&request, RefusalReason::Mismatch, "The signature does not match.")
}

fn source(number: usize) -> RefusalPlace {
    let name = format!("s{number}");
    let source = SourceId::derive(&[&name]);
    let tenure = Tenure { source, application: ApplicationId::named("acme") };
    RefusalPlace::Source { tenure, name }
}

#[test]
fn a_reason_has_the_word_that_it_serialises_with() {
    for reason in RefusalReason::ALL {
        assert_eq!(serde_json::to_value(reason).expect("text"), reason.word());
        assert_eq!(RefusalReason::parse(reason.word()), Some(reason));
        assert_eq!(RefusalReason::of_letter(reason.letter()), Some(reason));
    }
    assert_eq!(RefusalReason::parse("nonsense"), None);
}

#[test]
fn a_sample_holds_no_value_of_a_header_but_the_media_type_and_is_bounded() {
    let mut headers = HeaderMap::new();
    for number in 0..100 {
        let name = format!("x-{number}-{}", "n".repeat(100));
        headers
            .insert(HeaderName::try_from(name).expect("a name"), HeaderValue::from_static("v4lue"));
    }
    headers.insert("content-type", HeaderValue::from_static("Application/JSON; s3cret=1"));
    let sample = refused(&"ü".repeat(1000), NOW, &headers);
    assert_eq!(sample.content_type.as_deref(), Some("application/json"));
    assert_eq!(sample.source.chars().count(), 64);
    assert!(sample.headers.len() <= 32 && sample.headers.concat().len() <= 1024);
    assert!(sample.headers.iter().all(|name| name.len() <= 64));
    let text = serde_json::to_string(&sample).expect("JSON");
    assert!(!text.contains("v4lue") && !text.contains("s3cret"), "{text}");
    for bad in ["sk_live_0123456789", "a/b c", "text/", "", "x/\u{e9}"] {
        let value = HeaderValue::from_bytes(bad.as_bytes()).expect("a value");
        headers.insert("content-type", value);
        assert_eq!(refused("a", NOW, &headers).content_type, None, "{bad}");
    }
}

fn gate(profile: &str, secrets: usize, since: &[Option<Timestamp>]) -> Gate {
    let Tenure { source, application } = Tenure::sample();
    Gate {
        id: source,
        name: "stripe".to_owned(),
        profile_name: profile.to_owned(),
        profile: Profile::named(profile).expect("known").clone(),
        options: SourceOptions::default(),
        secrets: vec![Secret::new(*b"0123456789abcdef"); secrets],
        secrets_since: since.to_vec(),
        proof: None,
        application,
        locked: false,
        handshake_at: None,
    }
}

fn said(refusal: &SignatureRefusal, gate: &Gate) -> String {
    let (headers, body, url, token) = (&HeaderMap::new(), &b""[..], None, None);
    of_signature(refusal, gate, &SignedRequest { headers, body, url, token })
}

#[test]
fn a_mismatch_says_how_many_secrets_there_are_and_since_when() {
    let march = Timestamp::parse_rfc3339("2026-03-03T10:00:00Z");
    let may = Timestamp::parse_rfc3339("2026-05-12T23:59:59Z");
    for (since, wanted) in [
        (
            &[march, may][..],
            "The signature matches none of the 2 secrets of the source (kept since 2026-03-03 and \
             2026-05-12). If the sender's secret was changed, set it with PUT /v1/sources/stripe.",
        ),
        (
            &[may],
            "The signature does not match the secret of the source (kept since 2026-05-12). If the \
             sender's secret was changed, set it with PUT /v1/sources/stripe.",
        ),
        (
            &[may, None],
            "The signature matches none of the 2 secrets of the source. If the sender's secret was \
             changed, set it with PUT /v1/sources/stripe.",
        ),
    ] {
        let gate = gate("stripe", since.len(), since);
        assert_eq!(said(&SignatureRefusal::Mismatch, &gate), wanted);
    }
    let fal = gate("fal", 0, &[]);
    let wanted = "The signature matches none of the keys that the sender publishes.";
    assert_eq!(said(&SignatureRefusal::Mismatch, &fal), wanted);
    let twilio = said(&SignatureRefusal::Mismatch, &gate("twilio", 1, &[None]));
    assert!(twilio.contains("public_url"), "{twilio}");
}

#[test]
fn every_refusal_has_a_sentence_without_a_secret() {
    let gate = gate("modal-omtx", 1, &[None]);
    let name = || "x-modal-signature".to_owned();
    for (refusal, part) in [
        (SignatureRefusal::NoSecret, "PUT /v1/sources/stripe"),
        (SignatureRefusal::Missing(name()), "needs the header `x-modal-signature`"),
        (SignatureRefusal::Doubled(name()), "occurs more than once"),
        (SignatureRefusal::Malformed(name()), "`sha256=` and 64 hexadecimal digits"),
        (SignatureRefusal::Malformed("x-modal-timestamp".to_owned()), "seconds since 1970"),
        (SignatureRefusal::Past(301), "signed 301 s before it arrived; 300 s are allowed"),
        (SignatureRefusal::Future(400), "signed 400 s ahead"),
        (SignatureRefusal::Undated("a.b".to_owned()), "a.b"),
        (SignatureRefusal::Uncovered, "does not cover the body"),
        (SignatureRefusal::Token, "token in the path"),
        (SignatureRefusal::Downgrade, "\"locked\": false"),
        (SignatureRefusal::Address, "allowed_networks"),
    ] {
        let sentence = said(&refusal, &gate);
        assert!(sentence.contains(part), "{refusal:?}: {sentence}");
        assert!(sentence.ends_with('.') && !sentence.contains("0123456789abcdef"), "{sentence}");
        assert!(sentence.chars().count() <= 400, "{sentence}");
    }
}

#[test]
fn forgeries_under_made_up_names_are_written_once_in_ten_seconds_and_fill_no_memory() {
    let mut tally = RefusalTally::default();
    let mut headers = HeaderMap::new();
    for number in 0..8 {
        let name = HeaderName::try_from(format!("x-header-{number}")).expect("a name");
        headers.insert(name, HeaderValue::from_static("v"));
    }
    let (mut batches, mut counted) = (Vec::new(), 0);
    // 100,000 a second for one second, and then as many within the next minute.
    for number in 0..200_000_u64 {
        let millis =
            if number < 100_000 { number / 100 } else { 1000 + (number - 100_000) * 6 / 10 };
        let now = Timestamp(NOW.0 + millis);
        let sample = refused(&format!("made-up-{}", number % 10_000), now, &headers);
        tally.note(&RefusalPlace::Nowhere, sample);
        batches.extend(tally.take(&RefusalPlace::Nowhere, now).map(|batch| (now, batch)));
    }
    for pair in batches.windows(2) {
        assert!(WRITE_EVERY <= pair[1].0.since(pair[0].0));
    }
    assert_eq!(batches.len(), 7, "at 0, 10, 20, 30, 40, 50 and 60 s");
    for (_, batch) in &batches {
        counted += batch.counts.values().sum::<u64>();
        assert!(batch.samples.len() <= MAX_SAMPLES);
        let bytes = serde_json::to_string(&batch.samples).expect("JSON").len();
        assert!(bytes <= 13 * 1024, "{bytes} bytes");
    }
    assert_eq!(tally.places.len(), 1);
    let noted = &tally.places[&RefusalPlace::Nowhere];
    assert!(noted.waiting.len() <= 2 && noted.samples.len() <= MAX_SAMPLES);
    assert_eq!(counted + noted.waiting.values().sum::<u64>(), 200_000, "each is counted once");
}

#[test]
fn many_sources_fill_no_memory_and_none_is_written_about_too_often() {
    let mut tally = RefusalTally::default();
    let mut written: std::collections::HashMap<RefusalPlace, Timestamp> = Default::default();
    for second in 0..120 {
        for number in 0..1000 {
            let (place, now) = (source(number), at(second));
            tally.note(&place, refused("s", now, &HeaderMap::new()));
            if let Some(batch) = tally.take(&place, now)
                && let Some(last) = written.insert(batch.place, now)
            {
                assert!(WRITE_EVERY <= now.since(last));
            }
        }
        tally.note(&RefusalPlace::Nowhere, refused("?", at(second), &HeaderMap::new()));
        assert!(tally.places.len() <= MAX_PLACES + 1, "{}", tally.places.len());
    }
    // Sources that were quiet for a while make room for others.
    let late = source(5000);
    tally.note(&late, refused("s", at(200), &HeaderMap::new()));
    assert!(tally.take(&late, at(200)).is_some());
    assert!(tally.places.len() <= MAX_PLACES + 1);
}

#[test]
fn what_is_given_back_is_written_later_and_an_hour_at_a_time() {
    let mut tally = RefusalTally::default();
    let place = source(1);
    tally.note(&place, refused("s1", at(3599), &HeaderMap::new()));
    let batch = tally.take(&place, at(3599)).expect("a batch");
    tally.give_back(&batch);
    tally.note(&place, refused("s1", at(3601), &HeaderMap::new()));
    assert_eq!(tally.take(&place, at(3601)), None, "the last try was a moment ago");
    let first = tally.take(&place, at(3609)).expect("a batch");
    assert_eq!((first.hour, &first.counts), (batch.hour, &batch.counts));
    assert_eq!((first.samples.len(), first.news().len()), (2, 2), "none was told of");
    assert_eq!(tally.waiting(), std::slice::from_ref(&place));
    let second = tally.take(&place, at(3619)).expect("a batch");
    assert_eq!(second.hour, first.hour.next());
    assert_eq!(second.counts.values().sum::<u64>(), 1);
    assert_eq!((second.samples.len(), second.news().len()), (2, 0), "both were told of");
    tally.note(&place, refused("s1", at(3620), &HeaderMap::new()));
    let third = tally.take(&place, at(3629)).expect("a batch");
    assert_eq!(third.news(), [refused("s1", at(3620), &HeaderMap::new())]);
    assert_eq!(tally.take(&place, at(4000)), None, "nothing waits");
}
