"""What was answered before: `Idempotency-Key`, scoped to an account and to the body it came with.

A key is claimed before any credit moves, and its answer is stored in the transaction that bills it: so a repeated
request gets the first answer, is told that the first still runs (409), or, if the first failed, runs.  An answer that
its client left half-way is not kept: what was delivered was billed, and asking again is asking anew.

Failure mode: closed.  If the claim cannot be written, the request is refused before any work.
"""
