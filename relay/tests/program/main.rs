//! The binary `relay`, started as people and scripts start it. One test binary, so that tests which wait do so
//! side by side.

mod cli;
mod commands;
mod dev;
mod hands_on;
mod kill;
mod listen;
mod live;
mod run;
