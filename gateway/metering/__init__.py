"""What was used: usage events, and receipts, which are events as their customer sees them.

An event is written in the transaction that settles its hold, so there is never one without the other.  Events are
immutable; sums are made from them, never kept beside them here.

Failure mode: closed.  An answer whose event cannot be made durable does not get its last byte.
"""
