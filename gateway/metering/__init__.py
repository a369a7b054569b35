"""What was used: usage events, and receipts, which are events as their customer sees them.

An event is written in the transaction that settles its hold, so there is never one without the other.  Events are
immutable.  One writer commits them, batch by batch (writer.py); the counters beside them are their sums, and the audit
proves it.

Failure mode: closed.  An answer whose event cannot be made durable does not get its last byte.
"""
