//! Use cases of the relay's owner and of its tenants: what can be made, changed, looked at and
//! removed, without HTTP.
//!
//! One module per noun. A use case takes the [`ControlPlane`], the [`Principal`] that calls and a
//! draft, checks the draft in one place whichever API contract brought it, and returns entities of
//! `domain` or a [`Refusal`]. Status codes, paths and JSON shapes belong to the contracts in
//! `functions/api`.

pub mod acceptance;
pub mod activity;
pub mod applications;
pub mod attempts;
pub mod batches;
pub mod cancellation;
pub mod conflicts;
mod control_plane;
pub mod deliveries;
pub mod endpoints;
pub mod event_types;
pub mod events;
pub mod figures;
pub mod health;
pub mod jobs;
mod key_uses;
pub mod keys;
pub mod letters;
pub mod live;
pub mod logs;
pub mod messages;
pub mod names;
pub mod overview;
mod page;
pub mod portals;
mod principal;
pub mod publication;
mod queue_names;
mod refusal;
pub mod refusals;
pub mod registrar_fields;
pub mod registration;
mod removal;
pub mod replays;
mod request_key;
pub mod requests;
pub mod search;
mod secret_draft;
pub mod secrets;
pub mod sessions;
pub mod sources;
pub mod statistics;
pub mod status;
pub mod tasks;
pub mod traffic;
pub mod webhooks;

pub use self::{
    control_plane::ControlPlane,
    page::{MAX_SCANNED, PageRequest, Part, Walk, is_place, walk},
    principal::Principal,
    refusal::Refusal,
    request_key::RequestKey,
};
