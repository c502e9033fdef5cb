//! The parts that every function works with, put together once by its `main`.
//!
//! Everything of this crate is a method of one of the two contexts, or borrows one. A function that
//! calls no other server has no vault and no caller, and its role may not read the master key: such a
//! function makes a [`Context`] alone. The inbox is a part of its own, because `deliver` has none.

use adapters::{
    bells::{DeadLetters, Outbox},
    bucket::Bucket,
    caller::Caller,
    clock::Clock,
    inbox::Inbox,
    live_queue::LiveQueue,
    queue::Queue,
    table::Table,
    vault::Vault,
};
use domain::{fan_out::FanOutSizes, outgoing::HeaderStyle, room::CallCaps};

use crate::{crowd::Rooms, figures::FigureTally, memory::EndpointMemory, teller::Teller};

/// Storage, the outbox and the clock: enough to record, announce and redrive.
#[derive(Clone, Debug)]
pub struct Context {
    /// DynamoDB table with every entity.
    pub table: Table,
    /// S3 bucket with the bodies that are too large for an item or a message.
    pub bucket: Bucket,
    /// Queue on which deliveries are rung for.
    pub outbox: Outbox,
    /// Clock of this process.
    pub clock: Clock,
    /// What this process tells watchers; nothing, unless a queue was set.
    pub teller: Teller,
    /// The figures that this process counts; none, unless it was asked to.
    pub figures: FigureTally,
    /// The endpoints that this process remembers; none, unless it was asked to.
    pub memory: EndpointMemory,
    /// The inbox, on which fan-outs in pages are rung for. `deliver` has none and leaves that to the sweep.
    pub fan_outs: Option<Inbox>,
    /// How large the steps of a fan-out in pages are.
    pub fan_out_sizes: FanOutSizes,
}

/// The context of a function that also calls other servers.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Storage, the outbox and the clock.
    pub context: Context,
    /// Queue on which deliveries to be parked, tasks and expired content are rung for.
    pub dead_letters: DeadLetters,
    /// Seals and opens secrets.
    pub vault: Vault,
    /// Calls endpoints and platforms.
    pub caller: Caller,
    /// Names of the headers of Standard Webhooks, for endpoints that choose none.
    pub header_style: HeaderStyle,
    /// The calls under way from this process.
    pub(crate) rooms: Rooms,
}

/// Workers that make calls, as in the template: the default of `DeliverConcurrency`.
pub const WORKERS: u16 = 50;

impl Context {
    /// Puts a context together.
    pub fn new(table: Table, bucket: Bucket, outbox: Queue, clock: Clock) -> Self {
        Self {
            table,
            bucket,
            outbox: Outbox(outbox),
            clock,
            teller: Teller::default(),
            figures: FigureTally::default(),
            memory: EndpointMemory::default(),
            fan_outs: None,
            fan_out_sizes: FanOutSizes::default(),
        }
    }

    /// Sets the inbox on which fan-outs in pages are rung for.
    #[must_use]
    pub fn fanning_out_by(self, inbox: Inbox) -> Self {
        Self { fan_outs: Some(inbox), ..self }
    }

    /// Remembers endpoints for a moment.
    #[must_use]
    pub fn remembering_endpoints(self) -> Self {
        Self { memory: EndpointMemory::remembering(), ..self }
    }

    /// Sets the queue on which `live` is told of changes.
    #[must_use]
    pub fn telling_watchers_by(self, queue: Queue) -> Self {
        Self { teller: Teller::new(LiveQueue(queue)), ..self }
    }
}

impl CallContext {
    /// Puts a context together.
    pub fn new(context: Context, dead_letters: Queue, vault: Vault, caller: Caller) -> Self {
        Self {
            context,
            dead_letters: DeadLetters(dead_letters),
            vault,
            caller,
            header_style: HeaderStyle::Standard,
            rooms: Rooms::new(CallCaps::share_of(WORKERS)),
        }
    }

    /// Sets the names of the headers of Standard Webhooks for endpoints that choose none.
    #[must_use]
    pub fn with_header_style(self, header_style: HeaderStyle) -> Self {
        Self { header_style, ..self }
    }

    /// Caps the calls under way to endpoints that do not answer quickly. The calls under way are
    /// counted anew, as by a process of its own.
    #[must_use]
    pub fn capping_calls(self, caps: CallCaps) -> Self {
        Self { rooms: Rooms::new(caps), ..self }
    }
}
