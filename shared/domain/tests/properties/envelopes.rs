//! Properties of the messages that travel on the queues, and of the bodies in them.

use std::net::IpAddr;

use domain::{
    envelope::{Doorbell, Envelope, OpenedBody, StoredBody, Trust},
    id::{ApplicationId, BatchId, DeliveryId, EndpointId, EventId, SourceId, TaskId},
    listener::{HandedAnswer, HandedOutcome},
    request::{RequestHeader, RequestRecord, RequestVerdict, SecretMark},
    retry::ErrorClass,
    secret::SealedSecret,
    source::{RateLimit, RateWindow, SourceOptions},
    time::Timestamp,
};
use proptest::prelude::*;

use crate::config;

fn body() -> impl Strategy<Value = StoredBody> {
    prop_oneof![
        any::<String>().prop_map(StoredBody::Text),
        any::<Vec<u8>>().prop_map(|bytes| StoredBody::inline(&bytes)),
        any::<String>().prop_map(StoredBody::Claim),
    ]
}

fn trust() -> impl Strategy<Value = Trust> {
    prop_oneof![Just(Trust::Signed), Just(Trust::Token), Just(Trust::Polled), Just(Trust::Operator),]
}

fn options() -> impl Strategy<Value = SourceOptions> {
    let limit = (any::<u32>(), any::<bool>()).prop_map(|(requests, minute)| RateLimit {
        requests,
        per: if minute { RateWindow::Minute } else { RateWindow::Second },
    });
    let texts = prop::collection::vec(any::<String>(), 0..3);
    let some = (any::<Option<u64>>(), texts, prop::option::of(limit), any::<Option<String>>());
    (some, any::<Option<bool>>(), any::<bool>(), any::<Option<u64>>()).prop_map(
        |((tolerance_seconds, networks, rate_limit, public_url), webhooks, strict, deadline)| {
            SourceOptions {
                tolerance_seconds,
                allowed_networks: networks,
                rate_limit,
                public_url,
                job_webhooks: webhooks,
                strict,
                deadline_seconds: deadline,
                ..SourceOptions::default()
            }
        },
    )
}

prop_compose! {
    fn header()(
        [name, value] in any::<[String; 2]>(),
        altered in any::<bool>(),
        sealed in any::<Option<String>>(),
    ) -> RequestHeader {
        RequestHeader { name, value, altered, sealed: sealed.map(SealedSecret) }
    }
}

prop_compose! {
    fn request()(
        [method, path, profile, scheme] in any::<[String; 4]>(),
        query in any::<Option<String>>(),
        caller in any::<Option<IpAddr>>(),
        bytes in any::<u64>(),
        headers in prop::collection::vec(header(), 0..3),
        headers_left_out in any::<usize>(),
        secret in any::<Option<(usize, String)>>(),
        timestamp_age_s in any::<Option<i64>>(),
    ) -> RequestRecord {
        let secret = secret.map(|(position, fingerprint)| SecretMark { position, fingerprint });
        let verdict = RequestVerdict { profile, scheme, secret, timestamp_age_s };
        RequestRecord { method, path, query, caller, bytes, headers, headers_left_out, verdict }
    }
}

prop_compose! {
    fn envelope()(
        [source, profile, key, arrival] in any::<[String; 4]>(),
        id in any::<[u8; 16]>(),
        source_id in any::<[u8; 16]>(),
        application in any::<[u8; 16]>(),
        proof in any::<Option<String>>(),
        received_at in any::<u64>(),
        event_type in any::<Option<String>>(),
        form in any::<bool>(),
        trust in trust(),
        options in options(),
        request in prop::option::of(request()),
        encoded in prop::option::of(body()),
        body in body(),
    ) -> Envelope {
        Envelope {
            source_id: SourceId::random(source_id),
            source,
            profile,
            options,
            application: ApplicationId::random(application),
            proof,
            key,
            event: EventId::random(id),
            arrival,
            received_at: Timestamp(received_at),
            event_type,
            form,
            trust,
            request: request.map(Box::new),
            encoded,
            body,
        }
    }
}

fn outcome() -> impl Strategy<Value = HandedOutcome> {
    prop_oneof![
        any::<u16>().prop_map(HandedOutcome::Status),
        Just(HandedOutcome::Failed(ErrorClass::Timeout)),
        Just(HandedOutcome::Unreached),
    ]
}

fn doorbell() -> impl Strategy<Value = Doorbell> {
    let id = any::<[u8; 16]>;
    prop_oneof![
        (id(), id(), any::<u8>()).prop_map(|(event, delivery, hops)| Doorbell::Delivery {
            event: EventId::random(event),
            delivery: DeliveryId::random(delivery),
            hops,
        }),
        (id(), any::<u8>())
            .prop_map(|(id, hops)| Doorbell::Task { task: TaskId::random(id), hops }),
        (id(), any::<u8>())
            .prop_map(|(id, hops)| Doorbell::Gate { gate: EndpointId::random(id), hops }),
        id().prop_map(|id| Doorbell::Batch { batch: BatchId::random(id) }),
        (id(), any::<u8>())
            .prop_map(|(id, hops)| Doorbell::FanOut { fan: EventId::random(id), hops }),
        id().prop_map(|id| Doorbell::Content { content: EventId::random(id) }),
        (id(), "[A-Za-z0-9._-]{1,64}").prop_map(|(id, listener)| Doorbell::Listener {
            application: ApplicationId::random(id),
            listener,
        }),
        (id(), id(), any::<u64>(), any::<String>(), outcome()).prop_map(
            |(event, delivery, ms, body, outcome)| {
                let (event, delivery) = (EventId::random(event), DeliveryId::random(delivery));
                let claim = body.clone();
                let answer = HandedAnswer { event, delivery, claim, outcome, ms, body };
                Doorbell::Answer { answer: Box::new(answer) }
            }
        ),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bytes_come_out_of_a_stored_body_as_they_went_in(bytes in any::<Vec<u8>>()) {
        let opened = StoredBody::inline(&bytes).open().expect("ours");
        prop_assert_eq!(opened, OpenedBody::Bytes(bytes));
    }

    #[test]
    fn an_envelope_is_read_as_it_is_printed(envelope in envelope()) {
        let printed = envelope.print();
        prop_assert_eq!(Envelope::parse(&printed).expect("ours"), envelope);
        // `process` takes a message for an envelope once it is no doorbell.
        prop_assert!(Doorbell::parse(&printed).is_err(), "{}", printed);
    }

    #[test]
    fn a_doorbell_is_read_as_it_is_printed(bell in doorbell()) {
        let printed = bell.print();
        prop_assert_eq!(Doorbell::parse(&printed).expect("ours"), bell);
        prop_assert!(Envelope::parse(&printed).is_err(), "{}", printed);
    }

    #[test]
    fn any_text_is_a_message_or_an_error(text in any::<String>()) {
        let _ = (Envelope::parse(&text), Doorbell::parse(&text));
        let _ = StoredBody::Base64(text).open();
    }
}
