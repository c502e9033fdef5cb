//! What the tests of the whole bundle share: a receiver that records, a cloud that is driven step
//! by step and made to fail, and the invariants.

pub mod chance;
pub mod client;
pub mod cloud;
pub mod event_bridge;
pub mod faults;
pub mod invariants;
pub mod items;
pub mod platform;
pub mod receiver;
pub mod sender;

/// Says a figure that a test measured, past the test runner's capture: it is a result.
#[macro_export]
macro_rules! shown {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stderr(), $($what)*).expect("written");
    }};
}
