//! The relay's queues and the names by which they are shown.

use adapters::queue::Queue;

/// A queue of the relay, with the name by which it is shown.
pub(crate) type NamedQueue = (&'static str, Queue);

/// The names by which the relay's queues are shown.
pub(crate) const QUEUE_NAMES: [&str; 5] =
    ["inbox", "outbox", "dead-letters", "live", "live-dead-letters"];
