"""What can be asked for and what it costs: models, the price book, and a snapshot of both held in memory.

A price book is a versioned, immutable document with an `effective_from`; a usage event keeps the version it was
rated with, so any bill can be computed again.  A model without a price is not in the book, and is refused.

Failure mode: closed.  Without a valid book the gateway does not start.
"""
