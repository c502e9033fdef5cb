//! Calls to an endpoint that does not answer, made by workers that share no memory.

use adapters::table::CallPlace;
use domain::{
    delivery::DeliveryState,
    health::Health,
    room::{CallCaps, SLOW_KEPT},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

use super::*;
use crate::outcome::AttemptOutcome;

const CAPS: CallCaps = CallCaps { endpoint: 2, application: 5 };

/// A host that accepts connections and never answers; its URL and how many it accepted.
async fn hung() -> (String, watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (count, counted) = watch::channel(0);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
            count.send_replace(open.len());
        }
    });
    (url, counted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_calls_of_workers_that_share_no_memory_are_capped_together_and_spend_nothing() {
    let world = World::start().await;
    let (url, mut accepted) = hung().await;
    let endpoint = world.endpoint(|endpoint| endpoint.url = url).await;
    let mut deliveries = Vec::new();
    for name in ["1", "2", "3", "4", "5"] {
        deliveries.push(world.announce(name, b"{}", &endpoint).await);
    }
    let worker = || world.calls.clone().capping_calls(CAPS);
    let (one, other) = (worker(), worker());
    let (results, mut attempted) = tokio::sync::mpsc::unbounded_channel();
    for (worker, delivery) in [&one, &one, &other, &other].into_iter().zip(&deliveries) {
        let (worker, delivery) = (worker.clone(), delivery.clone());
        let results = results.clone();
        tokio::spawn(async move {
            let result = worker.attempt(&delivery.event, &delivery.id, false).await;
            let _ = results.send((delivery, result.expect("attempted")));
        });
    }
    accepted.wait_for(|accepted| *accepted == 4).await.expect("called");
    // Two keep the places; two are broken off, and nothing is spent.
    let table = &world.calls.context.table;
    for _ in 0..2 {
        let (delivery, result) = attempted.recv().await.expect("broken off");
        assert!(matches!(result, AttemptOutcome::Early(_)), "{result:?}");
        let kept = table.delivery(&delivery.event, &delivery.id).await.expect("read");
        let kept = kept.expect("there");
        assert_eq!((kept.state, kept.made), (DeliveryState::Pending, 0));
    }
    // A third worker knows it before it calls.
    let (event, id) = (&deliveries[4].event, &deliveries[4].id);
    let result = worker().attempt(event, id, false).await.expect("attempted");
    assert!(matches!(result, AttemptOutcome::Early(_)), "{result:?}");
    assert_eq!(*accepted.borrow(), 4);
    assert!(attempted.try_recv().is_err(), "two calls are under way");
    // A person who waits is not held up.
    let worker = worker();
    let (event, id) = (event.clone(), id.clone());
    world.calls.context.clock.advance(Duration::from_secs(20));
    tokio::spawn(async move { worker.attempt(&event, &id, true).await });
    accepted.wait_for(|accepted| *accepted == 5).await.expect("called");
}

#[tokio::test]
async fn places_are_as_many_as_the_cap_and_end_with_their_lease() {
    let world = World::start().await;
    let table = &world.calls.context.table;
    let until = START.plus(Duration::from_secs(60));
    let take = |now| table.take_place("ep_1", 3, until.max(now).plus(Duration::from_secs(1)), now);
    let mut places = Vec::new();
    for _ in 0..3 {
        places.push(take(START).await.expect("read").expect("free"));
    }
    assert!(take(START).await.expect("read").is_none());
    assert!(table.take_place("ep_2", 1, until, START).await.expect("read").is_some());
    table.leave_place(&places[0]).await.expect("left");
    places.push(take(START).await.expect("read").expect("free"));
    assert!(take(START).await.expect("read").is_none());
    let later = until.plus(Duration::from_secs(2));
    let anew = take(later).await.expect("read").expect("its lease ended");
    // A worker that wakes up late takes no place away.
    for place in &places {
        table.leave_place(place).await.expect("nothing");
    }
    let fresh = [take(later).await.expect("read"), take(later).await.expect("read")];
    assert!(fresh.iter().all(Option::is_some));
    assert!(take(later).await.expect("read").is_none());
    table.leave_place(&anew).await.expect("left");
    assert!(take(later).await.expect("read").is_some());
}

/// A host that answers each request at once; its URL.
async fn quick() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quick_answer_removes_the_mark_of_a_slow_endpoint_whenever_it_comes() {
    let world = World::start().await;
    let url = quick().await;
    let endpoint = world.endpoint(|endpoint| endpoint.url = url).await;
    let table = &world.calls.context.table;
    let health = async || table.health(&endpoint.id).await.expect("read");
    let attempt = async |name| {
        let delivery = world.announce(name, b"{}", &endpoint).await;
        let result = world.calls.attempt(&delivery.event, &delivery.id, false).await;
        let result = result.expect("attempted");
        let AttemptOutcome::Called(delivery) = result else { panic!("{result:?}") };
        assert_eq!(delivery.state, DeliveryState::Delivered);
    };
    attempt("unmarked").await;
    assert_eq!(health().await, None, "nothing is written about an endpoint that was not slow");
    for (name, age) in [("new", 1), ("old", 3000), ("at its end", 3590)] {
        let now = world.calls.context.clock.now();
        let until = now.plus(SLOW_KEPT - Duration::from_secs(age));
        let marked = Health { slow_until: Some(until), ..Health::default() };
        let read = health().await.map_or(0, |health| health.version);
        let kept = table.keep_health(&endpoint.id, read, &marked, now).await.expect("kept");
        assert_eq!(kept, WriteOutcome::Done);
        attempt(name).await;
        assert_eq!(health().await.expect("there").slow_until, None, "{name}");
    }
    let version = health().await.expect("there").version;
    attempt("unmarked again").await;
    assert_eq!(health().await.expect("there").version, version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_not_made_after_all_leaves_its_places() {
    let world = World::start().await;
    // It cannot be signed.
    let endpoint = world.endpoint(|endpoint| endpoint.secrets = Vec::new()).await;
    let calls = world.calls.clone().capping_calls(CallCaps { endpoint: 1, application: 1 });
    let (table, now) = (&calls.context.table, calls.context.clock.now());
    let marked = Health { slow_until: Some(now.plus(SLOW_KEPT)), ..Health::default() };
    table.keep_health(&endpoint.id, 0, &marked, now).await.expect("kept").either_way();
    let until = now.plus(Duration::from_secs(60));
    let free = async || {
        let mut places: Vec<CallPlace> = Vec::new();
        for owner in [endpoint.id.as_str(), endpoint.application.as_str()] {
            places.extend(table.take_place(owner, 1, until, now).await.expect("read"));
        }
        for place in &places {
            table.leave_place(place).await.expect("left");
        }
        places.len()
    };
    let delivery = world.announce("unsigned", b"{}", &endpoint).await;
    let result = calls.attempt(&delivery.event, &delivery.id, false).await.expect("attempted");
    let AttemptOutcome::Called(delivery) = result else { panic!("{result:?}") };
    assert_eq!((delivery.state, free().await), (DeliveryState::Dead, 2));
    // Its body is not in the bucket.
    let delivery =
        world.announce_body("lost", b"{}", StoredBody::Claim("k".to_owned()), &endpoint).await;
    let result = calls.attempt(&delivery.event, &delivery.id, false).await;
    assert!(result.is_err(), "{result:?}");
    assert_eq!(free().await, 2);
}
