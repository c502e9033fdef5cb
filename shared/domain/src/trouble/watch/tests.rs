//! Each trouble begins, stays and ends as the alarm of `Alarms: all` for the same cause does.

use super::*;

const START: u64 = 1_700_000_000 / 3600 * 60;

/// Lets rounds pass, one each minute; `facts` says what each sees. Returns the troubles after each.
fn rounds(watch: &mut Watch, minutes: u64, facts: impl Fn(u64) -> RoundFacts) -> Vec<Vec<Trouble>> {
    let first = watch.minute.max(START) + 1;
    let round = |minute: u64| {
        let mut seen = facts(minute - first);
        seen.at = Timestamp::from_secs((minute + 2) * 60);
        if let Some(counts) = &mut seen.minute {
            counts.minute = minute;
        }
        watch.see(&seen);
        watch.troubles.keys().copied().collect()
    };
    (first..first + minutes).map(round).collect()
}

/// A minute with these figures and queues.
fn seen(counts: MinuteCounts, held: &[(WatchedQueue, u64)]) -> RoundFacts {
    let held = held.iter().copied().collect();
    RoundFacts { minute: Some(counts), held, ..RoundFacts::default() }
}

fn idle(_: u64) -> RoundFacts {
    seen(MinuteCounts::default(), &[])
}

/// The number of the first round that has a trouble.
fn begins(after: &[Vec<Trouble>], trouble: Trouble) -> Option<usize> {
    after.iter().position(|troubles| troubles.contains(&trouble))
}

#[test]
fn a_relay_in_which_nothing_or_only_good_things_happen_has_no_trouble() {
    let mut watch = Watch::default();
    let well = |minute| {
        let counts =
            MinuteCounts { received: 40, refused: 1, attempts: 50, delivered: 49, minute: 0 };
        let held = [
            (WatchedQueue::Inbox, 12),
            (WatchedQueue::Outbox, 200),
            (WatchedQueue::DeadLetters, u64::from(minute % 7 != 0)),
            (WatchedQueue::LiveDeadLetters, 0),
        ];
        let waiting = Duration::from_secs(59);
        RoundFacts { due_lag: Duration::from_secs(60), waiting, ..seen(counts, &held) }
    };
    assert_eq!(rounds(&mut watch, 180, well).concat(), []);
    let empty = |_| seen(MinuteCounts::default(), &[(WatchedQueue::DeadLetters, 0)]);
    assert_eq!(rounds(&mut watch, 180, empty).concat(), []);
    assert!(watch.periods.is_empty(), "what is long ago is forgotten");
}

#[test]
fn an_idle_memory_is_small_and_a_busy_one_fits_beside_the_lease() {
    let mut watch = Watch::default();
    rounds(&mut watch, 10, idle);
    let size = |watch: &Watch| serde_json::to_vec(watch).expect("plain data").len();
    assert!(size(&watch) < 120, "{}", size(&watch));
    let many = MinuteCounts {
        received: 9_999_999,
        refused: 999_999,
        attempts: 9_999_999,
        delivered: 0,
        minute: 0,
    };
    rounds(&mut watch, 60, |_| seen(many, &[(WatchedQueue::DeadLetters, 9)]));
    assert!(size(&watch) < 900, "{}", size(&watch));
    let text = serde_json::to_string(&watch).expect("plain data");
    assert_eq!(serde_json::from_str::<Watch>(&text).expect("ours"), watch);
    let newer = text.replacen('{', r#"{"added_later":1,"#, 1);
    assert_eq!(serde_json::from_str::<Watch>(&newer).expect("read"), watch);
}

#[test]
fn three_late_rounds_of_five_are_a_late_sweep() {
    let late = |minutes: &'static [u64]| {
        move |minute: u64| {
            let lag = if minutes.contains(&minute) { 301 } else { 300 };
            RoundFacts { due_lag: Duration::from_secs(lag), ..idle(0) }
        }
    };
    let of = |minutes| rounds(&mut Watch::default(), 12, late(minutes));
    assert_eq!(of(&[0, 1, 5, 6]).concat(), []);
    let after = of(&[0, 2, 4]);
    assert_eq!(begins(&after, Trouble::DueLag), Some(4));
    assert_eq!(after[5], [], "and ends when two of five are left");
}

#[test]
fn one_sight_of_a_delivery_that_waits_holds_for_75_minutes() {
    let waits = |minute| RoundFacts {
        waiting: Duration::from_secs(if minute == 3 { 901 } else { 900 }),
        ..idle(0)
    };
    let after = rounds(&mut Watch::default(), 120, waits);
    let on: Vec<usize> = (0..120).filter(|minute| !after[*minute].is_empty()).collect();
    assert_eq!(on, (3..78).collect::<Vec<_>>());
}

#[test]
fn a_queue_that_holds_more_than_it_lets_go_for_half_an_hour_is_stuck() {
    for (queue, trouble, held, goes, first) in [
        (WatchedQueue::Inbox, Trouble::InboxStuck, 1, 0, Some(30)),
        (WatchedQueue::Inbox, Trouble::InboxStuck, 90_000, 1200, Some(30)),
        (WatchedQueue::Inbox, Trouble::InboxStuck, 43, 1200, None),
        (WatchedQueue::Outbox, Trouble::OutboxStuck, 5, 0, Some(30)),
        (WatchedQueue::Outbox, Trouble::OutboxStuck, 50_000, 900, Some(30)),
        (WatchedQueue::Outbox, Trouble::OutboxStuck, 302, 600, None),
        (WatchedQueue::DeadLetters, Trouble::DeadLettersStuck, 1, 0, Some(60)),
    ] {
        let counts = MinuteCounts {
            received: goes,
            attempts: goes,
            delivered: goes,
            ..MinuteCounts::default()
        };
        // The queues are asked every fifth minute.
        let asked = |minute| seen(counts, &[(queue, held)][..usize::from(minute % 5 == 0)]);
        let mut watch = Watch::default();
        let after = rounds(&mut watch, 100, asked);
        assert_eq!(begins(&after, trouble), first, "{queue:?} {held}");
        // Figures that cannot be read neither begin nor end it.
        let unread = rounds(&mut watch, 10, |_| RoundFacts::default());
        assert_eq!(unread.iter().all(|troubles| troubles.contains(&trouble)), first.is_some());
        let empty = |minute| seen(counts, &[(queue, 0)][..usize::from(minute % 5 == 0)]);
        assert_eq!(rounds(&mut watch, 1, empty).concat(), [], "it ends");
    }
}

#[test]
fn failed_live_updates_are_news_once_and_again_after_they_were_purged() {
    let dead = [0, 2, 2, 1, 2, 3, 0, 1];
    let held = |minute: u64| {
        let dead = dead[usize::try_from(minute).expect("small")];
        seen(MinuteCounts::default(), &[(WatchedQueue::LiveDeadLetters, dead)])
    };
    let after = rounds(&mut Watch::default(), 8, held);
    let news: Vec<usize> = (0..8).filter(|minute| !after[*minute].is_empty()).collect();
    assert_eq!(news, [1, 5, 7], "SQS counts approximately");
}

#[test]
fn refusals_count_if_they_are_many_and_a_fifth_of_all() {
    let of = |received, refused: fn(u64) -> u64| {
        let counts = move |minute| MinuteCounts {
            received,
            refused: refused(minute),
            ..MinuteCounts::default()
        };
        let after = rounds(&mut Watch::default(), 60, |minute| seen(counts(minute), &[]));
        begins(&after, Trouble::Refusals).is_some()
    };
    assert!(!of(100, |_| 4), "a stranger among much traffic");
    assert!(!of(2, |_| 0));
    assert!(!of(1, |minute| 300 * u64::from(minute == 20)), "one thing that went wrong at once");
    assert!(of(0, |_| 1));
    assert!(of(4, |_| 1), "one of five senders");
    assert!(of(0, |minute| 6 * u64::from([2, 8, 22].contains(&minute))), "each time later");
}

#[test]
fn nothing_arrives_in_three_periods_running() {
    let of = |attempts: fn(u64) -> u64, delivered| {
        let counts = move |minute| MinuteCounts {
            attempts: attempts(minute),
            delivered,
            ..MinuteCounts::default()
        };
        let mut watch = Watch::default();
        let after = rounds(&mut watch, 60, |minute| seen(counts(minute), &[]));
        let ended = rounds(&mut watch, 10, idle).pop();
        (begins(&after, Trouble::NothingDelivered), ended)
    };
    assert_eq!(of(|_| 40, 1).0, None);
    assert_eq!(of(|_| 0, 0).0, None);
    assert_eq!(of(|minute| 50 * u64::from(minute == 3), 0).0, None);
    assert!(of(|_| 1, 0).0.is_some_and(|minute| minute <= 20));
    assert_eq!(of(|_| 900, 0).1, Some(Vec::new()), "and it ends");
}

#[test]
fn a_minute_that_two_rounds_see_counts_once_and_a_trouble_keeps_its_beginning() {
    let mut watch = Watch::default();
    let counts = MinuteCounts { refused: 4, minute: START, ..MinuteCounts::default() };
    for second in 0..2 {
        let at = Timestamp::from_secs(START * 60 + second);
        watch.see(&RoundFacts { at, minute: Some(counts), ..RoundFacts::default() });
    }
    assert_eq!(watch.periods[&(START / PERIOD)].refused, 4);
    rounds(&mut watch, 60, |_| seen(MinuteCounts { refused: 9, ..counts }, &[]));
    let since = watch.troubles[&Trouble::Refusals];
    rounds(&mut watch, 5, |_| seen(MinuteCounts { refused: 9, ..counts }, &[]));
    assert_eq!(watch.troubles[&Trouble::Refusals], since);
}
