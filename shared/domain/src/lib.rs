//! The rules of the relay: who is believed, which endpoint receives an event, when a call is tried
//! again.
//!
//! No function here waits, reads a clock, draws a random number or calls AWS: facts arrive as
//! arguments, and decisions leave as values. `.ci/directions` holds that.

pub mod address;
pub mod alarm;
pub mod application;
pub mod base_path;
pub mod batch;
pub mod dashboard;
pub mod delivery;
pub mod destination;
pub mod endpoint;
pub mod envelope;
pub mod event;
pub mod event_type;
pub mod fan_out;
pub mod figures;
pub mod filter;
pub mod gate;
pub mod headers;
pub mod health;
pub mod id;
pub mod idempotency;
pub mod job;
pub mod json;
pub mod json_form;
pub mod json_schema;
pub mod key;
pub mod lane;
pub mod letter;
pub mod listener;
pub mod live;
pub mod log;
pub mod notice;
pub mod operational;
pub mod origins;
pub mod outgoing;
pub mod pace;
pub mod poll;
pub mod portal;
pub mod profile;
pub mod progress;
pub mod reading;
pub mod refusals;
pub mod replay;
pub mod request;
pub mod retry;
pub mod room;
#[cfg(feature = "schema")]
pub mod schema;
pub mod secret;
pub mod session;
pub mod signature;
pub mod source;
pub mod spelling;
pub mod standing;
pub mod subscription;
pub mod task;
pub mod time;
pub mod trouble;
