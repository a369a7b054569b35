"""HTTP in and out: handlers of about nine lines, their schemas, and the edge that authenticates every route.

Failure mode: closed.  Every route needs a key unless `edge.UNAUTHENTICATED_ROUTES` lists it.
"""
