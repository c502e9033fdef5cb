//! The harness of the journeys: a receiver that records, the cloud with its functions, which a test
//! drives step by step and makes fail, and the invariants.

pub mod chance;
pub mod client;
pub mod cloud;
pub mod event_bridge;
pub mod faults;
pub mod gated;
pub mod gateway;
pub mod invariants;
pub mod items;
pub mod letters;
pub mod log_groups;
pub mod platform;
pub mod program;
pub mod receiver;
pub mod sender;
pub mod sizes;
mod wire;

/// Prints a measured figure to standard error, past the capture of the test runner.
#[macro_export]
macro_rules! shown {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stderr(), $($what)*).expect("written");
    }};
}
