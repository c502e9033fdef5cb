//! The commands of `relay` as a library.
//!
//! * `dev` runs the whole relay in one process; the journeys in `tests/` run the same bundle.
//! * `connect`, `doctor`, `executions` and `run` call the API of a running relay through `remote`.
//! * `signature` makes and verifies signatures without a network.

pub mod connect;
pub mod dev;
pub mod doctor;
pub mod executions;
pub mod remote;
pub mod run;
pub mod signature;
