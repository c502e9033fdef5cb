//! What the tests of the whole bundle share: a receiver that records, a cloud that is driven step
//! by step and made to fail, and the invariants.

pub mod client;
pub mod cloud;
pub mod faults;
pub mod invariants;
pub mod platform;
pub mod receiver;
pub mod sender;
