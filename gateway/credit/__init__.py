"""The money room: grants, leases and holds, caps, expiry.  See README.md for what it owns and what it does not.

Failure mode: closed.  If the database cannot decide, nothing is granted and the request is refused.
"""
