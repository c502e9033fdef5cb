//! Why a URL or an address must not be called.

use std::net::IpAddr;

/// Why a URL or an address must not be called. The message may be shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The text is no URL.
    #[error("the URL cannot be read")]
    Unreadable,
    /// The scheme is not `https`, and no exception allows it.
    #[error("the URL must be https")]
    Scheme,
    /// The URL contains a user name or a password.
    #[error("the URL must not contain a user name or password")]
    UserInfo,
    /// The host cannot be resolved, or never means a public host.
    #[error("the URL's host cannot be used")]
    Host,
    /// The URL is longer than 2,048 characters.
    #[error("the URL is longer than 2048 characters")]
    TooLong,
    /// The URL names a Redis server but no channel.
    #[error("a Redis URL names a channel, such as rediss://host:6379/channel")]
    Channel,
    /// The ARN is neither that of a queue nor that of an event bus.
    #[error(
        "an ARN names a queue or an event bus: arn:aws:sqs:<region>:<account>:<queue>, \
         arn:aws:events:<region>:<account>:event-bus/<name>"
    )]
    Arn,
    /// The queue or event bus is in another account or region.
    #[error("a queue or an event bus must be in the account and region of the relay")]
    Elsewhere,
    /// The operator did not list the queue or event bus.
    #[error(
        "it is none of the queues (DestinationQueues) and event buses (DestinationEventBuses) that \
         this relay may send to"
    )]
    Unlisted,
    /// The address is not on the public internet.
    #[error("the address {0} is not on the public internet")]
    Address(IpAddr),
}
