//! What the relay costs, in the units that AWS bills: counted by `local` for each kind of work, printed
//! beside the target of each, and held to what it is today.
//!
//! ```sh
//! cargo test -p tests --test it units:: -- --nocapture      # the table
//! UPDATE_UNITS=1 cargo test -p tests --test it units::      # after a change: writes bench/counts.json anew
//! ```
//!
//! `bounds` is the table of bounds and targets, the one place to change. `setting` is a relay whose ledger
//! is read, `accepting`, `delivering` and `around` do the work that is counted; `scaling` does some of it at several sizes.

mod accepting;
mod around;
mod bounds;
mod delivering;
mod report;
mod scaling;
mod setting;

use futures::{StreamExt, stream};
use tests::shown;

use bounds::{BOUNDS, Bound};
use setting::Counted;

/// Pieces of work that are counted at the same time, each in a relay of its own.
const AT_ONCE: usize = 3;

/// Every piece of work, counted.
async fn all() -> Vec<Counted> {
    let mut work = accepting::all();
    work.extend(delivering::all());
    work.extend(around::all());
    let counted = stream::iter(work).map(tokio::spawn).buffered(AT_ONCE);
    let counted: Vec<_> = counted.collect().await;
    counted.into_iter().flat_map(|counted| counted.expect("no panic")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_work_costs_more_than_it_did() {
    let counted = all().await;
    shown!("{}", report::table(&counted));
    let outside: Vec<_> = BOUNDS.iter().filter_map(|bound| bound.violation(&counted)).collect();
    assert!(outside.is_empty(), "{}", outside.join("\n"));
    report::keep(&counted);
}

#[test]
fn a_bound_notices_what_costs_more_and_what_was_not_counted() {
    let counted = [Counted::of("duplicate", 6.0)];
    let bound = |most| Bound { most, ..Bound::writes("duplicate") };
    assert_eq!(bound(6.0).violation(&counted), None);
    let said = bound(5.0).violation(&counted).expect("one more than allowed");
    assert!(said.contains("duplicate") && said.contains("6.00"), "{said}");
    assert!(bound(6.0).violation(&[]).is_some(), "not counted");
}
