//! The command line, as a library: `relay dev` and the bundle it runs, which the journeys in
//! `tests/` run too.

pub mod dev;
