//! The command line, as a library: `relay dev` and the bundle it runs, which the journeys in
//! `tests/` run too; and the commands that ask a relay that runs somewhere.

pub mod dev;
pub mod doctor;
pub mod executions;
pub mod remote;
