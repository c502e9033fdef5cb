"""What is played: the operations of the contract, the calls that the SDKs make beside them, and what holds for all.

An SDK plays a row by its own method. `None` where an SDK has none: that is said, and never counted as passed.
"""

# The contract's operations, by their ids there.
CONTRACT = [
    "application.list",
    "application.create",
    "application.get",
    "application.update",
    "application.patch",
    "application.delete",
    "endpoint.list",
    "endpoint.create",
    "endpoint.get",
    "endpoint.update",
    "endpoint.patch",
    "endpoint.delete",
    "endpoint.get-secret",
    "endpoint.rotate-secret",
    "endpoint.get-headers",
    "endpoint.update-headers",
    "endpoint.patch-headers",
    "endpoint.recover",
    "endpoint.send-example",
    "endpoint.get-stats",
    "event-type.list",
    "event-type.create",
    "event-type.get",
    "event-type.update",
    "event-type.patch",
    "event-type.delete",
    "message.list",
    "message.create",
    "message.get",
    "message.expunge-content",
    "message-attempt.list-by-endpoint",
    "message-attempt.list-by-msg",
    "message-attempt.list-attempted-messages",
    "message-attempt.list-attempted-destinations",
    "message-attempt.get",
    "message-attempt.expunge-content",
    "message-attempt.resend",
    "authentication.app-portal-access",
    "authentication.logout",
    "health.get",
    "health.ping",
]

# What the SDKs call for the same resources.
BESIDE = [
    "application.get-or-create",
    "endpoint.replay-missing",
    "endpoint.bulk-replay",
    "endpoint.get-attempt-stats",
    "event-type.import-openapi",
    "message.precheck",
    "message.expunge-all-contents",
    "message.bulk-expunge-content",
    "background-task.list",
    "background-task.get",
    "authentication.expire-all",
]

# What is not one operation's.
ACROSS = [
    "idempotency-key",
    "iterate-to-the-end",
    "errors-are-the-sdk's-own",
    "uids-in-place-of-ids",
    "raw-payload",
    "webhook.verify",
]

ROWS = [("contract", CONTRACT), ("beside", BESIDE), ("across", ACROSS)]

# Each SDK's column, and which rows it has no method for.
COLUMNS = {
    "python 2.9": {"health.ping"},
    "python 1.99": {"health.ping", "endpoint.get-attempt-stats", "message.bulk-expunge-content"},
    "javascript": {"health.ping", "endpoint.get-attempt-stats"},
    "rust": {"health.ping"},
}
