//! Several receivers of one FIFO queue at once, over HTTP: what each of them may see.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_sqs::{Client, types::Message};
use local::LocalAws;
use proptest::{prelude::*, sample::Index};
use tokio::{runtime::Runtime, sync::RwLock};

use crate::{
    fifo::{create, send},
    handle, in_memory, receive,
};

const GROUPS: usize = 4;
/// The visibility timeout of the queue, in seconds.
const VISIBILITY: u64 = 30;
/// Turns after which a receiver deletes whatever it gets.
const PATIENCE: usize = 100;

/// What a receiver does with the messages it gets: deletes the first so many, gives back some of the
/// others, and keeps the rest until their visibility timeout ends.
#[derive(Debug, Clone, Copy)]
struct Turn {
    count: i32,
    delete: usize,
    /// A bit for each place among the received messages.
    give_back: u16,
    /// Whether all visibility timeouts end after this turn.
    time_passes: bool,
    /// Whether the last message of a group is sent again.
    repeat: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    let give_back = prop_oneof![Just(0), Just(u16::MAX), any::<u16>()];
    (1..=10_i32, 0..=10_usize, give_back, prop::bool::weighted(0.1), any::<bool>()).prop_map(
        |(count, delete, give_back, time_passes, repeat)| Turn {
            count,
            delete,
            give_back,
            time_passes,
            repeat,
        },
    )
}

/// Which receiver holds messages of which group, and what was sent and deleted.
#[derive(Debug, Default)]
struct Book {
    /// The receiver that holds messages of the group, and their numbers.
    held: BTreeMap<usize, (usize, BTreeSet<usize>)>,
    /// The number of the message that the group goes on with: all before were deleted.
    next: [usize; GROUPS],
    deleted: BTreeSet<(usize, usize)>,
}

impl Book {
    /// Notes what a receiver got: messages of groups that nobody holds, each group from where it goes on
    /// and without a gap.
    fn received(&mut self, receiver: usize, messages: &[(usize, usize)]) {
        for (group, number) in messages {
            let (holder, numbers) = self.held.entry(*group).or_insert((receiver, BTreeSet::new()));
            assert_eq!(*holder, receiver, "group {group} is at two receivers");
            let next = numbers.last().map_or(self.next[*group], |last| last + 1);
            assert_eq!(*number, next, "group {group} is out of order");
            numbers.insert(*number);
        }
    }

    /// Notes that a receiver is about to let go of a message.
    fn let_go(&mut self, (group, number): (usize, usize), delete: bool) {
        let (_, numbers) = self.held.get_mut(&group).expect("a group that is held");
        assert!(numbers.remove(&number));
        if numbers.is_empty() {
            self.held.remove(&group);
        }
        if delete {
            assert!(self.deleted.insert((group, number)), "{group}:{number} is deleted once");
            assert_eq!(self.next[group], number);
            self.next[group] += 1;
        }
    }
}

fn parse(message: &Message) -> (usize, usize) {
    let (group, number) = message.body().expect("a body").split_once(':').expect("two numbers");
    (group.parse().expect("a group"), number.parse().expect("a number"))
}

struct Play {
    aws: LocalAws,
    sqs: Client,
    url: String,
    book: Mutex<Book>,
    /// Held by every call, and alone by whoever lets time pass.
    clock: RwLock<()>,
    all_sent: AtomicBool,
}

impl Play {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends so many messages of a group, one after another.
    async fn send(&self, group: usize, count: usize, turns: &[Turn]) {
        for number in 0..count {
            let _call = self.clock.read().await;
            let (name, body) = (group.to_string(), format!("{group}:{number}"));
            let sent = send(&self.sqs, &self.url, &name, &body).await;
            if turns[number % turns.len()].repeat {
                assert_eq!(send(&self.sqs, &self.url, &name, &body).await, sent);
            }
        }
    }

    /// Receives, deletes and gives back until everything was deleted.
    async fn work(&self, receiver: usize, turns: &[Turn], total: usize) {
        // Two receivers can take turns in such a step that each finds what the other holds: after a while both delete
        // whatever they get.
        let all = Turn { count: 10, delete: 10, give_back: 0, time_passes: false, repeat: false };
        let turns = turns.iter().cycle().take(PATIENCE).chain(iter::repeat(&all));
        for turn in turns {
            if self.all_sent.load(Ordering::SeqCst) && self.book().deleted.len() == total {
                return;
            }
            let call = self.clock.read().await;
            let receive = self.sqs.receive_message().queue_url(&self.url);
            let received = receive.max_number_of_messages(turn.count).send().await;
            let messages = received.expect("received").messages.unwrap_or_default();
            let numbers: Vec<_> = messages.iter().map(parse).collect();
            self.book().received(receiver, &numbers);
            for (place, (message, number)) in messages.iter().zip(numbers).enumerate() {
                if place < turn.delete {
                    self.book().let_go(number, true);
                    let delete = self.sqs.delete_message().queue_url(&self.url);
                    delete.receipt_handle(handle(message)).send().await.expect("deleted");
                } else if turn.give_back & (1 << place) != 0 {
                    self.book().let_go(number, false);
                    let change = self.sqs.change_message_visibility().queue_url(&self.url);
                    let change = change.visibility_timeout(0).receipt_handle(handle(message));
                    change.send().await.expect("given back");
                }
            }
            drop(call);
            if turn.time_passes || messages.is_empty() {
                let _alone = self.clock.write().await;
                self.book().held.clear();
                self.aws.skip_queue_time(Duration::from_secs(VISIBILITY));
            }
        }
    }
}

async fn play(turns: &[Turn], starts: &[Index], each: usize) {
    let aws = in_memory().await;
    let sqs = aws.clients().sqs();
    let url = create(&sqs, "orders.fifo", &[]).await;
    let play = Play {
        aws,
        sqs,
        url,
        book: Mutex::default(),
        clock: RwLock::default(),
        all_sent: AtomicBool::new(false),
    };
    let (play, total) = (&play, GROUPS * each);
    // Every receiver takes the same turns from another one on.
    let rotated = |start: &Index| {
        let mut rotated = turns.to_vec();
        rotated.rotate_left(start.index(turns.len()));
        rotated
    };
    let rotated: Vec<_> = starts.iter().map(rotated).collect();
    let senders = (0..GROUPS).map(|group| play.send(group, each, turns));
    let workers = rotated.iter().enumerate().map(|(n, turns)| play.work(n, turns, total));
    let sent = async {
        futures::future::join_all(senders).await;
        play.all_sent.store(true, Ordering::SeqCst);
    };
    tokio::join!(sent, futures::future::join_all(workers));
    assert!(receive(&play.sqs, &play.url, 0).await.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn no_group_is_out_of_order_or_at_two_receivers(
        turns in prop::collection::vec(turn(), 1..20),
        starts in prop::collection::vec(any::<Index>(), 1..5),
    ) {
        Runtime::new().expect("a runtime").block_on(play(&turns, &starts, 12));
    }
}
