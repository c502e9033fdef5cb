//! Why a URL or an address may not be called.

use std::net::IpAddr;

/// Why a URL or an address may not be called. The caller may read this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Not a URL.
    #[error("the URL cannot be read")]
    Unreadable,
    /// Neither `https` nor an exception.
    #[error("the URL must be https")]
    Scheme,
    /// A name and password in the URL.
    #[error("the URL must not contain a user name or password")]
    UserInfo,
    /// Not a host that can be resolved.
    #[error("the URL's host cannot be used")]
    Host,
    /// Longer than any URL should be.
    #[error("the URL is longer than 2048 characters")]
    TooLong,
    /// A Redis server without a channel.
    #[error("a Redis URL names a channel, such as rediss://host:6379/channel")]
    Channel,
    /// An ARN, but neither that of a queue nor that of an event bus.
    #[error(
        "an ARN names a queue or an event bus: arn:aws:sqs:<region>:<account>:<queue>, \
         arn:aws:events:<region>:<account>:event-bus/<name>"
    )]
    Arn,
    /// A queue or a bus of somebody else.
    #[error("a queue or an event bus must be in the account and region of the relay")]
    Elsewhere,
    /// A queue or a bus that the relay's owner did not name.
    #[error(
        "it is none of the queues (DestinationQueues) and event buses (DestinationEventBuses) that \
         this relay may send to"
    )]
    Unlisted,
    /// Not the public internet.
    #[error("the address {0} is not on the public internet")]
    Address(IpAddr),
}
