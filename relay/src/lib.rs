//! The command line, as a library: `relay dev` and the bundle it runs, which the journeys in
//! `tests/` run too; the commands that ask a relay that runs
//! somewhere; and those that take signatures apart.

pub mod connect;
pub mod dev;
pub mod doctor;
pub mod executions;
pub mod remote;
pub mod signature;
