//! The commands of `relay` as a library.
//!
//! * `dev` runs the whole relay in one process; the journeys in `tests/` run the same bundle. A build with the
//!   feature `client` alone lacks it.
//! * `resources` lists, shows and changes what the API has, by a table of verbs; `tail`, `logs`, `replay`,
//!   `dlq` and `stats` are commands of their own.
//! * `listen` takes the deliveries of a listener, and calls a server on this machine.
//! * `connect`, `doctor`, `executions`, `run` and `trigger` call the API too. All of these call it through `remote`.
//! * `contexts` keeps the relays that a person has logged in to; `login` has the commands for them; `portal` hands out a
//!   subscriber's own pages.
//! * `output` prints, `exit` has the exit codes, `live` is the client of live updates.
//! * `completion` and `pages` make scripts for shells, and `docs/cli.md`, of the commands themselves.
//! * `mcp` offers the relay to language models.
//! * `signature` makes and verifies signatures without a network.

pub mod completion;
pub mod connect;
pub mod contexts;
#[cfg(feature = "dev")]
pub mod dev;
pub mod dlq;
pub mod doctor;
pub mod executions;
pub mod exit;
pub mod listen;
pub mod live;
pub mod login;
pub mod logs;
pub mod mcp;
mod moment;
pub mod output;
pub mod pages;
pub mod portal;
pub mod remote;
pub mod replay;
pub mod resources;
#[cfg(unix)]
pub mod run;
pub mod signature;
pub mod stats;
pub mod tail;
mod task;
pub mod trigger;
