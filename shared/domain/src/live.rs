//! Live updates over WebSocket: who hears what, in which words, and what happens when there is too
//! much of it.
//!
//! A push is a hint, and the table is the truth. News hold ids and new states and never a payload.
//! Two protocols carry the same messages: JSON of the relay's own, and Socket.IO for clients that
//! speak it already.

pub mod action;
pub mod connection;
pub mod engine_io;
pub mod frames;
pub mod grant;
pub mod message;
pub mod news;
pub mod protocol;
pub mod push_budget;
pub mod refusal;
pub mod socket_io;
pub mod subscription;
pub mod telling;
pub mod ticket;
pub mod token;
pub mod topic;
pub mod url;
