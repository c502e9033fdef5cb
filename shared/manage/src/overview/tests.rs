//! Places of the list, and the health and last day of an endpoint.

use std::collections::BTreeMap;

use domain::{
    delivery::DeliveryState,
    event::Event,
    id::{AttemptId, EventId},
    retry::ErrorClass,
};

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn endpoint() -> Endpoint {
    let (id, application) = (EndpointId::derive(&["e"]), ApplicationId::named("acme"));
    Endpoint::new(id, application, "https://subscriber.example/Hook", NOW)
}

#[test]
fn a_place_is_read_as_it_is_printed_and_stands_in_a_url() {
    let application = format!("1700000000000-{}", ApplicationId::named("acme"));
    for endpoint in [None, Some(EndpointId::derive(&["e"]))] {
        let place = OverviewPlace { application: application.clone(), endpoint };
        let text = place.print();
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        assert_eq!(OverviewPlace::parse(&text), Some(place));
    }
    for bad in ["", "x", "ep_1", "1700000000000", "1700000000000-", "17-app_1-ep_1"] {
        assert_eq!(OverviewPlace::parse(bad), None, "{bad}");
    }
}

#[test]
fn the_health_of_an_endpoint_is_one_word() {
    let later = NOW.plus(HOUR);
    let circuit = Circuit::Open { until: later };
    let failing = Health { failing_since: Some(NOW), changed_at: later, ..Health::default() };
    let open = Health { circuit, failures: 5, attempts: 7, ..failing.clone() };
    let slow = Health { slow_until: Some(later), ..Health::default() };
    let disabled =
        Endpoint { disabled: Some(domain::endpoint::DisabledReason::Gone), ..endpoint() };
    for (endpoint, known, state, since, until) in [
        (&endpoint(), None, "healthy", None, None),
        (&endpoint(), Some(&Health::default()), "healthy", None, None),
        (&endpoint(), Some(&slow), "slow", None, Some(later)),
        (&endpoint(), Some(&failing), "failing", Some(NOW), None),
        (&endpoint(), Some(&open), "open", Some(later), Some(later)),
        (&disabled, Some(&open), "disabled", Some(NOW), None),
    ] {
        let shown = health(endpoint, known, NOW);
        assert_eq!((shown.state, shown.since, shown.until), (state, since, until));
        let counted = known.map_or((0, 0), |known| (known.failures, known.attempts));
        assert_eq!((shown.failures, shown.failed_attempts), counted, "{state}");
    }
    assert_eq!(health(&endpoint(), Some(&slow), later).state, "healthy");
}

#[test]
fn an_endpoint_is_found_by_its_own_texts_in_whatever_case() {
    let endpoint = Endpoint { description: "Billing".to_owned(), ..endpoint() };
    for (text, found) in [
        (Some("hook"), true),
        (Some("SUBSCRIBER"), true),
        (Some("bill"), true),
        (Some(&endpoint.id.as_str()[..12]), true),
        (Some("other"), false),
        (None, true),
    ] {
        assert_eq!(fits(&endpoint, text), found, "{text:?}");
    }
}

#[test]
fn a_day_has_an_hour_for_each_attempt_of_it() {
    let event =
        Event::by_relay(EventId::derive(&["e"]), ApplicationId::named("acme"), "a.b", b"{}", NOW);
    let minutes = |ago: u64| Timestamp(NOW.0 - ago * 60_000);
    let mut delivery = Delivery::new(&event, &endpoint(), 0, NOW);
    for (number, (ago, error)) in [
        (25 * 60, Some(ErrorClass::Status)),
        (23 * 60 + 30, Some(ErrorClass::Status)),
        (90, Some(ErrorClass::Timeout)),
        (1, None),
    ]
    .into_iter()
    .enumerate()
    {
        delivery.record(Attempt {
            id: AttemptId::of(&delivery.id, u32::try_from(number).expect("few")),
            at: minutes(ago),
            duration_ms: 1,
            url: String::new(),
            status: error.is_none().then_some(200),
            error,
            detail: String::new(),
            response: String::new(),
            manual: false,
        });
    }
    delivery.state = DeliveryState::Delivered;
    let day = series(std::slice::from_ref(&delivery), true, NOW);
    let counted = |counts: &[u64; HOURS]| -> BTreeMap<usize, u64> {
        counts.iter().copied().enumerate().filter(|(_, count)| *count != 0).collect()
    };
    assert_eq!(counted(&day.delivered), [(23, 1)].into());
    assert_eq!(counted(&day.failed), [(0, 1), (22, 1)].into());
    assert!(day.complete);
    assert_eq!(last(std::slice::from_ref(&delivery)).map(|call| call.at), Some(minutes(1)));
    assert!(!series(std::slice::from_ref(&delivery), false, NOW).complete);
}
